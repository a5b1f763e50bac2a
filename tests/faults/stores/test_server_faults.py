"""What goes wrong between the service and a real ClickHouse: each is said, nothing is lost, nothing comes twice."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from components.clickhouse import PASSWORD, ClickHouse
from components.s3_servers import S3Server
from making_blocks import Making
from stepwell import _core
from stepwell.errors import StoreError, StoreUnavailable
from stepwell.settings import Settings
from stepwell.stores.blobs import open_blobs
from stepwell.stores.ingest import Ingest, Outcome, Reason
from stepwell.stores.metrics import MetricStore, open_metrics
from stepwell.stores.migrate import LATEST
from support import wait_for


@dataclass
class Database:
    """A migrated one, and a run's blocks for it."""

    name: str
    server: ClickHouse
    metrics: MetricStore
    making: Making
    blocks: list[bytes]

    def by_hand(self, sql: str) -> str:
        return self.server.command(sql, database=self.name)

    def write(self, url: str | None = None, folder: Path | None = None) -> list[Outcome]:
        metrics = open_metrics(url) if url else self.metrics
        outcomes = Ingest(metrics, open_blobs(f"file://{folder or self.server.folder}/blobs")).write(self.blocks)
        if url:
            metrics.close()
        return outcomes

    def points(self) -> list[tuple[str, int, float]]:
        rows = self.metrics.rows("SELECT metric, step, value FROM v_scalars ORDER BY metric, step")
        return [(row["metric"], row["step"], row["value"]) for row in rows]

    def assert_all_there_once(self) -> None:
        assert [outcome.reason for outcome in self.write()] == [None] * len(self.blocks)
        assert self.points() == sorted(self.making.logged)


@pytest.fixture
def database(clickhouse: ClickHouse) -> Iterator[Database]:
    name = f"faults_{uuid.uuid4().hex}"
    metrics = open_metrics(clickhouse.url(name))
    metrics.migrate()
    making = Making()
    yield Database(name, clickhouse, metrics, making, [making.block(50, ("loss", "val/acc")) for _ in range(6)])
    metrics.close()


def kept(outcomes: list[Outcome], message: str) -> None:
    """Every block is to be sent again, and the reason is named."""
    assert {outcome.reason for outcome in outcomes} == {Reason.RETRY}
    assert message in outcomes[0].message
    assert PASSWORD not in outcomes[0].message


ADDRESSES = {
    "a wrong password": ({"password": "wrong-" + PASSWORD}, "check user and password"),
    "an unknown user": ({"user": "nobody"}, "check user and password"),
    "a user who may make nothing": ({"user": "guest"}, "grant the user"),
    "a user who may only read": ({"user": "reader"}, "read-only"),
    "a cluster that is none": ({"cluster": "nowhere", "ddl": "hosts"}, "has no such cluster"),
}


@pytest.mark.parametrize(("options", "message"), ADDRESSES.values(), ids=ADDRESSES)
def test_an_address_that_cannot_be_used_is_refused_with_the_reason(
    clickhouse: ClickHouse, options: dict[str, str], message: str
) -> None:
    store = open_metrics(clickhouse.url(f"new_{uuid.uuid4().hex}", **options))
    with pytest.raises(StoreUnavailable) as caught:
        store.migrate()
    assert message in str(caught.value)
    assert PASSWORD not in str(caught.value)
    store.close()


def test_a_user_without_the_right_to_make_a_database_may_use_one_that_is_there(
    clickhouse: ClickHouse, database: Database
) -> None:
    store = open_metrics(clickhouse.url(database.name, user="reader"))
    store.migrate()  # nothing is to be done, so nothing is asked for
    assert store.rows("SELECT * FROM v_runs") == []
    store.close()


def test_a_user_who_may_only_read_and_write_rows_is_enough_once_the_schema_is_there(database: Database) -> None:
    making = database.making
    database.blocks += [making.records((_core.KIND_EVENT, (b"rewind", b"{}")))]  # a row that the server copies
    url = database.server.url(database.name, user="filler")
    store = open_metrics(url)
    store.migrate()
    store.close()
    assert [outcome.reason for outcome in database.write(url)] == [None] * len(database.blocks)
    assert database.points() == sorted(making.logged)


def serve(home: Path, environment: dict[str, str]) -> str:
    command = ["timeout", "-s", "KILL", "60", sys.executable, "-m", "stepwell", "serve", "--http", "127.0.0.1:0"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False,
        env={**os.environ, **environment, "STEPWELL_HOME": str(home)},
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert PASSWORD not in done.stdout + done.stderr
    return done.stderr


def test_a_service_does_not_start_on_a_newer_schema_or_with_a_wrong_password(home: Path, database: Database) -> None:
    said = serve(home, {"STEPWELL_METRICS_URL": database.server.url(database.name, password="no")})
    assert "check user and password" in said
    database.by_hand(f"INSERT INTO schema_version VALUES ({LATEST + 1}, 'future', now())")
    said = serve(home, {"STEPWELL_METRICS_URL": database.server.url(database.name)})
    assert f"has schema {LATEST + 1}" in said
    assert "Nothing was changed" in " ".join(said.split())


def test_a_service_does_not_start_without_its_bucket(home: Path, database: Database, minio_s3: S3Server) -> None:
    blobs = minio_s3.url("some-bucket", secret_key="no")
    said = serve(home, {"STEPWELL_METRICS_URL": database.server.url(database.name), "STEPWELL_BLOBS_URL": blobs})
    assert "SignatureDoesNotMatch" in said


LOST = {
    "the password was changed": ({"password": "before-" + PASSWORD}, "check user and password"),
    "the right to insert was taken": ({"user": "guest"}, "grant the user"),
    "the server became read-only": ({"user": "reader"}, "read-only"),
}


@pytest.mark.parametrize(("options", "message"), LOST.values(), ids=LOST)
def test_a_right_that_is_lost_meanwhile_keeps_the_blocks(
    database: Database, options: dict[str, str], message: str
) -> None:
    kept(database.write(database.server.url(database.name, **options)), message)
    database.assert_all_there_once()


def test_a_database_that_was_dropped_keeps_the_blocks_until_it_is_made_anew(database: Database) -> None:
    assert database.write()[0].ok
    database.by_hand(f"DROP DATABASE {database.name} SYNC")
    kept(database.write(), "stepwell migrate apply")
    database.metrics.migrate()
    database.assert_all_there_once()


BROKEN = {
    "a column dropped": (
        "ALTER TABLE scalars DROP COLUMN time",
        "ALTER TABLE scalars ADD COLUMN time DateTime64(3, 'UTC') AFTER at",
        "somebody has altered the table",
    ),
    "a column renamed": (
        "ALTER TABLE scalars RENAME COLUMN value TO val",
        "ALTER TABLE scalars RENAME COLUMN val TO value",
        "somebody has altered the table",
    ),
    "a table away": (
        "RENAME TABLE scalars TO away",
        "RENAME TABLE away TO scalars",
        "stepwell migrate apply",
    ),
    "too many parts": (
        "ALTER TABLE scalars MODIFY SETTING parts_to_throw_insert = 1, parts_to_delay_insert = 1",
        "ALTER TABLE scalars RESET SETTING parts_to_throw_insert, parts_to_delay_insert",
        "TOO_MANY_PARTS",
    ),
}


@pytest.mark.parametrize(("breaks", "mends", "message"), BROKEN.values(), ids=BROKEN)
def test_what_somebody_has_to_mend_keeps_the_blocks(database: Database, breaks: str, mends: str, message: str) -> None:
    if "parts" in breaks:
        database.by_hand("SYSTEM STOP MERGES scalars")
        database.by_hand("INSERT INTO scalars (metric) VALUES ('x')")
        database.by_hand("INSERT INTO scalars (metric) VALUES ('x')")
    database.by_hand(breaks)
    kept(database.write(), message)
    database.by_hand(mends)
    database.by_hand("ALTER TABLE scalars DELETE WHERE metric = 'x' SETTINGS mutations_sync = 0")
    database.by_hand("SYSTEM START MERGES scalars")
    database.by_hand("TRUNCATE TABLE scalars")
    database.assert_all_there_once()


def test_a_server_out_of_memory_keeps_the_blocks(database: Database) -> None:
    database.making.logged.clear()
    database.blocks[:] = [database.making.block(20_000, ("loss", "val/acc"))]
    kept(database.write(database.server.url(database.name, user="poor")), "MEMORY_LIMIT_EXCEEDED")
    database.assert_all_there_once()


def test_a_column_of_another_type_is_never_filled_with_something_else(database: Database) -> None:
    database.by_hand("ALTER TABLE scalars DROP INDEX nonfinite")  # it would keep the column what it is
    database.by_hand("ALTER TABLE scalars MODIFY COLUMN value String")
    outcomes = database.write()
    if all(outcome.ok for outcome in outcomes):  # it could be converted
        assert sorted(float(value) for _, _, value in database.points()) == sorted(
            v for *_, v in database.making.logged
        )
    else:
        kept(outcomes, "altered")


def test_a_server_killed_in_the_middle_of_an_insert_loses_nothing_and_doubles_nothing(database: Database) -> None:
    server = database.server
    first = database.blocks.pop()
    settings = Settings(tombstone_refresh_s=3600)  # so that an insert is what it meets the server with
    ingest = Ingest(database.metrics, open_blobs(f"file://{server.folder}/blobs"), settings)
    assert ingest.write([first])[0].ok
    server.signal(signal.SIGSTOP)
    outcomes: list[Outcome] = []
    writing = threading.Thread(target=lambda: outcomes.extend(ingest.write(database.blocks)))
    writing.start()
    wait_for(lambda: _is_sending_to(server.http_port), what="the insert to be on its way")
    server.kill()
    writing.join(60)
    kept(outcomes, "cannot insert into scalars: no answer")
    server.start()
    database.assert_all_there_once()


def _is_sending_to(port: int) -> bool:
    """Whether this process has a connection to the port with bytes that nobody has read."""
    needle = f":{port:04X}"
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1].endswith(needle) and int(fields[4].split(":")[1], 16) > 0:  # received, not read
            return True
    return False


def test_a_server_that_comes_back_within_the_tries_is_not_noticed(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("stepwell.stores.metrics._BACKOFF_S", 10.0)
    database.server.kill()
    outcomes: list[Outcome] = []
    writing = threading.Thread(target=lambda: outcomes.extend(database.write()))
    writing.start()
    wait_for(lambda: "trying again" in caplog.text, what="the first try to fail")
    database.server.start()
    writing.join(60)
    assert [outcome.reason for outcome in outcomes] == [None] * len(database.blocks)
    assert database.points() == sorted(database.making.logged)


def test_every_view_gives_the_same_after_the_server_was_started_again(database: Database) -> None:
    rewind = (_core.KIND_EVENT, (b"rewind", b"{}"))
    histogram = _core.histogram(memoryview(struct.pack("5d", 1.0, 2.0, float("nan"), float("inf"), -3.0)).cast("d"))
    making = database.making
    other = Making(id="rewound", writer=7)
    database.blocks += [making.records((_core.KIND_HISTOGRAM, (b"weights", histogram)))]
    database.blocks += [other.records((_core.KIND_HISTOGRAM, (b"weights", histogram)), rewind), other.block(5)]
    making.logged += other.logged
    database.assert_all_there_once()
    views = database.metrics.rows(
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND name LIKE 'v_%'"
    )
    assert len(views) >= 9
    ask = "SELECT * FROM {0} ORDER BY ALL"
    before = {row["name"]: database.metrics.rows(ask.format(row["name"])) for row in views}
    assert {row["nans"] for row in before["v_histograms"]} == {1}
    assert len(before["v_histograms"]) == 2
    database.server.kill()
    database.server.start()
    for name, rows in before.items():
        assert str(database.metrics.rows(ask.format(name))) == str(rows), name  # text: NaN is not itself


def test_a_readiness_check_says_no_while_the_server_is_away(database: Database) -> None:
    assert database.metrics.ping()
    database.server.kill()
    assert not database.metrics.ping()
    with pytest.raises(StoreError):
        database.metrics.rows("SELECT 1")
    database.server.start()
    assert database.metrics.ping()
