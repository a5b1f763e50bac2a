"""The metric store itself: Native in, Arrow out, errors, migrations, the lock of the embedded store."""

from __future__ import annotations

import subprocess
import sys
import threading
import uuid
from datetime import datetime, timezone
from pathlib import Path

import pyarrow as pa
import pytest

from stepwell.errors import StoreBusy, StoreError, StoreTooNew, StoreUnavailable
from stepwell.stores.metrics import MetricStore, open_metrics
from stepwell.stores.migrate import LATEST, migrations
from stepwell.stores.server import ServerEngine


def native(metrics: MetricStore, sql: str) -> bytes:
    """The result of a query as Native blocks: what the compiled core builds from blocks."""
    client = metrics._engine.connect()
    try:
        return client.raw_query(sql, fmt="Native")
    finally:
        client.close()


ONE_NODE = ["embedded", "server"]  # a cluster's schema: test_cluster_store.py

POINTS = (
    "SELECT toUUID('00000000-0000-0000-0000-000000000001') AS run, toLowCardinality('loss') AS metric, "
    "toUInt32(0) AS rank, toInt64(number) AS step, toInt64(0) AS at, toDateTime64('2026-01-01', 3, 'UTC') AS time, "
    "toFloat64(number) / 7 AS value, toUInt64(1) AS version FROM numbers({rows})"
)


def test_a_native_block_comes_back_as_arrow(metrics: MetricStore) -> None:
    metrics.insert_native("scalars", native(metrics, POINTS.format(rows=1000)), metrics.shard_of(uuid.UUID(int=1)))
    table = metrics.query_arrow("SELECT metric, step, time, value FROM v_scalars ORDER BY step")
    assert table.num_rows == 1000
    assert table.schema.field("metric").type == pa.string()
    assert table.schema.field("time").type == pa.timestamp("ms", "UTC")
    assert table["value"].to_pylist() == [step / 7 for step in range(1000)]


def test_a_stream_comes_in_pieces_and_its_pieces_are_the_whole(metrics: MetricStore) -> None:
    batches = list(
        metrics.stream_arrow(
            "SELECT number AS n, toString(number) AS s FROM numbers(300000) WHERE number >= {low:UInt64}", {"low": 5}
        )
    )
    assert len(batches) > 1
    assert pa.Table.from_batches(batches)["n"].to_pylist() == list(range(5, 300000))


def test_a_stream_left_half_read_blocks_nobody(metrics: MetricStore) -> None:
    for _ in range(6):
        stream = metrics.stream_arrow("SELECT number FROM numbers(1000000)")
        next(stream)
        stream.close()
    assert metrics.rows("SELECT 1 AS one") == [{"one": 1}]


def test_a_store_closes_though_a_stream_was_left_open(metrics_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stepwell.stores.metrics._CLOSE_WAIT_S", 0.0)
    store = open_metrics(metrics_url)
    store.migrate()
    stream = store.stream_arrow("SELECT number FROM numbers(1000000)")
    next(stream)
    store.close()
    store.close()
    with pytest.raises(StoreError, match="has been closed"):
        store.rows("SELECT 1")
    stream.close()


def test_an_error_within_a_stream_is_a_store_error(metrics: MetricStore) -> None:
    with pytest.raises(StoreError, match="the query failed"):
        list(metrics.stream_arrow("SELECT throwIf(number = 200000) FROM numbers(1000000)"))


def test_parameters_are_values_and_nothing_else(metrics: MetricStore) -> None:
    hostile = "x'; DROP TABLE scalars; --\\"
    assert metrics.rows("SELECT {text:String} AS text", {"text": hostile}) == [{"text": hostile}]
    assert metrics.rows("EXISTS TABLE scalars")[0]["result"] == 1


def test_inserts_go_on_while_queries_run(metrics: MetricStore) -> None:
    block = native(metrics, POINTS.format(rows=1000))
    begun, enough = threading.Event(), threading.Event()

    def read() -> None:
        for batch in metrics.stream_arrow("SELECT number FROM numbers(10000000)"):
            begun.set()
            if enough.wait(30) or batch is None:
                return

    reader = threading.Thread(target=read)
    reader.start()
    assert begun.wait(30)
    metrics.insert_native("scalars", block, metrics.shard_of(uuid.UUID(int=1)))  # the stream is open, and this returns
    assert reader.is_alive()
    enough.set()
    reader.join(30)


@pytest.mark.parametrize(
    ("table", "block", "error"),
    [
        ("scalars", b"garbage", StoreError),
        ("nowhere", b"\x00\x00", StoreUnavailable),  # a store that has not been migrated: try again later
    ],
)
def test_what_an_insert_refuses_is_a_store_error(
    metrics: MetricStore, table: str, block: bytes, error: type[StoreError]
) -> None:
    with pytest.raises(StoreError) as caught:
        metrics.insert_native(table, block, metrics.shard_of(uuid.UUID(int=1)))
    assert type(caught.value) is error


def test_every_table_is_synced_at_insert(metrics: MetricStore) -> None:
    tables = metrics.rows(
        "SELECT name, create_table_query AS sql FROM system.tables "
        "WHERE database = currentDatabase() AND engine LIKE '%MergeTree' AND name NOT LIKE 'run_shards%'"
    )
    assert len(tables) >= 11
    for table in tables:
        assert "fsync_after_insert = 1" in table["sql"], table["name"]
        assert "fsync_part_directory = 1" in table["sql"], table["name"]
        assert "PARTITION BY" not in table["sql"], table["name"]


@pytest.mark.parametrize("engine_kind", ONE_NODE, indirect=True)
def test_migrating_again_changes_nothing(metrics: MetricStore) -> None:
    before = metrics.rows("SELECT * FROM schema_version FINAL ORDER BY version")
    metrics.migrate()
    assert metrics.rows("SELECT * FROM schema_version FINAL ORDER BY version") == before
    assert [row["version"] for row in before] == [migration.version for migration in migrations()]


@pytest.mark.parametrize("engine_kind", ONE_NODE, indirect=True)
def test_a_migration_cut_short_is_run_again(own_metrics: MetricStore) -> None:
    metrics = own_metrics
    metrics.command("TRUNCATE TABLE schema_version")
    metrics.command("DROP VIEW v_runs")
    metrics.migrate()
    assert metrics.rows("SELECT * FROM v_runs") == []


@pytest.mark.parametrize("engine_kind", ONE_NODE, indirect=True)
def test_a_store_of_a_newer_version_is_left_alone(own_metrics: MetricStore) -> None:
    metrics = own_metrics
    now = datetime.now(timezone.utc)
    metrics.insert_rows("schema_version", ("version", "name", "applied"), [[LATEST + 1, "future", now]])
    with pytest.raises(StoreTooNew, match=f"schema {LATEST + 1}.*pip install"):
        metrics.migrate()


def test_two_migrations_at_once_end_in_one_schema(metrics_url: str) -> None:
    stores = [open_metrics(metrics_url) for _ in range(2)]
    threads = [threading.Thread(target=store.migrate) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stores[0].rows("SELECT * FROM v_scalars") == []
    for store in stores:
        store.close()


@pytest.mark.parametrize("url", ["", "sqlite:///x", "chdb://relative/path", "clickhouse://h:99999/db", "chdb:"])
def test_an_address_that_is_none_is_said_so(url: str) -> None:
    with pytest.raises(StoreError):
        open_metrics(url)


def test_the_password_of_a_server_is_in_no_message() -> None:
    engine = ServerEngine("clickhouse://someone:s3cret-word@127.0.0.1:9/db")
    assert "s3cret" not in repr(engine) + engine.where
    with pytest.raises(StoreUnavailable) as caught:
        engine.connect()
    assert "s3cret" not in str(caught.value)


HOLD = """
import sys
from stepwell.stores.metrics import open_metrics
store = open_metrics(sys.argv[1])
print("open", flush=True)
sys.stdin.read()
"""


def test_a_second_process_on_an_embedded_store_is_told_whose_it_is(tmp_path: Path) -> None:
    url = f"chdb://{tmp_path}/metrics"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "open\n"
        with pytest.raises(StoreBusy, match=rf"process {holder.pid} has the store .*STEPWELL_SERVER"):
            open_metrics(url)
        holder.kill()
    open_metrics(url).close()  # the lock fell with its process; the file it left means nothing


def test_one_process_may_open_its_embedded_store_twice_but_not_two_stores(tmp_path: Path) -> None:
    first = open_metrics(f"chdb://{tmp_path}/one")
    second = open_metrics(f"chdb://{tmp_path}/one")
    with pytest.raises(StoreError, match="chDB allows one"):
        open_metrics(f"chdb://{tmp_path}/two")
    first.close()
    assert second.ping()
    second.close()
    open_metrics(f"chdb://{tmp_path}/two").close()


def test_what_was_inserted_is_there_when_the_store_is_opened_again(tmp_path: Path) -> None:
    url = f"chdb://{tmp_path}/metrics"
    for expected in (0, 10, 10):
        store = open_metrics(url)
        store.migrate()
        assert store.rows("SELECT count() AS n FROM v_scalars") == [{"n": expected}]
        store.insert_native("scalars", native(store, POINTS.format(rows=10)))
        store.close()
