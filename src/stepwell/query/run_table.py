"""The table of a project's runs, in columns: only those that are shown, as arrays that a browser looks at in place.

Ten thousand runs by sixty columns are a few megabytes of numbers and short dictionaries here; as JSON they were tens,
and most of the time went into making and reading them.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from . import sql
from .filter_sql import condition
from .filters import parse
from .payload import Payload
from .sources import MetricSource

__all__ = ["KNOWN", "STATES", "TableAsked", "column_names", "run_table"]

STATES = ("unknown", "running", "finished", "failed", "crashed")
# Always there: what a row is called, found by and coloured with.
KNOWN = ("name", "tags", "env/user", "colour", "group", "notes")
_AT_ONCE = 3  # beside the one that the caller's thread asks
_PRESENT_CHARS = 2000  # a longer text (a diff, a list of packages) is no cell

_OF_PROJECT = "run IN (SELECT run FROM v_runs WHERE project = {project:String})"
_OF_RUNS = "run IN {runs:Array(UUID)}"

_ROWS = """
SELECT run, id, toUnixTimestamp64Milli(created) AS created, count() OVER () AS found{1} FROM v_runs
WHERE project = {{project:String}} AND {0} ORDER BY created DESC, id LIMIT {{limit:UInt64}}
"""

_TOTAL = "SELECT count() AS total FROM v_runs WHERE project = {project:String}"

# Writers say what happened by their own clocks: a look at the whole table, now and then, finds what this misses.
_CHANGED = (
    "(run IN (SELECT run FROM v_events WHERE time >= fromUnixTimestamp64Milli({{since:Int64}})) "
    "OR run IN (SELECT run FROM ({0}) WHERE state = 'running'))"
)

_FEW = 1000  # runs that are named; of more a change is rare, and it is looked for among all


def _states_of(within: str) -> str:
    return (
        "SELECT run, state, toUnixTimestamp64Milli(started) AS started, toUnixTimestamp64Milli(ended) AS ended, ranks "
        f"FROM ({sql.STATES_IN.format('AND ' + within)})"
    )


def _fields_of(within: str) -> str:
    return (
        "SELECT key, run, substring(str, 1, 2001) AS str, num FROM v_fields WHERE key IN {keys:Array(String)} "
        f"AND {within} ORDER BY key, run"
    )


def _lasts_of(within: str) -> str:
    return (
        "SELECT toString(metric) AS key, run, value FROM v_lasts WHERE metric IN {metrics:Array(String)} "
        f"AND {within} ORDER BY metric, run, rank LIMIT 1 BY metric, run "
        "SETTINGS output_format_arrow_low_cardinality_as_dictionary = 0"
    )


_KEYS = (
    "SELECT key, uniq(str) > 1 AS differs, count() AS runs FROM v_fields "
    "WHERE (startsWith(key, 'config/') OR startsWith(key, 'summary/')) AND length(str) <= 2000 "
    f"AND {_OF_PROJECT} GROUP BY key ORDER BY key"
)

_METRICS = f"SELECT DISTINCT toString(metric) AS name FROM lasts WHERE {_OF_PROJECT} ORDER BY name"


@dataclass(frozen=True)
class TableAsked:
    """columns: field keys (`config/model/depth`, `summary/best`, `env/host`) and `metric/NAME`.

    since: only runs that run now, or of which something was heard since then (ms since 1970).
    """

    project: str
    filters: str | None = None
    limit: int = 10_000
    columns: Sequence[str] = ()
    since: int | None = None


def run_table(metrics: MetricSource, asked: TableAsked) -> bytes:
    """The newest `limit` runs that pass the filter, as a payload (payload.py). Raises FilterError.

    Body: {"total", "found", "now", "ids", "created", "started", "ended", "state", "ranks", "columns": {NAME: COLUMN}};
    a COLUMN is {"codes", "texts"} (0 is unset, n is texts[n - 1], each the JSON text that was recorded) or
    {"numbers", "unset"}; the values of "created" and the like, "codes", "numbers" and "unset" (rows) are arrays.
    """
    now = round(time.time() * 1000)
    where, parameters = condition(parse(asked.filters)) if asked.filters else ("1", {})
    parameters |= {"project": asked.project, "limit": asked.limit}
    if asked.since is not None:
        where = f"{where} AND {_CHANGED.format(sql.STATES)}"
        parameters["since"] = asked.since
    # Five questions that need nothing of each other: asked one after the other, a core stood idle for most of the time.
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="stepwell-table") as pool:
        named = "" if asked.since is None else ", toString(run) AS uuid"
        asking = pool.submit(metrics.query_arrow, _ROWS.format(where, named), parameters)
        later = _Later(pool, metrics, asked) if asked.since is None else None
        [counted] = metrics.rows(_TOTAL, {"project": asked.project})
        found = asking.result()
        # Of a look at what is new, which is nothing for the most part, the rows are to be known first.
        return _encoded(now, counted["total"], found, later or _Later(pool, metrics, asked, _few(found)))


def _few(found: pa.Table) -> list[str] | None:
    """The runs' uuids, or None where they are too many to be named."""
    return found["uuid"].to_pylist() if found.num_rows <= _FEW else None


def _encoded(now: int, total: int, found: pa.Table, later: _Later) -> bytes:
    payload = Payload()
    runs = _key(found["run"]) if found.num_rows else None
    body: dict[str, Any] = {
        "total": total,
        "found": int(found["found"][0].as_py()) if runs is not None else 0,
        "now": now,
        "ids": found["id"].to_pylist() if runs is not None else [],
        "columns": {},
    }
    count = len(body["ids"])
    created = found["created"].to_numpy().astype(np.float64) if runs is not None else np.zeros(0)
    body["created"] = payload.add(created)
    body |= _states(later, payload, runs, count)
    body["columns"] = _columns(later, payload, runs, count)
    return payload.encode(body)


class _Later:
    """What is asked beside the rows. runs: of these alone; None: of the project, while the rows are looked for."""

    def __init__(
        self, pool: ThreadPoolExecutor, metrics: MetricSource, asked: TableAsked, runs: list[str] | None = None
    ) -> None:
        self.names = list(dict.fromkeys([*KNOWN, *asked.columns]))
        self.lasts = None
        if runs == []:
            return
        within = _OF_PROJECT if runs is None else _OF_RUNS
        of: dict[str, Any] = {"project": asked.project} if runs is None else {"runs": runs}
        lasts = [name.removeprefix("metric/") for name in self.names if name.startswith("metric/")]
        keys = [name for name in self.names if not name.startswith("metric/")]
        self.states = pool.submit(metrics.query_arrow, _states_of(within), of)
        self.fields = pool.submit(metrics.query_arrow, _fields_of(within), {**of, "keys": keys})
        if lasts:
            self.lasts = pool.submit(metrics.query_arrow, _lasts_of(within), {**of, "metrics": lasts})


def column_names(metrics: MetricSource, project: str) -> dict[str, Any]:
    """What can be shown: {"fields": [[key, whether runs differ in it, runs], ...], "metrics": [name, ...]}."""
    project_of = {"project": project}
    fields = [[row["key"], bool(row["differs"]), int(row["runs"])] for row in metrics.rows(_KEYS, project_of)]
    return {"fields": fields, "metrics": [row["name"] for row in metrics.rows(_METRICS, project_of)]}


def _key(column: pa.ChunkedArray) -> pa.Array:
    """A run's 16 bytes as something to look up by: the engines call a UUID by different names."""
    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = array.chunk(0) if array.num_chunks else pa.array([], pa.binary(16))
    storage = array.storage if isinstance(array, pa.ExtensionArray) else array
    return storage.cast(pa.binary(16)) if storage.type != pa.binary(16) else storage


def _rows_of(runs: pa.Array, wanted: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """The row of each, -1 for what is not in the table."""
    places = pc.index_in(_key(wanted), value_set=runs).fill_null(-1).to_numpy(zero_copy_only=False)
    return np.asarray(places, np.int64)


def _states(later: _Later, payload: Payload, runs: pa.Array | None, count: int) -> dict[str, int]:
    state = np.zeros(count, np.uint16)
    times = {name: np.full(count, np.nan) for name in ("started", "ended")}
    ranks = np.zeros(count, np.uint32)
    if runs is not None:
        table = later.states.result()
        if table.num_rows:
            rows = _rows_of(runs, table["run"])
            there = rows >= 0
            names = pa.array(STATES, pa.string())
            codes = pc.index_in(table["state"].cast(pa.string()), value_set=names).to_numpy()
            state[rows[there]] = codes[there]
            running = codes == STATES.index("running")
            for name, values in times.items():
                told = table[name].to_numpy().astype(np.float64)
                values[rows[there]] = np.where(running & (name == "ended"), np.nan, told)[there]
            ranks[rows[there]] = table["ranks"].to_numpy()[there]
    return {
        "state": payload.add(state),
        "ranks": payload.add(ranks),
        **{name: payload.add(values) for name, values in times.items()},
    }


def _columns(later: _Later, payload: Payload, runs: pa.Array | None, count: int) -> dict[str, Any]:
    columns: dict[str, Any] = {
        name: {"codes": payload.add(np.zeros(count, np.uint16)), "texts": []} for name in later.names
    }
    if runs is None:
        return columns
    for key, part in _slices(later.fields.result()):
        columns[key] = _field(part, _rows_of(runs, part["run"]), payload, count)
    for key, part in _slices(later.lasts.result()) if later.lasts is not None else ():
        rows = _rows_of(runs, part["run"])
        columns[f"metric/{key}"] = _numbers(part["value"].to_numpy(), rows, payload, count)
    return columns


def _slices(table: pa.Table) -> list[tuple[str, pa.Table]]:
    """By key, of a table that is sorted by it."""
    if not table.num_rows:
        return []
    runs = pc.run_end_encode(table["key"].cast(pa.string()).combine_chunks())
    ends, keys = runs.run_ends.to_pylist(), runs.values.to_pylist()
    starts = [0, *ends[:-1]]
    return [(key, table.slice(start, end - start)) for key, start, end in zip(keys, starts, ends, strict=True)]


def _field(part: pa.Table, rows: npt.NDArray[np.int64], payload: Payload, count: int) -> dict[str, Any]:
    texts = part["str"].cast(pa.string()).combine_chunks()
    numbers = part["num"].to_numpy().astype(np.float64)
    short = pc.utf8_length(texts).to_numpy(zero_copy_only=False) <= _PRESENT_CHARS
    rows = np.where(short, rows, -1)
    first = pc.utf8_slice_codeunits(texts, 0, 1)
    # true and false have numbers too; NaN and Infinity are numbers by their names; 2^53 is where doubles end.
    digits = pc.is_in(first, value_set=pa.array(list("-0123456789NI"))).to_numpy(zero_copy_only=False)
    if digits.all() and not (np.abs(numbers) >= 1 << 53).any():
        return _numbers(numbers, rows, payload, count)
    coded = texts.dictionary_encode()
    codes = np.zeros(count, np.uint32)
    there = rows >= 0
    codes[rows[there]] = coded.indices.to_numpy()[there].astype(np.uint32) + 1
    small = len(coded.dictionary) < 1 << 16
    return {"codes": payload.add(codes.astype(np.uint16) if small else codes), "texts": coded.dictionary.to_pylist()}


def _numbers(
    numbers: npt.NDArray[np.float64], rows: npt.NDArray[np.int64], payload: Payload, count: int
) -> dict[str, Any]:
    values = np.full(count, np.nan)
    unset = np.ones(count, bool)
    there = rows >= 0
    values[rows[there]] = numbers[there]
    unset[rows[there]] = False
    with np.errstate(over="ignore"):
        narrow = values.astype(np.float32)
    exact = np.array_equal(narrow.astype(np.float64), values, equal_nan=True)
    return {
        "numbers": payload.add(narrow if exact else values),
        "unset": payload.add(np.flatnonzero(unset).astype(np.uint32)),
    }
