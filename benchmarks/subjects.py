"""What can be measured: one entry a subject, one file a subject.

A subject's module has `run(quick)`, or `run(quick, store)` where it names stores; it returns its figures, or yields
them one by one, and then those that it had before it failed are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["STORES", "SUBJECTS", "Subject", "chosen"]

STORES = ("embedded", "server")
"""chDB and files in the home; a ClickHouse server and MinIO, started for the subject."""

_QUICK_LIMIT_S = 120.0


@dataclass(frozen=True)
class Subject:
    """limit_s: after so long it is ended, with --quick after two minutes; `usual_s` is what it takes on 2 cores.

    store: one of STORES, "" where there is no choice. peers: those whose environments it needs (peers.py).
    """

    name: str
    module: str
    about: str
    usual_s: float = 20.0
    limit_s: float = 180.0
    store: str = ""
    peers: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Its name, with the store where that is a server: `reading`, `reading-server`."""
        return f"{self.name}-server" if self.store == "server" else self.name

    def seconds(self, quick: bool) -> float:
        return min(_QUICK_LIMIT_S, self.limit_s) if quick else self.limit_s


def _both(name: str, module: str, about: str, usual_s: float, limit_s: float, server: str) -> tuple[Subject, ...]:
    return (
        Subject(name, module, f"{about}: chDB and files", usual_s, limit_s, "embedded"),
        Subject(name, module, f"{about}: {server}", usual_s, limit_s, "server"),
    )


_CLICKHOUSE = "a ClickHouse server"

SUBJECTS = (
    Subject(
        "log_call",
        "log_call",
        "what `run.log` of ten floats costs the calling thread",
        90,
        300,
        peers=("trackio", "wandb", "tensorboardX", "mlflow", "aim", "comet", "neptune"),
    ),
    Subject("shapes", "shapes", "a log call as it grows: metrics, numpy scalars, threads", 30, 120),
    Subject("starting", "starting", "what it takes before the first log call", 45, 180, peers=("wandb", "mlflow")),
    Subject("histogram", "histogram", "a histogram of a million float32, calling thread", 5, 60, peers=("wandb",)),
    Subject(
        "training_loop",
        "training_loop",
        "a real training loop, with and without logging",
        100,
        480,
        peers=("wandb", "tensorboardX"),
    ),
    Subject("device", "device", "how often a log call waits for a device", 5, 60),
    Subject("codec", "codec", "bytes a value and speed of single columns, one core", 25, 120),
    *_both("end_to_end", "end_to_end", "from `run.log` to durable rows, all processes here", 85, 240, _CLICKHOUSE),
    Subject(
        "write_rate",
        "write_rate",
        "how fast other recorders write, and what it costs them",
        45,
        180,
        peers=("wandb", "tensorboardX", "aim"),
    ),
    *_both("visible", "visible", "from `run.log` to the query API", 40, 120, _CLICKHOUSE),
    Subject(
        "checkpoint", "checkpoint", "a checkpoint to MinIO, beside the plain client", 60, 240, peers=("wandb", "mlflow")
    ),
    *_both("reading", "reading", "large charts and large tables", 60, 240, _CLICKHOUSE),
    Subject(
        "peers_reading",
        "peers_reading",
        "the same charts and tables elsewhere",
        90,
        240,
        peers=("mlflow", "aim", "tensorboard"),
    ),
    Subject("schema", "schema", "90 million points in a ClickHouse server: charts, compare, tables, export", 190, 420),
    *_both("export", "export", "exact history as Arrow", 20, 120, _CLICKHOUSE),
    Subject("growth", "growth", "what a call, a block, an insert and a chart cost as a run grows", 130, 300),
    Subject("page", "page", "the page in a real browser against a live service", 80, 240),
)


def chosen(names: Sequence[str], stores: Sequence[str]) -> list[Subject]:
    """Those named (all, of none) on these stores. Raises ValueError for a name that is no subject's."""
    known = {subject.name for subject in SUBJECTS} | {subject.key for subject in SUBJECTS}
    for name in names:
        if name not in known:
            raise ValueError(f"no subject {name!r}; there are {', '.join(sorted(known))}")
    return [
        subject
        for subject in SUBJECTS
        if (not names or subject.name in names or subject.key in names)
        and (not subject.store or subject.store in stores or (subject.store == "server" and subject.key in names))
    ]
