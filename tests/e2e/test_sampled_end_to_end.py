"""Samples of the machine from a live run to a ClickHouse server, through agents that are killed meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import stepwell
from components.clickhouse import ClickHouse
from serving import serving
from support import processes_of, wait_for

SCRIPT = """
import sys
import stepwell
run = stepwell.init(project="p", id=sys.argv[1], settings={"capture": False, "system_interval_s": 0.1})
print("up", flush=True)
while sys.stdin.readline():
    run.log({"loss": 1.0})
run.finish()
"""
FIGURES = {
    ("host", "memory_used_bytes"), ("host", "cpu_percent"), ("disk", "free_bytes"), ("network", "sent_bytes_per_s"),
    ("processes", "memory_rss_bytes"), ("processes", "cpu_percent"),
}  # fmt: skip


def begin(id: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SCRIPT, id]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    return process


def agents_of(home: Path) -> list[int]:
    return [pid for pid in processes_of(home) if b"stepwell.agent" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def samples(id: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = stepwell.Api().run(f"p/{id}").system().to_pylist()
    return found


def there(id: str) -> bool:
    return {(row["device"], row["metric"]) for row in samples(id)} >= FIGURES


def test_two_runs_are_sampled_into_a_server_each_figure_once(home: Path, clickhouse: ClickHouse) -> None:
    environment = {"STEPWELL_METRICS_URL": clickhouse.url(f"sampled{uuid.uuid4().hex}")}
    with serving(home, env=environment):
        runs = {id: begin(id) for id in ("a", "b")}
        wait_for(lambda: stepwell.Api().runs("p") and all(map(there, runs)), what="samples of both", deadline_s=120)
        killed = agents_of(home)
        assert killed
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        before = {id: len(samples(id)) for id in runs}

        def more() -> bool:
            for process in runs.values():  # a run whose agent is gone starts another at a log call
                assert process.stdin is not None
                process.stdin.write("\n")
                process.stdin.flush()
            return all(len(samples(id)) > before[id] + 50 for id in runs)

        wait_for(more, what="samples of the next agent", deadline_s=120)
        for process in runs.values():
            process.communicate()
        wait_for(lambda: {run.state for run in stepwell.Api().runs("p")} == {"finished"}, what="the end of both")
        for id in runs:
            keys = [(row["host"], row["device"], row["metric"], row["time"]) for row in samples(id)]
            assert len(keys) == len(set(keys))
            assert [info.name for info in stepwell.Api().run(f"p/{id}").metrics] == ["loss"]
