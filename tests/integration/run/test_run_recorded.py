"""What a script records is what is read back, with no service running."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from stepwell.query.runs import Run

Script = Callable[..., "subprocess.CompletedProcess[str]"]
ReadBack = Callable[[str], Run]


RECORD = """
import argparse, math
import numpy as np
run = stepwell.init(project="p", id="all", name="A name", experiment="e", group="g", job_type="train", tags=["x", "y"],
                    notes="some notes", config=argparse.Namespace(lr=0.1, model={"depth": 3, "layers": [64, 32]}))
assert stepwell.run is run and stepwell.config is run.config
print("to stdout")
print("to stderr", file=sys.stderr)
run.config.model.depth = 4
del run.config["lr"]
stepwell.summary["best"] = {"acc": 0.9}
for step in range(3):
    run.log({"loss": 1 / (step + 1), "count": step, "numpy": np.float32(step), "nested": {"deep": step},
             "text": f"t{step}", "nan": math.nan, "tensor": np.array([step * 2.0]), "none": None, "bad": object()})
run.log({"loss": 0.5}, step=-5, time=1.5)
run.log({"weights": stepwell.Histogram(np.arange(100, dtype=np.float32))}, step=2)
stepwell.log({"late": True}, step=10**15)
os.mkdir("model")
with open("model/weights.bin", "wb") as file:
    file.write(os.urandom(300_000))
run.log_checkpoint("model", metadata={"epoch": 1})
kept = run.log_checkpoint("model/weights.bin", step=7, name="alone", aliases=["latest", "best"])
assert (kept.name, kept.path, kept.state) == ("alone", "p/alone", "staged"), kept
run.log_artifact(["model/weights.bin", __file__], "data", "dataset", metadata={"rows": 3})
run.finish()
assert stepwell.run is None
"""


def test_everything_comes_back(script: Script, read_back: ReadBack, tmp_path: Path) -> None:
    done = script(RECORD)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "to stdout\n"
    run = read_back("p/all")
    assert (run.name, run.experiment, run.group, run.job_type, run.notes) == ("A name", "e", "g", "train", "some notes")
    assert list(run.tags) == ["x", "y"]
    assert run.state == "finished"
    assert run.config == {"model": {"depth": 4, "layers": [64, 32]}}
    assert run.summary["best"] == {"acc": 0.9}

    table = run.history("loss", "count", "numpy", "nested/deep", "tensor", "late", "nan").to_pydict()
    assert table["step"] == [-5, 0, 1, 2, 10**15]
    assert table["loss"] == [0.5, 1.0, 0.5, 1 / 3, None]
    assert table["nested/deep"] == table["count"] == table["numpy"] == [None, 0.0, 1.0, 2.0, None]
    assert table["tensor"] == [None, 0.0, 2.0, 4.0, None]
    assert table["late"] == [None, None, None, None, 1.0]
    assert np.isnan(table["nan"][1])
    assert {metric.name for metric in run.metrics} == {
        "loss", "count", "numpy", "nested/deep", "text", "tensor", "nan", "weights", "late",
    }  # fmt: skip

    folder, alone = sorted(run.checkpoints(), key=lambda checkpoint: checkpoint.info.step, reverse=True)
    assert (folder.info.name, folder.info.step, folder.info.metadata) == ("model", 10**15, {"epoch": 1})
    assert (alone.info.name, alone.info.step) == ("alone", 7)
    (file,) = alone.download(tmp_path / "back")
    assert Path(file).read_bytes() == (tmp_path / "work/model/weights.bin").read_bytes()

    assert [(one.path, one.kind, one.type, one.aliases) for one in run.artifacts()] == [
        ("p/model:v0", "checkpoint", "checkpoint", ("latest",)),
        ("p/alone:v0", "checkpoint", "checkpoint", ("latest", "best")),
        ("p/data:v0", "artifact", "dataset", ("latest",)),
    ]
    (data,) = run.artifacts("dataset")
    assert (data.metadata, [file.path for file in data.files]) == ({"rows": 3}, ["weights.bin", "train.py"])

    text = str(run.console())
    assert "to stdout" in text
    assert "to stderr" in text


def test_the_environment_is_captured(script: Script, read_back: ReadBack, tmp_path: Path) -> None:
    work = tmp_path / "work"
    for command in (
        ["init", "-q", "-b", "trunk"],
        ["remote", "add", "origin", "https://me:secret@example.org/repo.git"],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "first"],
    ):
        subprocess.run(["git", *command], cwd=work, check=True)
    (work / "new.txt").write_text("changed\npassword = 'hunter2'\n")
    subprocess.run(["git", "add", "new.txt"], cwd=work, check=True)
    done = script(
        "stepwell.init(project='p', id='env')",
        "--api-key",
        "abc",
        env={"CUDA_VISIBLE_DEVICES": "0", "MY_SECRET": "x", "OMP_NUM_THREADS": "2"},
    )
    assert done.returncode == 0, done.stderr
    found = read_back("p/env").environment
    assert found["command"][-2:] == ["--api-key", "[redacted]"]
    assert found["variables"]["CUDA_VISIBLE_DEVICES"] == "0"
    assert "MY_SECRET" not in found["variables"]
    assert found["git"]["remote"] == "https://example.org/repo.git"
    assert found["git"]["branch"] == "trunk"
    assert found["git"]["dirty"] is True
    assert "+changed" in found["git"]["diff"]
    assert "hunter2" not in found["git"]["diff"]
    assert any(package.startswith("numpy==") for package in found["packages"])
    assert found["cpu"]["cores"] >= 1
    assert found["memory_bytes"] > 0
    assert found["user"]
    assert found["host"]


MANY = """
import threading
run = stepwell.init(project="p", id="many", settings={"capture": False})
def work(number):
    for i in range(500):
        run.log({"x": float(number), "s": "text", "n": {"m": i}}, step=number * 500 + i)
threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
pid = os.fork()
if pid == 0:
    run.log({"x": 8.0, "s": "from a child"}, step=4000)
    print("child speaks")
    run.finish()
    os._exit(0)
os.waitpid(pid, 0)
run.log({"x": 9.0}, step=4001)
"""


def test_threads_and_a_forked_child_record_into_one_run(script: Script, read_back: ReadBack) -> None:
    done = script(MANY)
    assert done.returncode == 0, done.stderr
    run = read_back("p/many")
    table = run.history("x").to_pydict()
    assert table["step"] == list(range(4002))
    assert table["x"] == [float(step // 500) for step in range(4000)] + [8.0, 9.0]
    assert run.state == "finished"
    assert "child speaks" in str(run.console())


def test_each_start_of_a_run_is_an_attempt_whose_points_win(script: Script, read_back: ReadBack) -> None:
    source = (
        "run = stepwell.init(project='p', id='again', settings={'capture': False})\n"
        "for step in range(3): run.log({'x': float(sys.argv[1])})"
    )
    assert "recorded before" not in script(source, "1").stderr
    assert "recorded before" in script(source, "2").stderr
    run = read_back("p/again")
    assert run.history("x").to_pydict()["x"] == [2.0, 2.0, 2.0]
    assert run.attempts == 2


@pytest.mark.parametrize("resume", ["allow", pytest.param("must", marks=pytest.mark.thorough)])
def test_a_resume_goes_on_after_the_last_step(resume: str, script: Script, read_back: ReadBack) -> None:
    source = (
        "run = stepwell.init(project='p', id='go', resume=sys.argv[1] or None, settings={'capture': False})\n"
        "for _ in range(3): run.log({'x': 1.0})\n"
        "os._exit(0)"  # no orderly end: the last step is in the store only
    )
    script(source, "")
    done = script(source, resume, env={"STEPWELL_RESUME_TIMEOUT_S": "60"})
    assert "resuming p/go at step 3" in done.stderr, done.stderr
    assert read_back("p/go").history("x").to_pydict()["step"] == [0, 1, 2, 3, 4, 5]


RELABEL = """
run = stepwell.init(project="p", id="named", name="first", tags=["a"], notes="old", mode="offline")
run.name = "second"
run.tags += ("b",)
run.tags = run.tags  # as often as one likes
run.notes = None
run.name, run.tags, run.notes = 5, [1], b"x"  # said, and left as they were
run.name = ""
assert (run.name, run.tags, run.notes) == ("second", ("a", "b"), None)
run.finish()
run.name = "third"
assert run.name == "second"
"""


def test_name_tags_and_notes_may_change_while_it_runs(script: Script, read_back: ReadBack) -> None:
    done = script(RELABEL)
    assert done.returncode == 0, done.stderr
    for said in ("name is a text, not a int", "tags are texts", "notes is a text", "at least one character"):
        assert said in done.stderr
    assert "name was set after p/named was finished" in done.stderr
    run = read_back("p/named")
    assert (run.name, run.tags, run.notes) == ("second", ("a", "b"), None)
