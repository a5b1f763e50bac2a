"""Scripts as people run them: whatever way they end, what they logged is there and nothing hangs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import stepwell
from serving import serving
from stepwell.errors import NotFound
from support import wait_for

HEAD = """
import os, sys, time
import stepwell
run = stepwell.init(project="scripts", id="s", settings={"quiet": True})
"""
CASES = {
    "ends 10 ms after its last log": (
        "for i in range(1000): run.log({'x': i})\ntime.sleep(0.01)",
        0,
        [float(i) for i in range(1000)],
    ),
    "os._exit": ("for i in range(1000): run.log({'x': i})\nos._exit(3)", 3, [float(i) for i in range(1000)]),
    "an exception": ("for i in range(10): run.log({'x': i})\nraise KeyError('boom')", 1, [float(i) for i in range(10)]),
    "a forked child logs": (
        "for i in range(100): run.log({'x': i})\n"
        "pid = os.fork()\n"
        "if pid == 0:\n    for i in range(100, 200): run.log({'x': i})\n    os._exit(0)\n"
        "os.waitpid(pid, 0)",
        0,
        [float(i) for i in range(200)],
    ),
    "8 threads": (
        "import threading\n"
        "def work(t):\n    for i in range(1000): run.log({'x': t * 1000 + i}, step=t * 1000 + i)\n"
        "threads = [threading.Thread(target=work, args=(t,)) for t in range(8)]\n"
        "for t in threads: t.start()\n"
        "for t in threads: t.join()",
        0,
        [float(i) for i in range(8000)],
    ),
}


def logged(expected: list[float]) -> None:
    """The run holds exactly these values once the agent, which outlives the script, has sent them."""

    def stored() -> int:
        try:
            return int(stepwell.Api().run("scripts/s").history("x").num_rows)
        except NotFound:
            return 0

    wait_for(lambda: stored() >= len(expected), what=f"{len(expected)} points")
    table = stepwell.Api().run("scripts/s").history("x")
    assert table.column("x").to_pylist() == expected
    assert table.column("step").to_pylist() == list(range(len(expected)))


@pytest.mark.parametrize("name", CASES)
def test_a_script_that(name: str, home: Path) -> None:
    body, code, expected = CASES[name]
    with serving(home):
        done = subprocess.run([sys.executable, "-c", HEAD + body], timeout=60, capture_output=True, check=False)
        assert done.returncode == code, done.stderr.decode()
        logged(expected)


def test_check_output_returns_what_was_printed_and_does_not_wait_for_the_agent(home: Path) -> None:
    script = HEAD + "for i in range(10): run.log({'x': i})\nprint('the answer')"
    with serving(home):
        assert subprocess.check_output([sys.executable, "-c", script], timeout=60) == b"the answer\n"
        logged([float(i) for i in range(10)])


def test_timeout_kill_loses_nothing_that_was_returned(home: Path, tmp_path: Path) -> None:
    script = HEAD + "for i in range(500): run.log({'x': i})\nopen(sys.argv[1], 'w').close()\ntime.sleep(600)"
    mark = tmp_path / "logged"
    with serving(home):
        command = ["timeout", "-s", "KILL", "5", sys.executable, "-c", script, str(mark)]
        subprocess.run(command, check=False, timeout=60)
        assert mark.exists()
        logged([float(i) for i in range(500)])
