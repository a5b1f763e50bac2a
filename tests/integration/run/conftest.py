"""Scripts in processes of their own: what a run changes in an interpreter stays out of pytest's."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

import stepwell

ReadBack = Callable[[str], Any]
Script = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def script(home: Path, tmp_path: Path) -> Script:
    """Runs Python source in an empty folder and returns how it ended."""
    folder = tmp_path / "work"
    folder.mkdir()

    def run(source: str, *arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        path = folder / "train.py"
        path.write_text("import os, sys\nimport stepwell\n" + source)
        return subprocess.run(
            [sys.executable, str(path), *arguments],
            cwd=folder,
            env={**os.environ, **(env or {})},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture
def read_back(home: Path) -> Iterator[ReadBack]:
    """`read_back("project/id")`: the run as the query API has it, from the embedded store; closed after the test."""
    with ExitStack() as stack:
        yield lambda path: stack.enter_context(stepwell.Api()).run(path)
