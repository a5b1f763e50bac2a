"""What the service says of itself at /metrics (Prometheus text format)."""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from ..stores.ingest import Outcome

__all__ = ["Figures"]

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Figures:
    """A registry of its own: two services in one process (tests) do not meet."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        registry = self._registry
        self.queue_bytes = Gauge("stepwell_queue_bytes", "Bytes of blocks waiting or being written", registry=registry)
        self.streams = Gauge("stepwell_streams", "Open ingestion streams", registry=registry)
        self._blocks = Counter("stepwell_blocks", "Blocks by what became of them", ["outcome"], registry=registry)
        self._bytes = Counter("stepwell_block_bytes", "Compressed bytes written or refused", registry=registry)
        self._rows = Counter("stepwell_rows", "Rows inserted, over all tables", registry=registry)
        self._flush = Histogram("stepwell_flush_seconds", "Decode and insert", buckets=_SECONDS, registry=registry)
        self.blob_bytes = Counter("stepwell_blob_bytes", "Bytes of blobs taken in", registry=registry)

    def flush(self, seconds: float, outcomes: Sequence[Outcome], size: int) -> None:
        self._flush.observe(seconds)
        self._bytes.inc(size)
        for outcome in outcomes:
            self.count(outcome)

    def count(self, outcome: Outcome) -> None:
        self._blocks.labels("acked" if outcome.reason is None else outcome.reason.name.lower()).inc()
        if outcome.reason is None:
            self._rows.inc(outcome.rows)

    def text(self) -> bytes:
        return generate_latest(self._registry)
