"""What is different where the interpreter is IPython's: how a line is shown, how a cell ended, whether a restart is on.

Imports nothing of IPython or ipykernel: where they are at work, they are loaded. Under any other interpreter every
function here answers at once that there is nothing of the kind.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["CellWatch", "in_kernel", "restarting", "show"]

_LINK = re.compile(r"https?://[^\s<>\"']+[^\s<>\"'.,;:)]")
_CODE = re.compile(r"`([^`]+)`")
_STYLE = "font-size:var(--jp-ui-font-size1,13px);color:var(--jp-ui-font-color2,inherit);line-height:1.5"


def _shell() -> Any | None:
    """IPython's shell, in a terminal or a kernel."""
    get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return get_ipython() if get_ipython is not None else None


def _kernel() -> Any | None:
    return getattr(_shell(), "kernel", None)


def in_kernel() -> bool:
    """Whether this process is a notebook's kernel."""
    return _kernel() is not None


def show(lines: Sequence[str]) -> bool:
    """The lines below the running cell, links to be clicked; False where that is not to be had.

    stderr would stand there in an alarming red.
    """
    publisher = getattr(_shell(), "display_pub", None) if in_kernel() else None
    if publisher is None:
        return False
    text = "\n".join(f"stepwell: {line}" for line in lines)
    body = "<br>".join(_as_html(line) for line in lines)
    publisher.publish({"text/plain": text, "text/html": f'<div style="{_STYLE}"><b>stepwell</b> {body}</div>'})
    return True


def restarting() -> bool:
    """Whether this kernel ends because its notebook has asked for a new one."""
    message = getattr(_kernel(), "_shutdown_message", None)  # the reply it sends as it ends
    content = message.get("content") if isinstance(message, dict) else None
    return isinstance(content, dict) and bool(content.get("restart"))


class CellWatch:
    """Calls `begun` before each cell, and after it `ended` with its error or None: IPython keeps it from excepthook."""

    def __init__(self, begun: Callable[[], None], ended: Callable[[BaseException | None], None]) -> None:
        self._hooks: tuple[tuple[str, Callable[..., None]], ...] = (
            ("pre_run_cell", lambda *_: begun()),
            ("post_run_cell", lambda result=None: ended(_error_of(result))),
        )
        self._events: Any | None = None

    def start(self) -> None:
        self._events = getattr(_shell(), "events", None)
        if self._events is not None:
            for name, hook in self._hooks:
                self._events.register(name, hook)

    def stop(self) -> None:
        events, self._events = self._events, None
        if events is not None:
            for name, hook in self._hooks:
                events.unregister(name, hook)


def _error_of(result: Any) -> BaseException | None:
    """Of IPython's ExecutionResult."""
    return getattr(result, "error_before_exec", None) or getattr(result, "error_in_exec", None)


def _as_html(line: str) -> str:
    """Everything escaped; an address becomes a link, `code` code."""
    import html

    escaped = html.escape(line)
    linked = _LINK.sub(lambda found: f'<a href="{found[0]}" target="_blank" rel="noopener">{found[0]}</a>', escaped)
    return _CODE.sub(r"<code>\1</code>", linked)
