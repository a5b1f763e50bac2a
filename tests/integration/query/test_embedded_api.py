"""`Api` with no service: the home's own store, with everything that waits taken in first."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import stepwell
from serving import serving
from stepwell.errors import FilterError, NotFound, ServiceUnavailable, StepwellError
from support import processes_of, wait_for

SCRIPT = """
import stepwell, sys
settings = {"quiet": True, "capture": False}
run = stepwell.init(project="p", id=sys.argv[1], config={"lr": 0.1}, tags=["t"], settings=settings)
print("recorded")
for step in range(int(sys.argv[2]), int(sys.argv[3])):
    run.log({"loss": 1 / (step + 1)}, step=step)
open("ckpt.bin", "wb").write(b"w" * 100_000)
run.log_checkpoint("ckpt.bin", step=1)
run.finish()
"""


def record(folder: Path, id: str = "r", first: int = 0, end: int = 100) -> None:
    folder.mkdir(exist_ok=True)
    command = [sys.executable, "-c", SCRIPT, id, str(first), str(end)]
    subprocess.run(command, cwd=folder, check=True, timeout=60)


# One process, one embedded store: each of these reads in a process of its own.
READ = """
import json, stepwell, sys
with stepwell.Api() as api:
    run = api.run(sys.argv[1])
    print(json.dumps({
        "where": api.where, "loss": run.history("loss")["loss"].to_pylist(), "config": run.config, "state": run.state,
        "console": str(run.console()), "checkpoints": [[c.step, c.complete, c.size] for c in run.checkpoints()],
        "bytes": [path.read_bytes() == b"w" * 100_000 for c in run.checkpoints() for path in c.download("back")],
    }))
"""


def read(folder: Path, id: str = "r") -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-c", READ, id], cwd=folder, check=True, timeout=60, capture_output=True, text=True
    )
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def test_a_finished_run_reads_back_whole_with_no_service(home: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    record(work)
    found = read(work)
    assert found["where"] == str(home)
    assert found["loss"] == [1 / (step + 1) for step in range(100)]
    assert (found["config"], found["state"], found["console"]) == ({"lr": 0.1}, "finished", "recorded\n")
    assert (found["checkpoints"], found["bytes"]) == ([[1, True, 100_000]], [True])
    again = read(work)  # what was taken in is not taken in twice, and nothing was removed
    assert again == found
    assert list((home / "spool").glob("*/*.seg"))


KILLED = """
import os, signal, stepwell, sys
run = stepwell.init(project="p", id="r", settings={"quiet": True, "capture": False, "console": False})
for step in range(1000):
    run.log({"loss": float(step)}, step=step)
print("logged", flush=True)
signal.pause()
"""


def test_what_was_logged_before_everything_was_killed_reads_back(home: Path) -> None:
    trainer = subprocess.Popen([sys.executable, "-c", KILLED], stdout=subprocess.PIPE)
    assert trainer.stdout is not None
    assert trainer.stdout.readline() == b"logged\n"
    for pid in processes_of(home):
        if pid != trainer.pid:
            os.kill(pid, signal.SIGKILL)
    trainer.kill()
    trainer.wait(30)
    wait_for(lambda: not processes_of(home), what="everything to be gone")
    found = read(home.parent)
    assert found["loss"] == [float(step) for step in range(1000)]
    assert found["state"] == "crashed"


def test_a_second_run_is_seen_by_an_api_that_is_open(home: Path, tmp_path: Path) -> None:
    record(tmp_path / "work", "one")
    with stepwell.Api() as api, stepwell.Api(path=home) as second:
        assert [run.id for run in api.runs()] == ["one"]
        with pytest.raises(NotFound, match="'two'"):
            api.run("two")
        record(tmp_path / "work", "two", 0, 10)
        assert api.run("two").history("loss").num_rows == 10
        assert second.run("p/two").history().num_rows == 10
        frame = api.history(api.runs("p"), "loss")
        assert frame["run"].to_pylist() == ["p/two"] * 10 + ["p/one"] * 100
        assert api.history([], "loss").schema.names == ["run", "step", "rank", "loss"]
        with pytest.raises(FilterError):
            api.runs(filters="nonsense")


def test_the_service_of_the_home_is_asked_once_it_is_up(home: Path, tmp_path: Path) -> None:
    record(tmp_path / "work")
    with serving(home) as service:
        with stepwell.Api() as api:
            assert api.where.startswith("http://127.0.0.1:")
            wait_for(lambda: api.runs() and api.run("r").state == "finished", what="the agent to send the spool")
            assert api.run("p/r").history("loss").num_rows == 100
        service.stop()
    assert read(tmp_path / "work")["loss"] == [1 / (step + 1) for step in range(100)]


def test_an_address_with_nobody_there_says_so(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        stepwell.Api(url="http://127.0.0.1:9") as api,
        pytest.raises(ServiceUnavailable, match="no stepwell service answers"),
    ):
        api.runs()
    monkeypatch.setenv("STEPWELL_SERVER", "http://127.0.0.1:9")
    with stepwell.Api() as api:
        assert api.where == "http://127.0.0.1:9"
    with pytest.raises(NotFound, match="no folder"):
        stepwell.Api(path=home / "nowhere")
    with pytest.raises(StepwellError, match="not both"):
        stepwell.Api(url="http://x", path=home)


def test_a_resume_asks_in_a_process_of_its_own(home: Path, tmp_path: Path) -> None:
    record(tmp_path / "work", "r", 5, 9)
    command = [sys.executable, "-m", "stepwell.query.last_step", "--home", str(home)]

    def ask(run: str, rank: str = "0") -> subprocess.CompletedProcess[str]:
        return subprocess.run([*command, run, rank], capture_output=True, text=True, timeout=60, check=False)

    answer = json.loads(ask("p/r").stdout)
    assert (answer["exists"], answer["last_step"]) == (True, 8)
    assert answer["attempt"] > 0
    assert json.loads(ask("p/never", "3").stdout) == {"exists": False, "last_step": None, "attempt": 0}
    refused = ask("just-an-id")
    assert (refused.returncode, "project/id" in refused.stderr) == (1, True)


def test_a_damaged_spool_loses_only_what_is_damaged(home: Path, tmp_path: Path) -> None:
    record(tmp_path / "work", "first")
    (segment,) = (home / "spool").glob("*/*.seg")
    good = segment.stat().st_size
    record(tmp_path / "work", "second")
    for path in (home / "spool").glob("*/*.seg"):
        if path != segment or path.stat().st_size > good:
            content = bytearray(path.read_bytes())
            content += b"torn off in the middle of a fr"
            path.write_bytes(content)
    assert len(read(tmp_path / "work", "first")["loss"]) == 100  # type: ignore[arg-type]
    assert len(read(tmp_path / "work", "second")["loss"]) == 100  # type: ignore[arg-type]


def test_a_rank_that_was_done_before_another_began_still_counts(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    for rank, exit_code in ((0, 1), (1, 0)):
        monkeypatch.setenv("RANK", str(rank))
        run = stepwell.init(project="p", id="ranks", settings={"quiet": True, "capture": False})
        run.log({"loss": 1.0})
        run.finish(exit_code)
    command = [sys.executable, "-m", "stepwell", "show", "p/ranks", "--json"]
    shown = json.loads(subprocess.run(command, check=True, timeout=60, capture_output=True).stdout)
    assert (shown["ranks"], shown["attempts"], shown["state"]) == (2, 1, "failed")
