"""A run recorded through a real service into ClickHouse and MinIO, and read back bit for bit; also while they die."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

import stepwell
from components.clickhouse import PASSWORD, ClickHouse
from components.s3_servers import SECRET_KEY, S3Server
from serving import serving
from support import wait_for

MIB = 1 << 20
# Of the agent, whichever of trainer and service starts it: it outlives the time for which the servers are away.
ENVIRONMENT = {"STEPWELL_BACKOFF_MAX_S": "0.5", "STEPWELL_AGENT_LINGER_S": "60"}

# What an artifact of a folder holds: nothing, the same twice, deep, and with names of all kinds.
FOLDER = {
    "empty": b"",
    "labels.csv": b"a,b\n1,2\n",
    "copy of labels.csv": b"a,b\n1,2\n",
    "deep/er/größe-測.bin": random.Random(5).randbytes(3 * MIB + 1),
}
# Everything that it logs can be made again from the step alone. It waits for nobody: the servers may be away.
SCRIPT = """
import random, sys, time
import stepwell
steps, size, pause_s = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
config = {"lr": 0.1, "deep": {"er": [1, 2]}}
run = stepwell.init(project="servers", id="run", config=config, settings={"capture": False})
for step in range(steps):
    run.log({"loss": 1 / (step + 3), "val/acc": random.Random(step).random()}, step=step)
    if step % 10 == 0:
        run.log({"weights": stepwell.Histogram([float(step), step / 3, -1.0])}, step=step)
        print(f"step {step}", flush=True)
    if step == steps // 2:
        with open(sys.argv[4], "wb") as file:
            rng = random.Random(11)
            for _ in range(size >> 20):
                file.write(rng.randbytes(1 << 20))
        run.log_checkpoint(sys.argv[4], step=step)
        run.log_artifact(sys.argv[5], name="data", type="dataset", aliases=["first"])
        print("checkpoint", flush=True)
    time.sleep(pause_s)
run.finish()
"""


@dataclass
class Stores:
    clickhouse: ClickHouse
    minio: S3Server
    name: str

    @property
    def environment(self) -> dict[str, str]:
        return {
            "STEPWELL_METRICS_URL": self.clickhouse.url(self.name),
            "STEPWELL_BLOBS_URL": self.minio.url(self.name),
            **ENVIRONMENT,
        }


@pytest.fixture
def stores(clickhouse: ClickHouse, minio_s3: S3Server) -> Stores:
    return Stores(clickhouse, minio_s3, f"endtoend{uuid.uuid4().hex}")


def record(home: Path, *, steps: int, checkpoint_bytes: int, pause_s: float = 0.0) -> subprocess.Popen[bytes]:
    for name, data in FOLDER.items():
        path = home / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    arguments = [str(steps), str(checkpoint_bytes), str(pause_s), str(home / "model.bin"), str(home / "data")]
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *arguments], env={**os.environ, **ENVIRONMENT},
        stdout=(home / "script.log").open("wb"), stderr=subprocess.STDOUT,
    )  # fmt: skip


def assert_all_there(home: Path, folder: Path, *, steps: int, checkpoint_bytes: int) -> None:
    run = stepwell.Api().run("servers/run")
    wait_for(
        lambda: run.checkpoints() and run.checkpoints()[0].state == "complete", what="the checkpoint", deadline_s=60
    )
    wait_for(lambda: stepwell.Api().run("servers/run").state == "finished", what="the end of the run", deadline_s=120)
    loss, accuracy = run.history("loss"), run.history("val/acc")
    assert loss["step"].to_pylist() == list(range(steps))
    assert loss["loss"].to_pylist() == [1 / (step + 3) for step in range(steps)]
    assert accuracy["val/acc"].to_pylist() == [random.Random(step).random() for step in range(steps)]
    histograms = run.histograms("weights")
    assert [(one.step, one.count, one.sum) for one in histograms] == [
        (step, 3, sum([float(step), step / 3, -1.0])) for step in range(0, steps, 10)
    ]
    assert [line for line in str(run.console()).splitlines() if line.startswith("step ")] == [
        f"step {step}" for step in range(0, steps, 10)
    ]
    assert run.config == {"lr": 0.1, "deep": {"er": [1, 2]}}
    (path,) = run.checkpoints()[0].download(folder)
    rng = random.Random(11)
    with path.open("rb") as file:
        for _ in range(checkpoint_bytes // MIB):
            assert file.read(MIB) == rng.randbytes(MIB)
        assert file.read(1) == b""
    wait_for(lambda: run.artifacts(type="dataset")[0].complete, what="the artifact", deadline_s=60)
    data = stepwell.Api().artifact("servers/data:first")
    data.download(folder / "data")
    assert {name: (folder / "data" / name).read_bytes() for name in FOLDER} == FOLDER
    assert {file.path for file in data.files} == set(FOLDER)


def run_through_kills(home: Path, folder: Path, stores: Stores, marks: list[str], **sizes: int) -> None:
    """Both servers are killed and started again when the script has printed each of these lines."""
    servers = (stores.clickhouse, stores.minio)
    with serving(home, env=stores.environment):
        training = record(home, **sizes, pause_s=0.005)
        for mark in marks:
            wait_for(lambda mark=mark: f"{mark}\n" in (home / "script.log").read_text(), what=mark, deadline_s=120)
            met = _met_dead_servers(home)
            for server in servers:
                server.kill()
            wait_for(
                lambda met=met: _met_dead_servers(home) > met or training.poll() is not None,
                what="the service to meet a dead server",
            )
            for server in servers:
                server.start()
        assert training.wait(240) == 0
        assert_all_there(home, folder, **sizes)
        assert _met_dead_servers(home)


def _met_dead_servers(home: Path) -> int:
    return (home / "serve.log").read_text().count("no answer")


def test_servers_killed_in_the_middle_lose_nothing_and_double_nothing(
    home: Path, tmp_path: Path, stores: Stores
) -> None:
    marks = ["step 100", "checkpoint"]
    run_through_kills(home, tmp_path, stores, marks, steps=400, checkpoint_bytes=40 * MIB)
    log = (home / "serve.log").read_text()
    assert "clickhouse://127.0.0.1" in log
    for secret in (PASSWORD, quote(PASSWORD, safe=""), SECRET_KEY):
        assert secret not in log
    assert stores.clickhouse.command(f"SELECT count() FROM {stores.name}.v_scalars") == "800"
    assert not (home / "store" / "metrics").exists()


@pytest.mark.soak
def test_a_gibibyte_passes_through_servers_that_are_killed_again_and_again(
    home: Path, tmp_path: Path, stores: Stores
) -> None:
    marks = ["step 300", "checkpoint", *(f"step {step}" for step in range(1_100, 2_000, 200))]
    run_through_kills(home, tmp_path, stores, marks, steps=2_000, checkpoint_bytes=1024 * MIB)
