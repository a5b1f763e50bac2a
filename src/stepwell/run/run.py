"""The run: what user code holds from `init` to `finish`.

Owns the order of things at the end. Values are read by C++ or `values`, fields written by `fields` and `labels`,
artifacts kept by `staging`; the wait for the agent is `waiting`'s.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn
from urllib.parse import quote

from .. import _core
from ..address import find_service
from ..errors import InvalidValue
from ..home import Home
from ..launch import reap, start_agent
from ..settings import Settings
from .attempts import note_last_step
from .config import Fields, load_config
from .console import Console
from .ending import Ending, exit_code_of
from .environment import EnvironmentCapture
from .farewell import tell_what_is_left
from .fields import FieldWriter
from .kernel import CellWatch
from .labels import Labels
from .lifetime import ends_with
from .notices import Once, warn
from .slow import SlowPath
from .waiting import Left, wait_until_kept

if TYPE_CHECKING:
    from ..notebook.plot import Plot
    from ..query import Artifact
    from .artifacts import AnyPath
    from .logged import LoggedArtifact
    from .sources import Copy
    from .staging import Stager

__all__ = ["Run", "Terms"]


class Terms(NamedTuple):
    """What is settled about a run when it begins."""

    project: str
    id: str
    name: str
    key: bytes
    rank: int
    attempt: int
    mode: str
    server: str
    needs_step: bool = False
    world_size: int = 1


class Run:
    """One training process's part in one run. Made by `stepwell.init`.

    `config` and `summary` are nested dicts with attribute access, recorded as they change. As a context manager the
    run is finished at the end, with exit code 1 if there was an exception.
    """

    def __init__(
        self,
        terms: Terms,
        settings: Settings,
        home: Home | None,
        recorder: _core.Recorder | None,
        slow: SlowPath | None,
        once: Once,
    ) -> None:
        """Not for users: call `stepwell.init`. Without a recorder it is a run that records nothing."""
        self._terms = terms
        self._settings = settings
        self._home = home
        self._recorder = recorder
        self._slow = slow
        self._once = once
        self._pid = os.getpid()
        self._finished = False
        self._finishing = threading.Lock()
        self._console: Console | None = None
        self._ending: Ending | None = None
        self._cells: CellWatch | None = None
        self._capture = EnvironmentCapture()
        record = recorder.record if recorder is not None else None
        self._config = Fields(FieldWriter("config", record, settings.field_bytes_max))
        self._summary = Fields(FieldWriter("summary", record, settings.field_bytes_max))
        self._labels = Labels(terms.name, record, self._refuse)
        if slow is not None:
            slow.stager = self.stager
        if recorder is not None:
            # The C function itself: a call of `run.log` meets no Python code.
            log = self._log_once_a_step_is_given if terms.needs_step else recorder.log
            self.log = log  # type: ignore[method-assign,assignment]

    def log(self, data: Mapping[str, Any], step: int | None = None, time: float | None = None) -> None:  # noqa: ARG002
        """Records one row of metrics. When it has returned, no kill of any process loses the row.

        After `finish` the row is dropped with a warning.

        Args:
            data: Metric names (1 to 512 bytes of UTF-8) and values. Numbers, bools and numpy scalars take the fast
                path. Arrays and tensors of one element are scalars, strings and short lists texts,
                `stepwell.Histogram` a distribution; a `stepwell.Image`, a list of them and a `stepwell.Table` become
                files beside the run; nested dicts are flattened with "/", None is left out. A value
                that cannot be recorded is left out with one warning a key and type, and never takes the row with it.
                A value on a GPU is copied behind the call and recorded by a later one, or by `finish`, with the step
                and time of this one; the call does not wait for it. Of a device that is not known the value is copied
                at once, which waits for it; said once a process.
            step: Any whole number of 64 bits, in any order; the same step again replaces the point. Default: one
                more than the highest step logged by this rank, from 0.
            time: Seconds since 1970 or a datetime, to back-fill. Default: now.

        Raises:
            InvalidValue: Under the setting `strict` only: a value that cannot be recorded.

        Example:
            ```python
            run.log({"train/loss": 0.5, "train/acc": 0.9}, step=10)
            ```
        """
        # What stands here serves a run without a recorder and one that is finished.
        if self._terms.mode == "disabled":
            return
        message = f"log was called after {self.path} was finished; nothing is recorded any more"
        if self._settings.strict:
            raise InvalidValue(message)
        self._once.warn("finished", message)

    def log_checkpoint(
        self,
        path: str | os.PathLike[str] | Mapping[str, Any],
        step: int | None = None,
        name: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        *,
        aliases: Sequence[str] = ("latest",),
        copy: Copy = "auto",
        sharded: bool | int = False,
    ) -> LoggedArtifact:
        """Keeps a file, all files of a folder, or a dict of tensors as a checkpoint of the run.

        Returns when a copy lies in staging, so that the original may be changed or removed at once; the agent uploads
        it. Checkpoints of one name in a project are its versions v0, v1, ...

        Args:
            path: A file, a folder, or a dict of tensors (`model.state_dict()`), which becomes a safetensors file, or,
                where it holds other things, what `torch.save` writes. Tensors on a device are copied from it.
            step: Whole number of 64 bits. Default: the last step logged, or 0.
            name: Default: the file's or folder's own name; "model" of a dict.
            metadata: A dict of plain values, kept with it.
            aliases: Names such as "best" that point to it from now on. "latest" always is the newest.
            copy: True takes a copy at once. "link" takes a hard link: then it may be removed or replaced, but not
                written over, before it is uploaded. False uploads it from where it is, where it must stay as it is
                until then. "auto" does the last with what lies on a network filesystem or is larger than half of the
                free space (setting `staging_fraction`), and else takes a copy.
            sharded: True where every rank of the run calls this with its part (FSDP, DCP, Orbax, Megatron), or how
                many do. It is one checkpoint, there once all parts are. Of a folder that all ranks share, each takes
                its own files.

        Returns:
            What says where it is: `.state`, and `.wait()` until it is in the store.

        Raises:
            StagingError: It cannot be kept: no such file, or no room. Nothing of it is.
            InvalidValue: A bad name, step or alias, or the run is finished.

        Example:
            ```python
            np.savez("model.npz", w=weights)
            run.log_checkpoint("model.npz", step=1000, metadata={"val/acc": 0.97})
            ```
        """
        from .artifacts import log_files

        return log_files(
            self, "checkpoint", path, name, step=step, metadata=metadata, aliases=aliases, copy=copy, sharded=sharded
        )

    def log_artifact(
        self,
        path: AnyPath | Sequence[AnyPath],
        name: str | None = None,
        type: str = "dataset",
        *,
        aliases: Sequence[str] = (),
        metadata: Mapping[str, Any] | None = None,
        step: int | None = None,
        copy: Copy = "auto",
    ) -> LoggedArtifact:
        """Keeps files under a name that has versions in the project: a data set, a model, a report.

        Like `log_checkpoint`, it returns when a copy lies in staging. The same content again is the same version.

        Args:
            path: A file, a folder, a `stepwell.Reference` to data elsewhere, or a list of them.
            name: Default: the file's or folder's own name; of several it must be given.
            type: What it is to people: "dataset", "model" or another word of at most 64 bytes.
            aliases: Names such as "best" that point to it from now on. "latest" always is the newest.
            metadata: A dict of plain values, kept with it.
            step: Whole number of 64 bits. Default: the last step logged, or 0.
            copy: As for `log_checkpoint`.

        Returns:
            What says where it is: `.state`, and `.wait()` until it is in the store.

        Raises:
            StagingError: It cannot be kept: no such file, or no room. Nothing of it is.
            InvalidValue: A bad name, type, step or alias, or the run is finished.

        Example:
            ```python
            np.savez("digits.npz", images=weights)
            run.log_artifact("digits.npz", "digits", aliases=["reviewed"])
            ```
        """
        from .artifacts import log_files

        return log_files(
            self, "artifact", path, name, step=step, type=type, metadata=metadata, aliases=aliases, copy=copy
        )

    def log_reference(
        self,
        uri: str,
        digest: str = "",
        size: int = 0,
        name: str | None = None,
        type: str = "dataset",
        *,
        aliases: Sequence[str] = (),
        metadata: Mapping[str, Any] | None = None,
        step: int | None = None,
    ) -> LoggedArtifact:
        """Notes data that stays where it is as an artifact: its place, digest and size, no copy.

        Args:
            uri: Where it is: "s3://lake/train.parquet", "file:///data/imagenet".
            digest: What tells other data from it, with its algorithm: "sha256:..."; at most 256 bytes. Another digest
                is another version. Default: none.
            size: Bytes. Default: 0, not known.
            name: Default: what follows the last "/" of the uri.
            type: As for `log_artifact`.
            aliases: As for `log_artifact`.
            metadata: As for `log_artifact`.
            step: As for `log_artifact`.

        Raises:
            StagingError: It cannot be kept.
            InvalidValue: A bad uri, digest, size or name, or the run is finished.

        Example:
            ```python
            run.log_reference("s3://lake/train.parquet", "sha256:9f86d0", 10**12, name="train")
            ```
        """
        from .artifacts import log_files
        from .reference import Reference

        there = Reference(uri, digest, size)
        return log_files(self, "artifact", there, name, step=step, type=type, metadata=metadata, aliases=aliases)

    def log_tensor(
        self, name: str, tensor: Any, step: int | None = None, metadata: Mapping[str, Any] | None = None
    ) -> LoggedArtifact:
        """Keeps a tensor as it is, bit for bit: an activation, a gradient, the state of an optimizer.

        Returns when a copy lies in staging, in the safetensors format. What lies on a device is copied from it, which
        waits for it. `Api().run(...).tensors(name)` reads it back, one tensor of many by its bytes alone.

        Args:
            name: 1 to 512 bytes of UTF-8 without control characters.
            tensor: A numpy, torch or jax array, anything with `__array__` or `__dlpack__`, or a dict of them; keys of
                nested dicts are joined by "/". Of any shape and any type that safetensors has: floats of 8 (e4m3fn,
                e5m2, e8m0fnu), 16, 32 and 64 bits, bfloat16, integers, bool.
            step: Whole number of 64 bits. Default: the last step logged, or 0. The same step again replaces it.
            metadata: A dict of plain values, kept with it.

        Returns:
            What says where it is: `.state`, and `.wait()` until it is in the store.

        Raises:
            StagingError: It cannot be kept: no room. Nothing of it is.
            InvalidValue: No tensor, or of a type that the format has not; a bad name or step; the run is finished.

        Example:
            ```python
            run.log_tensor("grad/conv1", weights, step=10)
            run.log_tensor("layers", {"first": weights, "second": weights}, step=10)
            ```
        """
        from .artifacts import log_tensors

        return log_tensors(self, name, tensor, step=step, metadata=metadata)

    def use_artifact(self, path: str, type: str | None = None) -> Artifact:
        """Finds an artifact, and records that this run uses it: what it was made from can be read back.

        Asks the service, or the store of this STEPWELL_HOME: it may wait for an answer, as reading does.

        Args:
            path: "project/name:v3", "name:best" of this run's project; without a version or alias it is the newest.
            type: Of the artifact, where several of this name have different ones. Default: any.

        Returns:
            The artifact, to `.download(directory)` or `.read(path)`.

        Raises:
            NotFound: No such artifact or version.
            ServiceUnavailable: The service that the run is for does not answer.
            InvalidValue: The run is finished.

        Example:
            ```python
            files = run.use_artifact("digits:reviewed").download("data")
            ```
        """
        home = self._home
        if self._finished or home is None:
            why = "records nothing (mode disabled)" if home is None else "was finished"
            raise InvalidValue(
                f"use_artifact({path!r}): {self.path} {why}; stepwell.Api().artifact(...) reads without it"
            )
        from ..lineage import find_artifact

        found = find_artifact(path, type, self.project, self._terms.server, home.path)
        self._event("use_artifact", found.event)
        return found.artifact

    def stager(self, what: str) -> Stager | None:
        """By which an artifact of any kind is kept; None where nothing is recorded. For those who log one.

        Args:
            what: The call, for the error.

        Raises:
            InvalidValue: The run is finished.
        """
        recorder, home = self._recorder, self._home
        if recorder is None or home is None:
            return None
        if self._finished:
            raise InvalidValue(f"{what} was called after {self.path} was finished; it is not kept")
        from .staging import Origin, Stager

        terms = self._terms
        origin = Origin(terms.project, terms.id, terms.key, terms.rank, terms.attempt, terms.server, terms.mode)
        return Stager(origin, recorder, home, self._settings)

    def finish(self, exit_code: int = 0, timeout: float | None = None) -> None:
        """Ends the run, and waits for what it recorded to be on its way; called by itself when the process ends.

        Waits until all is in the spool, and acked where a service is in reach. Gives up after 5 s without progress
        (`finish_stall_timeout_s`). What is left by then is kept, and said. Ctrl-C ends the wait. Later calls do
        nothing.

        Args:
            exit_code: 0 makes the run "finished", another "failed".
            timeout: Seconds to wait in all. Default: 5 (`finish_timeout_s`), or 120 (`finish_timeout_dying_s`) where
                the agent would end with this process: a container, CI, a batch job.
        """
        recorder, home = self._recorder, self._home
        with self._finishing:
            if self._finished:
                return
            self._finished = True
        if recorder is None or home is None:
            return
        if os.getpid() != self._pid:
            self._finish_in_fork(recorder)
            return
        self.config.record_changes()
        self.summary.record_changes()
        if self._console is not None:
            self._console.stop()
        if self._ending is not None:
            self._ending.stop()
        if self._cells is not None:
            self._cells.stop()
        if self._slow is not None:
            stall_s = self._settings.finish_stall_timeout_s
            self._slow.finish(stall_s if timeout is None else min(stall_s, timeout))
        refused = self._slow.refused if self._slow is not None else 0
        self._event("finish", {"exit_code": exit_code, "dropped": recorder.dropped, "refused": refused})
        vars(self).pop("log", None)
        try:
            if recorder.last_step is not None:
                note_last_step(home, self.project, self.id, self._terms.rank, recorder.last_step)
            start_agent(home)
            left = self._wait(recorder, timeout)
            tell_what_is_left(self, left, recorder, home, quiet=self._settings.quiet)
        except OSError as error:
            warn(f"{self.path} is finished, but its last step could not be noted: {error}")
        finally:  # after Ctrl-C as well
            recorder.close()
            self._capture.close()
            reap()

    @property
    def config(self) -> Fields:
        """Nested dict of hyperparameters. Assigning takes what `init(config=)` takes, and replaces all of it."""
        return self._config

    @config.setter
    def config(self, values: object) -> None:
        self._config.replace_all(load_config(values))

    @property
    def summary(self) -> Fields:
        """Nested dict of results set by hand; for the last values of metrics see the query API."""
        return self._summary

    @property
    def url(self) -> str | None:
        """Of the run's page; None while no service is known, or that of this home has ended."""
        service = find_service(self._home, self._terms.server) if self._home is not None else None
        if service is None or not _lives(service.pid):
            return None
        return f"{service.url}/#/{quote(self.project, safe='')}/{quote(self.id, safe='')}"

    @property
    def path(self) -> str:
        """ "project/id", as `Api().run` takes it."""
        return f"{self.project}/{self.id}"

    @property
    def project(self) -> str:
        """With `id`, what the run is called in every table."""
        return self._terms.project

    @property
    def id(self) -> str:
        """Unique in the project."""
        return self._terms.id

    @property
    def name(self) -> str:
        """What people read; need not be unique. Assigning renames the run; its id, by which it is found, stays."""
        return self._labels.name

    @name.setter
    def name(self, value: str) -> None:
        if self._is_open("name"):
            self._labels.set_name(value)

    @property
    def tags(self) -> tuple[str, ...]:
        """Assigning replaces them: `run.tags += ("baseline",)`."""
        return self._labels.tags

    @tags.setter
    def tags(self, value: Iterable[str]) -> None:
        if self._is_open("tags"):
            self._labels.set_tags(value)

    @property
    def notes(self) -> str | None:
        """A text of any length; assigning replaces it, None takes it away."""
        return self._labels.notes

    @notes.setter
    def notes(self, value: str | None) -> None:
        if self._is_open("notes"):
            self._labels.set_notes(value)

    @property
    def rank(self) -> int:
        """Of this process in the run, from 0."""
        return self._terms.rank

    @property
    def world_size(self) -> int:
        """How many processes record into it, as their launcher says; 1 where none does."""
        return self._terms.world_size

    @property
    def attempt(self) -> int:
        """Which life of the run this is: its start in seconds since 2024, raised above the last one known."""
        return self._terms.attempt

    @property
    def mode(self) -> str:
        """online | offline | disabled."""
        return self._terms.mode

    @property
    def server(self) -> str:
        """The service that was named at `init` or by STEPWELL_SERVER; "" for that of the home."""
        return self._terms.server

    @property
    def dir(self) -> Path | None:
        """The STEPWELL_HOME that everything recorded passes through; None when disabled."""
        return self._home.path if self._home is not None else None

    @property
    def drained(self) -> bool:
        """Whether everything recorded so far by this process is in the spool."""
        return self._recorder is None or self._recorder.drained

    @property
    def stop_requested(self) -> bool:
        """Whether somebody asked this run to stop early; up to the training loop to heed."""
        return self._recorder is not None and bool(self._recorder.control & _core.CONTROL_STOP)

    @property
    def finished(self) -> bool:
        """Whether `finish` was called."""
        return self._finished

    def plot(
        self,
        *metrics: str,
        x: str = "step",
        smoothing: float = 0.0,
        log_y: bool = False,
        rank: int | None = None,
        live: bool = False,
    ) -> Plot:
        """Curves of what was logged so far, read back as `Api` reads it. Needs `stepwell[plot]`.

        Args:
            metrics: Names or patterns (`train/*`). Default: all.
            x: "step", "time", "relative", or the name of another metric.
            smoothing: Weight of a moving average, 0 (none) to below 1.
            log_y: A logarithmic axis.
            rank: Of one process. Default: the median of all, with their band.
            live: Go on in this cell while the run does, from a process of its own (notebooks only).

        Raises:
            NotFound: Nothing was logged under these names.
            StepwellError: matplotlib or what reading needs is missing; the run records nothing.
        """
        from ..notebook.of_live_run import plot_live_run

        return plot_live_run(self, (metrics, x, smoothing, log_y, rank), live=live)

    def live(self, *metrics: str, x: str = "step", smoothing: float = 0.0, log_y: bool = False) -> Plot:
        """`plot(..., live=True)`: its curves, drawn anew in this cell until the run ends.

        Args:
            metrics: Names or patterns. Default: all.
            x: As for `plot`.
            smoothing: As for `plot`.
            log_y: As for `plot`.
        """
        return self.plot(*metrics, x=x, smoothing=smoothing, log_y=log_y, live=True)

    def _repr_html_(self) -> str:
        from ..notebook.cards import live_card

        return live_card(self)

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.finish(exit_code=0 if error is None else exit_code_of(error))

    def __repr__(self) -> str:
        return f"<stepwell.Run {self.path} rank {self.rank}, {'finished' if self._finished else self.mode}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            f"run {self.path} belongs to its process and cannot be pickled: call stepwell.init in the other one"
        )

    def attend(self, console: Console | None, ending: Ending) -> None:
        """From `init`: what is to be undone at the end."""
        self._console, self._ending = console, ending
        if console is not None:
            console.start()
        ending.start()
        self._cells = CellWatch(console.renew if console is not None else lambda: None, ending.after_cell)
        self._cells.start()

    def leave(self) -> None:
        """The kernel is restarted under it: what is held is written, and no finish, so that the run ends as crashed."""
        self.config.record_changes()
        self.summary.record_changes()
        if self._console is not None:
            self._console.stop()

    @property
    def labels(self) -> Labels:
        """Name, tags and notes as this process knows them; for `init`."""
        return self._labels

    @property
    def capture(self) -> EnvironmentCapture:
        """The child that records what the run was started on; for `init`."""
        return self._capture

    @property
    def owned(self) -> bool:
        """Whether this process began the run; False in a forked child."""
        return self._pid == os.getpid()

    def after_fork(self) -> None:
        """In the child, before anything else of ours runs there."""
        self._finishing = threading.Lock()
        if self._slow is not None:
            self._slow.after_fork()
        if self._console is not None:
            self._console.forget_held()

    def _is_open(self, what: str) -> bool:
        """Whether a label may still change; says so once where it may not."""
        if self._finished:
            self._once.warn(f"finished {what}", f"{what} was set after {self.path} was finished; it stays as it was")
        return not self._finished

    def _refuse(self, message: str) -> None:
        """Of a label that is none: it must not stop training."""
        if self._settings.strict:
            raise InvalidValue(message)
        warn(f"{self.path}: {message}; it stays as it was")

    def _event(self, kind: str, body: Mapping[str, Any]) -> None:
        if self._recorder is not None:
            self._recorder.record(_core.KIND_EVENT, (kind.encode(), json.dumps(body).encode()))

    def _finish_in_fork(self, recorder: _core.Recorder) -> None:
        """The run goes on in the parent; here only this child's ring ends."""
        if self._console is not None:
            self._console.stop()
        vars(self).pop("log", None)
        recorder.close()

    def _log_once_a_step_is_given(self, data: Any, step: Any = None, time: Any = None) -> None:
        """Stands in for the C function after a resume that could not learn the last step."""
        assert self._recorder is not None
        if step is None:
            message = (
                f"{self.path} was resumed without knowing its last step: give step= to log. The row is not recorded"
            )
            if self._settings.strict:
                raise InvalidValue(message)
            self._once.warn("needs step", message)
            return
        self._recorder.log(data, step, time)
        self.log = self._recorder.log  # type: ignore[method-assign,assignment]

    def _wait(self, recorder: _core.Recorder, timeout: float | None) -> Left:
        settings = self._settings
        total = timeout
        if total is None:
            total = settings.finish_timeout_dying_s if ends_with(os.environ) else settings.finish_timeout_s
        offline = self.mode == "offline"
        return wait_until_kept(recorder, offline, settings.finish_stall_timeout_s, total, self._capture.ended)


def _lives(pid: int | None) -> bool:
    """False for the process of a service.json that was left behind; True where nothing is known."""
    if pid is None:
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
