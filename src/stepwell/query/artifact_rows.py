"""Artifacts out of the tables: those of a run, the versions of a name, one version with its files, and its aliases.

Called by LocalReader; what a version is, is worked out in versions.py.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any, Protocol

from ..errors import InvalidValue, NotFound
from ..ids import check_alias, check_artifact_name, check_project, check_type, version_number
from .records import ArtifactFile, ArtifactInfo, RunKey
from .versions import Entry, Row, RowKey, entries_of, number

__all__ = [
    "MEDIA_KINDS", "ArtifactTables", "artifact", "artifacts_of_run", "media_of_run", "run_keys", "set_aliases",
    "versions", "versions_with_keys",
]  # fmt: skip

_COLUMNS = (
    "run, writer, row_seq, rank, step, time, kind, type, name, state, size, metadata, digest, committed, part, parts"
)
MEDIA_KINDS = ("image", "table", "tensor")
"""Logged by the step, many to a name: read apart from what people keep under names."""

_OF_RUN = f"""
SELECT {_COLUMNS}, files FROM v_artifacts WHERE run = {{run:UUID}} AND kind NOT IN {{media:Array(String)}}
ORDER BY time, writer, row_seq
"""
_OF_KIND = """run = {run:UUID} AND kind = {kind:String}
  AND (empty({names:Array(String)}) OR name IN {names:Array(String)})"""
# Of one step logged twice the later one counts: rows have the time of the call, and `version` says other things. `{0}`
# may leave out steps, and no row of a step: which one counts is seen from all of them.
_MEDIA = f"""
SELECT {_COLUMNS}, files FROM v_artifacts WHERE {_OF_KIND} AND {{0}}
ORDER BY time DESC, row_seq DESC, writer LIMIT 1 BY name, step, rank
"""
_SINCE = "fromUnixTimestamp64Milli({since:Int64})"
_NEWS = f"""(name, step, rank) IN (
  SELECT name, step, rank FROM v_artifacts WHERE {_OF_KIND} AND (time >= {_SINCE} OR committed >= {_SINCE}))"""
_OF_PROJECT = f"""
SELECT {_COLUMNS} FROM v_versions
WHERE project = {{project:String}} AND (empty({{names:Array(String)}}) OR name IN {{names:Array(String)}})
  AND (empty({{types:Array(String)}}) OR type IN {{types:Array(String)}})
"""
_FILES = """
SELECT run, writer, row_seq, part, files FROM v_artifacts
WHERE run IN {runs:Array(UUID)} AND writer IN {writers:Array(UInt64)} AND row_seq IN {row_seqs:Array(UInt64)}
"""
_ALIASES = """
SELECT type, name, alias, argMax((run, writer, row_seq), version) AS target, max(version) AS newest
FROM v_aliases
WHERE project = {project:String} AND (empty({names:Array(String)}) OR name IN {names:Array(String)})
GROUP BY type, name, alias ORDER BY alias
"""
_RUNS = "SELECT run, project, id FROM v_runs WHERE run IN {runs:Array(UUID)}"

_ALIAS_COLUMNS = ("project", "type", "name", "alias", "run", "writer", "row_seq", "by", "time", "version")

_pointing = threading.Lock()  # two changes of one process must not take the same version


class ArtifactTables(Protocol):
    """What this needs of stores.metrics.MetricStore."""

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]: ...

    def insert_rows(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None: ...


def artifacts_of_run(tables: ArtifactTables, key: RunKey) -> list[ArtifactInfo]:
    """What a run has logged under names, with files, in its order; parts of one save as one. Not its media."""
    rows = tables.rows(_OF_RUN, {"run": str(key.uuid), "media": list(MEDIA_KINDS)})
    found = {_key(row): row for row in rows}
    entries = entries_of(_row(row, key.project) for row in found.values())
    names = sorted({entry.first.name for entry in entries if entry.state != "staged"})
    numbered = _numbered(tables, key.project, names) if names else {}
    pointing = _pointing_at(tables, key.project, names, numbered) if names else {}
    infos = []
    for entry in entries:
        known = numbered.get(entry.first.key)
        files = _merged([(row.part, _files(found[row.key]["files"])) for row in entry.rows])
        info = _info(replace(entry, version=known.version if known else None), found, key, pointing)
        infos.append(replace(info, files=files))
    return infos


def media_of_run(
    tables: ArtifactTables, key: RunKey, kind: str, name: str | None = None, since: int | None = None
) -> list[ArtifactInfo]:
    """Images, tables or tensors of a run, with files, by name, step and rank; without the numbers of versions.

    since: only those that were logged, or completed, at that time (ms since 1970) or later.
    """
    asked: dict[str, Any] = {"run": str(key.uuid), "kind": kind, "names": [] if name is None else [name]}
    if since is not None:
        asked["since"] = since
    query = _MEDIA.replace("{0}", "1" if since is None else _NEWS)
    found = {_key(row): row for row in tables.rows(query, asked)}
    infos = [
        replace(_info(entry, found, key, {}), files=tuple(_files(found[entry.first.key]["files"])))
        for entry in entries_of(_row(row, key.project) for row in found.values())
    ]
    return sorted(infos, key=lambda info: (info.name, info.step, info.rank))


def versions(
    tables: ArtifactTables, project: str, *, name: str | None = None, type: str | None = None
) -> list[ArtifactInfo]:
    """Of a project, by type, name and number, without files; each as the run logged it that was first with it."""
    distinct = {info.key: info for info in versions_with_keys(tables, project, name, type).values()}
    return list(distinct.values())


def versions_with_keys(
    tables: ArtifactTables, project: str, name: str | None = None, type: str | None = None
) -> dict[RowKey, ArtifactInfo]:
    """The same by each row that is of the version, also of a run that logged its content once more."""
    names, types = [] if name is None else [name], [] if type is None else [type]
    rows = _version_rows(tables, project, names, types)
    found = {_key(row): row for row in rows}
    numbered = number(entries_of(_row(row, project) for row in rows))
    shown = _shown(numbered)
    pointing = _pointing_at(tables, project, names, {key: entry for entry in numbered for key in entry.keys})
    runs = run_keys(tables, {entry.first.key.run for entry in shown.values()})
    infos = {place: _info(entry, found, runs.get(entry.first.key.run), pointing) for place, entry in shown.items()}
    ordered = sorted(numbered, key=_place)
    return {key: infos[_place(entry)] for entry in ordered for key in entry.keys}


def artifact(
    tables: ArtifactTables, project: str, name: str, selector: str = "latest", *, type: str | None = None
) -> ArtifactInfo:
    """One version, with files. selector: v3, latest or an alias. Raises NotFound."""
    check_project(project)
    found = versions(tables, project, name=check_artifact_name(name), type=type)
    shown = f"{project}/{name}:{selector}"
    if not found:
        raise NotFound(f"no artifact {project}/{name}" + (f" of type {type!r}" if type else ""))
    types = sorted({info.type for info in found})
    if len(types) > 1:
        raise NotFound(
            f"{project}/{name} is the name of several artifacts, of type {', '.join(types)}; name one by type="
        )
    info = _selected(found, selector)
    if info is None:
        aliases = ", ".join(sorted({alias for one in found for alias in one.aliases})) or "no alias"
        raise NotFound(f"no artifact {shown}: there are v0 to v{found[-1].version}, and {aliases}")
    if info.state == "deleted":
        raise NotFound(f"{shown} was deleted; its number stays taken")
    return replace(info, files=_files_of(tables, project, name, info))


def set_aliases(
    tables: ArtifactTables,
    project: str,
    name: str,
    selector: str,
    *,
    add: Iterable[str] = (),
    remove: Iterable[str] = (),
    type: str | None = None,
    by: str = "",
) -> ArtifactInfo:
    """Moves aliases to a version, or takes them away from it. On return it is durable.

    Raises NotFound, InvalidValue.
    """
    added, removed = list(dict.fromkeys(add)), list(dict.fromkeys(remove))
    for alias in (*added, *removed):
        if check_alias(alias) == "latest":
            raise InvalidValue("`latest` is the newest version by itself; it cannot be moved")
    if not added and not removed:
        raise InvalidValue("nothing to change was given: name aliases to add or remove")
    info = artifact(tables, project, name, selector, type=type)
    run, writer, row_seq = info.key.split(" ")
    moment = datetime.now(timezone.utc)
    with _pointing:
        held = {
            (row["type"], row["alias"]): int(row["newest"])
            for row in tables.rows(_ALIASES, {"project": project, "names": [name]})
        }
        rows: list[list[Any]] = []
        for alias in (*added, *(alias for alias in removed if alias in info.aliases)):
            version = max(time.time_ns() // 1000, held.get((info.type, alias), 0) + 1)
            target = (int(writer), int(row_seq)) if alias in added else (0, 0)
            rows.append([project, info.type, name, alias, uuid.UUID(run), *target, by, moment, version])
        if rows:
            tables.insert_rows("aliases", _ALIAS_COLUMNS, rows)
    return artifact(tables, project, name, f"v{info.version}", type=info.type)


def _selected(found: Sequence[ArtifactInfo], selector: str) -> ArtifactInfo | None:
    wanted = version_number(selector)
    if wanted is not None:
        return next((info for info in found if info.version == wanted), None)
    check_alias(selector)
    return next((info for info in reversed(found) if selector in info.aliases), None)


def _version_rows(
    tables: ArtifactTables, project: str, names: Sequence[str], types: Sequence[str] = ()
) -> list[dict[str, Any]]:
    for one in types:
        check_type(one)
    return tables.rows(_OF_PROJECT, {"project": project, "names": list(names), "types": list(types)})


def _numbered(tables: ArtifactTables, project: str, names: Sequence[str]) -> dict[RowKey, Entry]:
    return _numbered_of(_version_rows(tables, project, names), project)


def _numbered_of(rows: Iterable[Mapping[str, Any]], project: str) -> dict[RowKey, Entry]:
    entries = number(entries_of(_row(row, project) for row in rows))
    return {key: entry for entry in entries for key in entry.keys}


def _place(entry: Entry) -> tuple[str, str, int]:
    return entry.first.type, entry.first.name, -1 if entry.version is None else entry.version


def _shown(entries: Iterable[Entry]) -> dict[tuple[str, str, int], Entry]:
    """Of each version the one that was first, of those that are still there if there are any."""
    kept: dict[tuple[str, str, int], Entry] = {}
    for entry in entries:
        place = _place(entry)
        if place not in kept or (kept[place].state == "deleted" and entry.state != "deleted"):
            kept[place] = entry
    return kept


def _pointing_at(
    tables: ArtifactTables, project: str, names: Sequence[str], numbered: Mapping[RowKey, Entry]
) -> dict[tuple[str, str, int], list[str]]:
    """Aliases by (type, name, version): the newest that is there is `latest`."""
    pointing: dict[tuple[str, str, int], list[str]] = {}
    newest: dict[tuple[str, str], int] = {}
    for entry in numbered.values():
        if entry.state == "complete" and entry.version is not None:
            place = (entry.first.type, entry.first.name)
            newest[place] = max(newest.get(place, 0), entry.version)
    for (type_, name), version in newest.items():
        pointing[type_, name, version] = ["latest"]
    for row in tables.rows(_ALIASES, {"project": project, "names": list(names)}):
        run, writer, row_seq = row["target"]
        target = numbered.get(RowKey(str(run), int(writer), int(row_seq)))
        if target is not None and target.version is not None:
            pointing.setdefault((row["type"], row["name"], target.version), []).append(row["alias"])
    return pointing


def _info(
    entry: Entry,
    found: Mapping[RowKey, Mapping[str, Any]],
    run: RunKey | None,
    pointing: Mapping[tuple[str, str, int], Sequence[str]],
) -> ArtifactInfo:
    rows = [found[key] for key in entry.keys]
    first, last = rows[0], max(rows, key=lambda row: _utc(row["time"]))
    return ArtifactInfo(
        name=first["name"],
        kind=first["kind"],
        step=int(first["step"]),
        rank=int(first["rank"]),
        time=_utc(last["time"]),
        state=entry.state,
        size=sum(int(row["size"]) for row in rows),
        files=(),
        metadata=_object(first["metadata"]),
        type=first["type"],
        version=entry.version,
        aliases=tuple(pointing.get(_place(entry), ())),
        run=run,
        digest=entry.digest,
        committed=entry.committed,
        parts=entry.parts,
        parts_in=sum(row.state == "complete" for row in entry.rows),
        key=str(entry.first.key),
    )


def _files_of(tables: ArtifactTables, project: str, name: str, info: ArtifactInfo) -> tuple[ArtifactFile, ...]:
    numbered = _numbered(tables, project, [name])
    entry = next(entry for key, entry in numbered.items() if str(key) == info.key)
    keys = set(entry.keys)
    asked = {
        "runs": sorted({key.run for key in keys}),
        "writers": sorted({key.writer for key in keys}),
        "row_seqs": sorted({key.row_seq for key in keys}),
    }
    return _merged(
        [(int(row["part"]), _files(row["files"])) for row in tables.rows(_FILES, asked) if _key(row) in keys]
    )


def _merged(parts: Sequence[tuple[int, Sequence[ArtifactFile]]]) -> tuple[ArtifactFile, ...]:
    """The files of all parts. What several ranks have alike is there once; what they have different, once a rank."""
    if len(parts) == 1:
        return tuple(parts[0][1])
    contents: dict[str, set[str]] = {}
    for _, files in parts:
        for file in files:
            contents.setdefault(file.path, set()).add(file.digest)
    merged: dict[str, ArtifactFile] = {}
    for part, files in sorted(parts, key=lambda one: one[0]):
        for file in files:
            path = file.path if len(contents[file.path]) == 1 else f"part-{part}/{file.path}"
            merged.setdefault(path, replace(file, path=path))
    return tuple(merged[path] for path in sorted(merged))


def run_keys(tables: ArtifactTables, runs: Iterable[str]) -> dict[str, RunKey]:
    """Who the runs are; those that were deleted are not in it."""
    rows = tables.rows(_RUNS, {"runs": sorted(runs)})
    return {str(row["run"]): RunKey(row["project"], row["id"]) for row in rows}


def _row(row: Mapping[str, Any], project: str) -> Row:
    stamped = row["state"] != "staged" and bool(row["digest"])
    return Row(
        key=_key(row),
        project=project,
        type=row["type"],
        name=row["name"],
        state=row["state"],
        step=int(row["step"]),
        time=_utc(row["time"]),
        digest=row["digest"],
        committed=_utc(row["committed"]) if stamped else None,
        part=int(row["part"]),
        parts=int(row["parts"]),
    )


def _key(row: Mapping[str, Any]) -> RowKey:
    return RowKey(str(row["run"]), int(row["writer"]), int(row["row_seq"]))


def _files(text: str) -> list[ArtifactFile]:
    return [
        ArtifactFile(str(file["path"]), int(file["size"]), str(file.get("digest", "")), str(file.get("uri", "")))
        for file in json.loads(text or "[]")
    ]


def _object(text: str) -> dict[str, Any]:
    value = json.loads(text) if text else {}
    return value if isinstance(value, dict) else {"value": value}


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=timezone.utc) if moment.tzinfo is None else moment.astimezone(timezone.utc)
