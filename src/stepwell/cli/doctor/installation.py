"""Is what is installed whole, and what could be added?"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module, metadata
from importlib.util import find_spec

from ...address import find_service
from ...home import Home
from ...version import VERSION
from .finding import NOTE, OK, WRONG, Finding

__all__ = ["extras", "server_parts", "versions"]

_SERVER = ("chdb", "clickhouse_connect", "fastapi", "minio", "uvicorn")
# What reading and integrations use if it is there: module, what for, how to get it.
_EXTRAS = (
    ("pandas", "tables as data frames", "pip install pandas"),
    ("polars", "tables as polars frames", "pip install polars"),
    ("sklearn", "stepwell demo", "pip install 'stepwell[demo]'"),
    ("torch", "device tensors", "pip install torch"),
)


def versions(_: Home) -> Iterator[Finding]:
    python = ".".join(map(str, sys.version_info[:3]))
    text = f"stepwell {VERSION}, Python {python}"
    if sys.platform == "win32":
        yield Finding("version", OK, f"{text}; on Windows stepwell is for reading only", looked=sys.executable)
        return
    yield Finding("version", OK, text, looked=sys.executable)
    try:
        core = import_module("stepwell._core")
        import_module("stepwell.v1.ingest_pb2_grpc")
    except ImportError as error:
        yield Finding("installation", WRONG, str(error), "pip install --force-reinstall stepwell", "stepwell._core")
        return
    except Exception as error:  # noqa: BLE001 - protobuf's own VersionError, and whatever a broken grpc raises
        yield Finding("protobuf", WRONG, str(error).splitlines()[0], "pip install 'protobuf>=6.31.1,<8' 'grpcio>=1.76'")
        return
    wire = f"protobuf {metadata.version('protobuf')}, grpcio {metadata.version('grpcio')}"
    yield Finding("wire", OK, f"{wire}, ring layout {core.RING_LAYOUT}", looked=str(core.__file__))


def server_parts(home: Home) -> Iterator[Finding]:
    missing = [name for name in _SERVER if find_spec(name) is None]
    looked = ", ".join(_SERVER)
    if not missing:
        text = "installed: `stepwell serve` and reading without a service work"
        yield Finding("server parts", OK, text, looked=looked)
        return
    elsewhere = find_service(home) is not None
    text = f"not installed ({', '.join(missing)}); recording works, reading needs a service"
    do = "pip install 'stepwell[server]', or name a service in STEPWELL_SERVER"
    yield Finding("server parts", NOTE if elsewhere else WRONG, text, "" if elsewhere else do, looked)


def extras(_: Home) -> Iterator[Finding]:
    there = [name for name, _, _ in _EXTRAS if find_spec(name) is not None]
    lines = [f"{name} for {purpose}: {line}" for name, purpose, line in _EXTRAS if name not in there]
    text = f"here: {', '.join(there) or 'none'}" + (f". Not here, and not needed: {'; '.join(lines)}" if lines else "")
    yield Finding("extras", OK, text, looked=", ".join(name for name, _, _ in _EXTRAS))
