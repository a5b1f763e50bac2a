"""The process that draws a live view: `python -m stepwell.notebook.painter`, started by `live`.

Reads what to draw as one JSON line from stdin, writes a frame of HTML (u32 length, bytes) whenever there is news, and
ends with its runs, or when stdin or the process that started it does. Where the runs lie in an embedded store it sees
to it that a service has that, as `stepwell ui` does: one process may have it open, and a view must be in nobody's way.
"""

from __future__ import annotations

import json
import os
import select
import sys
import time

from ..address import fetch_info, local_service
from ..errors import AuthError, NotFound, ServiceUnavailable, StepwellError, StoreBusy
from ..home import Home
from ..launch import start_detached
from .frames import Asked, paint, waiting
from .options import Options

_SHARE_MAX = 0.1  # of a core, for drawing
_SERVICE_START_S = 30.0  # a first start makes the store's tables
_BUSY = (
    "another process has the embedded store open, perhaps an Api of this notebook: its close() lets go of it. "
    "`stepwell ui` starts a service, through which all can read."
)


def main() -> None:
    os.nice(10)
    parent, last, ended = os.getppid(), "", False
    asked = _asked(sys.stdin.readline())
    if asked.serve:
        _see_to_service(Home(asked.source["path"]))
    while os.getppid() == parent:
        began, before = time.process_time(), ended
        try:
            frame = paint(_source(asked), asked)
            html, ended = frame.html, frame.ended
        except StoreBusy:
            html = waiting(_BUSY)
        except NotFound as error:
            html = last or waiting(f"{error} yet")
        except StepwellError as error:
            html = waiting(str(error))
        cost_s = time.process_time() - began
        if html != last:
            data = html.encode("utf-8", "replace")
            sys.stdout.buffer.write(len(data).to_bytes(4, "big") + data)
            sys.stdout.buffer.flush()
            last = html
        if ended and before:
            return  # once more after the end: the picture before may have been made while the last points came
        readable, _, _ = select.select([sys.stdin], [], [], max(asked.interval_s, cost_s / _SHARE_MAX))
        if readable:
            return  # nothing more is ever said there: it was closed


def _asked(line: str) -> Asked:
    told = json.loads(line)
    options = Options(**{**told["options"], "metrics": tuple(told["options"]["metrics"])})
    return Asked(told["source"], tuple(told["runs"]), options, told["interval_s"], told["serve"])


def _source(asked: Asked) -> dict[str, str]:
    """The service of the home, if it has one now."""
    service = local_service(Home(asked.source["path"])) if asked.serve else None
    if service is None or not service.token:
        return asked.source
    return {"url": service.url, "token": service.token}


def _see_to_service(home: Home) -> None:
    """Returns when one answers; or when none can be had, and then the store itself is read."""
    if _answers(home) or not start_detached(["stepwell", "serve"], home, "serve.log"):
        return
    end = time.monotonic() + _SERVICE_START_S
    while time.monotonic() < end and not _answers(home):
        readable, _, _ = select.select([sys.stdin], [], [], 0.1)
        if readable:
            return


def _answers(home: Home) -> bool:
    service = local_service(home)
    if service is None:
        return False
    try:
        fetch_info(service.url)
    except (ServiceUnavailable, AuthError):
        return False
    return True


if __name__ == "__main__":
    main()
