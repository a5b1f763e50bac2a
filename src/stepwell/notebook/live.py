"""The live view: a display that is updated in place while its runs go on, whatever the kernel's main thread is doing.

A process of its own reads and draws (`painter`), at a low priority; what it writes is passed on by the kernel's own
output thread, as printed text is: the process that trains gets no thread, and spends a millisecond a frame. Where the
embedded store is open in this very process nobody else can read it: then the kernel's event loop draws, between cells.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import NotFound, StepwellError
from ..home import Home
from ..launch import child_environment, interpreter
from ..settings import Settings
from .curves import Drawing, charts
from .frames import Asked, Frame, paint, prepared, waiting
from .options import Options
from .plot import Plot

if TYPE_CHECKING:
    from ..query.reader import Reader

__all__ = ["LiveView", "live_view"]

_READ_BYTES = 1 << 20
_FRAME_BYTES_MAX = 64 << 20
_SHARE_MAX = 0.1  # of the event loop's time


class LiveView(Plot):
    """A plot that follows its runs until they end, or until `stop`. `figure` and `save` draw how they stand then."""

    def __init__(self, display: _Display, asked: Asked, driver: _Driver) -> None:
        super().__init__(lambda: _now(asked))
        self._display, self._asked, self._driver = display, asked, driver

    def stop(self) -> None:
        """What is shown stays as it is."""
        self._driver.stop()

    @property
    def going_on(self) -> bool:
        """Whether it is still drawn anew."""
        return self._driver.going_on

    def _ipython_display_(self) -> None:
        """It stands where it was asked for already."""

    def __repr__(self) -> str:
        return f"<live view of {', '.join(self._asked.runs[:4])}>"


class _Display:
    """One output of a cell, which any message with its id replaces."""

    def __init__(self, shell: Any) -> None:
        self._kernel = shell.kernel
        self._id = uuid.uuid4().hex
        self._parent = self._kernel.get_parent()
        self.last = b""
        """What is shown now."""

    def begin(self, html: str) -> None:
        self._send("display_data", html)

    def update(self, html: str) -> None:
        self._send("update_display_data", html)

    def _send(self, kind: str, html: str) -> None:
        self.last = html.encode()
        data = {"text/html": html, "text/plain": "<live view>"}
        content = {"data": data, "metadata": {}, "transient": {"display_id": self._id}}
        kernel = self._kernel
        kernel.session.send(kernel.iopub_socket, kind, content, parent=self._parent, ident=kind.encode())


def live_view(
    source: dict[str, str],
    reader: Reader | None,
    runs: Sequence[str],
    options: Options,
    home: Home,
    *,
    serve: bool = False,
) -> LiveView:
    """Shows the view and keeps it going.

    source, serve: see Asked. reader: the one of this process where only it can read the runs.
    Raises StepwellError outside a notebook.
    """
    shell: Any = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if getattr(shell, "kernel", None) is None:
        raise StepwellError(
            "a live view needs a notebook: here `stepwell ui` opens the page, and plot() draws how the run stands now"
        )
    interval_s = Settings.load().live_interval_s
    asked = Asked(source, tuple(runs), options, interval_s, serve)
    display = _Display(shell)
    display.begin(waiting("its first points are on their way"))
    io_thread = getattr(shell.kernel, "iopub_thread", None)
    driver: _Driver
    if reader is not None or not hasattr(io_thread, "io_loop"):
        driver = _InLoop(display, reader, asked)
    else:
        driver = _Follower(display, io_thread, asked, home)
    return LiveView(display, asked, driver)


class _Driver(Protocol):
    """What goes on drawing."""

    @property
    def going_on(self) -> bool: ...

    def stop(self) -> None: ...


class _Follower:
    """Passes on the painter's frames. Everything but the start runs in the kernel's output thread."""

    def __init__(self, display: _Display, io_thread: Any, asked: Asked, home: Home) -> None:
        python = interpreter()
        if python is None:
            raise StepwellError("a live view needs a Python to draw with, and none of this installation was found")
        self._display, self._thread = display, io_thread
        self._process = subprocess.Popen(
            [python, "-m", "stepwell.notebook.painter"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the cell
            env=child_environment(home),
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        # The token, if there is one, travels by the pipe: argv and environment can be seen.
        self._process.stdin.write(json.dumps(asdict(asked)).encode() + b"\n")
        self._process.stdin.flush()
        self._fd = self._process.stdout.fileno()
        os.set_blocking(self._fd, False)
        self._held = bytearray()
        io_thread.schedule(self._attend)

    @property
    def going_on(self) -> bool:
        return self._fd >= 0

    def stop(self) -> None:
        self._thread.schedule(self._close)

    def _attend(self) -> None:
        self._thread.io_loop.add_handler(self._fd, self._on_frame, self._thread.io_loop.READ)

    def _on_frame(self, *_: object) -> None:
        try:
            data = os.read(self._fd, _READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._close()
            return
        self._held += data
        frame = b""
        while len(self._held) >= 4:
            length = int.from_bytes(self._held[:4], "big")
            if length > _FRAME_BYTES_MAX:
                self._close()
                return
            if len(self._held) < 4 + length:
                break
            frame = bytes(self._held[4 : 4 + length])  # of several that wait only the last is shown
            del self._held[: 4 + length]
        if frame:
            self._display.update(frame.decode("utf-8", "replace"))

    def _close(self) -> None:
        if self._fd < 0:
            return
        self._thread.io_loop.remove_handler(self._fd)
        self._fd = -1
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        # It ends by itself once its pipe is closed; whoever asks for the next process reaps it.
        self._process.poll()


class _InLoop:
    """Draws in the kernel's event loop, which stands still while a cell runs."""

    def __init__(self, display: _Display, reader: Reader | None, asked: Asked) -> None:
        self._display, self._reader, self._asked = display, reader, asked
        try:
            self._task = asyncio.get_running_loop().create_task(self._follow())
        except RuntimeError:
            raise StepwellError("this kernel has no event loop to update a live view in; plot() draws once") from None

    @property
    def going_on(self) -> bool:
        return not self._task.done()

    def stop(self) -> None:
        self._task.cancel()

    async def _follow(self) -> None:
        ended = last = False
        while not last:
            began = time.process_time()
            last = ended  # one frame more: the one before may have been drawn while the last points came
            try:
                frame = self._frame()
                html, ended = frame.html, frame.ended
            except StepwellError as error:
                html = waiting(str(error))
            self._display.update(html)
            await asyncio.sleep(max(self._asked.interval_s, (time.process_time() - began) / _SHARE_MAX))

    def _frame(self) -> Frame:
        if self._reader is None:
            return paint(self._asked.source, self._asked)
        return prepared(self._reader, self._asked)()


def _now(asked: Asked) -> Drawing:
    from ..query import Api
    from ..query.records import RunKey

    with Api(**asked.source) as api:
        infos = [api.reader.run(RunKey(*run.split("/", 1))) for run in asked.runs]
        if not infos:
            raise NotFound("a live view of no runs")
        return charts(api.reader, infos, asked.options)
