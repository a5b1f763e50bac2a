"""`python -m benchmarks.one SUBJECT FILE [--quick]`: measures one subject here, each figure a line of the file at once.

Called by running.py; by hand for a profiler or a debugger.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .environments import Absent
from .figures import Figure, missing, to_json
from .subjects import STORES, Subject, chosen

__all__ = ["main"]


def main(key: str, file: Path, quick: bool) -> None:
    subject = next(one for one in chosen([key], STORES) if one.key == key)
    measured = importlib.import_module(f".{subject.module}", __package__)
    with file.open("w") as out:
        for figure in _figures(measured, subject, quick):
            out.write(json.dumps(to_json(figure)) + "\n")
            out.flush()


def _figures(measured: Any, subject: Subject, quick: bool) -> Iterator[Figure]:
    try:
        yield from measured.run(quick, subject.store) if subject.store else measured.run(quick)
    except Absent as why:  # a server, a browser: nothing is wrong with the subject
        yield missing(subject.key, str(why))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), "--quick" in sys.argv)
