"""`stepwell.Api`: the door to everything that was recorded. Finds who can answer, and asks it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from types import TracebackType

import pyarrow as pa

from ..address import fetch_info, find_service, local_service, token_for
from ..errors import InvalidValue, NotFound, ServiceUnavailable, StepwellError, StoreBusy
from ..home import Home
from ..ids import split_artifact, split_run
from ..notebook.lists import MARK, Listing, artifact_list, show_tables
from ..platforms import needs_unix
from ..stores.retention.records import Hold, Trashed
from .artifact import Artifact
from .history import history_schema
from .reader import Reader
from .records import ArtifactInfo, RunKey
from .runs import Runs
from .view import Run, check_names, user_name

__all__ = ["Api", "open_reader"]

_BUSY_WAIT_S = 10.0
_BUSY_POLL_S = 0.1
_ANSWER_TIMEOUT_S = 2.0  # of a service on this machine, which answers at once or is gone


class Api:
    """Reads runs back, exactly as they were logged.

    With neither `url` nor `path`: STEPWELL_SERVER, else the service of this user's home if it is up, else the home's
    own store, opened in this process, with everything that still waits in spools taken in; so it works with no
    service at all. Of a service of this home that has just come up it waits, 15 s at most, for what waited in the
    spools to reach it. An embedded store is open in one process at a time: `close()` lets go of it, as does `with`.

    Args:
        url: A service, such as `https://stepwell.lab:7450`.
        path: A STEPWELL_HOME on disk.
        token: Default: STEPWELL_TOKEN, else that of the home's service, else what `stepwell login` kept.

    Raises:
        NotFound: No such folder.
        ServiceUnavailable: The service that was named does not answer.
        StoreBusy: Another process has the embedded store open.

    Example:
        ```python
        api = stepwell.Api()
        api.run("digits/06dtkq2mf4").history("train/loss").to_pandas()
        api.runs(filters='config.lr > 1e-3 and summary["val/acc"] > 0.9')
        ```
    """

    def __init__(
        self, url: str | None = None, path: str | os.PathLike[str] | None = None, *, token: str | None = None
    ) -> None:
        self._reader = open_reader(url, path, token)
        show_tables()

    def __repr__(self) -> str:
        return f"<stepwell.Api of {self._reader.where}>"

    def _repr_html_(self) -> str:
        from ..notebook.cards import api_card

        return api_card(self)

    def __enter__(self) -> Api:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Lets go of the embedded store, so that a service can have it. Idempotent."""
        self._reader.close()

    @property
    def where(self) -> str:
        """What is being read: a service's address or a folder."""
        return self._reader.where

    @property
    def reader(self) -> Reader:
        """What this Api asks."""
        return self._reader

    def runs(self, project: str | None = None, filters: str | None = None) -> Runs:
        """The runs that match, newest first.

        A filter names `config.KEY`, `summary.METRIC`, `env.KEY`, `state`, `name`, `tags`, `project`, `id`,
        `group`, `job_type`, `experiment`, `notes`, `created`; keys with other characters go in brackets:
        `summary["val/acc"]`. It knows `== != < <= > >=`, `~` (regular expression), `in`, `and`, `or`, `not`,
        parentheses and None (what is not there).

        Args:
            project: Only runs of this project. Default: of all.
            filters: An expression of the filter language, at most 10,000 characters. Default: none.

        Returns:
            A sequence of runs, which prints as a table and becomes a data frame by `to_pandas()`.

        Raises:
            FilterError: A filter that cannot be read; `position` and the message point at the character.
        """
        return Runs(self._reader, project=project, filters=filters)

    def run(self, path: str) -> Run:
        """One run.

        Args:
            path: "project/id"; a bare id will do where it is unique.

        Raises:
            NotFound: No such run, or a bare id that several have.
        """
        return Run(self._reader, self._reader.run(self._key(path)), has_last=True)

    def trash(self, runs: Iterable[Run | str], *, reason: str = "") -> list[str]:
        """Puts runs in the trash, all or none: hidden from every list and chart, and whole.

        Args:
            runs: What `runs()` gave, or "project/id" texts; a bare id will do where it is unique.
            reason: Why, in one line; kept with the run. Default: none.

        Returns:
            Their paths.

        Raises:
            NotFound: One of them is not there; nothing was changed.
            RunHeld: One of them is held; nothing was changed.
        """
        keys = [run.key if isinstance(run, Run) else self._key(run) for run in runs]
        self._reader.retention.trash(keys, by=user_name(), reason=reason)
        return [str(key) for key in keys]

    def trashed(self, project: str | None = None) -> list[Trashed]:
        """What is in the trash: key, time, who, reason; newest first.

        Args:
            project: Only of this one. Default: of all.
        """
        return self._reader.retention.trashed(project)

    def restore(self, runs: Iterable[str]) -> list[str]:
        """Brings runs back from the trash, with all that was recorded into them meanwhile; returns their paths.

        Args:
            runs: "project/id" texts; a bare id will do where it is unique in the trash.

        Raises:
            NotFound: One of them was purged, or never was; nothing was changed.
        """
        keys = self._keys_in_trash(runs)
        self._reader.retention.restore(keys, by=user_name())
        return [str(key) for key in keys]

    def purge(self, runs: Iterable[str], *, reason: str = "") -> list[str]:
        """Removes every row of runs that are in the trash, for good; returns their paths.

        A tombstone stays (when, who, why): what their attempts so far still send is discarded. An attempt that begins
        later under the same id is a new run.

        Args:
            runs: "project/id" texts; a bare id will do where it is unique in the trash.
            reason: Why, in one line. Default: what they were put in the trash for.

        Raises:
            InvalidValue: One of them is not in the trash; nothing was removed.
            RunHeld: One of them is held; nothing was removed.
            NotFound: One of them is not there.
        """
        keys = self._keys_in_trash(runs)
        self._reader.retention.purge(keys, by=user_name(), reason=reason)
        return [str(key) for key in keys]

    def hold(self, run: Run | str, *, until: datetime, reason: str) -> Hold:
        """Keeps a run from being removed before a date, by anybody or any rule. Replaces a hold that is there.

        Args:
            run: One of `runs()`, or "project/id". A run in the trash comes back.
            until: When the hold ends; without a time zone it is UTC.
            reason: What whoever wants to remove the run is told; one line, not empty.

        Raises:
            NotFound: No such run.
            InvalidValue: A date that has passed, or no reason.
        """
        return self._reader.retention.hold(self._held_key(run), until, by=user_name(), reason=reason)

    def release(self, run: Run | str, *, reason: str = "") -> str:
        """Ends a hold before its date; returns the run's path.

        Args:
            run: One of `runs()`, or "project/id".
            reason: Why; kept among the run's events. Default: none.

        Raises:
            NotFound: No hold is on it.
        """
        key = self._held_key(run)
        self._reader.retention.release(key, by=user_name(), reason=reason)
        return str(key)

    def holds(self, project: str | None = None) -> list[Hold]:
        """The holds that are in force: key, until, time, who, reason; the next to end first.

        Args:
            project: Only of this one. Default: of all.
        """
        return self._reader.retention.holds(project)

    def _held_key(self, run: Run | str) -> RunKey:
        if isinstance(run, Run):
            return run.key
        project, run_id = split_run(run)
        return self._key(run) if project is None else RunKey(project, run_id)

    def _keys_in_trash(self, runs: Iterable[str]) -> list[RunKey]:
        keys = []
        for path in runs:
            project, run_id = split_run(path)
            found = [one.key for one in self.trashed() if one.key.id == run_id] if project is None else []
            if project is not None:
                keys.append(RunKey(project, run_id))
            elif len(found) == 1:
                keys.append(found[0])
            else:
                raise NotFound(
                    f"the trash of {self.where} holds {len(found) or 'no'} runs with the id {run_id!r}; name it in "
                    "full, as project/id (stepwell trash --list)"
                )
        return keys

    def history(self, runs: Iterable[Run | str], metrics: Sequence[str] | str = (), *, long: bool = False) -> pa.Table:
        """`Run.history` of several runs in one table, with a first column `run` ("project/id").

        Args:
            runs: What `runs()` gave, or "project/id" texts.
            metrics: Names or patterns (`train/*`); default: all.
            long: A row a point instead of a column a metric.

        Returns:
            An Arrow table with every point; see `Run.history` for the columns.

        Example:
            ```python
            api.history(api.runs("digits"), ["train/loss", "val/*"])
            ```
        """
        names = [metrics] if isinstance(metrics, str) else list(metrics)
        keys = [run.key if isinstance(run, Run) else self._key(run) for run in runs]
        if not keys:
            return history_schema(names, long=long, with_run=True).empty_table()
        table = self._reader.history(keys, names, long=long, with_run=True).read_all()
        if not long:
            check_names(self._reader, keys, names, table)
        return table.replace_schema_metadata(MARK)

    def artifact(self, path: str, type: str | None = None) -> Artifact:
        """One version of an artifact.

        Args:
            path: "project/name:v3", "project/name:best"; without a version or alias it is the newest.
            type: Of the artifact, where several of this name have different ones. Default: any.

        Raises:
            NotFound: No such artifact or version; the message says which there are.

        Example:
            ```python
            api.artifact("digits/model.npz:best").download("restored")
            ```
        """
        project, name, version = split_artifact(path)
        if project is None:
            raise InvalidValue(f'an artifact is named "project/name:version" here, not {path!r}')
        try:
            info = self._reader.artifact(project, name, version, type=type)
        except NotFound:
            if not path.endswith(f":{version}"):
                raise
            try:  # a file's name may hold a colon
                info = self._reader.artifact(project, f"{name}:{version}", "latest", type=type)
            except NotFound:
                info = self._reader.artifact(project, name, version, type=type)
        return self._artifact(project, info)

    def artifacts(self, project: str, name: str | None = None, type: str | None = None) -> list[Artifact]:
        """The versions of a project's artifacts, by type, name and number; `artifact(...)` has the files of one.

        Args:
            project: Its name.
            name: Only versions of this name. Default: of all.
            type: Only of this type: "checkpoint", "dataset", ... Default: of all.
        """
        found = self._reader.versions(project, name=name, type=type)
        return Listing([self._artifact(project, info) for info in found], artifact_list)

    def set_aliases(
        self, path: str, add: Sequence[str] = (), remove: Sequence[str] = (), type: str | None = None
    ) -> Artifact:
        """Moves aliases to a version, or takes them away from it; for everybody who reads.

        Args:
            path: "project/name:v3", or another alias of the version.
            add: Names that point to it from now on, and to no other version any more.
            remove: Names that no longer point to it.
            type: As for `artifact`.

        Returns:
            The version as it is then.

        Raises:
            NotFound: No such version.
            InvalidValue: What cannot be an alias; "latest", which is the newest by itself.

        Example:
            ```python
            api.set_aliases("digits/model.npz:v3", add=["best"])
            ```
        """
        project, name, version = split_artifact(path)
        if project is None:
            raise InvalidValue(f'an artifact is named "project/name:version" here, not {path!r}')
        info = self._reader.set_aliases(project, name, version, add=add, remove=remove, type=type, by=user_name())
        return self._artifact(project, info)

    def _artifact(self, project: str, info: ArtifactInfo) -> Artifact:
        return Artifact(info.run or RunKey(project, ""), info, self._reader)

    def _key(self, path: str) -> RunKey:
        project, run_id = split_run(path)
        if project is not None:
            return RunKey(project, run_id)
        found = self._reader.runs(id=run_id)
        if not found:
            raise NotFound(f"no run with the id {run_id!r} in {self.where}")
        if len(found) > 1:
            names = ", ".join(sorted(str(info.key) for info in found))
            raise NotFound(f"the id {run_id!r} is that of several runs: {names}. Name one of them in full.")
        return found[0].key


def open_reader(url: str | None = None, path: str | os.PathLike[str] | None = None, token: str | None = None) -> Reader:
    """Whoever can answer; see Api. Raises ServiceUnavailable, StoreBusy, HomeError."""
    if url is not None and path is not None:
        raise StepwellError("an Api reads a service (url=) or a folder (path=), not both")
    home = Home(path)
    if path is not None and not home.path.is_dir():
        raise NotFound(f"there is no folder {home.path}")
    named = url or ("" if path is not None else os.environ.get("STEPWELL_SERVER", ""))
    if named:
        from .http import HttpReader

        address = find_service(home, named)
        assert address is not None
        return HttpReader(address.url, token or address.token)
    return _of_service(home, token) or _of_store(home, token)


def _of_service(home: Home, token: str | None) -> Reader | None:
    """The home's own service, if it is up."""
    from .http import HttpReader

    # STEPWELL_SERVER is not asked for here, so that `path=` means that folder and no other.
    address = _own_service(home)
    if address is None:
        return None
    try:
        fetch_info(address, timeout=_ANSWER_TIMEOUT_S)
    except ServiceUnavailable:
        return None
    if sys.platform != "win32":  # nothing is recorded there
        from .arriving import await_arrivals

        await_arrivals(home)
    return HttpReader(address, token or token_for(home, address))


def _own_service(home: Home) -> str | None:
    local = local_service(home)
    return local.url if local is not None else None


def _of_store(home: Home, token: str | None) -> Reader:
    needs_unix("Reading without a service")
    from .embedded import EmbeddedReader

    end = time.monotonic() + _BUSY_WAIT_S
    while True:
        try:
            return EmbeddedReader(home)
        except StoreBusy:
            service = _of_service(home, token)  # one that has just come up holds it
            if service is not None:
                return service
            if time.monotonic() >= end:
                raise
            time.sleep(_BUSY_POLL_S)  # one that comes up holds it, or a command that is done in a moment
