"""Lineage: which artifacts a run has used, and which runs have used an artifact. By what runs said (`use_artifact`)."""

from __future__ import annotations

from typing import Any

from .artifact_rows import ArtifactTables, run_keys, versions_with_keys
from .records import ArtifactInfo, RunKey
from .versions import RowKey

__all__ = ["used", "users"]

_OF_RUN = """
SELECT project, name, source_run, source_writer, source_row_seq FROM v_uses WHERE run = {run:UUID}
ORDER BY time, version
"""
_OF_NAME = """
SELECT run, source_run, source_writer, source_row_seq FROM v_uses
WHERE project = {project:String} AND type = {type:String} AND name = {name:String} ORDER BY time, version
"""


def used(tables: ArtifactTables, key: RunKey) -> list[ArtifactInfo]:
    """Each version once, in the order in which the run first used it. What is gone for good is left out."""
    rows = tables.rows(_OF_RUN, {"run": str(key.uuid)})
    names = sorted({(row["project"], row["name"]) for row in rows})
    known = {place: versions_with_keys(tables, place[0], place[1]) for place in names}
    found: dict[str, ArtifactInfo] = {}
    for row in rows:
        info = known[row["project"], row["name"]].get(_source(row))
        if info is not None:
            found.setdefault(info.key, info)
    return list(found.values())


def users(tables: ArtifactTables, project: str, name: str, version: int, *, type: str) -> list[RunKey]:
    """Each run once, in the order of first use."""
    keys = {key for key, info in versions_with_keys(tables, project, name, type).items() if info.version == version}
    rows = tables.rows(_OF_NAME, {"project": project, "type": type, "name": name})
    runs = list(dict.fromkeys(str(row["run"]) for row in rows if _source(row) in keys))
    known = run_keys(tables, runs)
    return [known[run] for run in runs if run in known]


def _source(row: dict[str, Any]) -> RowKey:
    return RowKey(str(row["source_run"]), int(row["source_writer"]), int(row["source_row_seq"]))
