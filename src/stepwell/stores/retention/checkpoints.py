"""Which checkpoints a project's rules no longer keep, and what becomes of their rows.

Counted in steps: what was kept at one step (parts of many ranks, a model and its average) stays or goes together. The
newest always stays: a run that is resumed needs it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ...killpoints import killpoint
from ...run_key import RunKey
from .holds import holds_of
from .records import KeepBest, RetentionStore, Rule, utc_of
from .states import later_version

__all__ = ["SpareCheckpoint", "delete", "protected_rows", "spare"]

_KEPT = """
SELECT a.run AS run, r.id AS id, a.writer AS writer, a.row_seq AS row_seq, a.name AS name, a.step AS step,
  a.time AS time, a.size AS size
FROM (SELECT run, writer, row_seq, name, step, time, size FROM v_artifacts
  WHERE kind = 'checkpoint' AND state = 'complete' AND run IN (SELECT run FROM v_runs WHERE project = {project:String})
) AS a INNER JOIN (SELECT run, id FROM v_runs WHERE project = {project:String}) AS r ON r.run = a.run
ORDER BY id, step, time
"""

# The value that stood at each step: the last one logged up to it, by the lowest rank that logged there.
_AT_STEPS = """
SELECT arrayFirstIndex(s -> s >= step, {steps:Array(Int64)}) AS place, argMax(value, (step, -toInt64(rank))) AS value
FROM v_scalars WHERE run = {run:UUID} AND metric = {metric:String} AND step <= {last:Int64} GROUP BY place
"""

_ALIASED = """
SELECT run, writer, row_seq FROM (
  SELECT project, type, name, alias, argMax(run, version) AS run, argMax(writer, version) AS writer,
    argMax(row_seq, version) AS row_seq FROM aliases GROUP BY project, type, name, alias)
"""
_USED = "SELECT DISTINCT source_run AS run, source_writer AS writer, source_row_seq AS row_seq FROM v_uses"

Row = tuple[str, int, int]


@dataclass(frozen=True)
class SpareCheckpoint:
    """One that no rule keeps. row: (run, writer, row_seq)."""

    key: RunKey
    row: Row
    name: str
    step: int
    size: int


def protected_rows(store: RetentionStore) -> set[Row]:
    """Rows of artifacts that an alias points to, or that a run has used."""
    tables = store.run_tables()
    asked = [sql for table, sql in (("aliases", _ALIASED), ("uses", _USED)) if table in tables]
    return {(str(row["run"]), int(row["writer"]), int(row["row_seq"])) for sql in asked for row in store.rows(sql)}


def spare(store: RetentionStore, rule: Rule, before: datetime, protected: set[Row]) -> Iterator[SpareCheckpoint]:
    """Of one project. before: what was kept later stays, whatever the rule says."""
    if not rule.keep_last and not rule.keep_best:
        return
    by_run: dict[str, list[dict[str, Any]]] = {}
    for row in store.rows(_KEPT, {"project": rule.project}):
        by_run.setdefault(str(row["id"]), []).append(row)
    keys = [RunKey(rule.project, id) for id in by_run]
    held = {key for start in range(0, len(keys), 500) for key in holds_of(store, keys[start : start + 500])}
    for key in keys:
        if key in held:
            continue
        rows = by_run[key.id]
        together: dict[int, list[dict[str, Any]]] = {}
        for row in rows:
            together.setdefault(int(row["step"]), []).append(row)
        kept = _kept_steps(store, key, rule, sorted(together))
        for step in sorted(set(together) - kept):
            its = [_spare(key, row) for row in together[step]]
            late = any(utc_of(row["time"]) >= before for row in together[step])
            if not late and not any(one.row in protected for one in its):
                yield from its


def _spare(key: RunKey, row: Mapping[str, Any]) -> SpareCheckpoint:
    place = (str(row["run"]), int(row["writer"]), int(row["row_seq"]))
    return SpareCheckpoint(key, place, str(row["name"]), int(row["step"]), int(row["size"]))


def _kept_steps(store: RetentionStore, key: RunKey, rule: Rule, steps: Sequence[int]) -> set[int]:
    kept = set(steps[-max(1, rule.keep_last) :])
    for best in rule.keep_best:
        kept |= _best_steps(store, key, best, steps)
    return kept


def _best_steps(store: RetentionStore, key: RunKey, best: KeepBest, steps: Sequence[int]) -> set[int]:
    """NaN is never best, nor is a step before the metric's first value. Of equals the later."""
    asked = {"run": str(key.uuid), "metric": best.metric, "steps": list(steps), "last": steps[-1]}
    found = {int(row["place"]): float(row["value"]) for row in store.rows(_AT_STEPS, asked)}
    values: list[tuple[float, int]] = []
    value = math.nan
    for place, step in enumerate(steps, 1):
        value = found.get(place, value)
        if not math.isnan(value):
            values.append((-value if best.direction == "max" else value, -step))
    return {-step for _, step in sorted(values)[: best.count]}


def delete(store: RetentionStore, spared: Iterable[SpareCheckpoint]) -> list[SpareCheckpoint]:
    """Their rows say `deleted` from now on, and keep their place, so that versions keep their numbers.

    Returns those of which that is so: a hold that came between is heeded.
    """
    by_run: dict[RunKey, list[SpareCheckpoint]] = {}
    for one in spared:
        by_run.setdefault(one.key, []).append(one)
    done: list[SpareCheckpoint] = []
    for key, its in by_run.items():
        _say(store, key, its, "deleted")
        killpoint("gc.checkpoints")
        if holds_of(store, [key]):
            _say(store, key, its, "complete")
        else:
            done += its
    return done


def _say(store: RetentionStore, key: RunKey, its: Sequence[SpareCheckpoint], state: str) -> None:
    wanted = {one.row for one in its}
    found = store.rows(
        "SELECT * FROM artifacts FINAL WHERE run = {run:UUID} AND row_seq IN {places:Array(UInt64)}",
        {"run": str(key.uuid), "places": sorted({place for _, _, place in wanted})},
    )
    rows = [row for row in found if (str(row["run"]), int(row["writer"]), int(row["row_seq"])) in wanted]
    changed = [{**row, "state": state, "version": later_version(int(row["version"]))} for row in rows]
    if changed:
        columns = list(changed[0])
        store.insert_rows("artifacts", columns, [[row[column] for column in columns] for row in changed])
