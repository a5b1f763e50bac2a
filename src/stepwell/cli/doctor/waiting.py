"""What has not reached a service, and what never will without somebody's help."""

from __future__ import annotations

from collections.abc import Iterator

from ...home import Home
from ..output import bytes_text
from .finding import NOTE, OK, WRONG, Finding

__all__ = ["rings_set_aside", "staging", "waiting"]


def waiting(home: Home) -> Iterator[Finding]:
    from ...spool import Spool, find_spools

    waits = False
    for path in find_spools(home.spool):
        spool = Spool.open_readonly(path)
        waits = waits or spool.pending_bytes > 0
        to = spool.destination.server or "the service of this home"
        if spool.pending_bytes:
            what = "kept offline" if spool.destination.offline else "waiting"
            do = "stepwell sync" if spool.destination.offline else "start a service (stepwell serve), or: stepwell sync"
            text = f"{bytes_text(spool.pending_bytes)} {what} for {to} in {path.name}"
            yield Finding("spool", NOTE, text, do, str(path))
        for count, what, do in (
            (spool.damaged, "damaged ranges were set aside", "they are in *.damaged there; check that disk"),
            (spool.refused, "blocks were refused by the service", "they are in *.refused there, reasons beside them"),
            (spool.on_hold, "blocks wait for a newer service", "pip install -U stepwell where the service runs"),
        ):
            if count:
                yield Finding("spool", WRONG, f"{count} {what}: {path}", do, str(path))
    if not waits:
        yield Finding("spool", OK, "nothing waits to be sent", looked=str(home.spool))


def staging(home: Home) -> Iterator[Finding]:
    from ...spool import Staged, find_staged

    staged = find_staged(home.path)
    if staged:
        size = sum(Staged.load(folder).size for folder in staged)
        text = f"{len(staged)} checkpoint{'' if len(staged) == 1 else 's'} ({bytes_text(size)}) wait for upload"
        do = "start a service (stepwell serve), or: stepwell sync"
        yield Finding("staging", NOTE, text, do, str(home.staging))


def rings_set_aside(home: Home) -> Iterator[Finding]:
    aside = sorted((home.path / "damaged").glob("*.ring"))
    if aside:
        yield Finding(
            "rings", WRONG, f"could not be read and set aside in {aside[0].parent}: {len(aside)}",
            f"{home.log / 'agent.log'} says why; what came before the damage is stored. Report it, then remove them",
            str(home.path / "damaged"),
        )  # fmt: skip
