"""What the service says of itself at /metrics (Prometheus text format)."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from ..stores.ingest import Outcome
from ..stores.stages import Stages

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
        of_purged = "What late spools brought of purged runs: acked, not stored"
        self.discarded = Counter("stepwell_discarded", of_purged, ["kind"], registry=registry)
        self.blob_bytes = Counter("stepwell_blob_bytes", "Bytes of blobs taken in", registry=registry)
        self.stages = Stages()
        self._costs = _Costs(self.stages)
        registry.register(self._costs)

    def watch_loop(self) -> None:
        """Called in the event loop's thread: what it costs as a whole is told too."""
        self._costs.watch(threading.get_ident())

    def flush(self, seconds: float, outcomes: Sequence[Outcome], size: int) -> None:
        self._flush.observe(seconds)
        self._bytes.inc(size)
        for outcome in outcomes:
            self.count(outcome)

    def count(self, outcome: Outcome) -> None:
        if outcome.discarded:
            self.discarded.labels("block").inc()
            return
        self._blocks.labels("acked" if outcome.reason is None else outcome.reason.name.lower()).inc()
        if outcome.reason is None:
            self._rows.inc(outcome.rows)

    def text(self) -> bytes:
        return generate_latest(self._registry)


class _Costs(Collector):
    """CPU by stage. `loop`: the event loop's thread as a whole, with what gRPC and HTTP cost there."""

    def __init__(self, stages: Stages) -> None:
        self._stages = stages
        self._loop_clock: int | None = None

    def watch(self, thread: int) -> None:
        if hasattr(time, "pthread_getcpuclockid"):  # not on macOS
            self._loop_clock = time.pthread_getcpuclockid(thread)

    def collect(self) -> Iterator[Metric]:
        family = CounterMetricFamily(
            "stepwell_stage_cpu_seconds", "CPU of the thread that was in a stage of ingestion", labels=["stage"]
        )
        for stage, seconds in self._stages.seconds().items():
            family.add_metric([stage], seconds)
        if self._loop_clock is not None:
            family.add_metric(["loop"], time.clock_gettime(self._loop_clock))
        yield family
