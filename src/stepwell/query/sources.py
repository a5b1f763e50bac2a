"""What reading needs of the stores; stores.metrics and stores.blobs have it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import pyarrow as pa

from ..stores.retention.gc import CollectedBlobs
from ..stores.retention.records import RetentionStore

__all__ = ["BlobSource", "MetricSource"]


class MetricSource(RetentionStore, Protocol):
    """Of stores.metrics.MetricStore."""

    def query_arrow(self, sql: str, parameters: Mapping[str, Any] | None = None) -> pa.Table: ...

    def stream_arrow(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Iterator[pa.RecordBatch]: ...


class BlobSource(CollectedBlobs, Protocol):
    """Of stores.blobs.BlobStore."""

    def has(self, digest: str) -> bool: ...

    def open(self, digest: str, offset: int = 0, length: int | None = None) -> Iterator[bytes]: ...
