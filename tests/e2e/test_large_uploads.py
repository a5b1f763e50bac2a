"""A checkpoint of gigabytes on its way to a real bucket: in bounded memory, and behind the scalars."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

import stepwell
from components.clickhouse import ClickHouse
from components.s3_servers import S3Server
from serving import Service, serving
from support import processes_of

WARM_BYTES, LARGE_BYTES = 256 << 20, 2 << 30
GROWTH_BYTES_MAX = 48 << 20  # beyond what the first upload took: that was an eighth of it

# One scalar after the other, each waited for until the service has it, for as long as the upload takes.
SCRIPT = """
import json, sys, time
import stepwell
run = stepwell.init(project="large", id="r", settings={"capture": False, "console": False, "quiet": True})
step = 0
def scalars_while(condition):
    global step
    began, delays = time.monotonic(), []
    while condition(len(delays)):
        logged = time.monotonic()
        run.log({"loss": 1 / (step + 1)}, step=step)
        while run._recorder.acked_seq < run._recorder.row_seq:
            time.sleep(0.002)
        delays.append(time.monotonic() - logged)
        step += 1
    delays.sort()
    at = lambda share: round(delays[min(len(delays) - 1, int(share * len(delays)))], 3)
    print(json.dumps({"scalars": len(delays), "seconds": round(time.monotonic() - began, 1), "p50_s": at(0.5),
                      "p99_s": at(0.99), "max_s": at(1.0)}), flush=True)
    sys.stdin.readline()
scalars_while(lambda count: count < 20)
for path in sys.argv[1:]:
    kept = run.log_checkpoint(path, step=step, copy=False)
    scalars_while(lambda _: kept.state not in ("complete", "refused"))
run.finish()
"""


def sparse(path: Path, size: int) -> Path:
    with path.open("wb") as file:
        file.truncate(size)
        file.seek(size // 2)
        file.write(str(size).encode())
    return path


def peaks(service: Service) -> dict[str, int]:
    """The most memory that each has had, in bytes."""
    (agent,) = [pid for pid in processes_of(service.home) if b"stepwell.agent" in _command(pid) and _is_at_work(pid)]
    return {"agent": _peak(agent), "service": _peak(service.pid)}


def _command(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def _is_at_work(pid: int) -> bool:
    """Not one that has found another at work, and waits for it to end."""
    return any(b"spool" in os.readlink(link).encode() for link in Path(f"/proc/{pid}/fd").iterdir())


def _peak(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


@pytest.mark.soak
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("way", ["direct", "service"])
def test_gigabytes_pass_through_little_memory_and_scalars_go_first(
    home: Path, tmp_path: Path, clickhouse: ClickHouse, minio_s3: S3Server, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"large-{uuid.uuid4().hex}"
    monkeypatch.setenv("STEPWELL_BLOB_UPLOAD", way)
    monkeypatch.setenv("STEPWELL_AGENT_LINGER_S", "60")
    env = {"STEPWELL_METRICS_URL": clickhouse.url(name.replace("-", "_")), "STEPWELL_BLOBS_URL": minio_s3.url(name)}
    files = [sparse(tmp_path / "warm", WARM_BYTES), sparse(tmp_path / "large", LARGE_BYTES)]
    with serving(home, env=env) as service:
        process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, *map(str, files)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert process.stdin is not None
        assert process.stdout is not None
        told = []
        for _ in range(3):  # with nothing on its way, the first upload, the large one
            told.append((json.loads(process.stdout.readline()), peaks(service)))
            process.stdin.write("\n")
            process.stdin.flush()
        (quiet, idle), (_, before), (figures, after) = told
        assert process.wait(60) == 0
        grown = {who: after[who] - before[who] for who in after}
        for what, delays, peak in (("idle", quiet, idle), (way, figures, after)):
            print(what, delays, "peak MiB", {who: bytes_ >> 20 for who, bytes_ in peak.items()})
        with stepwell.Api() as api:
            (path,) = api.run("large/r").checkpoints()[1].download(tmp_path / "back")
            assert path.stat().st_size == LARGE_BYTES
            assert api.run("large/r").history("loss").num_rows > figures["scalars"]
            path.unlink()
    client = minio_s3.client()
    for found in client.list_objects(name, recursive=True):
        client.remove_object(name, str(found.object_name))
    assert all(bytes_ <= GROWTH_BYTES_MAX for bytes_ in grown.values()), (grown, after)
    assert figures["scalars"] >= 10, "scalars were stored while the upload went on"
