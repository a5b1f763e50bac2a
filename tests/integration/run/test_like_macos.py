"""The Python code that runs on macOS, on a Linux without what macOS lacks: /dev/shm, OFD locks, copies in the kernel.

The compiled core is Linux's own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from agents import assert_each_once, ranges_in_spools
from namespaces import in_namespaces
from support import wait_for

MACOS = """
import fcntl, os, sys
import asyncio, ctypes.util, multiprocessing, platform, selectors, shutil, socket, subprocess, tempfile, threading
import urllib.request, uuid, webbrowser
try:
    import grpc, numpy, google.protobuf, blake3, psutil, zstandard
except ImportError:
    pass
for module, names in ((fcntl, ("F_OFD_GETLK", "F_OFD_SETLK", "F_OFD_SETLKW")),
                      (os, ("copy_file_range", "sched_getaffinity", "memfd_create", "posix_fallocate", "sendfile"))):
    for name in names:
        if hasattr(module, name):
            delattr(module, name)
sys.platform = "darwin"
"""
TRAIN = """
import os, stepwell
with stepwell.init(project="mac", id="r") as run:
    for i in range(1000):
        run.log({"x": float(i)})
    with open("ck.bin", "wb") as file:
        file.write(os.urandom(100_000))
    run.log_checkpoint("ck.bin")
    print(run._recorder.path)
"""


def test_a_run_is_recorded_without_what_linux_alone_has(home: Path, tmp_path: Path) -> None:
    (tmp_path / "patched").mkdir()
    (tmp_path / "patched" / "sitecustomize.py").write_text(MACOS)
    paths = os.pathsep.join(filter(None, [str(tmp_path / "patched"), os.environ.get("PYTHONPATH")]))
    done = in_namespaces(
        ["mount -t tmpfs -o ro tmpfs /dev/shm", f"cd {tmp_path}"],
        [sys.executable, "-c", TRAIN],
        env={"PYTHONPATH": paths},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(home / "rings"))
    assert "is recorded in" in done.stderr, done.stderr
    log = (home / "log" / "agent.log").read_text()
    assert "ERROR" not in log
    assert "Traceback" not in log
    for ranges in ranges_in_spools(home).values():
        assert_each_once(ranges, ranges[-1][1])
    drafts = home / "rings" / ".tmp-0123456789abcdef-000000.ring"
    drafts.write_bytes(b"")
    os.utime(drafts, (1, 1))
    command = [sys.executable, "-m", "stepwell.agent", "--home", str(home), "--once"]
    subprocess.run(command, env={**os.environ, "PYTHONPATH": paths}, check=True, timeout=60)
    wait_for(lambda: not drafts.exists(), "the agent to remove what a dead process left")
