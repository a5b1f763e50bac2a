"""Fills the embedded store of a home with runs, fast: `fill(home, Filling(...))`, or `python -m benchmarks.filling`.

For whoever needs ten thousand runs or ten million points to look at. The rows are what recorded runs come to (runs,
fields, events, scalars), made with numpy and inserted as Native blocks past ring, agent and service: about a
million points a second and a core. Everything follows from `seed`, so two fills of one Filling are the same rows.

    ids = fill(home, Filling("sweep", runs=10_000, metrics=30, steps=20, config=30, ragged=True))
    ids = fill(home, Filling("wide", metrics=1_500, steps=2_000))

No process may have the store open meanwhile: fill before `stepwell serve`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from stepwell.home import Home
from stepwell.ids import ATTEMPT_EPOCH_S, run_uuid, version_of
from stepwell.stores.local import LocalStores
from stepwell.stores.metrics import MetricStore

__all__ = ["Filling", "fill", "fill_store"]

BLOCK_ROWS = 500_000  # what the service puts into one insert (Settings.flush_rows)
NEWEST_MS = 1_767_225_600_000  # 2026-01-01
APART_MS = 60_000  # one run is begun after the other
STEP_MS = 100
USERS = ("amira", "björn", "chen", "dora")
KINDS = ("resnet", "vit", "convnext", "mlp")
DAMPED = 0.05

# What recording writes beside the points of each block (csrc/native/lasts.cc).
_LASTS = """
INSERT INTO lasts
SELECT metric, run, rank, argMax(step, version), argMax(time, version), argMax(value, version), max(version)
FROM scalars WHERE run IN (SELECT run FROM runs WHERE project = {project:String}) GROUP BY metric, run, rank
"""

Column = tuple[str, bytes]


@dataclass(frozen=True)
class Filling:
    """What to fill a store with.

    metrics: how many, named `group007/metric_03` by tens, or their names. steps: points of each. config: how many keys,
    of floats, ints, bools and strings (`config/lr`, `config/model/kind`, ..., then `config/extra/k5`, ...). tags: the
    first is given to every third run, the next to every fourth, and so on. ragged: a run lacks about a fifth of the
    metrics and config keys, and ends anywhere between a tenth and all of the steps. ranks: each with the same metrics.
    running: the newest so many have not ended. Of the others one in 20 failed and one in 50 crashed. begin: the first
    step; what was filled before it stays.
    """

    project: str
    runs: int = 1
    metrics: int | Sequence[str] = 10
    steps: int = 100
    config: int = 10
    tags: Sequence[str] = ("sweep", "baseline", "ablation")
    ragged: bool = False
    ranks: int = 1
    running: int = 0
    seed: int = 0
    begin: int = 0


def fill(home: Path | str, filling: Filling) -> list[str]:
    """The ids of the runs, oldest first. Raises StoreBusy where a process has the store open."""
    with LocalStores(Home(home)) as stores:
        return fill_store(stores.metrics, filling)


def fill_store(metrics: MetricStore, filling: Filling) -> list[str]:
    """As `fill`, of any store whose tables have been made."""
    ids = [f"r{index:06d}" for index in range(filling.runs)]
    for start in range(0, filling.runs, 2_000):
        some = range(start, min(start + 2_000, filling.runs))
        for table, block in _records(filling, ids, some):
            metrics.insert_native(table, block)
    for block in _blocks(filling, ids):
        metrics.insert_native("scalars", block)
    metrics.command(_LASTS, {"project": filling.project})
    return ids


def _records(filling: Filling, ids: list[str], some: range) -> Iterator[tuple[str, bytes]]:
    """The rows of `runs`, `fields` and `events`."""
    uuids = [run_uuid(filling.project, ids[index]).bytes for index in some]
    created = np.array([_created_ms(filling, index) for index in some], np.int64)
    yield (
        "runs",
        _native(
            len(uuids),
            run=_uuids(uuids),
            project=_strings([filling.project] * len(uuids)),
            id=_strings([ids[index] for index in some]),
            shard=("UInt32", np.zeros(len(uuids), np.uint32).tobytes()),
            created=("DateTime64(3, 'UTC')", created.tobytes()),
            version=("UInt64", ((1 << 63) - created.astype(np.uint64)).astype(np.uint64).tobytes()),
        ),
    )
    fields = [
        (uuid, key, value)
        for index, uuid in zip(some, uuids, strict=True)
        for key, value in _fields(filling, index).items()
    ]
    numbers = [float(value) if isinstance(value, (bool, int, float)) else np.nan for _, _, value in fields]
    yield (
        "fields",
        _native(
            len(fields),
            key=_strings([key for _, key, _ in fields]),
            run=_uuids([uuid for uuid, _, _ in fields]),
            str=_strings([json.dumps(value, ensure_ascii=False) for _, _, value in fields]),
            num=("Float64", np.array(numbers).tobytes()),
            source=_strings(["user"] * len(fields)),
            version=("UInt64", np.full(len(fields), version_of(1, 1), np.uint64).tobytes()),
        ),
    )
    events = [
        (uuid, rank, kind, time, body)
        for index, uuid in zip(some, uuids, strict=True)
        for rank in range(filling.ranks)
        for kind, time, body in _events(filling, index)
    ]
    sequence = np.arange(1, len(events) + 1, dtype=np.uint64)
    attempts = np.array([_attempt(filling, some.start)], np.uint64)
    yield (
        "events",
        _native(
            len(events),
            run=_uuids([event[0] for event in events]),
            writer=("UInt64", np.array([event[1] + 1 for event in events], np.uint64).tobytes()),
            row_seq=("UInt64", sequence.tobytes()),
            rank=("UInt32", np.array([event[1] for event in events], np.uint32).tobytes()),
            attempt=("UInt32", np.full(len(events), attempts[0], np.uint32).tobytes()),
            kind=_strings([event[2] for event in events]),
            step=("Int64", bytes(8 * len(events))),
            time=("DateTime64(3, 'UTC')", np.array([event[3] for event in events], np.int64).tobytes()),
            body=_strings([event[4] for event in events]),
            version=("UInt64", ((attempts << np.uint64(34)) | sequence).tobytes()),
        ),
    )


def _fields(filling: Filling, index: int) -> dict[str, Any]:
    source = np.random.default_rng((filling.seed, index, 1))
    values: dict[str, Any] = {
        "config/lr": float(10 ** source.uniform(-5, -1)),
        "config/model/kind": str(source.choice(KINDS)),
        "config/model/depth": int(source.integers(2, 48)),
        "config/augment": bool(source.random() < 0.5),
        "config/seed": index,
    }
    for extra in range(len(values), filling.config):
        values[f"config/extra/k{extra}"] = (
            float(source.normal()),
            int(source.integers(0, 1000)),
            f"value {source.integers(0, 50)}",
        )[extra % 3]
    present = source.random(len(values)) >= (0.2 if filling.ragged else 0)
    chosen = {key: values[key] for key, kept in list(zip(values, present, strict=True))[: filling.config] if kept}
    tags = [tag for place, tag in enumerate(filling.tags) if index % (place + 3) == 0]
    kind = values["config/model/kind"]
    return {"name": f"{kind}-{index:05d}", "tags": tags, "env/user": USERS[index % len(USERS)], **chosen}


def _events(filling: Filling, index: int) -> Iterator[tuple[str, int, str]]:
    begun = _created_ms(filling, index)
    yield "start", begun, "{}"
    if index >= filling.runs - filling.running:
        return
    ended = begun + filling.steps * STEP_MS
    if index % 50 == 49:
        yield "crash", ended, '{"reason": "the process ended without a word"}'
    else:
        yield "finish", ended, json.dumps({"exit_code": int(index % 20 == 19)})


def _blocks(filling: Filling, ids: list[str]) -> Iterator[bytes]:
    """The points, as a service would insert them: all metrics of a run side by side, some steps at a time."""
    parts: list[dict[str, npt.NDArray[Any] | bytes]] = []
    rows = 0
    for index, id in enumerate(ids):
        for part in _points(filling, index, run_uuid(filling.project, id).bytes):
            parts.append(part)
            rows += len(part["step"])
            if rows >= BLOCK_ROWS:
                yield _scalars(parts)
                parts, rows = [], 0
    if parts:
        yield _scalars(parts)


def _points(filling: Filling, index: int, uuid: bytes) -> Iterator[dict[str, Any]]:
    source = np.random.default_rng((filling.seed, index, 2))
    names = _metrics(filling)
    steps = filling.steps
    if filling.ragged:
        names = [name for name in names if source.random() >= 0.2] or names[:1]
        steps = max(1, int(filling.steps * source.uniform(0.1, 1)))
    packed = [_string(name) for name in names]
    amplitude = source.uniform(0.5, 4, (len(names), 1))
    tau = source.uniform(0.02, 0.5, (len(names), 1)) * steps
    slab = max(1, BLOCK_ROWS // len(names))
    attempt = np.uint64(_attempt(filling, index))
    for rank in range(filling.ranks):
        for first in range(filling.begin, filling.begin + steps, slab):
            step = np.arange(first, min(first + slab, filling.begin + steps), dtype=np.int64)
            values = amplitude * (np.exp(-step / tau) + DAMPED * source.standard_normal((len(names), len(step))))
            version = (attempt << np.uint64(34)) | (step + 1).astype(np.uint64)
            rows = values.size
            yield {
                "run": _uuid(uuid) * rows,
                "metric": b"".join(name * len(step) for name in packed),
                "rank": np.full(rows, rank, np.uint32),
                "step": np.tile(step, len(names)),
                "time": np.tile(_created_ms(filling, index) + step * STEP_MS, len(names)),
                "value": values.ravel(),
                "version": np.tile(version, len(names)),
            }


def _scalars(parts: list[dict[str, Any]]) -> bytes:
    def joined(name: str) -> bytes:
        return b"".join(bytes(part[name]) for part in parts)

    rows = sum(len(part["step"]) for part in parts)
    return _native(
        rows,
        run=("UUID", joined("run")),
        metric=("String", joined("metric")),
        rank=("UInt32", joined("rank")),
        step=("Int64", joined("step")),
        at=("Int64", bytes(8 * rows)),
        time=("DateTime64(3, 'UTC')", joined("time")),
        value=("Float64", joined("value")),
        version=("UInt64", joined("version")),
    )


def _metrics(filling: Filling) -> list[str]:
    if isinstance(filling.metrics, int):
        return [f"group{index // 10:03d}/metric_{index % 10:02d}" for index in range(filling.metrics)]
    return list(filling.metrics)


def _created_ms(filling: Filling, index: int) -> int:
    return NEWEST_MS - (filling.runs - index) * APART_MS


def _attempt(filling: Filling, index: int) -> int:
    return _created_ms(filling, index) // 1000 - ATTEMPT_EPOCH_S


# --- ClickHouse's Native format: https://clickhouse.com/docs/interfaces/formats/Native


def _native(rows: int, **columns: Column) -> bytes:
    parts = [_length(len(columns)), _length(rows)]
    for name, (kind, data) in columns.items():
        parts += [_string(name), _string(kind), data]
    return b"".join(parts)


def _length(value: int) -> bytes:
    """LEB128."""
    data = bytearray()
    while value > 127:
        data.append(value & 127 | 128)
        value >>= 7
    return bytes([*data, value])


def _string(text: str) -> bytes:
    data = text.encode()
    return _length(len(data)) + data


def _strings(texts: Sequence[str]) -> Column:
    return "String", b"".join(map(_string, texts))


def _uuid(uuid: bytes) -> bytes:
    """Two little-endian halves."""
    return uuid[7::-1] + uuid[:7:-1]


def _uuids(uuids: Sequence[bytes]) -> Column:
    return "UUID", b"".join(map(_uuid, uuids))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.filling", description=__doc__.splitlines()[0])
    parser.add_argument("home", type=Path, help="STEPWELL_HOME to fill; no service of it may run")
    parser.add_argument("project")
    for name in ("runs", "metrics", "steps", "config", "ranks", "running", "seed"):
        parser.add_argument(f"--{name}", type=int, default=getattr(Filling, name))
    parser.add_argument("--ragged", action="store_true")
    given = vars(parser.parse_args())
    home = given.pop("home")
    ids = fill(home, Filling(**given))
    print(f"{len(ids)} runs in {home}: {given['project']}/{ids[0]} to {ids[-1]}")


if __name__ == "__main__":
    main()
