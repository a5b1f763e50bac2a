"""Every exception that stepwell raises on purpose. None of them leaves a log call unless `strict`."""

from __future__ import annotations

__all__ = [
    "ApiError",
    "AuthError",
    "BlobError",
    "ExportError",
    "ExportTooNew",
    "FilterError",
    "HomeError",
    "InvalidValue",
    "NotFound",
    "PortBusy",
    "RunExists",
    "RunHeld",
    "RunTrashed",
    "ServiceUnavailable",
    "SettingsError",
    "SpoolError",
    "StagingError",
    "StepwellError",
    "StoreBusy",
    "StoreError",
    "StoreTooNew",
    "StoreUnavailable",
]


class StepwellError(Exception):
    """The base of all of them: what happened, to which run or file, what was kept, what to do."""


class SettingsError(StepwellError, ValueError):
    """A setting or environment variable that cannot be used."""


class InvalidValue(StepwellError, ValueError):
    """An argument (an id, a step, a name, a histogram) that cannot be recorded."""


class HomeError(StepwellError, OSError):
    """STEPWELL_HOME, or a folder under it, cannot be used."""


class RunExists(StepwellError):
    """`resume="never"` for an id that has been recorded before."""


class NotFound(StepwellError, LookupError):
    """No such run, metric, checkpoint or blob."""


class RunTrashed(NotFound):
    """The run is in the trash: hidden, and whole; `stepwell restore` brings it back."""


class RunHeld(StepwellError):
    """A hold forbids removing the run; the message says until when and why."""


class ServiceUnavailable(StepwellError, ConnectionError):
    """No service answers at the address."""


class PortBusy(StepwellError, OSError):
    """The address asked for is taken by another process, or not this machine's."""


class AuthError(StepwellError, PermissionError):
    """The service does not take this token."""


class ApiError(StepwellError):
    """The service answered with an error of its own."""


class FilterError(StepwellError, ValueError):
    """A filter that cannot be read; `position` is the character (from 0) where reading stopped."""

    def __init__(self, message: str, text: str = "", position: int = 0) -> None:
        super().__init__(message)
        self.text = text
        self.position = position


class ExportError(StepwellError):
    """The folder of an export that cannot be written, is not whole, or is damaged."""


class ExportTooNew(ExportError):
    """An export of a later version of stepwell."""


class SpoolError(StepwellError):
    """A spool folder that is not one, or is held by another process."""


class StagingError(StepwellError, OSError):
    """A checkpoint that could not be copied into staging; nothing of it was kept."""


class StoreError(StepwellError):
    """The metric store refused or failed. `code` is ClickHouse's own, where there is one."""

    code: int | None = None


class StoreBusy(StoreError):
    """Another process has the embedded store open."""


class StoreTooNew(StoreError):
    """The store's schema is newer than this version of stepwell."""


class StoreUnavailable(StoreError):
    """A fault of the metric store that may pass (unreachable, out of memory, no rights): keep what was to be stored.

    `passing`: it may be gone the next moment, with nobody doing anything.
    """

    passing = False


class BlobError(StepwellError):
    """A blob that is missing, damaged or does not match its digest, or a store of blobs that fails.

    `passing`: the store failed, not the bytes; the same call may work later.
    """

    passing = False
