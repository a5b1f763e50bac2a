"""What psutil and the control group say, held against /proc and trees of files."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from trees import plant

from stepwell.hardware.container import Container
from stepwell.hardware.host import disk_device, find, network_device
from stepwell.hardware.processes import Processes
from support import wait_for

PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


def meminfo() -> dict[str, int]:
    lines = Path("/proc/meminfo").read_text().splitlines()
    return {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines}


@pytest.mark.skipif(sys.platform != "linux", reason="compares with /proc")
def test_host_figures_are_those_of_proc(tmp_path: Path) -> None:
    devices = {device.name: device for device in find(tmp_path)}  # a tree without control groups: the whole machine
    wait_for(lambda: "cpu_percent" in devices["host"].read(), what="the processor's clock to move")
    figures, proc = dict(devices["host"].read()), meminfo()
    assert figures["memory_limit_bytes"] == proc["MemTotal"]
    assert figures["memory_used_bytes"] == pytest.approx(
        proc["MemTotal"] - proc["MemAvailable"], abs=proc["MemTotal"] / 20
    )
    assert figures["memory_available_bytes"] == pytest.approx(proc["MemAvailable"], abs=proc["MemTotal"] / 20)
    assert 0 <= figures.get("cpu_percent", 0) <= 100
    assert figures["load_1m"] == pytest.approx(float(Path("/proc/loadavg").read_text().split()[0]), abs=5)
    assert set(figures) - {"cpu_percent"} == {
        "memory_used_bytes", "memory_available_bytes", "memory_limit_bytes", "swap_used_bytes", "load_1m",
    }  # fmt: skip


def test_the_disk_is_that_of_the_folder(tmp_path: Path) -> None:
    room = os.statvfs(tmp_path)
    disk = disk_device(tmp_path)
    figures = disk.read()
    size = room.f_blocks * room.f_frsize
    assert figures["used_bytes"] == pytest.approx((room.f_blocks - room.f_bfree) * room.f_frsize, abs=size / 20)
    assert figures["free_bytes"] == pytest.approx(room.f_bavail * room.f_frsize, abs=size / 20)
    assert all(figures.get(name, 0) >= 0 for name in ("read_bytes_per_s", "write_bytes_per_s"))


def test_the_network_is_counted_without_loopback_and_what_is_counted_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = dict.fromkeys(("lo", "eth0", "ib0", "docker0", "veth12ab", "bond0"), 0)

    def counters(pernic: bool, nowrap: bool) -> dict[str, object]:
        return {name: SimpleNamespace(bytes_sent=2 * count, bytes_recv=count) for name, count in counts.items()}

    monkeypatch.setattr(psutil, "net_io_counters", counters)
    network = network_device()
    counts.update(lo=10**9, eth0=1000, ib0=500, docker0=10**9, veth12ab=10**9, bond0=10**9)
    figures = network.read()
    assert figures["sent_bytes_per_s"] == pytest.approx(2 * figures["received_bytes_per_s"])
    assert figures["received_bytes_per_s"] * 10**5 > 1500 / 60
    counts.update(eth0=0)  # the adapter came anew
    assert network.read() == {}


GROUP = "0::/pods/pod1\n"
LIMITED = {
    "proc/self/cgroup": GROUP.strip(),
    "sys/fs/cgroup/pods/memory.max": "4294967296",
    "sys/fs/cgroup/pods/memory.current": "3221225472",
    "sys/fs/cgroup/pods/memory.stat": "anon 1073741824\nfile 2147483648\ninactive_file 1073741824",
    "sys/fs/cgroup/pods/pod1/memory.max": "max",
    "sys/fs/cgroup/pods/pod1/cpu.max": "50000 100000",
    "sys/fs/cgroup/pods/pod1/cpu.stat": "usage_usec 2500000\nuser_usec 2000000",
    "sys/fs/cgroup/pods/cpu.max": "max 100000",
}


def test_the_narrowest_limit_of_a_container_counts(tmp_path: Path) -> None:
    container = Container.here(plant(tmp_path, LIMITED))
    assert container.memory_limit_bytes == 4 << 30
    assert container.memory_used_bytes == 2 << 30
    assert (container.cpu_limit_cores, container.cpu_used_s) == (0.5, 2.5)
    host = next(iter(find(tmp_path)))
    figures = host.read()
    assert (figures["memory_limit_bytes"], figures["memory_used_bytes"]) == (4 << 30, 2 << 30)
    assert figures["memory_available_bytes"] <= 2 << 30
    (tmp_path / "sys/fs/cgroup/pods/pod1/cpu.stat").write_text("usage_usec 900000000\n")
    assert host.read()["cpu_percent"] == 100.0


@pytest.mark.parametrize(
    "tree",
    [
        {},
        {"proc/self/cgroup": "12:memory:/user\n1:name=systemd:/user"},
        {"proc/self/cgroup": "0::/../../elsewhere"},
        {"proc/self/cgroup": "0::/", "sys/fs/cgroup/cgroup.procs": "1"},
    ],
    ids=["no /proc", "version 1", "outside", "the root group"],
)
def test_without_limits_it_is_the_whole_machine(tree: dict[str, str], tmp_path: Path) -> None:
    container = Container.here(plant(tmp_path, tree))
    assert (container.memory_limit_bytes, container.cpu_limit_cores, container.memory_used_bytes) == (None, None, None)
    assert next(iter(find(tmp_path))).read()["memory_limit_bytes"] == psutil.virtual_memory().total


TREE = """
import subprocess, sys, threading
ballast = bytearray(40 << 20)
child = []
code = "ballast = bytearray(30 << 20)\\nprint('up', flush=True)\\ninput()"
def start():
    child.append(subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE))
    child[0].wait()
threading.Thread(target=start, daemon=True).start()
while True:
    line = input()
    if line == "work":
        sum(range(30_000_000))
        print("worked", flush=True)
"""


@pytest.fixture
def parent() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", TREE]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"  # its child, started by another thread of it
        yield process
        process.kill()


def test_processes_are_the_tree_below_those_that_record(parent: subprocess.Popen[str]) -> None:
    processes = Processes()
    first = processes.read((parent.pid,))
    assert first["count"] == 2
    assert 70 << 20 < first["memory_rss_bytes"] < 200 << 20
    assert "cpu_percent" not in first  # there is nothing to compare with yet
    assert parent.stdin is not None
    assert parent.stdout is not None
    parent.stdin.write("work\n")
    parent.stdin.flush()
    assert parent.stdout.readline() == "worked\n"
    assert processes.read((parent.pid,))["cpu_percent"] > 0
    parent.kill()
    parent.wait()
    assert processes.read((parent.pid,)).get("count", 0) <= 1
    assert Processes().read((parent.pid,)) == {}
