"""Where the rows lie: an embedded chDB folder, a ClickHouse server or a cluster. All give the same client.

An engine hands out clients and Arrow streams; what is asked of them is `MetricStore`'s business.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import unquote

import pyarrow as pa
from clickhouse_connect.driver.client import Client

from ..errors import StoreError
from .schema import Schema

__all__ = ["Engine", "engine_of"]


class Engine(Protocol):
    tries: int
    """How often a call that met a passing fault is made in all."""
    sharded: bool
    """Whether every insert names the shard of its run."""
    cluster: str
    """Its name, where it is sharded."""

    @property
    def where(self) -> str:
        """The store's address without its password."""

    def open(self) -> None:
        """Takes what must be held, makes what must be there first. Raises StoreBusy, StoreError."""

    def connect(self) -> Client: ...

    def schema(self) -> Schema: ...

    def insert_native(self, client: Client, table: str, block: bytes, settings: Mapping[str, Any]) -> None: ...

    def insert_arrow(
        self, client: Client, table: str, columns: Sequence[str], data: bytes, settings: Mapping[str, Any]
    ) -> None:
        """data: an Arrow stream of these columns."""

    def delete(self, client: Client, table: str, condition: str) -> None:
        """On every shard; returns once it is done."""

    def stream(self, client: Client, sql: str, parameters: Mapping[str, Any]) -> Iterator[pa.RecordBatch]:
        """Record batches as the engine makes them: memory is bounded by one of them."""

    def close(self) -> None: ...


def engine_of(url: str) -> Engine:
    """Raises StoreError for an address of another kind."""
    scheme, colon, rest = url.partition("://")
    if colon and scheme == "chdb":
        from .embedded import EmbeddedEngine

        return EmbeddedEngine(unquote(rest))
    if colon and scheme == "clickhouse":
        from .server import ServerEngine

        return ServerEngine(url)
    raise StoreError(
        f"a metric store is chdb:///path or clickhouse://user:password@host:port/database, not {scheme[:20]!r}://..."
    )
