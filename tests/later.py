"""`python later.py DAYS ARGUMENT...`: stepwell with a gc whose clock is ahead, to which what is new is old.

A file of its own, run by itself: the stores and their clocks are as they are.
"""

from __future__ import annotations

import sys
from datetime import datetime, timedelta, tzinfo

from stepwell.cli.main import main
from stepwell.query import retention

DAYS = float(sys.argv.pop(1))


class Later(datetime):
    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return datetime.now(tz) + timedelta(days=DAYS)


retention.datetime = Later  # type: ignore[misc]
main()
