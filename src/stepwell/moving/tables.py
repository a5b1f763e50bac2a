"""What tables a store has, read from the store itself, and the SQL that takes rows out and sums them up.

A checksum is the sum of a hash of each row, of FINAL rows: it does not depend on their order, nor on which store
holds them. Floats are hashed by their bits, so that NaN payloads and -0.0 count.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Generator, Iterable, Iterator, Sequence
from itertools import islice, pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from ..errors import StoreError
from ..stores.cluster import SHARDS_TABLE
from ..stores.metrics import MetricStore
from .manifest import Column, RunName, Sum, Table

__all__ = [
    "RUNS_PER_QUERY", "RUNS_TABLE", "all_sums", "as_run", "fitting", "run_names", "stream_keys", "stream_rows",
    "sums_of_runs", "tables_of",
]  # fmt: skip

_NO_RUN = ""  # stands for the run where a table has no column of it
RUNS_TABLE = "runs"
RUNS_PER_QUERY = 100  # their keys travel in the query's address, which servers and proxies limit

# identity: who these tables are to the blobs beside them, which others are beside others.
_OWN_OF_THE_STORE = frozenset({"schema_version", "schema_lock", "identity", SHARDS_TABLE})
_FLOAT = re.compile(r"Float(32|64)")
_FLOATS = re.compile(r"Array\(Float(32|64)\)")
_MAYBE_FLOAT = re.compile(r"Nullable\(Float(32|64)\)")
# Blocks small enough that a few of them are nothing; a sort that would not fit goes to the store's disk.
_BOUNDED = "max_block_size = 16384, max_bytes_before_external_sort = 268435456"


def tables_of(store: MetricStore) -> list[Table]:
    """Every table whose rows have versions, with `runs` last: a run is listed once something of it is there.

    Raises StoreError for a table whose rows have no key or version to be told apart by.
    """
    suffix = "_local" if store.sharded else ""
    kept = {
        str(row["name"]): row
        for row in store.rows(
            "SELECT name, engine_full, sorting_key FROM system.tables "
            "WHERE database = currentDatabase() AND engine LIKE '%ReplacingMergeTree' ORDER BY name"
        )
    }
    columns: dict[str, list[Column]] = {}
    for row in store.rows(
        "SELECT table, name, type FROM system.columns WHERE database = currentDatabase() "
        "AND default_kind NOT IN ('MATERIALIZED', 'ALIAS', 'EPHEMERAL') ORDER BY table, position"
    ):
        columns.setdefault(str(row["table"]), []).append(Column(str(row["name"]), str(row["type"])))
    found = []
    for full, row in kept.items():
        name = full.removesuffix(suffix)
        if name in _OWN_OF_THE_STORE or name.startswith(".") or not full.endswith(suffix):
            continue
        key = tuple(part.strip(" `") for part in str(row["sorting_key"]).strip("()").split(","))
        table = Table(name, tuple(columns[full]), key)
        if not set(key) <= {column.name for column in table.columns}:
            raise StoreError(f"table {name} of {store.where} has the key {row['sorting_key']}, which cannot be moved")
        found.append(table)
    return sorted(found, key=lambda table: (table.name == RUNS_TABLE, table.name))


def fitting(wanted: Table, there: Sequence[Table]) -> str:
    """Why rows of a table cannot go into a store with these, or ""."""
    match = next((table for table in there if table.name == wanted.name), None)
    if match is None:
        return f"the store has no table {wanted.name}"
    missing = {column.name for column in wanted.columns} - {column.name for column in match.columns}
    return f"table {wanted.name} of the store has no column {min(missing)}" if missing else ""


def run_names(store: MetricStore) -> dict[str, RunName]:
    """By key. Runs in the trash are among them."""
    rows = store.rows(f"SELECT toString(run) AS key, project, id FROM {RUNS_TABLE} FINAL")
    return {str(row["key"]): RunName(str(row["project"]), str(row["id"])) for row in rows}


def all_sums(store: MetricStore, table: Table) -> dict[str, Sum]:
    """Of every run that has rows there."""
    return dict(_sums(store, table, "", {}))


def sums_of_runs(store: MetricStore, table: Table, runs: Iterable[str]) -> dict[str, Sum]:
    """Of those among these runs that have rows there."""
    if not table.has_run:
        return all_sums(store, table)
    found: dict[str, Sum] = {}
    waiting = iter(runs)
    while part := list(islice(waiting, RUNS_PER_QUERY)):
        found.update(_sums(store, table, "WHERE run IN {runs:Array(UUID)}", {"runs": part}))
    return found


def _sums(store: MetricStore, table: Table, where: str, parameters: dict[str, Any]) -> Iterator[tuple[str, Sum]]:
    run = "toString(run)" if table.has_run else f"'{_NO_RUN}'"
    sql = (
        f"SELECT {run} AS of_run, count() AS rows, sum({_row_hash(table)}) AS checksum "
        f"FROM {table.name} FINAL {where} GROUP BY of_run"
    )
    for row in store.rows(sql, parameters):
        if row["rows"]:
            yield str(row["of_run"]), Sum(int(row["rows"]), int(row["checksum"]))


def stream_rows(
    store: MetricStore, table: Table, runs: Sequence[str]
) -> Generator[tuple[str, pa.RecordBatch, np.ndarray[Any, np.dtype[np.uint64]]]]:
    """(run, rows, their hashes): the runs one after another, the rows of each in the order of the table's key.

    Memory is bounded by a few blocks of the engine.
    """
    chosen = [f"{_taken(column)} AS c{number}" for number, column in enumerate(table.columns)]
    sql = f"SELECT {', '.join(chosen)}, {_row_hash(table)} AS row_hash FROM {table.name} FINAL {_where_order(table)}"
    names = [column.name for column in table.columns]
    for batch in store.stream_arrow(sql, {"runs": list(runs)} if table.has_run else {}):
        hashes = batch.column(batch.num_columns - 1).to_numpy()
        rows = pa.RecordBatch.from_arrays(batch.columns[:-1], names=names)
        for run, start, end in _stretches(rows, table):
            yield run, rows.slice(start, end - start), hashes[start:end]


def stream_keys(store: MetricStore, table: Table, run: str) -> Iterator[pa.RecordBatch]:
    """Key and newest version of a run's rows, in the order of `stream_rows`.

    Of all runs' where the run is not in the key: a row of another one may have taken the place of this one's. On a
    cluster the two may lie on different shards, and the newest is looked for.
    """
    kinds = {column.name: column for column in table.columns}
    chosen = ", ".join(f"{_taken(kinds[name])} AS c{number}" for number, name in enumerate(table.key))
    key = ", ".join(_quoted(name) for name in table.key)
    if "run" in table.key:
        sql = f"SELECT {chosen}, version AS newest FROM {table.name} FINAL {_where_order(table)}"
    else:
        sql = f"SELECT {chosen}, max(version) AS newest FROM {table.name} GROUP BY {key} ORDER BY {key}"
    for batch in store.stream_arrow(sql, {"runs": [run]} if "run" in table.key else {}):
        yield pa.RecordBatch.from_arrays(batch.columns, names=[*table.key, "version"])


def _where_order(table: Table) -> str:
    key = [_quoted(name) for name in table.key]
    if not table.has_run:
        return f"ORDER BY {', '.join(key)} SETTINGS {_BOUNDED}"
    order = ["run", *(name for name in key if name != _quoted("run"))]
    return f"WHERE run IN {{runs:Array(UUID)}} ORDER BY {', '.join(order)} SETTINGS {_BOUNDED}"


def _stretches(rows: pa.RecordBatch, table: Table) -> Iterator[tuple[str, int, int]]:
    if not rows.num_rows:
        return
    if not table.has_run:
        yield _NO_RUN, 0, rows.num_rows
        return
    of_run = rows.column(rows.schema.get_field_index("run"))
    encoded = of_run.dictionary_encode()
    indices = encoded.indices.to_numpy()
    edges = [0, *(np.flatnonzero(np.diff(indices)) + 1).tolist(), rows.num_rows]
    for start, end in pairwise(edges):
        yield str(encoded.dictionary[int(indices[start])].as_py()), start, end


def _taken(column: Column) -> str:
    """As it travels: a UUID as its text, everything else as Arrow has it."""
    return f"toString({_quoted(column.name)})" if column.type == "UUID" else _quoted(column.name)


def _row_hash(table: Table) -> str:
    return f"sipHash64({', '.join(_bits(column) for column in table.columns)})"


def _bits(column: Column) -> str:
    name = _quoted(column.name)
    if match := _FLOAT.fullmatch(column.type):
        return f"reinterpretAsUInt{match[1]}({name})"
    if match := _FLOATS.fullmatch(column.type):
        return f"arrayMap(x -> reinterpretAsUInt{match[1]}(x), {name})"
    if match := _MAYBE_FLOAT.fullmatch(column.type):
        return f"isNull({name}), reinterpretAsUInt{match[1]}(assumeNotNull({name}))"
    if column.type.startswith("Nullable("):  # a NULL would make the hash of the whole row one
        return f"isNull({name}), assumeNotNull({name})"
    return name


def _quoted(name: str) -> str:
    if not name.replace("_", "").isalnum():
        raise StoreError(f"a column {name!r} cannot be moved: its name is not letters, digits and '_'")
    return f"`{name}`"


def as_run(key: str) -> uuid.UUID | None:
    """The run's key; None for what is about no run."""
    return uuid.UUID(key) if key else None
