"""The embedded stores of one STEPWELL_HOME: chDB and files, opened by one process at a time."""

from __future__ import annotations

from types import TracebackType

from ..home import Home
from .blobs import BlobStore, open_blobs
from .ingest import Ingest
from .metrics import MetricStore, open_metrics
from .retention.rules import store_id

__all__ = ["LocalStores", "local_urls"]


def local_urls(home: Home) -> tuple[str, str]:
    """(metrics, blobs) of a home."""
    return f"chdb://{home.store / 'metrics'}", f"file://{home.store / 'blobs'}"


class LocalStores:
    """Opens both, the schema brought up to date. Raises StoreBusy while a service (or another reader) has them."""

    metrics: MetricStore
    blobs: BlobStore
    ingest: Ingest

    def __init__(self, home: Home) -> None:
        home.make(home.store)
        metrics_url, blobs_url = local_urls(home)
        self.metrics = open_metrics(metrics_url)
        try:
            self.metrics.migrate()
            self.blobs = open_blobs(blobs_url)
            self.blobs.register(store_id(self.metrics))
        except BaseException:
            self.metrics.close()
            raise
        self.ingest = Ingest(self.metrics, self.blobs)

    def close(self) -> None:
        self.metrics.close()

    def __enter__(self) -> LocalStores:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
