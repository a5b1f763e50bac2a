"""Two versions of the package at once, in one home and in two: all that was logged reads back, whoever drained it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import stepwell
from agents import agent_log
from stepwell import _core
from stepwell.home import Home
from stepwell.version import VERSION
from support import processes_of, wait_for

pytest.importorskip("chdb")

OTHER = "0.0.9"
ROWS = 2000
SCRIPT = """
import sys
import stepwell
from stepwell import _core
from stepwell.home import Home
from stepwell.version import VERSION
run = stepwell.init(project="side", id=sys.argv[1], config={"version": VERSION},
                    settings={"quiet": True, "capture": False})
print(stepwell.__file__, flush=True)
for command in sys.stdin:
    for _ in range(int(command)):
        run.log({"loss": 0.5})
    print("logged", flush=True)
run.finish()
"""


@pytest.fixture
def other_version(tmp_path: Path) -> Path:
    """The folder of a copy of the package that calls itself another version."""
    package = Path(stepwell.__file__).parent
    folder = tmp_path / "other"
    shutil.copytree(package, folder / "stepwell", ignore=shutil.ignore_patterns("__pycache__"))
    version = folder / "stepwell" / "version.py"
    version.write_text(version.read_text().replace(f'"{VERSION}"', f'"{OTHER}"'))
    return folder


class Trainer:
    """A training process of one version; logs when it is told."""

    def __init__(self, home: Path, id: str, package: Path | None = None) -> None:
        env = {**os.environ, "STEPWELL_HOME": str(home)}
        if package is not None:
            env["PYTHONPATH"] = str(package)
        self.id = id
        self.process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, id], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.file = Path(self._answer())

    def _answer(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline().strip()
        assert line, f"{self.id} ended: {self.process.wait(60)}"
        return line

    def log(self, rows: int) -> None:
        assert self.process.stdin is not None
        print(rows, file=self.process.stdin, flush=True)
        assert self._answer() == "logged"

    def end(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert self.process.wait(120) == 0


def assert_whole(home: Path, versions: dict[str, str]) -> None:
    wait_for(lambda: not processes_of(home), what="the agent to have done its work")
    with stepwell.Api(path=home) as api:
        assert {run.id for run in api.runs("side")} == set(versions)
        for name, version in versions.items():
            run = api.run(f"side/{name}")
            assert run.state == "finished"
            assert run.config == {"version": version}
            table = run.history("loss")
            assert table.column("step").to_pylist() == list(range(ROWS))
            assert table.column("loss").to_pylist() == [0.5] * ROWS


def agents_of(home: Path) -> set[str]:
    """Versions of the agents that served a home."""
    lines = agent_log(home).splitlines()
    return {line.split(" agent ")[1].split()[0] for line in lines if " agent " in line and f" of {home}" in line}


@pytest.mark.parametrize("first", ["this", "other"])
def test_two_versions_record_into_one_home(home: Path, other_version: Path, first: str) -> None:
    """They share a ring layout, so the agent of whichever came first drains both."""
    packages = {"this": None, "other": other_version}
    (second,) = packages.keys() - {first}
    trainers = {first: Trainer(home, first, packages[first])}
    wait_for(lambda: "adopted" in agent_log(home), what="the agent of the first to be at work")
    trainers[second] = Trainer(home, second, packages[second])
    assert trainers["other"].file.is_relative_to(other_version)
    assert not trainers["this"].file.is_relative_to(other_version)
    for _ in range(4):
        for trainer in trainers.values():
            trainer.log(ROWS // 4)
    for trainer in trainers.values():
        trainer.end()
    assert_whole(home, {"this": VERSION, "other": OTHER})
    assert agents_of(home) == {VERSION if first == "this" else OTHER}


def test_two_versions_record_into_two_homes(home: Path, tmp_path: Path, other_version: Path) -> None:
    second = tmp_path / "second"
    trainers = [Trainer(home, "this"), Trainer(second, "other", other_version)]
    for _ in range(4):
        for trainer in trainers:
            trainer.log(ROWS // 4)
    for trainer in trainers:
        trainer.end()
    assert_whole(home, {"this": VERSION})
    assert_whole(second, {"other": OTHER})
    assert agents_of(home) == {VERSION}
    assert agents_of(second) == {OTHER}
    shutil.rmtree(Home(second).mailbox(_core.RING_LAYOUT))
