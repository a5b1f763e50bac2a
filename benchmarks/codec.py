"""Bytes a value of single columns, and how fast one core encodes and decodes them, beside pcodec and zstd.

Each column is encoded as in a block, then compressed with zstd as a block is; times are of both. pcodec is given
float32 where the values are. A column of 16,384 values is what a busy run's block holds.
"""

from __future__ import annotations

import importlib.metadata
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import zstandard

from stepwell import _core
from stepwell.blocks import compress

from .figures import Figure, compared, missing
from .traces import Trace, demo_traces, traces

__all__ = ["run"]

COUNT = 16_384
DEMO_STEPS = 4_000
LEVEL = 3
OF_PCODEC = 1.15
NOISE_BYTES = 3.1  # float32 noise where its entropy is below: k / 2^24 as random number generators give them
SMOOTH = "cosine learning rate"
SPEED = "M values/s"


@dataclass(frozen=True)
class Peer:
    name: str
    version: str
    encode: Callable[[Trace], bytes]
    decode: Callable[[Trace, bytes], object]


def run(quick: bool) -> list[Figure]:
    repeats = 5 if quick else 50
    uniform = np.random.default_rng(1).random(COUNT, dtype=np.float32).astype(np.float64)
    measured = [*traces(COUNT), Trace("float32 uniform noise", uniform, float32=True)]
    peers = _peers()
    figures = []
    for trace in measured + ([] if quick else demo_traces(DEMO_STEPS)):
        figures += _sizes(trace, peers)
    timed: dict[str, list[Figure]] = {}
    for trace in measured[:-1]:
        timed[trace.name] = _speeds(trace, peers, repeats)
    for of_trace in timed.values():
        figures += of_trace
    figures += _slowest(timed)
    if not any(peer.name == "pcodec" for peer in peers):
        figures.append(missing("pcodec", "not installed"))
    return figures


def _sizes(trace: Trace, peers: list[Peer]) -> list[Figure]:
    found = {peer.name: len(peer.encode(trace)) / len(trace.values) for peer in peers}
    target = OF_PCODEC * found["pcodec"] if "pcodec" in found else None
    if trace.name == "float32 uniform noise":
        target = NOISE_BYTES
    figures = [
        Figure(
            f"{trace.name}, {peer.name}",
            "bytes",
            (found[peer.name],),
            target=target if peer.name == "stepwell" else None,
            version=peer.version,
        )
        for peer in peers
        if peer.name != "memcpy"
    ]
    return compared(figures, f"{trace.name}, pcodec", "bytes")


def _speeds(trace: Trace, peers: list[Peer], repeats: int) -> list[Figure]:
    figures = []
    for peer in peers:
        if peer.name not in ("stepwell", "pcodec") and not (peer.name == "memcpy" and trace.name == SMOOTH):
            continue
        encoded = peer.encode(trace)
        for verb, call, target in (
            ("encode", lambda peer=peer: peer.encode(trace), 100.0),
            ("decode", lambda peer=peer, encoded=encoded: peer.decode(trace, encoded), 200.0),
        ):
            smooth = peer.name == "stepwell" and trace.name == SMOOTH
            figures.append(
                Figure(
                    f"{trace.name}, {verb}, {peer.name}",
                    SPEED,
                    _rates(call, len(trace.values), repeats),
                    target=target if smooth else None,
                    at_least=True,
                    version=peer.version,
                )
            )
    without = _rates(lambda: _core.encode_column(trace.values), len(trace.values), repeats)
    figures.append(Figure(f"{trace.name}, encode, stepwell without zstd", SPEED, without))
    return figures


def _slowest(timed: dict[str, list[Figure]]) -> list[Figure]:
    figures = []
    for verb in ("encode", "decode"):
        name, figure = min(
            ((name, f) for name, of_trace in timed.items() for f in of_trace if f.what.endswith(f", {verb}, stepwell")),
            key=lambda pair: pair[1].median,
        )
        figures.append(
            Figure(f"worst trace, {verb}, stepwell", SPEED, figure.values, target=30.0, at_least=True, note=name)
        )
    return figures


def _rates(call: Callable[[], object], count: int, repeats: int) -> tuple[float, ...]:
    call()
    rates = []
    for _ in range(repeats):
        begin = time.perf_counter_ns()
        call()
        rates.append(1e3 * count / (time.perf_counter_ns() - begin))
    return tuple(rates)


def _peers() -> list[Peer]:
    compressor = zstandard.ZstdCompressor(level=LEVEL)
    decompressor = zstandard.ZstdDecompressor()

    def own_decode(trace: Trace, data: bytes) -> object:
        column = decompressor.decompress(data)
        return _core.decode_column(column, len(trace.values), doubles=trace.values.dtype == np.float64)

    def planes(trace: Trace) -> bytes:
        raw = trace.as_recorded
        return compressor.compress(np.ascontiguousarray(raw.view(np.uint8).reshape(len(raw), -1).T).tobytes())

    def nothing(_: Trace, data: bytes) -> object:
        return decompressor.decompress(data)

    peers = [
        Peer("stepwell", "", lambda trace: compress(_core.encode_column(trace.values), LEVEL), own_decode),
        Peer("byte planes and zstd", "", planes, nothing),
        Peer("zstd", zstandard.__version__, lambda t: compressor.compress(t.as_recorded.tobytes()), nothing),
        Peer("memcpy", "", lambda trace: trace.values.tobytes(), lambda _, data: bytearray(data)),
    ]
    try:
        from pcodec import ChunkConfig, standalone
    except ImportError:
        return peers
    version = importlib.metadata.version("pcodec")
    config = ChunkConfig()
    peers.insert(
        1,
        Peer(
            "pcodec",
            version,
            lambda trace: bytes(standalone.simple_compress(trace.as_recorded, config)),
            lambda _, data: standalone.simple_decompress(data),
        ),
    )
    return peers
