"""How reading's answers look as JSON: written by the service's routes, read back by HttpReader.

Times are in ISO 8601; numbers that JSON has no words for are "NaN", "Infinity", "-Infinity". What people
wrote themselves (a field, an event's body, an artifact's metadata) stays the JSON text it was recorded as, which
may say NaN and may hold integers of any size.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from .records import ArtifactFile, ArtifactInfo, Event, LastStep, MetricInfo, RunInfo, RunKey

__all__ = [
    "artifact_from_json",
    "artifact_to_json",
    "event_from_json",
    "event_to_json",
    "last_step_from_json",
    "last_step_to_json",
    "metric_from_json",
    "metric_to_json",
    "run_from_json",
    "run_to_json",
]

Json = dict[str, Any]


def run_to_json(info: RunInfo) -> Json:
    return {
        "project": info.key.project,
        "id": info.key.id,
        "uuid": str(info.key.uuid),
        "name": info.name,
        "state": info.state,
        "created": _time(info.created),
        "started": _time(info.started),
        "ended": _time(info.ended),
        "attempts": info.attempts,
        "ranks": info.ranks,
        "fields": dict(info.fields),
        "last": {name: _number(value) for name, value in info.last.items()},
    }


def run_from_json(value: Mapping[str, Any]) -> RunInfo:
    return RunInfo(
        key=RunKey(value["project"], value["id"]),
        created=datetime.fromisoformat(value["created"]),
        state=value["state"],
        started=_moment(value["started"]),
        ended=_moment(value["ended"]),
        attempts=value["attempts"],
        ranks=value["ranks"],
        fields=value["fields"],
        last={name: float(number) for name, number in value["last"].items()},
    )


def metric_to_json(info: MetricInfo) -> Json:
    values = {name: _number(getattr(info, name)) for name in ("last", "min", "max")}
    return {**asdict(info), **values}


def metric_from_json(value: Mapping[str, Any]) -> MetricInfo:
    numbers = {name: None if value[name] is None else float(value[name]) for name in ("last", "min", "max")}
    return MetricInfo(**{**value, **numbers})


def event_to_json(event: Event) -> Json:
    return {**asdict(event), "time": _time(event.time), "body": json.dumps(event.body)}


def event_from_json(value: Mapping[str, Any]) -> Event:
    return Event(**{**value, "time": datetime.fromisoformat(value["time"]), "body": json.loads(value["body"])})


def artifact_to_json(info: ArtifactInfo) -> Json:
    return {
        **asdict(info),
        "time": _time(info.time),
        "committed": _time(info.committed, "microseconds"),
        "metadata": json.dumps(info.metadata),
    }


def artifact_from_json(value: Mapping[str, Any]) -> ArtifactInfo:
    files = tuple(ArtifactFile(**file) for file in value["files"])
    decoded = {
        "time": datetime.fromisoformat(value["time"]),
        "committed": _moment(value["committed"]),
        "metadata": json.loads(value["metadata"]),
        "aliases": tuple(value["aliases"]),
        "run": None if value["run"] is None else RunKey(**value["run"]),
    }
    return ArtifactInfo(**{**value, **decoded, "files": files})


def last_step_to_json(last: LastStep) -> Json:
    return asdict(last)


def last_step_from_json(value: Mapping[str, Any]) -> LastStep:
    return LastStep(**value)


def _time(time: datetime | None, unit: str = "milliseconds") -> str | None:
    return None if time is None else time.isoformat(timespec=unit)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _number(value: float | None) -> float | str | None:
    if value is None or math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
