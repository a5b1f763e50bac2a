"""A run beside a service: what `finish` waits for, and what a resume learns."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import stepwell
from serving import serving

Script = Callable[..., "subprocess.CompletedProcess[str]"]
TRAIN = """
run = stepwell.init(project="p", id="s", resume=sys.argv[1] or None, settings={"capture": False})
for _ in range(100):
    run.log({"x": 1.0, "t": "text"})
print(run.url)
"""


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
