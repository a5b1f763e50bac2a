"""`stepwell export --all` and `stepwell import` as people run them: what they say, and what they refuse."""

from __future__ import annotations

import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import stepwell
from components.clickhouse import PASSWORD, ClickHouse
from components.s3_servers import SECRET_KEY, S3Server
from serving import serving
from stepwell.cli.main import main

SCRIPT = """
import stepwell
run = stepwell.init(project="p", id="r", settings={"quiet": True, "capture": False}, mode="offline")
for step in range(50):
    run.log({"loss": 1 / (step + 1)}, step=step)
run.finish()
"""


def command(*arguments: str, code: int = 0) -> Result:
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == code, done.output
    assert PASSWORD not in done.output
    assert SECRET_KEY not in done.output
    return done


@pytest.fixture
def recorded(home: Path) -> Path:
    """A run that still waits in the home's spool."""
    subprocess.run([sys.executable, "-c", SCRIPT], check=True, timeout=60)
    return home


def test_a_home_goes_to_a_server_and_back(
    recorded: Path, tmp_path: Path, clickhouse: ClickHouse, minio_s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"moving{uuid.uuid4().hex}"
    stores = ["--metrics", clickhouse.url(name), "--blobs", minio_s3.url(name)]
    said = command("export", "--all", str(tmp_path / "a")).output
    assert "1 runs" in said
    checked = command("import", str(tmp_path / "a"), "--dry-run", *stores).output
    assert "would go into" in checked
    assert "counts and checksums" in command("import", str(tmp_path / "a"), *stores).output
    command("export", "--all", str(tmp_path / "b"), *stores)
    monkeypatch.setenv("STEPWELL_HOME", str(tmp_path / "other"))
    command("import", str(tmp_path / "b"))
    with stepwell.Api(path=tmp_path / "other") as api:
        assert api.run("p/r").history("loss")["loss"].to_pylist() == [1 / (step + 1) for step in range(50)]


def test_a_store_that_a_service_has_open_is_left_to_it_and_the_way_out_is_said(recorded: Path, tmp_path: Path) -> None:
    with serving(recorded):
        said = command("export", "--all", str(tmp_path / "a"), code=1).output
        assert "stop the service for as long as it takes" in said
        command("import", str(tmp_path), code=1)
    command("export", "--all", str(tmp_path / "a"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["export"], "name a RUN, or --all DIR"),
        (["export", "p/r", "--all", "x"], "says nothing beside --all"),
        (["export", "--all", "x", "-m", "loss"], "-m says nothing beside --all"),
        (["export", "p/r", "--project", "p"], "--project says nothing beside RUN"),
        (["import", "nowhere"], "does not exist"),
    ],
)
def test_what_would_be_left_unheeded_is_refused(home: Path, arguments: list[str], said: str) -> None:
    assert said in command(*arguments, code=2).output
