"""What an agent still holds of a run that was purged meanwhile: delivered, discarded, and said by whoever sends it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

import stepwell
from agents import agent_log, ranges_in_spools, run_agent
from http_client import HttpClient
from reading_back import points_of
from serving import Service, serving
from stepwell.errors import NotFound
from support import end_processes_of, wait_for

SCRIPT = """
import sys
import stepwell
run = stepwell.init(project="late", id="r", settings={"capture": False, "console": False})
def train(steps, weights):
    for step in steps:
        run.log({"loss": 1 / (step + 1)}, step=step)
    with open("ck", "wb") as file:
        file.write(weights)
    return run.log_checkpoint("ck", step=step)
assert train(range(100), b"early").wait(60)
print("stored", flush=True)
sys.stdin.readline()
assert train(range(100, 200), b"late" * 1000).state != "complete"
run.finish()
"""


def introduce(service: Service, home: Path) -> None:
    """The service's address and token to agents of another home: it starts none of its own there."""
    home.mkdir(exist_ok=True)
    shutil.copy(service.home / "service.json", home / "service.json")


def record(service: Service, home: Path, folder: Path) -> None:
    """Half of a run is stored when the service dies; the other half is left in the home's spool and staging."""
    introduce(service, home)
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env={**os.environ, "STEPWELL_FINISH_STALL_TIMEOUT_S": "1", "STEPWELL_SYSTEM_INTERVAL_S": "0"},
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline() == b"stored\n"
    http = HttpClient(service.home)
    wait_for(lambda: http("GET", "/api/v1/runs/late/r").status == 200, what="the run to be listed")
    wait_for(lambda: len(points_of(http, "late", "r")) == 100, what="the first half to be stored")
    service.kill()
    process.stdin.close()
    assert process.wait(60) == 0
    end_processes_of(home)
    service.start()


def discarded(service: Service) -> dict[str, float]:
    lines = HttpClient(service.home)("GET", "/metrics").body.decode().splitlines()
    found = [line for line in lines if line.startswith("stepwell_discarded_total{")]
    return {line.partition('"')[2].partition('"')[0]: float(line.rpartition(" ")[2]) for line in found}


def sync(*arguments: str) -> str:
    command = [sys.executable, "-m", "stepwell", "sync", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("store", "way"),
    [
        ("embedded", "gRPC"),
        ("server", "HTTP"),
        pytest.param("embedded", "sync", marks=pytest.mark.thorough),
    ],
)
def test_what_comes_late_of_a_purged_run_is_settled_and_does_not_bring_it_back(
    home: Path, tmp_path: Path, store: str, way: str, request: pytest.FixtureRequest
) -> None:
    env = {"STEPWELL_TOMBSTONE_REFRESH_S": "0"}
    if store == "server":
        env["STEPWELL_METRICS_URL"] = request.getfixturevalue("clickhouse").url(f"late_{uuid.uuid4().hex}")
    options = ("--advertise-grpc", "127.0.0.1:1") if way == "HTTP" else ()
    with serving(tmp_path / "served", *options, env=env) as service:
        record(service, home, tmp_path)
        introduce(service, home)
        with stepwell.Api() as api:
            assert api.run("late/r").history("loss").num_rows == 100
            (digest,) = {file.digest for file in api.run("late/r").checkpoints()[0].files}
            api.trash(["late/r"])
            api.purge(["late/r"], reason="personal data")
        if way == "sync":
            assert "of these blocks and checkpoints: their runs were purged" in sync()
        else:
            assert run_agent(home) == 0
            assert agent_log(home).count("discards what writer") == 1
            assert "discarded checkpoint 'ck' of late/r, 4000 bytes: the run was purged" in agent_log(home)
        assert ranges_in_spools(home, only_pending=True) == {}
        assert not list((home / "staging").glob("*/manifest.json"))
        found = discarded(service)
        assert found["block"] >= 1
        assert found["artifact"] == 1
        with stepwell.Api() as api:
            with pytest.raises(NotFound, match=r"was purged on .*personal data"):
                api.run("late/r")
            assert not len(api.runs("late"))
            assert HttpClient(service.home)("HEAD", f"/api/v1/blobs/{digest}").status == 200, "gc is what removes it"
        # Nothing is left to be sent a second time.
        assert run_agent(home) == 0
        assert discarded(service) == found


def test_what_comes_late_into_the_embedded_store_says_so_too(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(tmp_path / "served") as service:
        record(service, home, tmp_path)
    monkeypatch.setenv("STEPWELL_HOME", str(service.home))
    with stepwell.Api() as api:
        api.trash(["late/r"])
        api.purge(["late/r"])
    said = sync(str(home))
    assert "of these blocks and checkpoints: their runs were purged" in said
    assert "left" not in said
    assert ranges_in_spools(home, only_pending=True) == {}
    with stepwell.Api() as api, pytest.raises(NotFound, match="was purged"):
        api.run("late/r")
