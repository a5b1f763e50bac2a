"""The compiled core: ring, codec, histogram, spool and Native building, under one roof.

Sources in csrc/; csrc/bindings holds everything that knows Python. Nothing here opens a socket.
"""

import builtins
from collections.abc import Callable, Sequence
from typing import Any, final

__all__ = [
    "BlockBuilder",
    "BlockError",
    "BlockInfo",
    "BlockTooNew",
    "NativeBatch",
    "Recorder",
    "Ring",
    "RingBusy",
    "RingError",
    "SegmentWriter",
    "SpoolFrame",
    "block_header",
    "crc32c",
    "decode_column",
    "encode_column",
    "histogram",
    "histogram_decode",
    "histogram_edges",
    "histogram_merge",
    "histogram_rebin",
    "scan_segment",
]

RING_LAYOUT: int
BLOCK_VERSION: int
BLOCK_HEADER_BYTES: int

# Record kinds (csrc/ring/record.h)
KIND_ROW: int
KIND_TEXT: int
KIND_HISTOGRAM: int
KIND_FIELD: int
KIND_CONSOLE: int
KIND_EVENT: int
KIND_CHECKPOINT: int

# Bits of a ring's control word
CONTROL_RETIRED: int
CONTROL_STOP: int
CONTROL_UNLINKED: int

# State of the way to the service, as the agent tells the producer
SERVICE_UNKNOWN: int
SERVICE_CONNECTED: int
SERVICE_UNREACHABLE: int
SERVICE_OFFLINE: int

class RingError(Exception):
    """A ring file that cannot be made, opened or trusted."""

class RingBusy(RingError):
    """Another consumer holds this ring."""

class BlockError(ValueError):
    """Bytes that are not a block this format allows."""

class BlockTooNew(BlockError):
    """A block whose min_reader is beyond this build."""

@final
class Recorder:
    """The producer of one process: its ring and its metric names. Not for use by two runs.

    Every method returns with its record readable by the agent, or dropped and counted. None raises
    for want of space, an agent or a disk.
    """

    def __init__(
        self,
        *,
        mailbox: str,  # folder for ring files, 0700, made by the caller
        fallback: str,  # folder for ring files where shared memory is too small
        identity: bytes,  # JSON object, at most 8000 bytes, read by the agent
        run: bytes,  # 16 bytes
        rank: int,
        attempt: int,
        ring_bytes: int,
        child_ring_bytes: int,
        ring_bytes_min: int,
        ring_bytes_max: int,
        ring_full_budget_s: float,
        ring_share_max: float,  # all rings together, of the filesystem
        agent_stale_s: float,  # a consumer heartbeat older than this is stale
        wake_interval_s: float,  # at least this long between two calls of wake
        first_step: int,  # the step of the first log call that names none
        slow: Callable[[Any, Any, Any], None],  # slow(data, step, time): what log cannot do in C++
        wake: Callable[[], None],  # starts an agent; called when its heartbeat is stale
    ) -> None: ...
    def log(self, data: dict[str, Any], step: int | None = None, time: float | None = None) -> None: ...
    def write(
        self,
        cells: Sequence[tuple[str, float | int | bool]],
        records: Sequence[tuple[int, tuple[bytes, ...]]],
        step: int | None,
        time_ms: int | None,
    ) -> int:
        """One row record (if any cells) and the records beside it, published at once, one step for all.

        Returns how many cells and records were refused (metric name too long, too many metrics,
        record too large, ring full).
        """
    def log_plain(self, data: object, step: object) -> bool:
        """What `log` does of a row that needs no slow path, also while held. False: nothing was done."""
    def take_step(self, step: int | None) -> int:
        """The step of a row that is written later, which counts as logged from now on."""
    held: bool  # every log call goes to `slow`
    host_tensor: type | None  # torch.Tensor, once tensors in host memory may be read at once
    def record(self, kind: int, parts: tuple[bytes, ...], step: int = 0, time_ms: int | None = None) -> int:
        """One record without a step of its own (field, console, event, checkpoint). Its row_seq; 0: dropped."""
    def close(self) -> None:
        """Marks the ring as ended in order. Later calls do nothing. Idempotent."""
    def now_ms(self) -> int:
        """Wall time as this recorder stamps it: anchored at its start to the monotonic clock."""
    @property
    def last_step(self) -> int | None: ...
    @property
    def row_seq(self) -> int:
        """Sequence of the last published record; 0 before the first."""
    @property
    def writer(self) -> int: ...
    @property
    def path(self) -> str: ...
    @property
    def ring_bytes(self) -> int: ...
    @property
    def dropped(self) -> int: ...
    @property
    def refused_metrics(self) -> int: ...
    @property
    def drained(self) -> bool:
        """Every ring of this recorder is in a spool."""
    @property
    def acked_seq(self) -> int: ...
    @property
    def service(self) -> int: ...
    @property
    def control(self) -> int: ...
    @property
    def consumer_age_s(self) -> float:
        """Seconds since the agent last looked at this ring; inf before the first time."""
    @property
    def in_memory(self) -> bool:
        """False where the ring fell back to a file outside shared memory."""

@final
class Ring:
    """The consumer's end of one ring file, locked for as long as it lives."""

    def __init__(self, path: str) -> None:
        """Raises RingBusy when another consumer has it, RingError when it is not a whole ring."""
    @property
    def identity(self) -> bytes: ...
    @property
    def run(self) -> bytes: ...
    @property
    def rank(self) -> int: ...
    @property
    def attempt(self) -> int: ...
    @property
    def writer(self) -> int: ...
    @property
    def index(self) -> int:
        """0 for a writer's first ring, 1 for the one it went on in, ...; file names sort in this order."""
    @property
    def role(self) -> str:
        """ "main", or "child" for a forked process."""
    @property
    def created_ms(self) -> int: ...
    @property
    def first_seq(self) -> int:
        """Sequence of this ring's first record."""
    @property
    def last_seq(self) -> int:
        """Sequence of the last published record, of this ring or one before it."""
    @property
    def path(self) -> str: ...
    @property
    def ring_bytes(self) -> int: ...
    @property
    def pending_bytes(self) -> int:
        """Published and not yet committed."""
    @property
    def collected_bytes(self) -> int:
        """Collected into a builder and not yet committed."""
    @property
    def closed(self) -> bool:
        """The producer ended this ring in order (finished, or went on in a larger one)."""
    @property
    def owner_alive(self) -> bool: ...
    @property
    def owner_pid(self) -> int:
        """In this process's namespace; 0 where there is no owner, or none to be seen."""
    @property
    def dropped(self) -> int: ...
    @property
    def links(self) -> int: ...
    def skip_to(self, row_seq: int) -> None:
        """Commits every published record up to and with this sequence."""
    def collect(self, block: BlockBuilder, max_bytes: int) -> int:
        """Takes whole records (and whole fragment groups) into the builder; the bytes taken."""
    def commit(self) -> None:
        """Moves the tail past what was collected. Call after the spool's write has returned."""
    def rollback(self) -> None:
        """Forgets what was collected since the last commit."""
    def beat(self, service: int, acked_seq: int) -> None:
        """Stamps the heartbeat and tells the producer how far things are."""
    def set_control(self, bits: int) -> None: ...
    def unlink(self) -> None: ...
    def close(self) -> None: ...

@final
class BlockBuilder:
    def __init__(
        self,
        *,
        project: str,
        id: str,
        run: bytes,
        rank: int,
        attempt: int,
        writer: int,
        created_ms: int,
        host: str = "",
    ) -> None:
        """With a `host` its rows are samples of that machine, their metrics named `device/metric`."""
    @property
    def records(self) -> int: ...
    @property
    def points(self) -> int: ...
    @property
    def first_seq(self) -> int: ...
    @property
    def last_seq(self) -> int: ...
    @property
    def refused(self) -> int:
        """Records that Ring.collect left out because no block can hold them (a damaged histogram)."""
    def add_row(
        self, cells: Sequence[tuple[str, float | int | bool]], row_seq: int, step: int, time_ms: int, at: int = 0
    ) -> None: ...
    def add_record(self, kind: int, parts: tuple[bytes, ...], row_seq: int, step: int, time_ms: int) -> None:
        """Text that is not UTF-8 is made so. Raises BlockError for parts that the kind does not have."""
    def encode(self) -> tuple[bytes, bytes]:
        """(header, body): the block is the header and the zstd-compressed body. Empties the builder."""

def encode_column(values: object) -> bytes:
    """A contiguous float64 or int64 array as a block's column holds it, before zstd. For measuring and tests."""

def decode_column(column: bytes, count: int, *, doubles: bool) -> bytes:
    """The `count` values of such a column, 8 bytes each. Raises BlockError."""

def block_header(block: bytes) -> tuple[int, int, int]:
    """(version, min_reader, body_bytes) of a block. Raises BlockError, BlockTooNew."""

class BlockInfo:
    project: str
    id: str
    run: bytes
    rank: int
    attempt: int
    writer: int
    first_seq: int
    last_seq: int
    records: int
    points: int

@final
class NativeBatch:
    """Decoded blocks as ClickHouse Native blocks, one per table."""

    def __init__(self) -> None: ...
    def add(self, body: builtins.bytes) -> BlockInfo:
        """Decodes one block's body. Raises BlockError; the batch is then as it was."""
    @property
    def tables(self) -> list[str]: ...
    def rows(self, table: str) -> int: ...
    @property
    def total_rows(self) -> int: ...
    @property
    def bytes(self) -> int: ...
    def build(self, table: str) -> builtins.bytes:
        """One Native block of all rows of the table."""
    def clear(self) -> None: ...

@final
class SpoolFrame:
    offset: int
    length: int  # of the whole frame on disk
    kind: int
    writer: int
    first_seq: int
    last_seq: int
    crc32c: int  # of the payload
    payload: bytes

@final
class SegmentWriter:
    """Appends frames to one new segment file. One writev a frame; a short write is taken back."""

    def __init__(self, path: str) -> None:
        """Creates the file; raises FileExistsError, OSError."""
    def append(self, kind: int, writer: int, first_seq: int, last_seq: int, payload: bytes) -> int:
        """Offset of the frame. Raises OSError (ENOSPC, EDQUOT, ...) with the file as it was before."""
    @property
    def size(self) -> int: ...
    def sync(self) -> None:
        """fdatasync."""
    def close(self) -> None: ...

def scan_segment(
    path: str, offset: int = 0, max_bytes: int = 1 << 26, payloads: bool = True
) -> tuple[list[SpoolFrame], int, list[tuple[int, int]]]:
    """(frames, end, damaged): whole frames from offset on; where the next scan starts; damaged ranges.

    `end` stops before a frame that is not whole yet (a torn tail, or one still being written).
    A bad frame followed by a good one is a damaged range (offset, length), passed over.
    Raises OSError; ValueError for a segment of a newer layout.
    """

def crc32c(data: bytes | bytearray, crc: int = 0) -> int: ...
def histogram(values: Any, dtype: str | None = None) -> bytes:
    """Sparse log-linear histogram of anything with the buffer protocol (f16, f32, f64, integers, bool).

    bfloat16: an array whose dtype has that name, or 16-bit words with dtype="bfloat16". A buffer that is not
    contiguous is copied first. Raises TypeError for other items, or another byte order than the machine's.
    """

def histogram_counts(counts: Sequence[int], edges: Sequence[float]) -> bytes:
    """A histogram kept as given: n counts and n + 1 ascending edges."""

def histogram_counted(counts: object, sum: float, sum2: float, min: float, max: float) -> bytes:
    """A histogram whose buckets were counted elsewhere: 4096 counts by bucket code, a buffer of int32 or int64.

    Code 2040 counts the infinities, 4088 the negative ones, 2041 NaN; the other codes that are no buckets must be 0.
    The figures are those of the finite values, and min and max of no account where there are none.
    Raises ValueError for counts that cannot be.
    """

def histogram_decode(data: bytes) -> dict[str, Any]:
    """count, sum, sum2, min, max, nan, pos_inf, neg_inf, buckets, counts, edges.

    count is of the finite values, the sum of counts; min and max are NaN if there are none.
    """

def histogram_merge(parts: Sequence[bytes]) -> bytes: ...
def histogram_edges(buckets: Sequence[int]) -> list[tuple[float, float]]:
    """(low, high) of each log-linear bucket code; low <= high, sign kept."""

def histogram_rebin(data: bytes, bins: int) -> tuple[list[float], list[float]]:
    """(counts, edges): a fixed-bin view over [min, max], counts shared by overlap."""
