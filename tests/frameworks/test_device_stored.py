"""Arrays of jax, logged by a script, as they are read back; and what a kill takes of them."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import stepwell

SCRIPT = """
import os, sys
import jax.numpy as jnp
import stepwell
run = stepwell.init(project="p", id="r", settings={"quiet": True, "capture": False, "console": False})
for step in range(50):
    run.log({"loss": jnp.float32(step), "host": float(step)}, step=step)
run.log({"weights": stepwell.Histogram(jnp.arange(10.0))}, step=50)
"""


def train(folder: Path, end: str = "") -> int:
    path = folder / "train.py"
    path.write_text(SCRIPT + end)
    done = subprocess.run([sys.executable, str(path)], capture_output=True, text=True, timeout=240, check=False)
    assert "lost" not in done.stderr
    return done.returncode


def test_a_script_that_ends_has_all_of_it_stored(jax: Any, home: Path, tmp_path: Path) -> None:
    """At exit, without `finish`."""
    pytest.importorskip("chdb")
    assert train(tmp_path) == 0
    with stepwell.Api() as api:
        run = api.run("p/r")
        assert run.state == "finished"
        table = run.history("loss", "host").to_pydict()
        assert table["loss"] == table["host"] == [float(step) for step in range(50)]
        ((step, data),) = [(row.step, row) for row in run.histograms("weights")]
        assert (step, data.count) == (50, 10)


def test_a_kill_takes_only_what_is_in_flight(jax: Any, home: Path, tmp_path: Path) -> None:
    pytest.importorskip("chdb")
    assert train(tmp_path, "os.kill(os.getpid(), 9)\n") == -signal.SIGKILL
    with stepwell.Api() as api:
        table = api.run("p/r").history("loss", "host").to_pydict()
    assert table["host"] == [float(step) for step in range(50)], "what the host knew is all there"
    assert all(value in (None, float(step)) for step, value in enumerate(table["loss"]))
    assert table["loss"][0] == 0.0, "harvested by a later call, and so kept"
