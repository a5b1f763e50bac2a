"""Reading from the stores themselves: in the service, and in a process that opens the embedded ones.

Makes no schema and writes nothing. Thread-safe as the stores are.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from datetime import datetime, timezone
from itertools import chain
from typing import Any, Protocol

import pyarrow as pa

from ..errors import FilterError, NotFound, RunTrashed, StoreError
from ..stores.retention.gc import CollectedBlobs
from ..stores.retention.records import RetentionStore
from ..stores.retention.states import PURGED, TRASHED, removals_of
from . import artifact_rows, artifact_uses, sql
from .edits import apply_edit, checked
from .filter_sql import condition
from .filters import parse
from .history import Key, Repeated, chosen, history_schema, once, widen
from .reader import CONSOLE_SCHEMA, HISTOGRAM_SCHEMA, LONG_SCHEMA, PAGE, SYSTEM_SCHEMA, TEXT_SCHEMA
from .records import ArtifactInfo, Event, LastStep, MetricInfo, RunInfo, RunKey
from .retention import LocalRetention
from .series_tables import Series, SeriesAsked
from .system import matching

__all__ = ["BlobSource", "LocalReader", "MetricSource", "is_cut", "utc"]


class MetricSource(RetentionStore, Protocol):
    """What reading needs of stores.metrics.MetricStore."""

    def query_arrow(self, sql: str, parameters: Mapping[str, Any] | None = None) -> pa.Table: ...

    def stream_arrow(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Iterator[pa.RecordBatch]: ...


class BlobSource(CollectedBlobs, Protocol):
    """What reading needs of stores.blobs.BlobStore."""

    def has(self, digest: str) -> bool: ...

    def open(self, digest: str, offset: int = 0, length: int | None = None) -> Iterator[bytes]: ...


class LocalReader:
    """See reader.Reader for what each method promises."""

    def __init__(self, metrics: MetricSource, blobs: BlobSource, where: str = "local stores") -> None:
        self._metrics = metrics
        self._blobs = blobs
        self._where = where

    def __repr__(self) -> str:
        return f"LocalReader({self._where})"

    @property
    def where(self) -> str:
        return self._where

    @property
    def source(self) -> dict[str, str]:
        return {}

    @property
    def retention(self) -> LocalRetention:
        return LocalRetention(self._metrics, self._blobs)

    # --- runs

    def runs(
        self,
        *,
        project: str | None = None,
        id: str | None = None,
        filters: str | None = None,
        limit: int = PAGE,
        offset: int = 0,
        last: bool = False,
    ) -> list[RunInfo]:
        wanted, parameters = ["1"], {"limit": limit, "offset": offset}
        for name, value in (("project", project), ("id", id)):
            if value is not None:
                wanted.append(f"{name} = {{{name}:String}}")
                parameters[name] = value  # type: ignore[assignment]
        if filters:
            clause, bound = condition(parse(filters))
            wanted.append(clause)
            parameters |= bound
        return self._described(self._filtered(sql.RUNS.format(" AND ".join(wanted)), parameters, filters), last)

    def run(self, key: RunKey) -> RunInfo:
        parameters = {"run": str(key.uuid), "limit": 1, "offset": 0}
        found = self._metrics.rows(sql.RUNS.format("run = {run:UUID}"), parameters)
        if not found:
            raise self._missing(key)
        return self._described(found, last=True)[0]

    def _missing(self, key: RunKey) -> NotFound:
        was = removals_of(self._metrics, [key])[key]
        when = f"on {was.time:%Y-%m-%d} by {was.who}{f' ({was.reason})' if was.reason else ''}"
        if was.state == TRASHED:
            return RunTrashed(f"{key} was put in the trash {when}: `stepwell restore {key}` brings it back")
        if was.state == PURGED:
            return NotFound(f"{key} was purged {when}: nothing is left of it")
        return NotFound(f"no run {key} in {self.where}")

    def _filtered(self, query: str, parameters: dict[str, Any], filters: str | None) -> list[dict[str, Any]]:
        try:
            return self._metrics.rows(query, parameters)
        except StoreError as error:
            if filters and "regex" in str(error).lower():  # Python's and RE2's syntax differ in look-around
                raise FilterError(f"a regular expression in this filter is not RE2: {filters}", filters, 0) from error
            raise

    def _described(self, found: list[dict[str, Any]], last: bool) -> list[RunInfo]:
        if not found:
            return []
        runs = {"runs": [row["uuid"] for row in found]}
        states = {row.pop("uuid"): row for row in self._metrics.rows(sql.STATES_OF, runs)}
        fields = _grouped(self._metrics.rows(sql.FIELDS, runs), "key", "str")
        values = _grouped(self._metrics.rows(sql.LAST, runs), "name", "value") if last else {}
        infos = []
        for row in found:
            info = RunInfo(
                key=RunKey(row["project"], row["id"]),
                created=utc(row["created"]),
                state="unknown",
                fields=fields.get(row["uuid"], {}),
                last=values.get(row["uuid"], {}),
            )
            state = states.get(row["uuid"])
            if state is not None:
                info = replace(
                    info,
                    state=state["state"],
                    started=utc(state["started"]),
                    ended=None if state["state"] == "running" else utc(state["ended"]),
                    attempts=int(state["attempts"]),
                    ranks=int(state["ranks"]),
                )
            infos.append(info)
        return infos

    # --- series

    def metrics(self, key: RunKey) -> list[MetricInfo]:
        rows = self._metrics.rows(sql.METRICS, _run(key))
        infos = []
        for row in rows:
            if row["kind"] != "scalar":
                row |= {"last": None, "min": None, "max": None}
            infos.append(MetricInfo(**row))
        return sorted(infos, key=lambda info: (info.name, info.kind))

    def history(
        self, keys: Sequence[RunKey], metrics: Sequence[str], *, long: bool = False, with_run: bool = False
    ) -> pa.RecordBatchReader:
        if long:
            names, tables = list(metrics), self._long(keys, metrics)
        else:
            names, tables = self._wide(keys, metrics)
        schema = history_schema(names, long=long, with_run=with_run)
        return pa.RecordBatchReader.from_batches(schema, _batches(schema, keys, tables, with_run))

    def _long(self, keys: Sequence[RunKey], metrics: Sequence[str]) -> Iterator[Iterable[pa.Table]]:
        for key in keys:
            wanted, parameters = self._points_of(key, metrics)
            yield (_shaped(pa.Table.from_batches([batch]), LONG_SCHEMA) for batch in self._points(wanted, parameters))

    def _points(self, wanted: str, parameters: dict[str, Any]) -> Iterator[pa.RecordBatch]:
        """In order. To merge costs as much as all the rest: from where it is needed on, which is mostly nowhere."""

        def stream(source: str, *conditions: str, **more: Any) -> Iterator[pa.RecordBatch]:
            query = sql.LONG_HISTORY.format(" AND ".join((wanted, *conditions)), source)
            return self._metrics.stream_arrow(query, {**parameters, **more})

        def merged(before: Key | None) -> Iterator[pa.RecordBatch]:
            batches.close()  # type: ignore[attr-defined]
            if before is None:
                return stream("v_scalars")
            after = dict(zip(("after_metric", "after_rank", "after_step", "after_at"), before, strict=True))
            return stream("v_scalars", sql.AFTER, **after)

        batches = stream("scalars", sql.UNCUT)
        first = next(batches, None)
        return stream("v_scalars") if first is None else once(chain((first,), batches), merged)

    def _wide(self, keys: Sequence[RunKey], metrics: Sequence[str]) -> tuple[list[str], Iterator[Iterable[pa.Table]]]:
        needs_names = not metrics or any("*" in name or "?" in name for name in metrics)
        there: dict[str, None] = {}
        for key in keys if needs_names else ():
            there.update(dict.fromkeys(self._names(key)))
        names = chosen(metrics, there)

        def tables() -> Iterator[Iterable[pa.Table]]:
            for key in keys:
                yield [self._widened({**_run(key), "metrics": names}, names)]

        return names, tables()

    def _widened(self, parameters: dict[str, Any], names: Sequence[str]) -> pa.Table:
        """Merging what was written twice costs as much as all the rest, and mostly there is nothing: first without."""
        with suppress(Repeated):
            table = self._wide_of("scalars", sql.UNCUT, parameters, names)
            if table.num_rows:
                return table
        return self._wide_of("v_scalars", "1", parameters, names)

    def _wide_of(self, source: str, condition: str, parameters: dict[str, Any], names: Sequence[str]) -> pa.Table:
        query = sql.HISTORY.format(source, condition)
        with closing(self._metrics.stream_arrow(query, parameters)) as batches:  # type: ignore[type-var]
            return widen(batches, names)

    def _points_of(self, key: RunKey, metrics: Sequence[str]) -> tuple[str, dict[str, Any]]:
        if not metrics:
            return "1", _run(key)
        names = chosen(metrics, self._names(key)) if any("*" in name or "?" in name for name in metrics) else metrics
        return "metric IN {metrics:Array(String)}", {**_run(key), "metrics": list(names)}

    def _names(self, key: RunKey) -> list[str]:
        run = _run(key)
        source = "v_scalars" if is_cut(self._metrics, [run["run"]]) else "scalars"
        return [row["name"] for row in self._metrics.rows(sql.METRIC_NAMES.format(source), run)]

    def series(self, asked: Sequence[SeriesAsked], *, buckets: int = 1024, smoothing: float = 0.0) -> list[Series]:
        from .series import series  # which reads through a MetricSource of this module

        return series(self._metrics, asked, buckets=buckets, smoothing=smoothing)

    def texts(self, key: RunKey, metric: str) -> pa.Table:
        return _shaped(self._metrics.query_arrow(sql.TEXTS, {**_run(key), "metric": metric}), TEXT_SCHEMA)

    def histograms(self, key: RunKey, metric: str) -> pa.Table:
        return _shaped(self._metrics.query_arrow(sql.HISTOGRAMS, {**_run(key), "metric": metric}), HISTOGRAM_SCHEMA)

    def system(
        self, key: RunKey, metrics: Sequence[str] = (), devices: Sequence[str] = (), *, last: bool = False
    ) -> pa.Table:
        if last:
            return _shaped(self._metrics.query_arrow(sql.SYSTEM_LAST, _run(key)), SYSTEM_SCHEMA)
        wanted, parameters = matching({"metric": metrics, "device": devices})
        query = sql.SYSTEM.format(wanted)
        return _shaped(self._metrics.query_arrow(query, {**_run(key), **parameters}), SYSTEM_SCHEMA)

    # --- what happened

    def console(self, key: RunKey) -> pa.Table:
        return _shaped(self._metrics.query_arrow(sql.CONSOLE, _run(key)), CONSOLE_SCHEMA)

    def events(self, key: RunKey) -> list[Event]:
        rows = self._metrics.rows(sql.EVENTS, _run(key))
        return [Event(**{**row, "time": utc(row["time"]), "body": _object(row["body"])}) for row in rows]

    def artifacts(self, key: RunKey) -> list[ArtifactInfo]:
        return artifact_rows.artifacts_of_run(self._metrics, key)

    def media(self, key: RunKey, kind: str, name: str | None = None, *, since: int | None = None) -> list[ArtifactInfo]:
        return artifact_rows.media_of_run(self._metrics, key, kind, name, since)

    def versions(self, project: str, *, name: str | None = None, type: str | None = None) -> list[ArtifactInfo]:
        return artifact_rows.versions(self._metrics, project, name=name, type=type)

    def artifact(self, project: str, name: str, selector: str = "latest", *, type: str | None = None) -> ArtifactInfo:
        return artifact_rows.artifact(self._metrics, project, name, selector, type=type)

    def set_aliases(
        self,
        project: str,
        name: str,
        selector: str,
        *,
        add: Sequence[str] = (),
        remove: Sequence[str] = (),
        type: str | None = None,
        by: str = "",
    ) -> ArtifactInfo:
        return artifact_rows.set_aliases(
            self._metrics, project, name, selector, add=add, remove=remove, type=type, by=by
        )

    def last_step(self, key: RunKey, rank: int) -> LastStep:
        if not self._metrics.rows(sql.RUNS.format("run = {run:UUID}"), {**_run(key), "limit": 1, "offset": 0}):
            was = removals_of(self._metrics, [key])[key]
            if was.state == TRASHED:
                raise self._missing(key)
            # Of a purged run: an attempt that goes beyond is a new life of it.
            return LastStep(exists=False, last_step=None, attempt=was.attempt)
        [steps] = self._metrics.rows(sql.LAST_STEP, {**_run(key), "rank": rank})
        [attempts] = self._metrics.rows(sql.LAST_ATTEMPT, _run(key))
        return LastStep(True, int(steps["step"]) if steps["points"] else None, int(attempts["attempt"]))

    def used(self, key: RunKey) -> list[ArtifactInfo]:
        return artifact_uses.used(self._metrics, key)

    def users(self, project: str, name: str, version: int, *, type: str) -> list[RunKey]:
        return artifact_uses.users(self._metrics, project, name, version, type=type)

    def blob(self, digest: str, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        if not self._blobs.has(digest):
            raise NotFound(f"no blob {digest} in {self.where}")
        return self._blobs.open(digest, offset, length)

    def update(self, key: RunKey, changes: Mapping[str, Any], *, by: str) -> RunInfo:
        apply_edit(self._metrics, key, checked(changes, by))
        return self.run(key)

    def close(self) -> None:
        """Whoever opened the stores closes them."""


def is_cut(metrics: MetricSource, runs: Sequence[str]) -> bool:
    """Whether any of these runs was deleted or rewound: the views leave out what their tables still hold of it."""
    [told] = metrics.rows(sql.CUTS, {"runs": list(runs)})
    return bool(told["cuts"])


def _run(key: RunKey) -> dict[str, Any]:
    return {"run": str(key.uuid)}


def utc(time: datetime) -> datetime:
    return time.replace(tzinfo=timezone.utc) if time.tzinfo is None else time.astimezone(timezone.utc)


def _object(text: str) -> dict[str, Any]:
    value = json.loads(text) if text else {}
    return value if isinstance(value, dict) else {"value": value}


def _grouped(rows: list[dict[str, Any]], name: str, value: str) -> dict[str, dict[str, Any]]:
    groups: dict[str, dict[str, Any]] = {}
    for row in rows:
        groups.setdefault(row["uuid"], {})[row[name]] = row[value]
    return groups


def _batches(
    schema: pa.Schema, keys: Sequence[RunKey], tables: Iterator[Iterable[pa.Table]], with_run: bool
) -> Iterator[pa.RecordBatch]:
    for key, parts in zip(keys, tables, strict=True):
        for part in parts:
            table = part
            if with_run:
                run = pa.repeat(pa.scalar(str(key), pa.string()), table.num_rows)
                table = table.add_column(0, "run", run)
            yield from table.cast(schema).to_batches()


def _shaped(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The engine's types as the reader promises them (its fields are never null, and some of its strings bytes)."""
    return table.select(schema.names).cast(schema)
