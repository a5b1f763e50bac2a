"""The state of the code: remote, commit, branch and what was changed since, asked of git.

Runs in the capture child only. Never runs a program that the repository's own configuration names (external diff, text
conversion, file system monitor), takes no lock, and is bounded in time and bytes.
"""

from __future__ import annotations

import os
import subprocess
import threading
from pathlib import Path
from typing import Any

from .redaction import redact_text, without_credentials

__all__ = ["describe_repository"]

_TIMEOUT_S = 20.0
_ANSWER_BYTES_MAX = 1 << 16


def describe_repository(folder: Path, diff_bytes_max: int) -> dict[str, Any]:
    """remote, commit, branch, dirty, untracked, diff (against the commit); empty where there is no repository."""
    top = _ask(folder, "rev-parse", "--show-toplevel")
    if not top:
        return {}
    found: dict[str, Any] = {"root": top}
    for name, arguments in (
        ("commit", ("rev-parse", "--verify", "--quiet", "HEAD")),
        ("branch", ("symbolic-ref", "--quiet", "--short", "HEAD")),
    ):
        if answer := _ask(folder, *arguments):
            found[name] = answer
    remote = _ask(folder, "config", "--get", "remote.origin.url")
    if remote:
        found["remote"] = without_credentials(remote)
    untracked, _ = _run(folder, ["ls-files", "--others", "--exclude-standard", "--directory"], _ANSWER_BYTES_MAX)
    found["untracked"] = len(untracked.splitlines())
    if "commit" not in found:
        return found
    changes = ["diff", "--no-ext-diff", "--no-textconv", "--no-color", "--submodule=short", "HEAD"]
    diff, cut = _run(Path(top), changes, diff_bytes_max)
    found["dirty"] = bool(diff)
    if diff:
        text = redact_text(diff.decode("utf-8", "replace"))
        found["diff"] = text + (f"\n[stepwell: cut at {diff_bytes_max} bytes]\n" if cut else "")
    return found


def _ask(folder: Path, *arguments: str) -> str:
    answer, _ = _run(folder, list(arguments), _ANSWER_BYTES_MAX)
    return answer.decode("utf-8", "replace").strip()


def _run(folder: Path, arguments: list[str], bytes_max: int) -> tuple[bytes, bool]:
    """(output, whether it was cut); nothing where git is not there, fails or takes too long."""
    command = ["git", "-c", "core.fsmonitor=false", "-c", "core.pager=cat", "-C", str(folder), *arguments]
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    for name in ("GIT_EXTERNAL_DIFF", "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        environment.pop(name, None)
    try:
        git = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
        )
    except OSError:
        return b"", False
    timer = threading.Timer(_TIMEOUT_S, git.kill)
    timer.start()
    assert git.stdout is not None
    with git.stdout:
        output = git.stdout.read(bytes_max + 1)
    cut = len(output) > bytes_max
    if cut:
        git.kill()
    code = git.wait()
    timer.cancel()
    return (output[:bytes_max], cut) if cut or code == 0 else (b"", False)
