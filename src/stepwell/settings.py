"""Every tunable, once: its unit, its default, its environment variable and why it is what it is.

The environment variable of a setting is STEPWELL_ and its name in capitals. What `init(settings=)`
names wins over the environment, which wins over the default.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

from .errors import SettingsError

__all__ = ["Settings"]

KIB = 1 << 10
MIB = 1 << 20
GIB = 1 << 30


class Settings(NamedTuple):
    """What can be tuned, each with its unit and default; cannot be changed.

    Give some of it to `stepwell.init(settings={"console": False})`, or set STEPWELL_ and the name in capitals.
    """

    # --- what a training process does
    quiet: bool = False
    """Print nothing at `init` and `finish`; warnings still go to the `stepwell` logger."""
    strict: bool = False
    """Raise from a log call for a value that cannot be recorded, instead of one warning a key."""
    console: bool = True
    """Record what goes through sys.stdout and sys.stderr."""
    capture: bool = True
    """Record machine, versions, command line, git state and packages, by a child process at start."""
    git_diff_bytes_max: int = 1 * MIB
    """A dirty diff beyond this is cut, and says so."""

    text_bytes_max: int = 1 * MIB
    """A logged text beyond this is cut, and says so."""
    list_items_max: int = 1000
    """A logged list or array of at most this many numbers is kept as text; a longer one wants a Histogram."""
    field_bytes_max: int = 1 * MIB
    """A value of config or summary beyond this (as JSON) is not recorded, and says so."""
    device_pending_bytes_max: int = 64 * MIB
    """Of values on their way from a device, on the host. A log call does not wait for a device: beyond this, what
    further calls take from it is lost, counted and said. 50 scalars hold 1.5 KiB, a histogram 32 KiB."""
    console_bytes_per_s: int = 1 * MIB
    """Console output beyond this rate reaches the terminal only: it must not push rows out of the ring."""
    live_interval_s: float = 2.0
    """Between two pictures of a live view in a notebook; longer where drawing would take a tenth of a core."""

    # --- the ring
    ring_bytes: int = 4 * MIB
    """Power of two. 4 MiB hold some 28,000 rows of 10 metrics: 28 s at 1,000 rows/s without an agent."""
    child_ring_bytes: int = 256 * KIB
    """For a forked child, of which there may be many (data loader workers)."""
    ring_bytes_min: int = 64 * KIB
    """Below this a ring in shared memory is not worth having; a file under STEPWELL_HOME takes its place."""
    ring_bytes_max: int = 64 * MIB
    """A full ring goes on in one twice as large, up to this."""
    ring_share_max: float = 0.10
    """Of the shared memory filesystem, for all rings together: others need it too (NCCL, data loaders)."""
    ring_full_budget_s: float = 1.0
    """How long log calls may wait, in all, for a stopped agent once the largest ring is full."""
    agent_stale_s: float = 5.0
    """An agent that has not looked at a ring for this long is started again."""
    wake_interval_s: float = 5.0
    """At least this long between two starts of an agent by one process."""
    finish_stall_timeout_s: float = 5.0
    """`finish` gives up after this long without progress."""
    finish_timeout_s: float = 5.0
    """`finish` returns after this long where the agent outlives the process."""
    finish_timeout_dying_s: float = 120.0
    """The same where the agent would die with it (container, CI, batch job)."""
    resume_timeout_s: float = 5.0
    """How long a resume may wait to learn the last step."""

    # --- the agent
    block_interval_s: float = 0.25
    """A block is closed after this long; with the service's flush this makes a point visible in half a second."""
    block_bytes: int = 1 * MIB
    """...or after this many bytes of ring, or a quarter of the ring."""
    poll_busy_s: float = 0.001
    """The agent looks at rings this often while they move."""
    poll_idle_s: float = 0.050
    """The same while they do not."""
    retire_grace_s: float = 1.0
    """Between retiring the ring of a dead process and removing it: longer than any log call."""
    segment_bytes: int = 16 * MIB
    """A spool segment is closed at this size; deleted whole once acked."""
    segment_keep_s: float = 120.0
    """Acked segments are kept this long, and sent again if the service restarts meanwhile."""
    spool_bytes_max: int = 16 * GIB
    """At this much unsent on disk the agent stops draining; rings fill, then drops are counted."""
    spool_sync_interval_s: float = 1.0
    """Between two fdatasync of the spool: what a power loss can take."""
    send_window_bytes: int = 32 * MIB
    """Unacked bytes on a stream; bounds the agent's memory."""
    backoff_min_s: float = 0.25
    """Between the first tries to reach the service: doubled each time, with full jitter."""
    backoff_max_s: float = 30.0
    """No longer than this between two tries."""
    agent_linger_s: float = 10.0
    """An agent with no live ring waits this long for another before it exits."""
    agent_settle_s: float = 1.0
    """An agent with nothing left to do stays this long for the next of a row of scripts; at most `agent_linger_s`."""
    agent_stop_timeout_s: float = 5.0
    """After SIGTERM an agent goes on sending scalars for this long; what remains stays on disk."""
    welcome_timeout_s: float = 10.0
    """A service that has not answered a new stream by then is taken as unreachable by gRPC."""
    ack_timeout_s: float = 60.0
    """A stream on which nothing has been answered for this long, though frames wait, is opened anew."""
    http_fallback_s: float = 60.0
    """How long blocks go over HTTP before gRPC is tried again."""
    system_interval_s: float = 5.0
    """Between two samples of the machine (processor, memory, accelerators, ...) while a run is live on it; 0: none."""
    system_timeout_s: float = 2.0
    """A device that has not answered by then is left out of the sample."""
    sysfs_root: str = "/sys"
    """Where devices that the kernel tells of are looked for."""
    compression_level: int = 3
    """zstd level of a block that a quick look finds anything to save in; its columns are entropy-coded already."""
    staging_bytes_max: int = 64 * GIB
    """Copies of checkpoints waiting for upload."""
    staging_fraction: float = 0.5
    """A file or folder larger than this part of the free space is not copied but uploaded from where it is."""
    staging_free_share_min: float = 0.05
    """A copy into staging must leave this much of the filesystem free ..."""
    staging_free_bytes_max: int = 4 * GIB
    """... but no more than this, however large the filesystem is."""
    image_bytes_max: int = 64 * MIB
    """A larger stepwell.Image, as pixels or as a file, is not kept: encoding one takes a second per 20 MiB or so."""
    images_max: int = 1000
    """Of one list of images in a log call; a longer one is not kept."""
    table_rows_max: int = 1_000_000
    """A stepwell.Table of more rows is not kept: a file for log_artifact suits it better."""

    # --- the service
    flush_interval_s: float = 0.2
    """A batch is inserted after this long..."""
    flush_rows: int = 500_000
    """...or this many rows."""
    flush_bytes: int = 4 * MIB
    """...or this many compressed bytes, about as much: rows are known only once a block is decoded."""
    queue_bytes_max: int = 128 * MIB
    """Compressed bytes waiting in the service; beyond, it stops reading and the agents' spools hold."""
    gc_grace_h: float = 24.0
    """gc touches nothing younger than this many hours; at least 1. An upload has this long to name its blobs."""
    trash_days: float = 30.0
    """gc purges what has been in the trash for longer, where its project has no rule of its own."""
    tombstone_refresh_s: float = 2.0
    """How old the service's knowledge of purged runs may be; what is stored meanwhile is hidden, and gc removes it."""
    block_bytes_max: int = 16 * MIB
    """A larger block is refused."""
    block_body_bytes_max: int = 256 * MIB
    """A block that would grow beyond this is refused before it is decompressed."""
    request_bytes_max: int = 32 * MIB
    """A larger HTTP request is refused (blobs apart, which are streamed)."""
    grpc_window_bytes: int = 2 * MIB
    """What each agent may have on its way to the service and not read there yet: it bounds the service's memory, and
    the rate of a stream to so much a round trip (40 MB a second at 50 ms)."""
    blob_chunk_bytes: int = 1 * MIB
    """Of one message of a blob upload."""
    blob_plain_bytes_min: int = 4 * MIB
    """A blob of so much or more goes to the service as the body of an HTTP request, where no TLS and no proxy is in
    between: that takes a quarter less of the processor, in agent and service, than messages of gRPC do."""
    blob_upload: str = "service"
    """How an agent brings large blobs into a bucket: through the service ("service"), or "direct", by presigned
    addresses, where the agent's machine reaches the bucket's endpoint."""
    blob_direct_bytes_min: int = 16 * MIB
    """A blob smaller than this goes through the service in any case: asking for addresses costs more."""
    blob_address_expires_s: int = 3600
    """How long the service's presigned addresses are good for; an agent asks for new ones where that was too short."""

    # --- export and import
    export_file_bytes: int = 256 * MIB
    """A Parquet file of an export is ended beyond this: what is damaged or cut off is lost by the file."""
    import_batch_bytes: int = 32 * MIB
    """Of rows in memory, for one insert of an import."""

    @classmethod
    def load(cls, overrides: Mapping[str, Any] | Settings | None = None) -> Settings:
        """Defaults, then the environment, then `overrides`.

        Args:
            overrides: Some fields by name, or a whole `Settings`, which is returned as it is.

        Raises:
            SettingsError: Names the setting that does not exist or cannot be used.
        """
        if isinstance(overrides, Settings):
            return overrides
        known = cls._field_defaults
        values: dict[str, Any] = {}
        for name, default in known.items():
            variable = "STEPWELL_" + name.upper()
            text = os.environ.get(variable)
            if text is not None and text != "":
                values[name] = _parse(variable, text, type(default))
        for name, value in (overrides or {}).items():
            if name not in known:
                raise SettingsError(f"no setting is called {name!r}; there are: {', '.join(sorted(known))}")
            kind = type(known[name])
            if kind is float and isinstance(value, int) and not isinstance(value, bool):
                values[name] = float(value)
            elif type(value) is kind:
                values[name] = value
            else:
                raise SettingsError(f"setting {name} takes {kind.__name__}, not {value!r}")
        settings = cls(**values)
        settings._check()
        return settings

    def bytes_kept_free(self, total: int) -> int:
        """What copies into staging leave free of a filesystem.

        Args:
            total: bytes of the filesystem.
        """
        return min(int(total * self.staging_free_share_min), self.staging_free_bytes_max)

    def _check(self) -> None:
        for name in ("ring_bytes", "child_ring_bytes", "ring_bytes_min", "ring_bytes_max"):
            size = getattr(self, name)
            if size < 16 * KIB or size & (size - 1):
                raise SettingsError(f"setting {name} must be a power of two of at least 16384 bytes, not {size}")
        if self.blob_upload not in ("service", "direct"):
            raise SettingsError(f'setting blob_upload is "service" or "direct", not {self.blob_upload!r}')
        if not 1 <= self.blob_address_expires_s <= 7 * 86_400:
            raise SettingsError("setting blob_address_expires_s is 1 to 604800: S3 signs for seven days at most")
        for name, value in self._asdict().items():
            if isinstance(value, (int, float)) and not isinstance(value, bool) and not value >= 0:
                raise SettingsError(f"setting {name} must not be negative, not {value}")


def _parse(variable: str, text: str, kind: type[Any]) -> Any:
    if kind is bool:
        word = text.strip().lower()
        if word in ("1", "true", "yes", "on"):
            return True
        if word in ("0", "false", "no", "off"):
            return False
        raise SettingsError(f"{variable} takes 1 or 0, not {text!r}")
    try:
        return kind(text)
    except ValueError:
        raise SettingsError(f"{variable} takes a {kind.__name__}, not {text!r}") from None
