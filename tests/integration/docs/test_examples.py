"""Every script of examples/ runs as it stands, and what it recorded is stored."""

from __future__ import annotations

import json
import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from doc_blocks import ROOT, name_of
from doc_runner import run_here
from support import REQUIRE_ALL

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
FRAMEWORKS = {"torch"}  # too large to ask for; their examples run where they are there


@pytest.mark.parametrize("example", EXAMPLES, ids=name_of)
def test_an_example_runs_and_its_runs_are_stored(example: Path, home: Path, tmp_path: Path) -> None:
    missing = [name for name in re.findall(r"^(?:import|from) (\w+)", example.read_text(), re.M) if not find_spec(name)]
    if missing:
        reason = f"{', '.join(missing)} is not installed"
        pytest.fail(reason) if REQUIRE_ALL and not FRAMEWORKS.issuperset(missing) else pytest.skip(reason)
    folder = tmp_path / "work"
    folder.mkdir()
    run_here([str(example)], folder)
    listed = run_here(["-m", "stepwell", "runs", "--json"], folder)
    states = {run["run"]: run["state"] for run in json.loads(listed)}
    assert states
    assert set(states.values()) == {"finished"}


def test_there_are_examples() -> None:
    assert EXAMPLES
