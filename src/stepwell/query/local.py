"""Reading from the stores themselves: in the service, and in a process that opens the embedded ones.

Makes no schema and writes nothing. Thread-safe as the stores are.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import pyarrow as pa

from ..errors import FilterError, NotFound, RunTrashed, StoreError
from ..stores.retention.states import PURGED, TRASHED, removals_of
from . import artifact_rows, artifact_uses, sql
from .edits import apply_edit, checked
from .filter_sql import condition
from .filters import parse
from .history import chosen, history_schema
from .points import Asked, is_cut, points_of
from .reader import CONSOLE_SCHEMA, HISTOGRAM_SCHEMA, LONG_SCHEMA, PAGE, SYSTEM_SCHEMA, TEXT_SCHEMA
from .records import ArtifactInfo, Event, LastStep, MetricInfo, RunInfo, RunKey
from .retention import LocalRetention
from .series import series
from .series_tables import Series, SeriesAsked
from .sources import BlobSource, MetricSource
from .system import matching

__all__ = ["LocalReader", "utc"]


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
        names = self._chosen(keys, metrics) if metrics else None
        for points in points_of(self._metrics, keys, Asked(names, times=True)):
            yield (_shaped(pa.Table.from_batches([batch]), LONG_SCHEMA) for batch in points.once())

    def _wide(self, keys: Sequence[RunKey], metrics: Sequence[str]) -> tuple[list[str], Iterator[Iterable[pa.Table]]]:
        names = self._chosen(keys, metrics)
        return names, ([points.wide(names)] for points in points_of(self._metrics, keys, Asked(names)))

    def _chosen(self, keys: Sequence[RunKey], metrics: Sequence[str]) -> list[str]:
        """Of all these runs; what some of them have is a pattern to none."""
        if metrics and not any("*" in name or "?" in name for name in metrics):
            return chosen(metrics, ())
        runs = [str(key.uuid) for key in keys]
        source = "v_scalars" if is_cut(self._metrics, runs) else "scalars"
        there = self._metrics.rows(sql.METRIC_NAMES.format(source), {"runs": runs})
        return chosen(metrics, (row["name"] for row in there))

    def series(self, asked: Sequence[SeriesAsked], *, buckets: int = 1024, smoothing: float = 0.0) -> list[Series]:
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
