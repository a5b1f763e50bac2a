"""The recorders and yardsticks that a log call is measured against, each opened the way its own quick start does.

Every peer runs in a process of its own (benchmarks/log_call.py starts it), offline and in a folder of its own.
"""

from __future__ import annotations

import importlib.metadata
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PEERS", "Peer"]

Row = dict[str, float]
Log = Callable[[Row], object]


@dataclass(frozen=True)
class Peer:
    """`calls` is how many calls are timed: fewer of a slow one, so that a run takes a minute, not an hour."""

    name: str
    package: str | None
    calls: int
    burst: int
    open: Callable[[Path], AbstractContextManager[Log]]

    @property
    def version(self) -> str | None:
        """Of the package; None where it is not installed; "" for a yardstick without one."""
        if self.package is None:
            return ""
        if self.package == "stepwell":  # installed or run from its tree
            from stepwell.version import VERSION

            return VERSION
        try:
            return importlib.metadata.version(self.package)
        except importlib.metadata.PackageNotFoundError:
            return None


@contextmanager
def _dict_copy(_: Path) -> Iterator[Log]:
    yield dict.copy


@contextmanager
def _stepwell(folder: Path) -> Iterator[Log]:
    os.environ["STEPWELL_HOME"] = str(folder / "home")
    import stepwell

    run = stepwell.init(project="benchmark", name="log call", settings={"quiet": True, "console": False})
    yield run.log
    run.finish()


@contextmanager
def _trackio(folder: Path) -> Iterator[Log]:
    os.environ["TRACKIO_DIR"] = str(folder)
    os.environ["HF_HUB_OFFLINE"] = "1"
    import trackio

    trackio.init(project="benchmark", embed=False)
    yield trackio.log
    trackio.finish()


@contextmanager
def _wandb(folder: Path) -> Iterator[Log]:
    os.environ["WANDB_SILENT"] = "true"
    import wandb

    run = wandb.init(project="benchmark", mode="offline", dir=str(folder))
    yield run.log
    run.finish()


@contextmanager
def _tensorboardx(folder: Path) -> Iterator[Log]:
    from tensorboardX import SummaryWriter

    step = 0

    def log(row: Row) -> None:
        nonlocal step
        for name, value in row.items():
            writer.add_scalar(name, value, step)
        step += 1

    with SummaryWriter(str(folder)) as writer:
        yield log


PEERS = (
    Peer("dict copy", None, 200_000, 2_000, _dict_copy),
    Peer("stepwell", "stepwell", 200_000, 2_000, _stepwell),
    Peer("trackio", "trackio", 2_000, 100, _trackio),
    Peer("wandb (offline)", "wandb", 2_000, 100, _wandb),
    Peer("tensorboardX", "tensorboardX", 2_000, 100, _tensorboardx),
)
