"""`stepwell migrate` on a real server and bucket: what it says, what it makes, what it leaves alone."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from components.clickhouse import PASSWORD, ClickHouse
from components.s3_servers import S3Server
from stepwell.cli.main import main
from stepwell.stores.migrate import LATEST, migrations


@pytest.fixture
def urls(clickhouse: ClickHouse, minio_s3: S3Server, home: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """In the environment; returns the database's name, which is the bucket's too."""
    name = f"migrate{uuid.uuid4().hex}"
    monkeypatch.setenv("STEPWELL_METRICS_URL", clickhouse.url(name))
    monkeypatch.setenv("STEPWELL_BLOBS_URL", minio_s3.url(name))
    return name


def migrate(*arguments: str, code: int = 0) -> Result:
    done = CliRunner().invoke(main, ["migrate", *arguments])
    assert done.exit_code == code, done.output
    assert PASSWORD not in done.output
    return done


def test_planning_changes_nothing_and_applying_makes_what_is_missing(
    urls: str, clickhouse: ClickHouse, minio_s3: S3Server
) -> None:
    assert f"schema 0 of {LATEST}" in migrate("status", code=1).output
    planned = migrate("plan").output
    assert all(migration.name in planned for migration in migrations())
    assert "CREATE TABLE IF NOT EXISTS scalars" in planned
    assert clickhouse.command(f"EXISTS DATABASE {urls}") == "0"
    assert not minio_s3.client().bucket_exists(urls)

    for _ in range(2):
        assert f"has schema {LATEST}" in migrate("apply").output
    assert minio_s3.client().bucket_exists(urls)
    assert "nothing to do" in migrate("plan").output
    status = json.loads(migrate("status", "--json").output)
    assert status["latest"] == LATEST
    assert list(status["nodes"].values()) == [LATEST]
    assert status["pending"] == {}


def test_a_newer_store_is_refused(urls: str, clickhouse: ClickHouse) -> None:
    migrate("apply")
    clickhouse.command(f"INSERT INTO {urls}.schema_version VALUES ({LATEST + 1}, 'future', now())")
    for action in ("plan", "apply", "status"):
        assert "Nothing was" in migrate(action, code=1).output


def test_the_embedded_store_of_a_home_is_the_default(home: Path) -> None:
    assert f"has schema {LATEST}" in migrate("apply").output
    assert f"schema {LATEST} of {LATEST}" in migrate("status").output
