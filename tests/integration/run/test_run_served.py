"""A run beside a service: what `finish` waits for, and what a resume learns."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest

import stepwell
from serving import serving

Script = Callable[..., "subprocess.CompletedProcess[str]"]
TRAIN = """
run = stepwell.init(project="p", id="s", resume=sys.argv[1] or None, settings={"capture": False})
for _ in range(100):
    run.log({"x": 1.0, "t": "text"})
print(run.url)
"""


@pytest.fixture(autouse=True)
def patient(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is recorded is asked for when its process has ended: a busy machine may take long to store it."""
    monkeypatch.setenv("STEPWELL_FINISH_STALL_TIMEOUT_S", "60")


def test_what_finish_says_is_stored_can_be_read(script: Script, home: Path) -> None:
    with serving(home):
        done = script(TRAIN, "")
        assert re.search(r"p/s is stored on http://127\.0\.0\.1:\d+ \(\d+ records, up to step 99\)", done.stderr)
        with stepwell.Api() as api:
            assert done.stdout.startswith(f"{api.where.rstrip('/')}/#/p/s")
            assert api.run("p/s").history("x").num_rows == 100
            assert api.run("p/s").state == "finished"


def test_a_resume_asks_the_service(script: Script, home: Path) -> None:
    with serving(home):
        script(TRAIN, "")
        (next((home / "runs").glob("*.json"))).unlink()  # as on another host
        assert "resuming p/s at step 100" in script(TRAIN, "must").stderr
        assert "resuming p/s at step 200" in script(TRAIN, "allow").stderr
        with stepwell.Api() as api:
            run = api.run("p/s")
            assert run.history("x").column("step").to_pylist() == list(range(300))
            assert run.attempts == 3


def test_an_allowed_resume_without_an_answer_wants_steps(script: Script, home: Path) -> None:
    server = {"STEPWELL_SERVER": "http://127.0.0.1:9", "STEPWELL_FINISH_STALL_TIMEOUT_S": "1"}
    first = "run = stepwell.init(project='p', id='s', settings={'capture': False})\nrun.log({'x': 1})\nos._exit(0)"
    script(first, env=server)
    done = script(
        "run = stepwell.init(project='p', id='s', resume='allow', settings={'capture': False})\n"
        "run.log({'x': 1})\nassert run._recorder.last_step is None\n"
        "run.log({'x': 2}, step=10)\nrun.log({'x': 3})\nassert run._recorder.last_step == 11",
        env=server,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("give step=") == 2


RESUME = """
try:
    run = stepwell.init(project="p", id="s", resume=sys.argv[1], settings={"capture": False})
except stepwell.errors.StepwellError as error:
    print(f"{type(error).__name__}: {error}")
    assert stepwell.run is None
else:
    run.log({"x": 2.0})
    run.finish()
"""


@pytest.mark.parametrize(
    "served",
    [
        pytest.param(True, id="a service"),
        pytest.param(False, id="the embedded store", marks=pytest.mark.thorough),
    ],
)
def test_a_run_in_the_trash_is_not_resumed_and_a_purged_one_begins_anew(
    script: Script, home: Path, served: bool
) -> None:
    env = {"STEPWELL_RESUME_TIMEOUT_S": "60"}
    with serving(home) if served else nullcontext():
        script(TRAIN, "", env=env)
        with stepwell.Api() as api:
            api.trash(["p/s"], reason="wrong labels")
        for resume in ("allow", "must"):
            said = script(RESUME, resume, env=env)
            assert said.returncode == 0, said.stderr
            assert said.stdout.startswith("RunTrashed: p/s was put in the trash on "), said.stdout
            assert "(wrong labels): `stepwell restore p/s` brings it back" in said.stdout
        with stepwell.Api() as api:
            api.restore(["p/s"])
            assert api.run("p/s").attempts == 1, "the refused ones have left nothing"
        assert "resuming p/s at step 100" in script(RESUME, "must", env=env).stderr
        with stepwell.Api() as api:
            assert api.run("p/s").history("x").column("step").to_pylist() == list(range(101))
            api.trash(["p/s"])
            api.purge(["p/s"])
        assert script(RESUME, "must", env=env).stdout.startswith("NotFound: p/s has not been recorded")
        anew = script(RESUME, "allow", env=env)
        assert anew.returncode == 0, anew.stderr
        assert "at step" not in anew.stderr
        with stepwell.Api() as api:
            assert [(point["step"], point["x"]) for point in api.run("p/s").history("x").to_pylist()] == [(0, 2.0)]
            assert api.run("p/s").attempts == 1
