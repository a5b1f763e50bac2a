"""A checkpoint from `run.log_checkpoint` to a bucket of MinIO, beside the plain `minio` client with a like file."""

from __future__ import annotations

import json
import os
import random
import subprocess
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from .end_to_end import agent_of, cpu_s
from .environments import Absent, python_with
from .figures import Figure, missing
from .peers import PINS
from .servers import minio
from .serving import Site, home_of, serving

if TYPE_CHECKING:
    from stepwell.run.logged import LoggedArtifact

__all__ = ["run"]

MIB = 1 << 20
SHARE = 0.8  # of the plain client's rate
BLOCKED_S = 1.0
MEMORY_MIB = 64.0
_WAIT_S = 200.0
_PEER_S = 60.0
_ROOT = Path(__file__).resolve().parents[1]


def run(quick: bool) -> Iterator[Figure]:
    size = (64 if quick else 1024) * MIB
    repeats = 1 if quick else 3
    with tempfile.TemporaryDirectory(prefix="stepwell-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with minio(folder / "minio") as server:
            url = server.url("benchmark")
            yield from _figures(folder, url, _worker(psutil.Process(server.pid)), size, repeats)
            file = _file(folder / "plain.bin", size, seed=99)
            for peer in ("wandb", "mlflow"):
                yield from _peer(peer, folder / peer, file, url)


def _figures(folder: Path, url: str, minio_server: psutil.Process, size: int, repeats: int) -> list[Figure]:
    import stepwell
    from stepwell.stores.blobs import open_blobs

    store = open_blobs(url)
    store.prepare()
    plain: list[float] = []
    whole: list[float] = []
    blocked: list[float] = []
    grown: list[float] = []
    own: list[float] = []
    gib = size / (1 << 30)
    costs: dict[str, list[float]] = {}
    plain_costs: list[float] = []
    os.environ["STEPWELL_BLOBS_URL"] = url
    with home_of(folder / "home"), serving(folder / "home") as site:
        run = stepwell.init(project="benchmark", id="checkpoint", settings={"quiet": True, "capture": False})
        # The service is idle once it has had every part of itself in use: one small checkpoint, stored and read.
        _kept(run.log_checkpoint(_file(folder / "small.bin", MIB, seed=-1), step=0), 1)
        Path(f"/proc/{site.pid}/clear_refs").write_text("5")  # forgets the peak so far
        idle, idle_own = _memory(site, "VmRSS"), _memory(site, "RssAnon")
        for number in range(repeats):
            path = _file(folder / f"model{number}.bin", size, seed=2 * number)
            other = _file(folder / "plain.bin", size, seed=2 * number + 1)
            of_all = {
                "the caller": psutil.Process(os.getpid()),
                "agent": agent_of(site.home),
                "service": psutil.Process(site.pid),
                "MinIO": minio_server,
            }
            spent = {name: cpu_s(of_all[name]) for name in ("the caller", "MinIO")}
            plain.append(size / MIB / _plain_client(url, other))
            plain_costs.append(sum(cpu_s(of_all[name]) - before for name, before in spent.items()) / gib)
            spent = {name: cpu_s(process) for name, process in of_all.items()}
            with _Highest(site) as highest:
                begin = time.perf_counter()
                kept = run.log_checkpoint(path, step=number + 1)
                blocked.append(time.perf_counter() - begin)
                kept.wait(_WAIT_S)
                whole.append(size / MIB / (time.perf_counter() - begin))
            own.append((highest.bytes - idle_own) / MIB)
            for name, process in of_all.items():
                costs.setdefault(name, []).append((cpu_s(process) - spent[name]) / gib)
            grown.append((_memory(site, "VmHWM") - idle) / MIB)
            _kept(kept, number + 2)
        run.finish()
    del os.environ["STEPWELL_BLOBS_URL"]
    rates = sorted(ours / theirs for ours, theirs in zip(whole, plain, strict=True))
    note = f"{size // MIB} MiB, {repeats} times"
    in_all = [sum(each) for each in zip(*costs.values(), strict=True)]
    # All at work all the time, ours cannot take less than its CPU seconds over the processors.
    bounds = [1024 / rate / (cost / (os.cpu_count() or 1)) for rate, cost in zip(plain, in_all, strict=True)]
    return [
        Figure("log_checkpoint to complete", "MiB/s", tuple(whole), note=note),
        Figure("the plain minio client", "MiB/s", tuple(plain), note=note),
        Figure("share of the plain client", "", tuple(rates), SHARE, at_least=True),
        Figure("the caller is held", "s", tuple(blocked), BLOCKED_S),
        Figure("service memory over idle, peak", "MiB", tuple(grown), MEMORY_MIB),
        Figure("service memory over idle, peak of what is its own", "MiB", tuple(own), note="without pages of files"),
        *(Figure(f"CPU, {name}", "s/GiB", tuple(cost)) for name, cost in costs.items()),
        Figure("CPU, the plain client and MinIO", "s/GiB", tuple(plain_costs)),
        Figure("share that these processors allow", "", tuple(bounds), note="every one of them busy to the end"),
    ]


def _worker(started: psutil.Process) -> psutil.Process:
    """What was started may be a shell that waits for the server."""
    below = started.children(recursive=True)
    return below[-1] if below else started


def _peer(name: str, folder: Path, file: Path, url: str) -> Iterator[Figure]:
    """Of the same bucket, where it can upload at all without an account."""
    from stepwell.stores.s3_address import S3Address

    pin, address = PINS[name], S3Address.parse(url)
    folder.mkdir()
    keys = {"AWS_ACCESS_KEY_ID": address.access_key, "AWS_SECRET_ACCESS_KEY": address.secret_key}
    more = (f"http://{address.endpoint}", address.bucket) if name == "mlflow" else ()
    try:
        python = python_with(pin.package, pin.version, pin.also)
        command = [python, "-m", "benchmarks.peer_checkpoint", name, str(folder), str(file), *more]
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, cwd=_ROOT, timeout=_PEER_S,
            env={**os.environ, **keys},
        )  # fmt: skip
    except (Absent, subprocess.TimeoutExpired) as why:
        yield missing(f"{name}, artifact", str(why))
        return
    if done.returncode:
        words = (done.stderr.strip().splitlines() or ["no word"])[-1][:300]
        yield missing(f"{name}, artifact", f"it failed: {words}")
        return
    held, whole = json.loads(done.stdout.splitlines()[-1])
    where = "uploaded" if more else "offline: copied, not uploaded"
    rate = file.stat().st_size / MIB / whole
    yield Figure(f"{name}, artifact", "MiB/s", (rate,), version=pin.version, note=where)
    yield Figure(f"{name}, the caller is held", "s", (held,), version=pin.version)


def _file(path: Path, size: int, seed: int) -> Path:
    source = random.Random(seed)
    with path.open("wb") as file:
        for _ in range(size // MIB):
            file.write(source.randbytes(MIB))
    return path


def _plain_client(url: str, path: Path) -> float:
    from minio import Minio

    from stepwell.stores.s3_address import S3Address

    address = S3Address.parse(url)
    client = Minio(
        address.endpoint, access_key=address.access_key, secret_key=address.secret_key, secure=address.secure,
        region=address.region,
    )  # fmt: skip
    begin = time.perf_counter()
    client.fput_object(address.bucket, f"{address.prefix}plain-{uuid.uuid4().hex}", str(path))
    return time.perf_counter() - begin


def _kept(kept: LoggedArtifact, count: int) -> None:
    """So many are in the store, as a reader sees it. Asked once: each question costs the service too."""
    import stepwell

    if not kept.wait(_WAIT_S):
        raise RuntimeError(f"{kept} was not complete after {_WAIT_S:.0f} s")
    found = stepwell.Api().run("benchmark/checkpoint").checkpoints()
    if sum(one.complete for one in found) != count:
        raise RuntimeError(f"{count} checkpoints were said to be complete, and the store has {found}")


class _Highest:
    """The most memory of its own (RssAnon) that the service has within the block, looked at every 10 ms."""

    def __init__(self, site: Site) -> None:
        self._site, self._end = site, threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.bytes = 0

    def __enter__(self) -> _Highest:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._end.wait(0.01):
            self.bytes = max(self.bytes, _memory(self._site, "RssAnon"))


def _memory(site: Site, name: str) -> int:
    """Bytes of the service's process; VmHWM is the most it ever had."""
    for line in Path(f"/proc/{site.pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    return 0
