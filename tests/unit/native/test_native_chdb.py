"""Every table that a NativeBatch builds goes into a real embedded ClickHouse and comes back as it was recorded."""

from __future__ import annotations

import math
import struct
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from stepwell import _core
from stepwell.stores.migrate import migrations

clickhouse_connect = pytest.importorskip("clickhouse_connect")
pytest.importorskip("chdb")

RUN = uuid.UUID("00112233-4455-6677-8899-aabbccddeeff")
ATTEMPT = 90_000_000
CREATED_MS = 1_790_000_000_123
TABLES = ["runs", "fields", "scalars", "lasts", "system", "texts", "histograms", "console", "events", "artifacts"]


def version(row_seq: int) -> int:
    return ATTEMPT << 34 | row_seq


def builder(run: uuid.UUID = RUN, created_ms: int = CREATED_MS, id: str = "run/é 1") -> _core.BlockBuilder:
    return _core.BlockBuilder(
        project="vision", id=id, run=run.bytes, rank=3, attempt=ATTEMPT, writer=2**64 - 5, created_ms=created_ms
    )


def body_of(block: _core.BlockBuilder) -> bytes:
    return block.encode()[1]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with clickhouse_connect.get_client(interface="chdb", path=str(tmp_path_factory.mktemp("chdb"))) as client:
        for statement in (statement for migration in migrations() for statement in migration.statements):
            client.command(statement)
        yield client


@pytest.fixture(autouse=True)
def empty(client: Any) -> None:
    for table in TABLES:
        client.command(f"TRUNCATE TABLE {table}")


def insert(client: Any, batch: _core.NativeBatch) -> None:
    for table in batch.tables:
        client.raw_insert(table, insert_block=batch.build(table), fmt="Native")


def rows(client: Any, sql: str) -> list[dict[str, Any]]:
    return list(client.query(sql).named_results())


def test_scalars_of_every_type_come_back(client: Any) -> None:
    block = builder()
    block.add_row([("loss", 0.5), ("epoch", 7), ("best", True)], row_seq=1, step=-4, time_ms=CREATED_MS)
    block.add_row([("loss", math.nan), ("epoch", 2**63 - 1), ("best", False)], row_seq=2, step=2**62, time_ms=-1, at=9)
    batch = _core.NativeBatch()
    batch.add(body_of(block))
    insert(client, batch)
    got = rows(
        client,
        "SELECT *, reinterpretAsUInt64(value) AS bits, toUnixTimestamp64Milli(time) AS ms "
        "FROM scalars ORDER BY metric, step",
    )
    assert [(row["metric"], row["step"], row["at"], row["rank"], row["version"]) for row in got] == [
        (metric, step, at, 3, version(seq))
        for metric in ("best", "epoch", "loss")
        for step, at, seq in ((-4, 0, 1), (2**62, 9, 2))
    ]
    assert [row["value"] for row in got[:5]] == [1.0, 0.0, 7.0, float(2**63), 0.5]
    assert got[5]["bits"] == struct.unpack("<Q", struct.pack("<d", math.nan))[0]
    assert {row["run"] for row in got} == {RUN}
    assert [row["ms"] for row in got] == [CREATED_MS, -1] * 3


@pytest.mark.parametrize("metrics", [1, 256, 257, 65_536, 70_000])
def test_metric_names_survive_every_index_width(client: Any, metrics: int) -> None:
    block = builder()
    block.add_row([(f"m/{i}", float(i)) for i in range(metrics)], row_seq=1, step=0, time_ms=0)
    batch = _core.NativeBatch()
    batch.add(body_of(block))
    insert(client, batch)
    wrong = client.command("SELECT countIf(metric != concat('m/', toString(toInt64(value)))) FROM scalars")
    assert (int(client.command("SELECT count() FROM scalars")), int(wrong)) == (metrics, 0)


def test_the_last_value_of_each_metric_is_kept_beside_its_points(client: Any) -> None:
    block = builder()
    for i in range(200):
        block.add_row([("loss", float(i)), ("epoch", i)], row_seq=3 * i + 1, step=1000 - i, time_ms=i)
        block.add_row([("loss", -float(i)), (f"own/{i % 50}", i % 2 == 0)], row_seq=3 * i + 2, step=i, time_ms=i)
    later, other = builder(), builder(uuid.UUID(int=7), id="another")
    later.add_row([("loss", math.inf)], row_seq=601, step=7, time_ms=8)
    other.add_row([("loss", 0.25)], row_seq=1, step=1, time_ms=1)
    bodies = [body_of(one) for one in (block, later, other)]
    for order in ([0], [1, 2, 0]):  # a repeat, and an older block that comes late, change nothing
        batch = _core.NativeBatch()
        for index in order:
            batch.add(bodies[index])
        insert(client, batch)
    assert batch.rows("lasts") == 52 + 1 + 1
    told = rows(
        client,
        "SELECT toString(metric) AS name, run, rank, argMax((step, value, version), version) AS last "
        "FROM scalars GROUP BY metric, run, rank ORDER BY name, run",
    )
    kept = rows(
        client,
        "SELECT toString(metric) AS name, run, rank, (step, value, version) AS last FROM lasts FINAL "
        "ORDER BY name, run",
    )
    assert kept == told
    assert len(kept) == 53


def test_rows_of_ever_changing_sets_come_back(client: Any) -> None:
    block = builder()
    for i in range(500):
        block.add_row([("shared", float(i)), (f"own/{i}", i), ("shared", i + 0.5)], row_seq=i + 1, step=i, time_ms=i)
    batch = _core.NativeBatch()
    batch.add(body_of(block))
    assert batch.rows("scalars") == 1000
    insert(client, batch)
    assert (
        int(
            client.command(
                "SELECT countIf(value = step + 0.5 AND version % 1024 = step + 1) FROM scalars WHERE metric = 'shared'"
            )
        )
        == 500
    )
    assert (
        int(client.command("SELECT countIf(metric = concat('own/', toString(step)) AND value = step) FROM scalars"))
        == 500
    )


def test_texts_histograms_and_keyed_records_come_back(client: Any) -> None:
    histogram = _core.histogram(memoryview(struct.pack("<4d", 1.0, 1.0, -2.0, math.inf)).cast("B").cast("d"))
    given = _core.histogram_counts([1, 2], [0.0, 1.0, 2.0])
    block = builder()
    records = [
        (_core.KIND_TEXT, (b"note", "ünï\0".encode())),
        (_core.KIND_HISTOGRAM, (b"w", histogram)),
        (_core.KIND_HISTOGRAM, (b"g", given)),
        (_core.KIND_CONSOLE, (b"2", b"oops\n")),
        (_core.KIND_FIELD, (b"config/lr", b"0.1", b"user", struct.pack("<d", 0.1))),
        (_core.KIND_FIELD, (b"name", b'"x"', b"user", b"")),
        (_core.KIND_EVENT, (b"finish", b'{"exit_code":0}')),
        (_core.KIND_CHECKPOINT, (b"checkpoint", b"last", b"[]", b"{}", b"18446744073709551615")),
    ]
    for seq, (kind, parts) in enumerate(records, start=1):
        block.add_record(kind, parts, row_seq=seq, step=seq * 10, time_ms=CREATED_MS)
    batch = _core.NativeBatch()
    info = batch.add(body_of(block))
    assert (info.project, info.id, info.run, info.records, info.points) == ("vision", "run/é 1", RUN.bytes, 8, 0)
    insert(client, batch)

    (text,) = rows(client, "SELECT * FROM texts")
    assert (text["metric"], text["value"], text["step"], text["version"]) == ("note", "ünï\0", 10, version(1))
    sparse, kept = rows(client, "SELECT * FROM histograms ORDER BY step")
    decoded = _core.histogram_decode(histogram)
    assert {key: sparse[key] for key in decoded} == decoded
    assert sparse["count"] == 3
    assert sparse["pos_inf"] == 1
    assert (kept["buckets"], kept["counts"], kept["edges"]) == ([], [1, 2], [0.0, 1.0, 2.0])
    (console,) = rows(client, "SELECT * FROM console")
    assert (console["stream"], console["text"], console["writer"], console["row_seq"]) == (2, "oops\n", 2**64 - 5, 4)
    lr, name = rows(client, "SELECT * FROM fields ORDER BY key")
    assert (lr["key"], lr["str"], lr["num"], lr["source"]) == ("config/lr", "0.1", 0.1, "user")
    assert name["str"] == '"x"'
    assert math.isnan(name["num"])
    (event,) = rows(client, "SELECT * FROM events")
    assert (event["kind"], event["body"], event["attempt"], event["step"]) == ("finish", '{"exit_code":0}', ATTEMPT, 70)
    (artifact,) = rows(client, "SELECT * FROM artifacts")
    assert (artifact["kind"], artifact["name"], artifact["state"]) == ("checkpoint", "last", "staged")
    assert (artifact["size"], artifact["files"], artifact["metadata"]) == (2**64 - 1, "[]", "{}")


def test_a_run_is_one_row_a_batch_with_its_earliest_creation(client: Any) -> None:
    other = uuid.uuid4()
    batch = _core.NativeBatch()
    for block in (builder(), builder(created_ms=CREATED_MS - 5), builder(run=other, id="b")):
        block.add_row([("m", 1.0)], row_seq=1, step=0, time_ms=0)
        batch.add(body_of(block))
    assert batch.rows("runs") == 2
    assert batch.total_rows == 5
    insert(client, batch)
    got = {row["run"]: row for row in rows(client, "SELECT * FROM runs")}
    assert got[RUN]["id"] == "run/é 1"
    assert got[RUN]["version"] == 2**63 - (CREATED_MS - 5)
    assert got[RUN]["shard"] == 0x00112233
    assert got[other]["project"] == "vision"


def test_many_blocks_of_many_writers_share_one_dictionary(client: Any) -> None:
    batch = _core.NativeBatch()
    for rank in range(50):
        block = _core.BlockBuilder(project="p", id="i", run=RUN.bytes, rank=rank, attempt=1, writer=rank, created_ms=0)
        for step in range(20):
            block.add_row([("loss", rank + step / 100), (f"rank/{rank}", step)], row_seq=step + 1, step=step, time_ms=0)
        batch.add(body_of(block))
    insert(client, batch)
    assert (
        int(client.command("SELECT count() FROM scalars WHERE metric = 'loss' AND value = rank + step / 100")) == 1000
    )
    assert int(client.command("SELECT count() FROM scalars WHERE metric = concat('rank/', toString(rank))")) == 1000


def test_a_table_without_rows_is_an_empty_block(client: Any) -> None:
    batch = _core.NativeBatch()
    assert batch.tables == []
    assert batch.build("artifacts")[:2] == bytes([13, 0])  # it has further columns, which no empty block may lack
    for table in set(TABLES) - {"artifacts"}:
        client.raw_insert(table, insert_block=batch.build(table), fmt="Native")
        assert int(client.command(f"SELECT count() FROM {table}")) == 0
    with pytest.raises(IndexError, match="no table"):
        batch.build("nothing")


def test_samples_of_hosts_beside_points_come_back_in_a_table_of_their_own(client: Any) -> None:
    batch = _core.NativeBatch()
    points = builder()
    points.add_row([("loss", 0.5)], row_seq=1, step=1, time_ms=CREATED_MS)
    for host, sets in (("a", 1), ("b", 70)):  # 70 sets of figures: the last few in a long table
        samples = _core.BlockBuilder(
            project="vision", id="run/é 1", run=RUN.bytes, rank=0, attempt=ATTEMPT, writer=7, created_ms=CREATED_MS,
            host=host,
        )  # fmt: skip
        for seq in range(1, sets + 1):
            samples.add_row([("host/load_1m", seq / 4), (f"disk{seq}/free_bytes", seq)], seq, 0, CREATED_MS + seq)
        batch.add(body_of(samples))
    batch.add(body_of(points))
    assert (batch.rows("scalars"), batch.rows("system")) == (1, 142)
    insert(client, batch)
    insert(client, batch)
    assert [row["metric"] for row in rows(client, "SELECT metric FROM v_scalars")] == ["loss"]
    got = rows(client, f"SELECT *, toUnixTimestamp64Milli(time) - {CREATED_MS} AS seq FROM v_system")
    assert {(row["host"], row["device"], row["metric"], row["seq"], row["value"], row["version"]) for row in got} == {
        (host, device, metric, seq, value, version(seq))
        for host, sets in (("a", 1), ("b", 70))
        for seq in range(1, sets + 1)
        for device, metric, value in (("host", "load_1m", seq / 4), (f"disk{seq}", "free_bytes", float(seq)))
    }
    assert len(got) == 142
