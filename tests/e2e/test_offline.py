"""Recorded with no service in reach, on a folder that outlives the machine: `stepwell sync DIR` makes it complete."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import stepwell
from stepwell import _core
from stepwell.home import Home
from stepwell.query import Run
from support import processes_of, wait_for

SCRIPT = """
import os, sys, time
import stepwell
run = stepwell.init(project="offline", id="far", mode=sys.argv[1], config={"lr": 0.1},
                    settings={"quiet": True, "capture": False})
for i in range(20000):
    run.log({"loss": 1.0 / (i + 1)}, step=i)
with open(sys.argv[2], "wb") as file:
    file.write(os.urandom(1000000))
run.log_checkpoint(sys.argv[2], step=19999)
while not run.drained:
    time.sleep(0.01)
print("drained", flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("mode", ["online", "offline"])
def test_a_lost_machine_is_made_whole_from_the_shared_folder(
    mode: str, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = tmp_path / "weights.bin"
    command = [sys.executable, "-c", SCRIPT, mode, str(checkpoint)]
    trainer = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert trainer.stdout is not None
    assert trainer.stdout.readline() == b"drained\n"
    for pid in processes_of(home):
        os.kill(pid, signal.SIGKILL)
    trainer.kill()
    trainer.wait(30)
    wait_for(lambda: not processes_of(home), what="the machine to be gone")
    shutil.rmtree(Home(home).mailbox(_core.RING_LAYOUT))

    elsewhere = tmp_path / "elsewhere"
    monkeypatch.setenv("STEPWELL_HOME", str(elsewhere))
    done = subprocess.run(
        [sys.executable, "-m", "stepwell", "sync", str(home)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    with stepwell.Api() as api:
        assert_whole(api.run("offline/far"), checkpoint, tmp_path / "back")


def assert_whole(run: Run, checkpoint: Path, folder: Path) -> None:
    table = run.history("loss")
    assert table.column("step").to_pylist() == list(range(20000))
    assert table.column("loss").to_pylist() == [1.0 / (i + 1) for i in range(20000)]
    assert run.config == {"lr": 0.1}
    (stored,) = run.checkpoints()
    (file,) = stored.download(folder)
    assert Path(file).read_bytes() == checkpoint.read_bytes()
