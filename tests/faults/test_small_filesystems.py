"""A full or tiny /dev/shm, a full disk under the spool: real filesystems of a few hundred kilobytes.

They are mounted in a mount namespace of the test's own, which needs root; in CI a machine without it is a failure.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import stepwell
from namespaces import in_namespaces

SCRIPT = """
import sys, time
import stepwell
run = stepwell.init(project="small", id="s", settings={"capture": False, "console": False})
for i in range(int(sys.argv[1])):
    run.log({"x": float(i), "y": i * 0.5}, step=i)
run.finish()
"""


@pytest.mark.parametrize(
    "size",
    ["16k", "200k", "1m", "64m"],
    ids=["no ring fits", "a ring fits, its share does not", "tiny", "a container's default"],
)
def test_a_small_shared_memory_costs_no_record(home: Path, size: str) -> None:
    rows = 20_000
    done = in_namespaces([f"mount -t tmpfs -o size={size} tmpfs /dev/shm"], [sys.executable, "-c", SCRIPT, str(rows)])
    assert done.returncode == 0, done.stderr
    with stepwell.Api() as api:
        table = api.run("small/s").history("x", "y")
    assert table.column("x").to_pylist() == [float(i) for i in range(rows)]
    assert table.column("y").to_pylist() == [i * 0.5 for i in range(rows)]


def test_a_full_shared_memory_costs_no_record(home: Path) -> None:
    rows = 20_000
    done = in_namespaces(
        ["mount -t tmpfs -o size=2m tmpfs /dev/shm", "head -c 2m /dev/zero > /dev/shm/full || true"],
        [sys.executable, "-c", SCRIPT, str(rows)],
    )
    assert done.returncode == 0, done.stderr
    with stepwell.Api() as api:
        assert api.run("small/s").history("x").column("x").to_pylist() == [float(i) for i in range(rows)]


FULL_STORE = """
import random, sys
from blake3 import blake3
from stepwell.errors import BlobError
from stepwell.stores.blobs import is_passing, open_blobs
blobs = open_blobs(f"file://{sys.argv[1]}")
large, small = (random.Random(size).randbytes(size) for size in (3 << 20, 1 << 20))
try:
    blobs.put([large[:1 << 20], large[1 << 20:]], blake3(large).hexdigest(), len(large))
except BlobError as error:
    print(is_passing(error), error)
assert not blobs.has(blake3(large).hexdigest())
assert not list(blobs.leftovers(float("inf"), remove=False))
blobs.put([small], blake3(small).hexdigest(), len(small))
assert b"".join(blobs.open(blake3(small).hexdigest())) == small
"""


def test_a_full_disk_under_the_blobs_is_said_and_leaves_room_for_others(tmp_path: Path) -> None:
    blobs = tmp_path / "blobs"
    blobs.mkdir()
    done = in_namespaces([f"mount -t tmpfs -o size=2m tmpfs {blobs}"], [sys.executable, "-c", FULL_STORE, str(blobs)])
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("True ")
    assert "Free some space; the sender tries again" in done.stdout


FULL_DISK = """
import os, sys, time
import stepwell
run = stepwell.init(project="small", id="s", settings={"capture": False, "console": False})
spool = os.path.join(os.environ["STEPWELL_HOME"], "filler")
for i in range(5000):
    run.log({"x": float(i)}, step=i)
while not run.drained:
    time.sleep(0.01)
with open(spool, "wb", buffering=0) as file:
    try:
        while True:
            file.write(bytes(512))
    except OSError:
        pass
for i in range(5000, 20000):
    run.log({"x": float(i)}, step=i)
print("logged on a full disk", flush=True)
os.unlink(spool)
run.finish(timeout=60)
print("drained", run.drained, flush=True)
"""


def test_a_full_disk_under_the_spool_stops_no_training_and_loses_nothing_once_there_is_room(
    home: Path, tmp_path: Path
) -> None:
    home.mkdir()
    kept = tmp_path / "kept"
    script = shlex.join([sys.executable, "-c", FULL_DISK])
    done = in_namespaces(
        [f"mount -t tmpfs -o size=2m tmpfs {home}"],
        ["sh", "-c", f"{script} && {sys.executable} -m stepwell.agent --home {home} --once; cp -r {home} {kept}"],
    )
    assert done.returncode == 0, done.stderr
    assert "logged on a full disk\ndrained True" in done.stdout, done.stdout + done.stderr
    elsewhere = tmp_path / "elsewhere"
    environment = {**os.environ, "STEPWELL_HOME": str(elsewhere)}
    command = [sys.executable, "-m", "stepwell", "sync", str(kept)]
    subprocess.run(command, check=True, capture_output=True, timeout=60, env=environment)
    with stepwell.Api(path=elsewhere) as api:
        assert api.run("small/s").history("x").column("x").to_pylist() == [float(i) for i in range(20_000)]
