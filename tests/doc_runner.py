"""`python tests/doc_runner.py PAGE`: does what a page of documentation says, from its first block to its last.

Python blocks are one script, shell blocks run beside it in the same folder and the same STEPWELL_HOME. In a shell
block `ID` stands for the id of the last run that the page recorded.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from doc_blocks import Block, blocks_of
from support import service_address, wait_for

SHELL_S = 200
PAGE_S = 270  # hangs end here; on a busy machine a page takes its time


def run_here(arguments: list[str], folder: Path) -> str:
    """Runs Python as a reader would, and fails with all that it said."""
    # No browser to open, no packages to list a run, and a machine that is busy with other tests.
    environment = {**os.environ, "BROWSER": "true", "STEPWELL_CAPTURE": "0", "STEPWELL_RESUME_TIMEOUT_S": "60"}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, timeout=PAGE_S, capture_output=True, text=True
    )
    if done.returncode:
        pytest.fail(f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}", pytrace=False)
    return done.stdout


def main() -> int:
    page = Path(sys.argv[1]).resolve()
    names: dict[str, Any] = {"__name__": "__main__"}
    served: list[subprocess.Popen[bytes]] = []
    try:
        for block in blocks_of(page):
            if block.how not in ("run", "serves"):
                continue
            print(f"== {block}", flush=True)
            if block.language == "python":
                # As many empty lines before it as the page has: an error names the line of the page.
                exec(compile("\n" * (block.line - 1) + block.text, str(page), "exec"), names)
            elif block.language == "sql":
                _query(block)
            elif block.how == "serves":
                served.append(_serve(block))
            else:
                command = _with_id(block.text)
                subprocess.run(["bash", "-euo", "pipefail", "-c", command], check=True, timeout=SHELL_S)
    finally:
        for process in served:
            process.terminate()
            process.wait(SHELL_S)
    return 0


def _with_id(text: str) -> str:
    from stepwell.run import live

    last = live._run
    return text if last is None else re.sub(r"\bID\b", last.id, text)


def _serve(block: Block) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(["bash", "-euc", f"exec {block.text.strip()}"])
    home = Path(os.environ["STEPWELL_HOME"])
    wait_for(lambda: service_address(home) or process.poll() is not None, what=f"the service of {block}")
    if process.poll() is not None:
        raise RuntimeError(f"{block}: the service ended at once")
    return process


def _query(block: Block) -> None:
    """Each statement over this home's own tables."""
    from stepwell.home import Home
    from stepwell.stores.local import LocalStores

    with LocalStores(Home()) as stores:
        for statement in block.text.split(";"):
            if statement.strip():
                table = stores.metrics.query_arrow(statement)
                if not table.num_rows:
                    raise RuntimeError(f"{block}: no rows came back")


if __name__ == "__main__":
    sys.exit(main())
