"""A real ClickHouse server and MinIO for as long as a block lasts: those that the tests use (tests/components)."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .environments import Absent

if TYPE_CHECKING:
    from stepwell.stores.metrics import MetricStore

__all__ = ["Stores", "clickhouse", "metrics_of", "minio", "stores_of"]

_TESTS = Path(__file__).resolve().parents[1] / "tests"
_DATABASE = "benchmark"


@dataclass(frozen=True)
class Stores:
    """settings: environment variables that send a service to them; nothing of the embedded ones.

    server: the ClickHouse server (tests/components/clickhouse.py), None where there is none.
    """

    kind: str
    settings: dict[str, str]
    server: Any = None

    @property
    def metrics_url(self) -> str:
        """ "" of the embedded store: it is where a home says."""
        return self.settings.get("STEPWELL_METRICS_URL", "")


@contextmanager
def stores_of(kind: str, folder: Path) -> Iterator[Stores]:
    """embedded: what a home has. server: ClickHouse and MinIO, started in the folder. Raises Absent."""
    if kind == "embedded":
        yield Stores(kind, {})
        return
    with ExitStack() as stack:
        server = stack.enter_context(clickhouse(folder / "clickhouse"))
        objects = stack.enter_context(minio(folder / "minio"))
        urls = {"STEPWELL_METRICS_URL": server.url(_DATABASE, secure="0"), "STEPWELL_BLOBS_URL": objects.url(_DATABASE)}
        yield Stores(kind, urls, server)


@contextmanager
def metrics_of(kind: str, folder: Path) -> Iterator[tuple[MetricStore, Stores]]:
    """A metric store of its own, its tables made. Raises Absent."""
    from stepwell.stores.metrics import open_metrics

    with ExitStack() as stack:
        if kind == "embedded":
            stores = Stores(kind, {})
        else:
            server = stack.enter_context(clickhouse(folder / "clickhouse"))
            stores = Stores(kind, {"STEPWELL_METRICS_URL": server.url(_DATABASE, secure="0")}, server)
        store = open_metrics(stores.metrics_url or f"chdb://{folder / 'metrics'}")
        stack.callback(store.close)
        store.migrate()
        yield store, stores


@contextmanager
def clickhouse(folder: Path) -> Iterator[Any]:
    """Raises Absent where it is not installed."""
    sys.path.insert(0, str(_TESTS))
    try:
        from components.clickhouse import LIBRARY, ClickHouse
    except ImportError as error:
        raise _no_tests(error) from error
    if not LIBRARY.exists():
        raise Absent(f"no ClickHouse server here ({LIBRARY}): bash .ci/components")
    with _running(ClickHouse(folder)) as server:
        yield server


@contextmanager
def minio(folder: Path) -> Iterator[Any]:
    """Raises Absent where it is not installed."""
    sys.path.insert(0, str(_TESTS))
    try:
        from components.programs import CACHE
        from components.s3_servers import minio_server
    except ImportError as error:
        raise _no_tests(error) from error
    if not (CACHE / "bin" / "minio").exists():
        raise Absent(f"no MinIO here ({CACHE / 'bin' / 'minio'}): bash .ci/components")
    with _running(minio_server(folder)) as server:
        yield server


@contextmanager
def _running(server: Any) -> Iterator[Any]:
    import pytest

    try:
        server.start()
    except pytest.fail.Exception as error:  # what the tests' servers fail with
        raise RuntimeError(str(error)) from error
    try:
        yield server
    finally:
        server.kill()


def _no_tests(error: ImportError) -> Absent:
    return Absent(f"the tests' servers cannot be used: {error} (pip install '.[bench]')")
