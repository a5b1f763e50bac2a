"""What `stepwell doctor` looks at: one function a question, each with what to do about its answer."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from ..address import ServiceAddress, fetch_info, find_service, shown
from ..errors import AuthError, HomeError, ServiceUnavailable, StepwellError
from ..home import Home
from ..settings import Settings
from ..version import VERSION
from .output import bytes_text

__all__ = ["CHECKS", "Finding", "examine"]

OK, NOTE, WRONG = "ok", "note", "wrong"

_NETWORK = {
    "nfs", "nfs4", "cifs", "smb3", "smbfs", "lustre", "gpfs", "beegfs", "ceph", "glusterfs", "fuse.glusterfs",
    "fuse.sshfs", "afs", "9p", "orangefs", "pvfs2", "wekafs", "fuse.s3fs", "fuse.juicefs",
}  # fmt: skip
_SHARED_MEMORY = Path("/dev/shm")
_CLOCK_APART_S = 5.0
_EPOCH_2024_S = 1_704_067_200


@dataclass(frozen=True)
class Finding:
    """of: what was looked at. level: ok | note (works, worth knowing) | wrong. do: what to do about it."""

    of: str
    level: str
    text: str
    do: str = ""


def examine(home: Home) -> Iterator[Finding]:
    """All findings, in the order of CHECKS. A check that fails in a way it did not foresee is a finding too."""
    for check in CHECKS:
        try:
            yield from check(home)
        except (StepwellError, OSError) as error:
            yield Finding(check.__name__.strip("_").replace("_", " "), WRONG, str(error))


def _versions(_: Home) -> Iterator[Finding]:
    python = ".".join(map(str, sys.version_info[:3]))
    yield Finding("version", OK, f"stepwell {VERSION}, Python {python}")
    try:
        core = import_module("stepwell._core")
        import_module("stepwell.v1.ingest_pb2_grpc")
    except ImportError as error:
        yield Finding("installation", WRONG, str(error), "pip install --force-reinstall stepwell")
        return
    except Exception as error:  # noqa: BLE001 - protobuf's own VersionError, and whatever a broken grpc raises
        yield Finding("protobuf", WRONG, str(error).splitlines()[0], "pip install 'protobuf>=6.31.1,<8' 'grpcio>=1.76'")
        return
    import google.protobuf
    import grpc

    text = f"protobuf {google.protobuf.__version__}, grpcio {grpc.__version__}, ring layout {core.RING_LAYOUT}"
    yield Finding("wire", OK, text)


def _server_extra(home: Home) -> Iterator[Finding]:
    missing = [
        name for name in ("chdb", "clickhouse_connect", "fastapi", "minio", "uvicorn") if find_spec(name) is None
    ]
    if not missing:
        yield Finding("server parts", OK, "installed: `stepwell serve` and reading without a service work")
        return
    elsewhere = find_service(home) is not None
    text = f"not installed ({', '.join(missing)}); recording works, reading needs a service"
    do = "pip install 'stepwell[server]', or name a service in STEPWELL_SERVER"
    yield Finding("server parts", NOTE if elsewhere else WRONG, text, "" if elsewhere else do)


def _home(home: Home) -> Iterator[Finding]:
    try:
        home.make()
        probe = home.path / f".doctor-{os.getpid()}"
        probe.write_bytes(b"stepwell")
        probe.unlink()
    except (HomeError, OSError) as error:
        text = str(error) if isinstance(error, HomeError) else f"cannot write to {home.path}: {error.strerror}"
        yield Finding("home", WRONG, text, "set STEPWELL_HOME to a folder you can write")
        return
    yield Finding("home", OK, f"{home.path} can be written")
    kind = filesystem_of(home.path)
    if kind in _NETWORK:
        yield Finding(
            "filesystem", NOTE, f"the home lies on {kind}: spools are safe there, an embedded store is not",
            "run `stepwell serve` with STEPWELL_HOME on a local disk, or name a service in STEPWELL_SERVER",
        )  # fmt: skip
    usage = shutil.disk_usage(home.path)
    share = usage.free / usage.total if usage.total else 0.0
    free = f"{bytes_text(usage.free)} free of {bytes_text(usage.total)} ({kind or 'unknown filesystem'})"
    short = usage.free < 1 << 30 or share < Settings().staging_free_share_min
    yield Finding("disk", WRONG if short else OK, free, "make room: spools and checkpoints wait here" if short else "")


def _shared_memory(home: Home) -> Iterator[Finding]:
    settings = Settings.load()
    if not _SHARED_MEMORY.is_dir() or not os.access(_SHARED_MEMORY, os.W_OK | os.X_OK):
        text = f"{_SHARED_MEMORY} cannot be used; rings are files in {home.rings}, which costs a little more"
        yield Finding("shared memory", NOTE, text)
        return
    usage = shutil.disk_usage(_SHARED_MEMORY)
    ours = int(usage.total * settings.ring_share_max)
    text = (
        f"{_SHARED_MEMORY} {bytes_text(usage.total)}, {bytes_text(usage.free)} free; rings may take {bytes_text(ours)}"
    )
    if min(ours, usage.free) < settings.ring_bytes:
        do = "give the container more (docker run --shm-size=1g), or free some; rings are smaller, or files, until then"
        yield Finding("shared memory", WRONG if ours < settings.ring_bytes_min else NOTE, text, do)
    else:
        yield Finding("shared memory", OK, text)


def _agent(home: Home) -> Iterator[Finding]:
    from .. import _core
    from ..launch import agent_is_there

    mailbox = home.mailbox(_core.RING_LAYOUT)
    rings = sum(1 for folder in {mailbox, home.rings} if folder.is_dir() for _ in folder.glob("*.ring"))
    if agent_is_there(home):
        yield Finding("agent", OK, f"alive, {rings} ring{'' if rings == 1 else 's'}")
    elif rings:
        text = f"{rings} rings in {mailbox} and no agent to drain them; nothing is lost yet"
        yield Finding("agent", WRONG, text, f"see {home.log / 'agent.log'}; `stepwell sync` takes them in")
    else:
        yield Finding("agent", OK, "none needed: nothing is being recorded")


def _service(home: Home) -> Iterator[Finding]:
    address = find_service(home)
    if address is None:
        yield Finding("service", OK, "none; Api and CLI read this home's own store")
        return
    where = shown(address.url)
    named = bool(os.environ.get("STEPWELL_SERVER"))
    try:
        info = fetch_info(address.url)
    except (ServiceUnavailable, AuthError) as error:
        do = "check STEPWELL_SERVER and that `stepwell serve` runs there" if named else (
            f"start it again: stepwell serve (or remove {home.service_file})"
        )  # fmt: skip
        yield Finding("service", WRONG, str(error), do)
        return
    yield Finding("service", OK, f"{where} answers, gRPC at {info.grpc or 'no port: blocks go over HTTP'}")
    yield from _token(address)


def _token(address: ServiceAddress) -> Iterator[Finding]:
    import urllib3

    where = shown(address.url)
    if not address.token:
        yield Finding("token", WRONG, f"none for {where}", f"stepwell login {where}, or set STEPWELL_TOKEN")
        return
    reply = urllib3.request(
        "GET", f"{address.url}/api/v1/runs?limit=1", headers={"Authorization": f"Bearer {address.token}"}, timeout=10
    )
    if reply.status in (401, 403):
        yield Finding("token", WRONG, f"{where} refuses it", f"stepwell login {where}, or correct STEPWELL_TOKEN")
    elif reply.status != 200:
        yield Finding("token", WRONG, f"{where} answers {reply.status} to a question", "see the service's log")
    else:
        yield Finding("token", OK, f"{where} takes it")
    yield from _clock(reply.headers.get("Date"))


def _clock(date: str | None = None) -> Iterator[Finding]:
    from email.utils import parsedate_to_datetime

    if date:
        apart = time.time() - parsedate_to_datetime(date).timestamp()
        if abs(apart) > _CLOCK_APART_S:
            text = f"{abs(apart):.0f} s {'ahead of' if apart > 0 else 'behind'} the service's"
            yield Finding("clock", NOTE, text, "times of points will look shifted: switch NTP on")
            return
    if time.time() < _EPOCH_2024_S:
        yield Finding(
            "clock", WRONG, "it stands before 2024, so a resumed run's points may not outrank older ones", "set it"
        )
    else:
        yield Finding("clock", OK, time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime()))


def _local_clock(home: Home) -> Iterator[Finding]:
    if find_service(home) is None:
        yield from _clock()


def _waiting(home: Home) -> Iterator[Finding]:
    from ..spool import Spool, Staged, find_spools, find_staged

    waits = False
    for path in find_spools(home.spool):
        spool = Spool.open_readonly(path)
        waits = waits or spool.pending_bytes > 0
        to = spool.destination.server or "the service of this home"
        if spool.pending_bytes:
            what = "kept offline" if spool.destination.offline else "waiting"
            do = "stepwell sync" if spool.destination.offline else "start a service (stepwell serve), or: stepwell sync"
            yield Finding("spool", NOTE, f"{bytes_text(spool.pending_bytes)} {what} for {to} in {path.name}", do)
        for count, what, do in (
            (spool.damaged, "damaged ranges were set aside", "they are in *.damaged there; check that disk"),
            (spool.refused, "blocks were refused by the service", "they are in *.refused there, reasons beside them"),
            (spool.on_hold, "blocks wait for a newer service", "pip install -U stepwell where the service runs"),
        ):
            if count:
                yield Finding("spool", WRONG, f"{count} {what}: {path}", do)
    staged = find_staged(home.path)
    if staged:
        waits = True
        size = sum(Staged.load(folder).size for folder in staged)
        text = f"{len(staged)} checkpoint{'' if len(staged) == 1 else 's'} ({bytes_text(size)}) wait for upload"
        yield Finding("staging", NOTE, text, "start a service (stepwell serve), or: stepwell sync")
    if not waits:
        yield Finding("spool", OK, "nothing waits to be sent")


def _damaged(home: Home) -> Iterator[Finding]:
    aside = sorted((home.path / "damaged").glob("*.ring"))
    if aside:
        yield Finding(
            "rings",
            WRONG,
            f"could not be read and set aside in {aside[0].parent}: {len(aside)}",
            f"{home.log / 'agent.log'} says why; what came before the damage is stored. Report it, then remove them",
        )


def filesystem_of(path: Path, mounts: Path = Path("/proc/mounts")) -> str:
    """The kind of filesystem a path lies on, as the kernel calls it; "" where that cannot be told."""
    try:
        lines = mounts.read_text().splitlines()
    except OSError:
        return ""
    real, best, kind = os.path.realpath(path), "", ""
    for line in lines:
        _, point, this, *_ = line.split(" ")
        place = point.encode().decode("unicode_escape")
        inside = real == place or real.startswith(place.rstrip("/") + "/")
        if inside and len(place) >= len(best):
            best, kind = place, this
    return kind


CHECKS: tuple[Callable[[Home], Iterator[Finding]], ...] = (
    _versions,
    _server_extra,
    _home,
    _shared_memory,
    _agent,
    _service,
    _local_clock,
    _waiting,
    _damaged,
)
