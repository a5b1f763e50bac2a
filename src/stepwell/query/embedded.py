"""The embedded stores of a home, opened in this process for reading where no service has them.

One process may have them open; within it every Api of the home shares them. Waiting spools and staged
checkpoints are taken in before each question, so that a run which has finished reads back whole.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ..errors import StepwellError
from ..home import Home
from .leftover import drain_leftover
from .local import LocalReader

if TYPE_CHECKING:
    from ..stores.local import LocalStores
    from .intake import Intake

__all__ = ["EmbeddedReader", "missing_extra"]


class EmbeddedReader(LocalReader):
    """A LocalReader that owns a share of its stores. Raises StoreBusy while another process has them."""

    def __init__(self, home: Home) -> None:
        self._shared = _Shared.of(home)
        super().__init__(_Fresh(self._shared), self._shared.stores.blobs, where=str(home.path))
        self._closed = False

    @property
    def source(self) -> dict[str, str]:
        return {"path": self.where}

    def close(self) -> None:
        """The last one of the process closes the stores. Idempotent."""
        if not self._closed:
            self._closed = True
            self._shared.release()


class _Fresh:
    """The metric store, with what has come since taken in before each query."""

    def __init__(self, shared: _Shared) -> None:
        self._shared = shared

    def query_arrow(self, sql: str, parameters: Mapping[str, Any] | None = None) -> pa.Table:
        return self._shared.refreshed().metrics.query_arrow(sql, parameters)

    def stream_arrow(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Iterator[pa.RecordBatch]:
        return self._shared.refreshed().metrics.stream_arrow(sql, parameters)

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        return self._shared.refreshed().metrics.rows(sql, parameters)

    def insert_rows(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        self._shared.refreshed().metrics.insert_rows(table, columns, rows)

    def insert_shared(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        self._shared.refreshed().metrics.insert_shared(table, columns, rows)

    def delete_rows(self, table: str, condition: str) -> None:
        self._shared.refreshed().metrics.delete_rows(table, condition)

    def run_tables(self) -> dict[str, set[str]]:
        return self._shared.refreshed().metrics.run_tables()


class _Shared:
    """The open stores of one home, counted."""

    _open: dict[Path, _Shared] = {}  # noqa: RUF012 - guarded by _guard
    _guard = threading.Lock()

    def __init__(self, home: Home) -> None:
        try:
            from ..stores.local import LocalStores
            from .intake import Intake
        except ImportError as error:
            raise missing_extra("reading without a service", error) from error
        drain_leftover(home)
        self.key = home.path
        self.users = 0
        self.stores: LocalStores = LocalStores(home)
        self._intake: Intake = Intake(self.stores, home)
        self._lock = threading.Lock()

    @classmethod
    def of(cls, home: Home) -> _Shared:
        with cls._guard:
            shared = cls._open.get(home.path) or cls(home)
            cls._open[home.path] = shared
            shared.users += 1
            return shared

    def refreshed(self) -> LocalStores:
        with self._lock:
            self._intake.refresh()
        return self.stores

    def release(self) -> None:
        with self._guard:
            self.users -= 1
            if not self.users:
                del self._open[self.key]
                self.stores.close()


def missing_extra(what: str, error: ImportError, extra: str = "server") -> StepwellError:
    """For a part that the base install leaves out."""
    missing = error.name or "a package"
    return StepwellError(
        f"{what} needs more than the base install: {missing} is missing. pip install 'stepwell[{extra}]'"
    )
