"""Scripts as people run them: whatever way they end, what they logged is there and nothing hangs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import stepwell
from serving import serving
from stepwell.errors import NotFound
from support import AT_ONCE, end_processes_of, wait_for

HEAD = """
import os, sys, time
import stepwell
run = stepwell.init(project="scripts", id=sys.argv[1], settings={"quiet": True})
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


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home whose service all scripts send to."""
    home = tmp_path_factory.mktemp("scripts") / "home"
    with serving(home, env=AT_ONCE):
        yield home
    end_processes_of(home)


@pytest.fixture(autouse=True)
def shared_home(home: Path, served: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After `home`, which takes out of the environment what is not of tests."""
    monkeypatch.setenv("STEPWELL_HOME", str(served))


def logged(id: str, expected: list[float]) -> None:
    """The run holds exactly these values once the agent, which outlives the script, has sent them."""

    def stored() -> int:
        try:
            return int(stepwell.Api().run(f"scripts/{id}").history("x").num_rows)
        except NotFound:
            return 0

    wait_for(lambda: stored() >= len(expected), what=f"{len(expected)} points")
    table = stepwell.Api().run(f"scripts/{id}").history("x")
    assert table.column("x").to_pylist() == expected
    assert table.column("step").to_pylist() == list(range(len(expected)))


@pytest.mark.parametrize("name", CASES)
def test_a_script_that(name: str) -> None:
    body, code, expected = CASES[name]
    id = name.replace(" ", "-")
    done = subprocess.run([sys.executable, "-c", HEAD + body, id], timeout=60, capture_output=True, check=False)
    assert done.returncode == code, done.stderr.decode()
    logged(id, expected)


def test_check_output_returns_what_was_printed_and_does_not_wait_for_the_agent() -> None:
    script = HEAD + "for i in range(10): run.log({'x': i})\nprint('the answer')"
    assert subprocess.check_output([sys.executable, "-c", script, "printed"], timeout=60) == b"the answer\n"
    logged("printed", [float(i) for i in range(10)])


def test_timeout_kill_loses_nothing_that_was_returned(tmp_path: Path) -> None:
    script = HEAD + "for i in range(500): run.log({'x': i})\nopen(sys.argv[2], 'w').close()\ntime.sleep(600)"
    mark = tmp_path / "logged"
    command = ["timeout", "-s", "KILL", "5", sys.executable, "-c", script, "killed", str(mark)]
    subprocess.run(command, check=False, timeout=60)
    assert mark.exists()
    logged("killed", [float(i) for i in range(500)])
