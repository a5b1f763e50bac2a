"""What the demo logged, kept in memory by the demo itself, to be compared with what comes back."""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import _core
from ..query import HistogramPoint, Run
from ..query.history import column_name
from ..run import Histogram

__all__ = ["Ledger"]


@dataclass
class Ledger:
    """Logs through `log`, remembers every value, and times each call."""

    points: dict[str, dict[int, float]] = field(default_factory=dict)
    histograms: dict[str, dict[int, bytes]] = field(default_factory=dict)
    texts: dict[str, dict[int, str]] = field(default_factory=dict)
    checkpoints: dict[int, dict[str, bytes]] = field(default_factory=dict)
    scalar_call_ns: list[int] = field(default_factory=list)
    histogram_call_ns: list[int] = field(default_factory=list)

    def log(self, log: Callable[..., None], values: dict[str, Any], step: int) -> None:
        """`log(values, step=step)`, timed; what it was given is written down after the clock stopped."""
        began = time.perf_counter_ns()
        log(values, step=step)
        took = time.perf_counter_ns() - began
        scalars = True
        for name, value in values.items():
            if isinstance(value, Histogram):
                self.histograms.setdefault(name, {})[step] = value.data
                scalars = False
            elif isinstance(value, list):
                self.texts.setdefault(name, {})[step] = json.dumps(value)
                scalars = False
            else:
                self.points.setdefault(name, {})[step] = float(value)
        if scalars:
            self.scalar_call_ns.append(took)
        elif any(isinstance(value, Histogram) for value in values.values()):
            self.histogram_call_ns.append(took)

    @property
    def point_count(self) -> int:
        return sum(map(len, self.points.values()))

    @property
    def histogram_count(self) -> int:
        return sum(map(len, self.histograms.values()))

    @property
    def checkpoint_bytes(self) -> int:
        return sum(len(data) for files in self.checkpoints.values() for data in files.values())

    def differences(self, run: Run, config: dict[str, Any], folder: Path) -> list[str]:
        """Everything in which the stored run is not what was logged; empty if it is, bit for bit."""
        found = [*self._scalars(run), *self._histograms(run), *self._texts(run), *self._checkpoints(run, folder)]
        if run.config != config:
            found.append(f"config came back as {run.config!r}")
        if run.state != "finished":
            found.append(f"the run's state is {run.state}, not finished")
        for event in run.events:
            lost = {name: event.body.get(name, 0) for name in ("dropped", "refused")}
            if event.kind == "finish" and any(lost.values()):
                found.append(f"the run itself says what it lost: {lost}")
        return found

    def _scalars(self, run: Run) -> list[str]:
        table = run.history()
        wrong = []
        columns = {column_name(name) for name in self.points}
        if set(table.column_names) != {"step", "rank", *columns}:
            wrong.append(f"metrics came back as {sorted(table.column_names)}")
            return wrong
        if set(table["rank"].to_pylist()) != {0}:
            wrong.append("points came back under other ranks than 0")
        steps = table["step"].to_pylist()
        if steps != sorted(set().union(*self.points.values())):
            wrong.append(f"{len(steps)} rows came back, not the steps that were logged")
        for name, logged in self.points.items():
            values = table[column_name(name)].to_pylist()
            stored = {step: value for step, value in zip(steps, values, strict=True) if value is not None}
            if stored.keys() != logged.keys():
                wrong.append(f"{name}: {len(stored)} points came back of {len(logged)}")
            elif any(_bits(stored[step]) != _bits(value) for step, value in logged.items()):
                wrong.append(f"{name}: a value came back with other bits")
        return wrong

    def _histograms(self, run: Run) -> list[str]:
        wrong = []
        for name, logged in self.histograms.items():
            stored = {point.step: _comparable(_of_point(point)) for point in run.histograms(name)}
            expected = {step: _comparable(_core.histogram_decode(data)) for step, data in logged.items()}
            if stored != expected:
                wrong.append(f"{name}: histograms came back different ({len(stored)} of {len(expected)})")
        return wrong

    def _texts(self, run: Run) -> list[str]:
        wrong = []
        for name, logged in self.texts.items():
            rows = run.texts(name).to_pylist()
            stored = {row["step"]: json.loads(row["value"]) for row in rows}
            if stored != {step: json.loads(text) for step, text in logged.items()}:
                wrong.append(f"{name}: came back different")
        return wrong

    def _checkpoints(self, run: Run, folder: Path) -> list[str]:
        wrong = []
        stored = {checkpoint.step: checkpoint for checkpoint in run.checkpoints()}
        if stored.keys() != self.checkpoints.keys():
            wrong.append(f"checkpoints of steps {sorted(stored)} came back, not of {sorted(self.checkpoints)}")
        for step, files in self.checkpoints.items():
            if step not in stored:
                continue
            paths = stored[step].download(folder / str(step))
            if {path.name: path.read_bytes() for path in paths} != files:
                wrong.append(f"checkpoint of step {step}: its bytes came back different")
        return wrong


def _bits(value: float) -> bytes:
    return struct.pack("<d", value)


_EXACT = ("sum", "sum2", "min", "max")


def _of_point(point: HistogramPoint) -> dict[str, Any]:
    return {name: getattr(point, name) for name in HistogramPoint.__dataclass_fields__}


def _comparable(histogram: dict[str, Any]) -> dict[str, Any]:
    """Floats by their bits."""
    whole = {name: int(histogram[name]) for name in ("count", "nan", "pos_inf", "neg_inf")}
    floats = {name: _bits(histogram[name]) for name in _EXACT}
    lists = {name: [int(value) for value in histogram[name]] for name in ("buckets", "counts")}
    return {**whole, **floats, **lists, "edges": [_bits(edge) for edge in histogram["edges"]]}
