"""The machine in figures while runs are live on it: when a sample is due, who takes it, and as whose it is kept.

The drain's thread only looks at the clock and takes what is there. Reading is a thread's own affair (and each kind of
device has one more, hardware/probe.py): a driver that hangs keeps its own figures back, and no record in any ring.
"""

from __future__ import annotations

import logging
import queue
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from .. import _core
from ..home import Home
from ..settings import Settings
from ..spool import Destination

if TYPE_CHECKING:
    from ..hardware import Probe
    from ..hardware.processes import Processes

__all__ = ["LiveRun", "Sample", "Sampling", "Writers"]

_log = logging.getLogger("stepwell.agent")

_SECOND_S = 1.0
"""Between a run's first sample, which has no rates yet, and its second: also a short run has some."""
_FIGURES_MAX = 10_000
"""In one sample: a plugin that gives ever new names must not fill the spool."""


@dataclass(frozen=True)
class LiveRun:
    """A run with a live process on this host. interval_s: 0 where it is not to be sampled."""

    destination: Destination
    project: str
    id: str
    run: bytes
    attempt: int
    created_ms: int
    interval_s: float
    pids: tuple[int, ...]

    @property
    def key(self) -> tuple[Destination, bytes]:
        """Two services that record one run each get all samples."""
        return self.destination, self.run


@dataclass(frozen=True)
class Sample:
    """Figures by `device/metric`, at one time, for one run."""

    run: LiveRun
    time_ms: int
    figures: Mapping[str, float]


class Sampling:
    """When samples are due. `tick` is called by the agent's loop and never waits."""

    def __init__(self, home: Home, settings: Settings) -> None:
        self._home, self._settings = home, settings
        self._due: dict[tuple[Destination, bytes], float] = {}
        self._seen: set[tuple[Destination, bytes]] = set()
        self._asked: queue.SimpleQueue[Sequence[LiveRun] | None] = queue.SimpleQueue()
        self._taken: queue.SimpleQueue[list[Sample]] = queue.SimpleQueue()
        self._look_at = 0.0
        self._busy = False
        self._thread: threading.Thread | None = None

    def tick(self, live: Callable[[], Sequence[LiveRun]]) -> Iterator[Sample]:
        """Samples that have been taken since, after a look at whether others are due.

        live: asked once a second, or as often as a run wants samples.
        """
        now = time.monotonic()
        if not self._busy and now >= self._look_at:
            due = self._those_due(live(), now)
            self._look_at = min([now + _SECOND_S, *self._due.values()])
            if due:
                self._ask(due)
        while True:
            try:
                samples = self._taken.get_nowait()
            except queue.Empty:
                return
            self._busy = False
            yield from samples

    def close(self) -> None:
        """Lets the threads end; waits for none."""
        if self._thread is not None:
            self._asked.put(None)

    def _those_due(self, live: Sequence[LiveRun], now: float) -> list[LiveRun]:
        """Runs that are due within half an interval come along, so that soon all are sampled at the same moments."""
        wanted = {run.key: run for run in live if run.interval_s > 0}
        self._due = {key: self._due.get(key, now) for key in wanted}
        self._seen &= wanted.keys()
        if all(due > now for due in self._due.values()):
            return []
        chosen = [run for key, run in wanted.items() if self._due[key] <= now + run.interval_s / 2]
        for run in chosen:
            wait_s = run.interval_s if run.key in self._seen else min(_SECOND_S, run.interval_s)
            self._due[run.key] = now + wait_s
            self._seen.add(run.key)
        return chosen

    def _ask(self, runs: Sequence[LiveRun]) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="sample", daemon=True)
            self._thread.start()
        self._busy = True
        self._asked.put(runs)

    def _work(self) -> None:
        try:
            devices = _Devices(self._home, self._settings)
        except Exception:  # noqa: BLE001 - said; the agent is of use without
            _log.exception("this machine cannot be sampled")
            return
        while True:
            runs = self._asked.get()
            if runs is None:
                devices.close()
                return
            samples: list[Sample] = []
            try:
                samples = devices.sample(runs)
            except Exception:  # noqa: BLE001 - a bug of ours costs this sample
                _log.exception("a sample of this machine failed")
            self._taken.put(samples)


class _Devices:
    """Everything that is read, by the sampling thread."""

    def __init__(self, home: Home, settings: Settings) -> None:
        from ..hardware import Probe, plugins
        from ..hardware.host import disk_device, find

        self._timeout_s = settings.system_timeout_s
        sysfs = Path(settings.sysfs_root)
        own: dict[str, Probe] = {
            "host": Probe("host", lambda _: find(Path("/")), sysfs),
            "disk": Probe("disk", lambda _: [disk_device(home.path)], sysfs),
        }
        self._probes = [*own.values(), *(Probe(name, found, sysfs) for name, found in plugins().items())]
        self._processes: dict[bytes, Processes] = {}
        for probe in self._probes:
            probe.start()
        for probe in own.values():
            probe.answer(self._timeout_s)  # so that the first sample has them; drivers may take their time

    def sample(self, runs: Sequence[LiveRun]) -> list[Sample]:
        time_ms = time.time_ns() // 1_000_000
        asked = [probe for probe in self._probes if probe.ask()]
        of_runs = {run.key: self._of(run) for run in runs}
        self._processes = {run.run: self._processes[run.run] for run in runs}
        shared: dict[str, float] = {}
        end = time.monotonic() + self._timeout_s
        for probe in asked:
            shared |= probe.answer(max(0.0, end - time.monotonic()))
        figures = dict(list(shared.items())[:_FIGURES_MAX])
        return [Sample(run, time_ms, {**figures, **of_runs[run.key]}) for run in runs]

    def close(self) -> None:
        for probe in self._probes:
            probe.close()

    def _of(self, run: LiveRun) -> dict[str, float]:
        from ..hardware.processes import Processes

        processes = self._processes.setdefault(run.run, Processes())
        return {f"processes/{name}": value for name, value in processes.read(run.pids).items()}


@dataclass
class _Writer:
    number: int = field(default_factory=lambda: secrets.randbits(63) | 1)
    row_seq: int = 0


class Writers:
    """Samples as blocks: for each run this agent is a writer of its own, and counts."""

    def __init__(self, host: str) -> None:
        self._host = host[:200] or "host"
        self._of: dict[tuple[Destination, bytes, int], _Writer] = {}

    def block(self, sample: Sample) -> tuple[int, _core.BlockBuilder]:
        """(writer, a builder that holds the sample)."""
        run = sample.run
        writer = self._of.setdefault((*run.key, run.attempt), _Writer())
        writer.row_seq += 1
        builder = _core.BlockBuilder(
            project=run.project, id=run.id, run=run.run, rank=0, attempt=run.attempt, writer=writer.number,
            created_ms=run.created_ms, host=self._host,
        )  # fmt: skip
        builder.add_row(list(sample.figures.items()), writer.row_seq, 0, sample.time_ms)
        return writer.number, builder
