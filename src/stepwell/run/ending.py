"""How a process ends, noted on the way: the exit code of an uncaught exception or of `sys.exit`, and a call at exit.

In a notebook the last cell's error counts, and a kernel that is restarted under its run has not finished it.

Changes `sys.excepthook` and `sys.exit` while a run is live, calls what was there before, and puts it back where it is
still ours. A `raise SystemExit(3)` that never comes by `sys.exit` cannot be seen from here and counts as 0.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, NoReturn

from .kernel import restarting
from .notices import say

__all__ = ["Ending", "exit_code_of"]


class Ending:
    """Calls `finish(exit_code)` when the process ends in order, unless `stop` was called before.

    leave: called in its place where a notebook's kernel is restarted.
    """

    def __init__(self, finish: Callable[[int], None], leave: Callable[[], None]) -> None:
        self._finish = finish
        self._leave = leave
        self._exit_code = 0
        self._pid = os.getpid()

    def start(self) -> None:
        self._old_hook, self._old_exit = sys.excepthook, sys.exit
        self._our_hook, self._our_exit = self._make_hook(), self._make_exit()
        sys.excepthook = self._our_hook
        sys.exit = self._our_exit
        atexit.register(self._at_exit)
        _end_with_multiprocessing(self._at_multiprocessing_exit)

    def stop(self) -> None:
        if sys.excepthook is self._our_hook:
            sys.excepthook = self._old_hook
        if sys.exit is self._our_exit:
            sys.exit = self._old_exit
        atexit.unregister(self._at_exit)

    def after_cell(self, error: BaseException | None) -> None:
        """Of a notebook; the last one counts."""
        self._exit_code = 0 if error is None else exit_code_of(error)

    def _make_hook(self) -> Callable[[type[BaseException], BaseException, TracebackType | None], Any]:
        old = self._old_hook

        def excepthook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> Any:
            self._exit_code = exit_code_of(error)
            return old(kind, error, trace)

        return excepthook

    def _make_exit(self) -> Callable[..., NoReturn]:
        old = self._old_exit

        def exit_noted(status: Any = None, /) -> NoReturn:
            if threading.current_thread() is threading.main_thread():
                self._exit_code = exit_code_of(SystemExit(status))
            old(status)

        return exit_noted

    def _at_exit(self) -> None:
        if restarting():
            self._leave()
            return
        try:
            self._finish(self._exit_code)
        except KeyboardInterrupt:
            say("the wait at the end was interrupted; what was recorded is kept, and `stepwell sync` sends it")

    def _at_multiprocessing_exit(self) -> None:
        error = sys.exc_info()[1]  # it runs in a `finally`
        self._finish(self._exit_code if error is None else exit_code_of(error))


def exit_code_of(error: BaseException) -> int:
    """What the interpreter would exit with."""
    if isinstance(error, KeyboardInterrupt):
        return 130
    if not isinstance(error, SystemExit):
        return 1
    if error.code is None:
        return 0
    return error.code & 0xFF if isinstance(error.code, int) else 1


def _end_with_multiprocessing(function: Callable[[], None]) -> None:
    """A child of multiprocessing leaves by os._exit and runs its own exit functions, not atexit's."""
    process = sys.modules.get("multiprocessing.process")
    util = sys.modules.get("multiprocessing.util")
    if process is not None and util is not None and process.parent_process() is not None:
        util.Finalize(None, function, exitpriority=100)
