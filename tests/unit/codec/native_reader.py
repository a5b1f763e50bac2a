"""Reads a scalars block in ClickHouse's Native format back, so that properties need no database."""

from __future__ import annotations

import struct
import uuid
from typing import Any

from reference_decoder import Reader

FIXED = {"UInt32": "I", "Int64": "q", "UInt64": "Q", "DateTime64(3, 'UTC')": "q", "Float64": "Q"}  # doubles as bits


def read_column(reader: Reader, column_type: str, rows: int) -> list[Any]:
    if column_type == "UUID":
        halves = [(reader.u64(), reader.u64()) for _ in range(rows)]
        return [uuid.UUID(int=high << 64 | low) for high, low in halves]
    if column_type == "LowCardinality(String)":
        assert reader.u64() == 1
        width = {0: "B", 1: "H", 2: "I"}[reader.u64() & 0xFF]
        keys = [reader.text() for _ in range(reader.u64())]
        assert reader.u64() == rows
        indexes = struct.unpack(f"<{rows}{width}", reader.raw(rows * struct.calcsize(width)))
        return [keys[index] for index in indexes]
    code = FIXED[column_type]
    return list(struct.unpack(f"<{rows}{code}", reader.raw(rows * struct.calcsize(code))))


def read_native(block: bytes) -> list[dict[str, Any]]:
    reader = Reader(block)
    columns, rows = reader.varint(), reader.varint()
    if rows == 0:
        return []
    values = {}
    for _ in range(columns):
        name, column_type = reader.text(), reader.text()
        values[name] = read_column(reader, column_type, rows)
    reader.finish()
    return [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]
