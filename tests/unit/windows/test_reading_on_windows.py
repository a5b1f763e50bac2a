"""What the package does on Windows, in a process that is made to look like one: no fcntl, no uid, no compiled core.

Runs are read over HTTP there; recording, and what lies in a home, are refused with what to do instead.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import stepwell
from serving import serving
from stepwell import _core as compiled

# The libraries are loaded before the system is changed under them: it is our own code that is looked at.
WINDOWS = """
import sys, os
import click, numpy, pyarrow, rich.console, rich.table, rich.text, rich.live, urllib3, urllib.request, multiprocessing
import concurrent.futures, asyncio, subprocess, tempfile, webbrowser, getpass, platform, ctypes.util, pathlib, shutil
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name in ("fcntl", "resource", "pwd", "grp", "termios", "pty", "grpc", "tty"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())
for name in ("fcntl", "resource", "pwd", "grp", "termios", "pty", "tty"):
    sys.modules.pop(name, None)
for name in ("fork", "getuid", "geteuid", "uname", "register_at_fork", "sched_getaffinity", "sched_yield", "setsid",
             "O_NOFOLLOW", "O_CLOEXEC", "mkfifo", "nice", "memfd_create", "copy_file_range", "killpg"):
    if hasattr(os, name):
        delattr(os, name)
sys.platform = "win32"
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """The package without anything compiled."""
    source = Path(stepwell.__file__).parent
    skip = shutil.ignore_patterns("*.so", "__pycache__", "web")
    shutil.copytree(source, tmp_path / "windows" / "stepwell", ignore=skip)
    return tmp_path / "windows"


def windows(package: Path, code: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", WINDOWS + code],
        env={**os.environ, "PYTHONPATH": str(package), "LOCALAPPDATA": str(package), **env},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_the_stand_in_agrees_with_the_core(package: Path) -> None:
    codes = [0, 1, 7, 8, 1000, 2039, 2048, 2049, 3000, 4087]
    done = windows(
        package,
        "from stepwell import _core\n"
        "import json\n"
        "print(json.dumps({name: value for name, value in vars(_core).items() if name.isupper() and name[0] != '_'}))\n"
        f"print(json.dumps(_core.histogram_edges({codes})))",
    )
    assert done.returncode == 0, done.stderr
    constants, edges = (json.loads(line) for line in done.stdout.splitlines())
    assert constants == {name: getattr(compiled, name) for name in constants}
    assert len(constants) > 10
    assert [tuple(pair) for pair in edges] == compiled.histogram_edges(codes)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import stepwell; stepwell.init(project='p')", "Recording needs Linux or macOS"),
        ("import stepwell; stepwell.Api()", "STEPWELL_SERVER"),
        ("import stepwell.cli; stepwell.cli.main(['serve'])", "Linux or macOS"),
        ("import stepwell.cli; stepwell.cli.main(['sync'])", "Linux or macOS"),
        ("import stepwell.cli; stepwell.cli.main(['ui'])", "STEPWELL_SERVER"),
    ],
)
def test_what_needs_another_system_says_so(code: str, said: str, package: Path) -> None:
    done = windows(package, code)
    assert done.returncode != 0
    assert said in done.stderr + done.stdout


def test_a_script_runs_without_recording(package: Path) -> None:
    done = windows(
        package,
        "import stepwell\n"
        "run = stepwell.init(project='p', mode='disabled', config={'lr': 0.1})\n"
        "run.log({'x': 1.0, 'h': stepwell.Histogram([1.0, 2.0])}); run.summary.y = 1; run.finish()\n"
        "print('done', run.config.lr)",
    )
    assert done.stdout == "done 0.1\n", done.stderr


def test_runs_are_read_over_http(package: Path, home: Path) -> None:
    with serving(home):
        with stepwell.init(project="p", id="r", settings={"capture": False, "quiet": True}) as run:
            for i in range(100):
                run.log({"loss": float(i), "w": stepwell.Histogram([float(i), 2.0])})
        service = json.loads((home / "service.json").read_text())
        done = windows(
            package,
            "import stepwell, stepwell.cli\n"
            "run = stepwell.Api().run('p/r')\n"
            "print(run.history('loss').column('loss').to_pylist() == [float(i) for i in range(100)])\n"
            "print(run.histograms('w')[0].intervals)\n"
            "stepwell.cli.main(['runs'], standalone_mode=False)\n"
            "stepwell.cli.main(['show', 'p/r'], standalone_mode=False)\n"
            "stepwell.cli.main(['doctor'], standalone_mode=False)\n",
            STEPWELL_SERVER=service["url"],
            STEPWELL_TOKEN=service["token"],
            STEPWELL_HOME="",
        )
    assert done.returncode == 0, done.stderr
    first, intervals, *rest = done.stdout.splitlines()
    assert first == "True"
    assert intervals.startswith("[(0.0, ")
    assert "reading only" in " ".join(" ".join(rest).split())
