"""The recorders and yardsticks that a log call is measured against, each opened the way its own quick start does.

Every peer runs in a process of its own (peer_process.py), offline and in a folder of its own, in an environment that
may hold nothing but the peer: what it imports here is the standard library's.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

__all__ = ["PEERS", "PINS", "Peer", "Pin"]

Row = dict[str, float]
Log = Callable[[Row], object]


@dataclass(frozen=True)
class Pin:
    """A package at the version that is measured. also: what it needs beside it in an environment of its own."""

    package: str
    version: str
    also: tuple[str, ...] = ()


PINS = {
    "trackio": Pin("trackio", "0.43.0"),
    "wandb": Pin("wandb", "0.31.0", ("numpy",)),
    "tensorboardX": Pin("tensorboardX", "2.6.5"),
    "tensorboard": Pin("tensorboard", "2.21.0"),
    "mlflow": Pin("mlflow", "3.17.2", ("boto3",)),
    "aim": Pin("aim", "3.29.1"),
    "comet": Pin("comet-ml", "3.58.8"),
    "neptune": Pin("neptune-scale", "0.30.0"),
}


@dataclass(frozen=True)
class Peer:
    """`pin` names one of PINS; "" is a yardstick, or stepwell itself, which both run here.

    `calls` is how many calls are timed: fewer of a slow one, so that a run takes a minute, not an hour.
    """

    name: str
    pin: str
    calls: int
    burst: int
    open: Callable[[Path], AbstractContextManager[Log]]


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


def _mlflow(asynchronous: bool) -> Callable[[Path], AbstractContextManager[Log]]:
    @contextmanager
    def opened(folder: Path) -> Iterator[Log]:
        os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
        import mlflow

        mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
        mlflow.config.enable_async_logging(asynchronous)
        step = 0

        def log(row: Row) -> None:
            nonlocal step
            mlflow.log_metrics(row, step=step)
            step += 1

        with mlflow.start_run():
            yield log

    return opened


@contextmanager
def _aim(folder: Path) -> Iterator[Log]:
    os.environ["AIM_ANALYTICS"] = "0"
    from aim import Run

    step = 0
    run = Run(repo=str(folder), system_tracking_interval=None, log_system_params=False)

    def log(row: Row) -> None:
        nonlocal step
        run.track(row, step=step)
        step += 1

    yield log
    run.close()


@contextmanager
def _comet(folder: Path) -> Iterator[Log]:
    os.environ["COMET_OFFLINE_DIRECTORY"] = str(folder)
    os.environ["COMET_LOGGING_CONSOLE"] = "ERROR"
    from comet_ml import OfflineExperiment

    experiment = OfflineExperiment(project_name="benchmark", offline_directory=str(folder), display_summary_level=0)
    step = 0

    def log(row: Row) -> None:
        nonlocal step
        experiment.log_metrics(row, step=step)
        step += 1

    yield log
    experiment.end()


@contextmanager
def _neptune(folder: Path) -> Iterator[Log]:
    from neptune_scale import Run

    run = Run(project="benchmark/benchmark", run_id="benchmark", mode="offline", log_directory=str(folder))
    step = 0

    def log(row: Row) -> None:
        nonlocal step
        run.log_metrics(data=row, step=step)
        step += 1

    yield log
    run.close()


PEERS = (
    Peer("dict copy", "", 200_000, 2_000, _dict_copy),
    Peer("stepwell", "", 200_000, 2_000, _stepwell),
    Peer("trackio", "trackio", 2_000, 100, _trackio),
    Peer("wandb (offline)", "wandb", 2_000, 100, _wandb),
    Peer("tensorboardX", "tensorboardX", 2_000, 100, _tensorboardx),
    Peer("mlflow", "mlflow", 200, 20, _mlflow(asynchronous=False)),
    Peer("mlflow (asynchronous)", "mlflow", 1_000, 50, _mlflow(asynchronous=True)),
    Peer("aim", "aim", 1_000, 50, _aim),
    Peer("comet (offline)", "comet", 1_000, 50, _comet),
    Peer("neptune (offline)", "neptune", 1_000, 50, _neptune),
)
