"""The folder that `stepwell grafana` writes: what Grafana reads at its start to have data sources and dashboards."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import StepwellError
from .datasources import ClickHouseSource, PrometheusSource

__all__ = ["write_provisioning"]

_HEAD = "# Written by `stepwell grafana`: run it again rather than change this.\n"
_FOLDER = "stepwell"


def write_provisioning(
    folder: Path,
    clickhouse: ClickHouseSource,
    prometheus: PrometheusSource | None = None,
    *,
    seen_at: str | None = None,
) -> list[Path]:
    """Writes datasources, the provider and the dashboards; what was there under these names is replaced.

    folder: made if it is missing. prometheus: without it there is no "Service health". seen_at: the folder's path where
    Grafana runs; its own by default. Returns the files. Raises StepwellError where one cannot be written.
    """
    from .dashboards import dashboards

    boards = {name: text for name, text in dashboards().items() if prometheus is not None or name != "health"}
    sources = [one.settings() for one in (clickhouse, prometheus) if one is not None]
    place = (seen_at or str(folder.resolve())).rstrip("/") + "/dashboards"
    provider = {
        "name": "stepwell",
        "folder": _FOLDER,
        "folderUid": _FOLDER,
        "type": "file",
        "disableDeletion": True,
        "allowUiUpdates": False,
        "updateIntervalSeconds": 60,
        "options": {"path": place},
    }
    files = {
        "provisioning/datasources/stepwell.yaml": _yaml({"apiVersion": 1, "datasources": sources}),
        "provisioning/dashboards/stepwell.yaml": _yaml({"apiVersion": 1, "providers": [provider]}),
        **{f"dashboards/{name}.json": text for name, text in boards.items()},
    }
    return [_write(folder / name, text) for name, text in files.items()]


def _write(path: Path, text: str) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    except OSError as error:
        raise StepwellError(f"cannot write {path}: {error.strerror}") from error
    return path


def _yaml(value: dict[str, Any]) -> str:
    return _HEAD + "".join(f"{line}\n" for line in _lines(value))


def _lines(value: Any) -> Iterator[str]:
    """Block style; scalars as JSON, which YAML reads."""
    if isinstance(value, dict):
        for key, below in value.items():
            if isinstance(below, (dict, list)) and below:
                yield f"{key}:"
                yield from (f"  {line}" for line in _lines(below))
            else:
                yield f"{key}: {json.dumps(below, ensure_ascii=False)}"
    else:
        for item in value:
            first, *others = _lines(item)
            yield f"- {first}"
            yield from (f"  {line}" for line in others)
