"""The numbers that are to be reached, by row, and which figures answer each: the one table that ends a run.

A row's asked figures carry their targets themselves (figures.py); here stands where they are found, and what stands
beside them. Patterns are of `SUBJECT/what`, as fnmatch reads them; `SUBJECT*` takes both stores.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from .figures import Figure
from .running import Result

__all__ = ["ROWS", "Asked", "Beside", "Line", "Row", "lines"]


@dataclass(frozen=True)
class Asked:
    """A part of a row. figure: a pattern; beside: patterns of what it is compared with, of the same unit.

    lacking: why there may be none on some machines, said where no subject has given a reason.
    """

    figure: str
    beside: tuple[str, ...] = ()
    lacking: str = "not measured"


@dataclass(frozen=True)
class Row:
    number: int
    what: str
    asked: tuple[Asked, ...]


@dataclass(frozen=True)
class Beside:
    """A peer's figure; ratio: how many times ours it is (below 1: less than ours). absent: why there is none."""

    what: str
    figure: Figure
    ratio: float | None


@dataclass(frozen=True)
class Line:
    """figure: None where there is none, and then `why`."""

    row: int
    what: str
    figure: Figure | None
    beside: tuple[Beside, ...] = ()
    why: str = ""


_TRACES = (
    "float32 noise",
    "float32 uniform noise",
    "float64 noise",
    "cosine learning rate",
    "k/256 accuracy",
    "3-decimal milliseconds",
    "jittered ns timestamps",
)
_GPU = "no GPU here"

ROWS = (
    Row(
        1,
        "run.log of 10 floats, calling thread",
        (
            Asked("log_call/stepwell, p50", ("log_call/*, p50",)),
            Asked("log_call/stepwell, p99.9", ("log_call/*, p99.9",)),
            Asked("log_call/stepwell, p50 as dict copies"),
        ),
    ),
    Row(
        2,
        "1 to 1,000 metrics a call, numpy scalars, 8 threads",
        (
            Asked("shapes/each further metric, from 10 to 1,000", ("shapes/dict copy, each further*",)),
            Asked("shapes/each of 10 numpy scalars", ("shapes/dict copy, each of 10",)),
            Asked(
                "shapes/each of 10 metrics, from 8 threads",
                ("shapes/each of 10 metrics, from one thread", "shapes/dict copy, each of 10"),
            ),
            Asked("shapes/each of 10 metrics, 64 sets taking turns", ("shapes/dict copy, each of 10",)),
        ),
    ),
    Row(
        3,
        "histogram of 1M float32",
        (Asked("histogram/stepwell", ("histogram/numpy.histogram*", "histogram/wandb*", "histogram/memcpy")),),
    ),
    Row(
        4,
        "step time of a training loop with 50 scalars, 20 histograms",
        (
            Asked(
                "training_loop/CPU, stepwell, overhead",
                ("training_loop/CPU, *, overhead", "training_loop/CPU, *, inside*"),
            ),
            Asked("training_loop/GPU, stepwell, overhead", ("training_loop/GPU, *, overhead",), _GPU),
        ),
    ),
    Row(5, "synchronisations caused by log on a GPU", (Asked("device/run.log, *", ("device/item*",), _GPU),)),
    Row(6, "bytes a point", tuple(Asked(f"codec/{name}, stepwell", (f"codec/{name}, *",)) for name in _TRACES)),
    Row(
        7,
        "encode and decode, one core",
        (
            *(
                Asked(
                    f"codec/cosine learning rate, {verb}, stepwell",
                    (f"codec/cosine learning rate, {verb}, pcodec", f"codec/cosine learning rate, {verb}, memcpy"),
                )
                for verb in ("encode", "decode")
            ),
            *(Asked(f"codec/worst trace, {verb}, stepwell") for verb in ("encode", "decode")),
        ),
    ),
    Row(
        8,
        "log to stored, sustained 30 s",
        (
            Asked("end_to_end*/log to stored, *", ("end_to_end/bare insert*", "write_rate/*, written")),
            Asked("end_to_end*/share of the bare insert, *"),
            Asked("end_to_end*/points not stored, *"),
        ),
    ),
    Row(
        9,
        "log to visible in the query API",
        (Asked("visible*/log to query API, p50"), Asked("visible*/log to query API, p99")),
    ),
    Row(
        10,
        "memory",
        (
            Asked("end_to_end*/agent, memory", ("write_rate/*, memory beside it",)),
            Asked("end_to_end*/training process, memory added", ("write_rate/*, memory added",)),
            Asked("end_to_end*/service *, memory when idle"),
        ),
    ),
    Row(
        11,
        "CPU a million points",
        (
            Asked("end_to_end*/agent, CPU", ("write_rate/*, CPU",)),
            Asked("end_to_end*/service *, CPU", ("end_to_end/bare insert with chDB, CPU",)),
        ),
    ),
    Row(
        12,
        "1 GiB checkpoint to MinIO",
        (
            Asked("checkpoint/share of the plain client", ("checkpoint/share that these processors allow",)),
            Asked(
                "checkpoint/log_checkpoint to complete",
                ("checkpoint/*the plain minio client", "checkpoint/*, artifact"),
            ),
            Asked("checkpoint/the caller is held", ("checkpoint/*, the caller is held",)),
            Asked("checkpoint/service memory over idle, peak"),
        ),
    ),
    Row(
        13,
        "large charts, a large table",
        (
            Asked("reading*/chart of one metric*, p95", ("peers_reading/*chart of one metric*",)),
            Asked("reading*/chart of * runs of *, p95", ("peers_reading/*chart of * runs*",)),
            Asked("reading*/table of * runs with a filter, p95", ("peers_reading/*table of*",)),
            Asked("schema/*, p95"),
        ),
    ),
    Row(14, "exact export to Arrow", (Asked("export*/export, *"), Asked("schema/export*"))),
    Row(
        15,
        "import stepwell; stepwell.init()",
        (
            Asked("starting/import stepwell", ("starting/import *",)),
            Asked("starting/stepwell.init()", ("starting/*init*", "starting/*start_run*")),
        ),
    ),
)


def lines(results: Mapping[str, Result], rows: Sequence[Row] = ROWS) -> list[Line]:
    """One a figure that a row asks for; a part of a row without figures has one that says why."""
    known = [(f"{key}/{figure.what}", key, figure) for key, result in results.items() for figure in result.figures]
    found = []
    for row in rows:
        for asked in row.asked:
            own = [(name, key, figure) for name, key, figure in known if fnmatchcase(name, asked.figure)]
            for name, key, figure in own:
                if figure.values:
                    found.append(Line(row.number, _named(key, figure), figure, _beside(name, figure, asked, known)))
                else:
                    found.append(Line(row.number, _named(key, figure), None, (), figure.absent))
            if not own:
                found.append(Line(row.number, asked.figure.partition("/")[2], None, (), _reason(asked, results)))
    return found


def _beside(name: str, ours: Figure, asked: Asked, known: Sequence[tuple[str, str, Figure]]) -> tuple[Beside, ...]:
    found = []
    for pattern in asked.beside:
        for other, _, figure in known:
            if not fnmatchcase(other, pattern) or other == name or figure.what == ours.what:
                continue
            if figure.values and figure.unit == ours.unit:
                found.append(Beside(figure.what, figure, figure.median / ours.median if ours.median else None))
            elif not figure.values:
                found.append(Beside(figure.what, figure, None))
    return tuple(found)


def _named(key: str, figure: Figure) -> str:
    return f"{figure.what} (server)" if key.endswith("-server") else figure.what


def _reason(asked: Asked, results: Mapping[str, Result]) -> str:
    subject = asked.figure.partition("/")[0]
    of = [result for key, result in results.items() if fnmatchcase(key, subject)]
    failed = [f"failed: {result.failed}" for result in of if result.failed]
    absent = [figure.absent for result in of for figure in result.figures if figure.absent]
    return (failed or absent or [asked.lacking])[0]
