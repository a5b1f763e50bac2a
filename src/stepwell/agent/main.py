"""`python -m stepwell.agent`: command line, log, signals."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from ..errors import StepwellError
from ..home import Home
from ..settings import Settings
from ..version import VERSION
from .log import open_log

__all__ = ["main"]

_log = logging.getLogger("stepwell.agent")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m stepwell.agent",
        description="Takes records from the rings of training processes, keeps them on disk and sends them on.",
    )
    parser.add_argument("--home", type=Path, default=None, help="STEPWELL_HOME (default: the environment's)")
    parser.add_argument("--once", action="store_true", help="drain and send what is there, then exit")
    parser.add_argument(
        "--sync", nargs="*", type=Path, metavar="PATH", help="send everything of these homes or spools, then exit"
    )
    options = parser.parse_args(arguments)
    home = Home(options.home)
    os.environ["STEPWELL_HOME"] = str(home.path)  # so that everything started or looked up from here means this one
    open_log(home)
    try:
        settings = Settings.load()
        if options.sync is not None:
            from .sync import sync

            report = sync(home, options.sync)
            sys.stdout.write(f"{report}\n")
            return 0 if report.complete else 1
        from .agent import serve_mailbox

        _log.info("agent %s of %s", VERSION, home.path)
        serve_mailbox(home, settings, once=options.once)
    except StepwellError as error:
        _log.error("%s", error)
        sys.stderr.write(f"stepwell agent: {error}\n")
        return 1
    except Exception:
        _log.exception("the agent ends on an error of its own; what it had not spooled is still in the rings")
        raise
    return 0
