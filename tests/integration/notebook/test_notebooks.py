"""Whole notebooks, executed as `jupyter execute` does: the example, and one whose cell fails."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

import stepwell
from stepwell.home import Home
from support import wait_for

EXAMPLE = Path(__file__).parents[3] / "examples" / "notebook.ipynb"
QUICK = "settings={'capture': False}"


def notebook_of(cells: Sequence[str]) -> nbformat.NotebookNode:
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])


def execute(notebook: nbformat.NotebookNode, folder: Path) -> None:
    NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    ).execute()


def state_of(run: str) -> str:
    with stepwell.Api() as api:
        return api.run(run).state


def test_the_example_runs_and_shows_what_it_recorded(home: Path, tmp_path: Path) -> None:
    notebook = nbformat.read(EXAMPLE, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code), "outputs are stripped"
    execute(notebook, tmp_path)
    by_source = {cell.source: [output.get("data", {}) for output in cell.outputs] for cell in code}
    shown = {source: outputs[-1].get("text/html", "") for source, outputs in by_source.items() if outputs}
    assert "see it: stepwell ui" in next(html for source, html in shown.items() if "stepwell.init" in source)
    assert "<svg" in shown['recorded.plot("train/*", smoothing=0.9)']
    assert "train/acc" in shown["api = stepwell.Api()\nrecorded = api.run(run.path)\nrecorded"]
    assert "300 rows" in shown['recorded.history("train/loss", "train/acc")']
    assert "<rect" in shown['recorded.histograms("gradient")']
    assert not any(output.get("name") == "stderr" for cell in code for output in cell.outputs)
    nbformat.validate(notebook)


@pytest.mark.parametrize(("last", "state"), [("1 / 0", "failed"), ("1 / 1", "finished")])
def test_a_notebook_that_ends_without_finish_ends_its_run_as_its_last_cell_did(
    last: str, state: str, home: Path, tmp_path: Path
) -> None:
    notebook = notebook_of([f"import stepwell; run = stepwell.init(project='nb', id='r', {QUICK})", last])
    try:
        execute(notebook, tmp_path)
    except CellExecutionError:
        assert state == "failed"
    assert Home().path == home
    wait_for(lambda: state_of("nb/r") != "running", what="the run to end with its kernel")
    assert state_of("nb/r") == state
