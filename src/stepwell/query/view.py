"""`Run`: one recorded run as people read it. Asks a Reader; knows no SQL and no address."""

from __future__ import annotations

import difflib
import enum
import getpass
import os
import warnings
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ..notebook.lists import MARK, Listing, artifact_list, histogram_list, metric_list
from ..notebook.options import Options
from ..notebook.showing import plotted
from ..stores.retention.records import Hold
from .artifact import Artifact
from .console import Console, collapse
from .distribution import HistogramPoint, histogram_points
from .media import LoggedImage, LoggedTable, images_of, tables_of
from .reader import Reader
from .records import Event, MetricInfo, RunInfo, RunKey
from .tensor import LoggedTensor, tensors_of

if TYPE_CHECKING:
    import pandas as pd

    from ..notebook.plot import Plot

__all__ = ["Run", "check_names", "user_name"]


class Unchanged(enum.Enum):
    """Says of an argument that it was not given: None is a value."""

    UNCHANGED = "unchanged"

    def __repr__(self) -> str:
        return "unchanged"


UNCHANGED = Unchanged.UNCHANGED


class Run:
    """A run that was recorded, or still is.

    `config`, `summary`, `state` and their like are as they were when the run was looked up (`refresh()` asks
    again); `history` and the other methods ask each time. Everything is exact, nothing is sampled.
    """

    def __init__(self, reader: Reader, info: RunInfo, *, has_last: bool) -> None:
        self._reader = reader
        self._info = info
        self._has_last = has_last

    def __repr__(self) -> str:
        named = f" {self.name!r}" if self.name != self.id else ""
        return f"<run {self.path}{named}, {self.state}>"

    def refresh(self) -> Run:
        """Looks the run up again, and returns it."""
        self._info, self._has_last = self._reader.run(self.key), True
        return self

    def update(
        self,
        *,
        name: str | Unchanged | None = UNCHANGED,
        tags: Sequence[str] | Unchanged | None = UNCHANGED,
        notes: str | Unchanged | None = UNCHANGED,
        group: str | Unchanged | None = UNCHANGED,
        colour: str | Unchanged | None = UNCHANGED,
    ) -> Run:
        """Changes what is given, for everybody who looks; None takes it away. Returns the run as it is then.

        It wins over what the run's own process wrote, also where that arrives later, until the run is begun again. Who
        changed what is kept among `events`.

        Args:
            name: What people read; None is the id.
            tags: All of them: the list replaces the one before.
            notes: A text of any length.
            group: What runs of one sweep or launch share.
            colour: blue, orange, green, plum, violet, olive, brown or teal; None is the one that follows from its id.

        Raises:
            InvalidValue: A value that cannot be kept.
            NotFound: The run is gone.
            AuthError: The token does not allow it.

        Example:
            ```python
            run.update(name="baseline", tags=[*run.tags, "keep"], colour="teal")
            ```
        """
        given = {"name": name, "tags": tags, "notes": notes, "group": group, "colour": colour}
        changes: dict[str, Any] = {key: value for key, value in given.items() if value is not UNCHANGED}
        if isinstance(changes.get("tags"), tuple):
            changes["tags"] = list(changes["tags"])
        self._info, self._has_last = self._reader.update(self.key, changes, by=user_name()), True
        return self

    def trash(self, reason: str = "") -> None:
        """Puts the run in the trash: hidden from every list and chart, and whole. `restore()` brings it back.

        Args:
            reason: Why, in one line; kept with the run. Default: none.

        Raises:
            RunHeld: A hold forbids it.
            NotFound: The run is gone.
        """
        self._reader.retention.trash([self.key], by=user_name(), reason=reason)

    def restore(self) -> Run:
        """Brings the run back from the trash, and returns it as it is now.

        Raises:
            NotFound: It was purged.
        """
        self._reader.retention.restore([self.key], by=user_name())
        return self.refresh()

    @property
    def reader(self) -> Reader:
        """What is asked."""
        return self._reader

    # --- who it is

    @property
    def key(self) -> RunKey:
        """(project, id)."""
        return self._info.key

    @property
    def path(self) -> str:
        """ "project/id": what `Api.run` takes."""
        return str(self._info.key)

    @property
    def project(self) -> str:
        """The first half of `path`."""
        return self._info.key.project

    @property
    def id(self) -> str:
        """The second half of `path`; unique in the project."""
        return self._info.key.id

    @property
    def name(self) -> str:
        """What people read; the id where none was given."""
        return self._info.name

    @property
    def state(self) -> str:
        """running | finished | failed (exit code not 0) | crashed | unknown."""
        return self._info.state

    @property
    def tags(self) -> tuple[str, ...]:
        """As `init(tags=)` was given them."""
        return self._info.tags

    @property
    def notes(self) -> str | None:
        """None where none were given; so are the next three."""
        return self._text("notes")

    @property
    def group(self) -> str | None:
        """What runs of one sweep or launch share."""
        return self._text("group")

    @property
    def colour(self) -> str | None:
        """What was chosen for it; None: the page's choice, which follows from its id."""
        return self._text("colour")

    @property
    def job_type(self) -> str | None:
        """What was given: "train", "eval" or another word."""
        return self._text("job_type")

    @property
    def experiment(self) -> str | None:
        """The experiment of the project that the run belongs to."""
        return self._text("experiment")

    @property
    def created(self) -> datetime:
        """When its first attempt began; UTC."""
        return self._info.created

    @property
    def started(self) -> datetime | None:
        """When its last attempt began; UTC."""
        return self._info.started

    @property
    def ended(self) -> datetime | None:
        """None while it runs."""
        return self._info.ended

    @property
    def held(self) -> Hold | None:
        """The hold that keeps it from being removed: until, reason, who, time. Asked each time; None: there is none."""
        found = self._reader.retention.holds(self.key.project)
        return next((one for one in found if one.key == self.key), None)

    @property
    def attempts(self) -> int:
        """How many lives it has had: 1, and one more a resume or restart."""
        return self._info.attempts

    @property
    def ranks(self) -> int:
        """How many processes recorded into it."""
        return self._info.ranks

    # --- what it was told, and what it came to

    @property
    def config(self) -> dict[str, Any]:
        """Hyperparameters, as a nested dict."""
        return self._info.config

    @property
    def summary(self) -> dict[str, Any]:
        """The last value of each metric (its last written, of the lowest rank), under what the user set."""
        if not self._has_last:
            self.refresh()
        return self._info.summary

    @property
    def environment(self) -> dict[str, Any]:
        """What was captured at its start: user, host, python, git, command."""
        return self._info.environment

    @property
    def metrics(self) -> list[MetricInfo]:
        """Every series: name, kind (scalar, text, histogram), points, steps, last, min, max."""
        return Listing(self._reader.metrics(self.key), metric_list)

    @property
    def events(self) -> list[Event]:
        """Starts, finishes, crashes and their like, in order."""
        return self._reader.events(self.key)

    # --- series

    def history(self, *metrics: str, long: bool = False) -> pa.Table:
        """Every point of the named metrics, or of all, as an Arrow table. Never sampled.

        Wide: `step` (int64), `rank` (uint32) and one float64 column a metric, ascending by step, then rank; null
        where nothing was logged, and NaN only where NaN was. A metric called "step", "rank" or "run" has
        the column "metric:step". Long: `metric, rank, step, time, value`.

        Args:
            metrics: Names; `train/*` names those that match. Default: all.
            long: A row a point instead of a column a metric.

        Example:
            ```python
            run.history("loss", "val/loss").to_pandas()
            ```
        """
        table = self._reader.history([self.key], metrics, long=long).read_all()
        if not long:
            check_names(self._reader, [self.key], metrics, table)
        return table.replace_schema_metadata(MARK)

    def texts(self, metric: str) -> pa.Table:
        """rank, step, time, value of a text series, as an Arrow table.

        Args:
            metric: Its name.
        """
        return self._reader.texts(self.key, metric)

    def histograms(self, metric: str) -> list[HistogramPoint]:
        """What was logged as `stepwell.Histogram`: one a log call, ascending by step, then rank.

        Args:
            metric: Its name.
        """
        return Listing(histogram_points(self._reader.histograms(self.key, metric)), histogram_list)

    def plot(
        self,
        *metrics: str,
        x: str = "step",
        smoothing: float = 0.0,
        log_y: bool = False,
        rank: int | None = None,
        live: bool = False,
    ) -> Plot:
        """Curves of metrics, one chart each: every point, or buckets whose band shows their least and greatest.

        Needs matplotlib: `pip install 'stepwell[plot]'`.

        Args:
            metrics: Names or patterns (`train/*`). Default: all; the first 12 are drawn.
            x: "step", "time", "relative" (since the start), or the name of another metric.
            smoothing: Weight of a moving average over the whole series, 0 (none) to below 1; the raw curve stays
                behind it.
            log_y: A logarithmic axis; how many values it cannot show is said.
            rank: Of one process. Default: the median of all, with their band.
            live: Show it now, and go on until the run ends (notebooks only).

        Returns:
            What a notebook draws; `.figure` is matplotlib's, `.save("loss.png")` writes it.

        Raises:
            NotFound: Nothing was logged under these names.
            StepwellError: matplotlib is missing; `live` outside a notebook.

        Example:
            ```python
            run.plot("train/*", smoothing=0.9)
            ```
        """
        return plotted(self._reader, [self._info], Options(metrics, x, smoothing, log_y, rank), live=live)

    def live(self, *metrics: str, x: str = "step", smoothing: float = 0.0, log_y: bool = False) -> Plot:
        """`plot(..., live=True)`: curves that are drawn anew in this cell until the run ends.

        Args:
            metrics: Names or patterns. Default: all.
            x: As for `plot`.
            smoothing: As for `plot`.
            log_y: As for `plot`.
        """
        return self.plot(*metrics, x=x, smoothing=smoothing, log_y=log_y, live=True)

    def _repr_html_(self) -> str:
        from ..notebook.cards import run_card

        return run_card(self)

    def system(self, metric: str | Sequence[str] = (), device: str | Sequence[str] = ()) -> pa.Table:
        """What its machines did while it ran, as an Arrow table: host, device, metric, time, value. Never sampled.

        Ascending by host, device, metric, time. A metric's name ends in its unit; docs/system.md lists them.

        Args:
            metric: Names or patterns: `power_w`, `temperature_c*`. Default: all.
            device: Names or patterns: `host`, `processes`, `disk`, `network`, `nvidia0`, `nvidia*`. Default: all.

        Example:
            ```python
            run.system("utilisation_percent", "nvidia*").to_pandas()
            ```
        """
        metrics = [metric] if isinstance(metric, str) else list(metric)
        devices = [device] if isinstance(device, str) else list(device)
        return self._reader.system(self.key, metrics, devices)

    # --- the rest

    def console(self) -> Console:
        """Its output as a terminal would show it at the end, each line with time, rank and stream."""
        return collapse(self._reader.console(self.key))

    def artifacts(self, type: str | None = None) -> list[Artifact]:
        """All that it logged under names, in the order it did: checkpoints, data sets, ...

        Images, tables and tensors are apart: `images()`, `tables()`, `tensors()`.

        Args:
            type: Only those of this type. Default: all.
        """
        found = self._reader.artifacts(self.key)
        made = [Artifact(self.key, info, self._reader) for info in found if type in (None, info.type)]
        return Listing(made, artifact_list)

    def used(self) -> list[Artifact]:
        """The versions it has said it uses (`run.use_artifact`), in that order; `artifacts()` are those it made."""
        found = self._reader.used(self.key)
        return Listing([Artifact(info.run or self.key, info, self._reader) for info in found], artifact_list)

    def checkpoints(self) -> list[Artifact]:
        """In the order they were made; `.download(directory)` fetches one, every byte checked."""
        found = self._reader.artifacts(self.key)
        made = [Artifact(self.key, info, self._reader) for info in found if info.kind == "checkpoint"]
        return Listing(made, artifact_list)

    def images(self, name: str | None = None) -> list[LoggedImage]:
        """What was logged as `stepwell.Image`, one by one: ascending by name, step, rank, place in its list.

        Args:
            name: Only those of this name. Default: all.

        Example:
            ```python
            for image in run.images("samples"):
                image.save(f"samples-{image.step}-{image.index}.{image.format}")
            ```
        """
        return images_of(self._reader, self.key, name)

    def tables(self, name: str | None = None) -> list[LoggedTable]:
        """What was logged as `stepwell.Table`: ascending by name, step, rank.

        Args:
            name: Only those of this name. Default: all.

        Example:
            ```python
            run.tables("wrong")[-1].to_pandas()
            ```
        """
        return tables_of(self._reader, self.key, name)

    def tensors(self, name: str | None = None) -> list[LoggedTensor]:
        """What `log_tensor` kept: ascending by name, step, rank.

        Args:
            name: Only those of this name. Default: all.

        Example:
            ```python
            gradient = run.tensors("grad/conv1")[-1].load()
            ```
        """
        return tensors_of(self._reader, self.key, name)

    def to_pandas(self, *metrics: str) -> pd.DataFrame:
        """`history(*metrics)` as a data frame. Needs pandas.

        Args:
            metrics: Names or patterns; default: all.
        """
        return self.history(*metrics).to_pandas()

    def _text(self, key: str) -> str | None:
        value = self._info.value(key)
        return None if value is None else str(value)


def user_name() -> str:
    """Who changes something, by what this machine knows."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user id without a name
        return f"user {os.getuid()}" if hasattr(os, "getuid") else "somebody"


def check_names(reader: Reader, keys: Sequence[RunKey], metrics: Sequence[str], table: pa.Table) -> None:
    """Warns of a name under which nothing was logged: more often a typing mistake than a metric yet to come."""
    empty = [name for name in metrics if name in table.column_names and table[name].null_count == table.num_rows]
    if not empty:
        return
    there = {info.name: info.kind for key in keys for info in reader.metrics(key)}
    for name in empty:
        kind = there.get(name)
        if kind == "scalar":
            continue
        near = difflib.get_close_matches(name, there, 3, 0.5)
        hint = (
            f"; it is a {kind} series, see .{kind}s()" if kind else f"; did you mean {', '.join(near)}?" if near else ""
        )
        where = keys[0] if len(keys) == 1 else f"any of {len(keys)} runs"
        warnings.warn(f"nothing was logged as {name!r} in {where}{hint}", UserWarning, stacklevel=3)
