"""The seam of reading: one protocol, answered alike by a store at hand (local.py) and by a service (http.py)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import pyarrow as pa

from .records import ArtifactInfo, Event, LastStep, MetricInfo, RunInfo, RunKey
from .retention import Retention
from .series_tables import Series, SeriesAsked

__all__ = ["CONSOLE_SCHEMA", "HISTOGRAM_SCHEMA", "LONG_SCHEMA", "PAGE", "SYSTEM_SCHEMA", "TEXT_SCHEMA", "Reader"]

PAGE = 500  # runs in one answer

_TIME = pa.timestamp("ms", tz="UTC")

LONG_SCHEMA = pa.schema(
    [("metric", pa.string()), ("rank", pa.uint32()), ("step", pa.int64()), ("time", _TIME), ("value", pa.float64())]
)
TEXT_SCHEMA = pa.schema([("rank", pa.uint32()), ("step", pa.int64()), ("time", _TIME), ("value", pa.string())])
HISTOGRAM_SCHEMA = pa.schema(
    [
        ("rank", pa.uint32()),
        ("step", pa.int64()),
        ("time", _TIME),
        ("count", pa.uint64()),
        ("sum", pa.float64()),
        ("sum2", pa.float64()),
        ("min", pa.float64()),
        ("max", pa.float64()),
        ("nan", pa.uint64()),
        ("pos_inf", pa.uint64()),
        ("neg_inf", pa.uint64()),
        ("buckets", pa.list_(pa.uint16())),
        ("counts", pa.list_(pa.uint64())),
        ("edges", pa.list_(pa.float64())),
    ]
)
CONSOLE_SCHEMA = pa.schema(
    [
        ("rank", pa.uint32()),
        ("stream", pa.uint8()),
        ("time", _TIME),
        ("writer", pa.uint64()),
        ("row_seq", pa.uint64()),
        ("text", pa.string()),
    ]
)

SYSTEM_SCHEMA = pa.schema(
    [
        ("host", pa.string()),
        ("device", pa.string()),
        ("metric", pa.string()),
        ("time", _TIME),
        ("value", pa.float64()),
    ]
)


class Reader(Protocol):
    """Everything that can be asked. Every method may raise a StepwellError; tables have the schemas above."""

    @property
    def where(self) -> str:
        """What is being read, for people: a service's address or a folder."""

    @property
    def source(self) -> dict[str, str]:
        """What Api takes to read the same from another process; empty where nobody else can. Holds the token."""

    @property
    def retention(self) -> Retention:
        """Trash, purge and holds of the same runs."""

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
        """Newest first. `last` fills `RunInfo.last`. Raises FilterError."""

    def run(self, key: RunKey) -> RunInfo:
        """With its last values. Raises NotFound."""

    def metrics(self, key: RunKey) -> list[MetricInfo]:
        """By name."""

    def history(
        self, keys: Sequence[RunKey], metrics: Sequence[str], *, long: bool = False, with_run: bool = False
    ) -> pa.RecordBatchReader:
        """Points of the named metrics (all when none is named; `*` and `?` match), exact.

        Wide: [run,] step, rank, a float64 column a metric. Long: [run,] and LONG_SCHEMA. Runs in the order given.
        """

    def series(self, asked: Sequence[SeriesAsked], *, buckets: int = 1024, smoothing: float = 0.0) -> list[Series]:
        """For charts: points, or buckets that hide no spike; see series.series."""

    def texts(self, key: RunKey, metric: str) -> pa.Table: ...

    def histograms(self, key: RunKey, metric: str) -> pa.Table: ...

    def console(self, key: RunKey) -> pa.Table:
        """The chunks as they were written, in order."""

    def system(
        self, key: RunKey, metrics: Sequence[str] = (), devices: Sequence[str] = (), *, last: bool = False
    ) -> pa.Table:
        """What the run's machines did, exact; names or patterns, all where none is given. `last`: the last of each."""

    def events(self, key: RunKey) -> list[Event]: ...

    def artifacts(self, key: RunKey) -> list[ArtifactInfo]:
        """What the run has logged under names, in its order, with files. Its media come from `media` alone."""

    def media(self, key: RunKey, kind: str, name: str | None = None, *, since: int | None = None) -> list[ArtifactInfo]:
        """What it logged of one kind (image, table, tensor), with files, by name, step and rank.

        since: only what was logged, or completed, at that time (ms since 1970) or later.
        """

    def versions(self, project: str, *, name: str | None = None, type: str | None = None) -> list[ArtifactInfo]:
        """Of a project, by type, name and number, without files."""

    def artifact(self, project: str, name: str, selector: str = "latest", *, type: str | None = None) -> ArtifactInfo:
        """One version with files. selector: v3, latest or an alias. Raises NotFound."""

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
        """Moves aliases to a version, or takes them away from it. Raises NotFound, InvalidValue, AuthError."""

    def last_step(self, key: RunKey, rank: int) -> LastStep: ...

    def blob(self, digest: str, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes, or a range of them, in pieces. Of a whole blob the caller checks the digest; a range is checked by
        the digests of its chunks where it is read. Raises NotFound.
        """

    def used(self, key: RunKey) -> list[ArtifactInfo]:
        """The versions that a run has said it uses, in that order, without files."""

    def users(self, project: str, name: str, version: int, *, type: str) -> list[RunKey]:
        """The runs that have said they use it, in that order."""

    def update(self, key: RunKey, changes: Mapping[str, Any], *, by: str) -> RunInfo:
        """Changes name, tags, notes, group or colour (edits.py). Raises InvalidValue, NotFound, AuthError."""

    def close(self) -> None: ...
