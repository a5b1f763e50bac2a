"""Runs with everything that a dashboard shows, recorded by real processes, and what is asked of them."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from components.clickhouse import ClickHouse
from grafana_backend import Clock, Frame, Value, expanded, frame_of
from serving import serving
from stepwell.ids import run_uuid
from support import end_processes_of

__all__ = ["HOSTILE", "IDS", "PROJECT", "Recorded", "recorded_into", "uuid_of"]

# Names that end a string, begin a macro or a variable, or look like a comment.
HOSTILE = "it's \\' \"odd\" $__timeFilter(x) ${run} -- /*"
PROJECT = HOSTILE.replace("/", "|")

_SCRIPT = """
import sys
import stepwell
project, hostile, id = sys.argv[1], sys.argv[2], sys.argv[3]
rank = stepwell.init(project=project, id=id, name=None if id == "plain" else "the run's name",
                     config={"lr": 0.1 if id == "plain" else 0.2, "same": 1, hostile: hostile}).rank
run = stepwell.run
for step in range(0, 3000, 3):
    run.log({"loss": float("nan") if step == 300 else 1 / (step + 1 + rank), hostile: step}, step=step)
    if step % 30 == 0:
        run.log({"weights": stepwell.Histogram([-1.0, 0.5, 0.5, 2.0 + step / 1000, float("nan")])}, step=step)
for number in range(1500 if rank == 0 and id == "wide" else 0):
    run.log({f"wide/{number}": 1.0}, step=0)
run.log({"given": stepwell.Histogram(np_histogram=([1, 2, 3], [-1.0, 0.0, 1.0, 5.0]))}, step=5)
print("hello from", rank)
print("and a warning", file=sys.stderr)
run.summary["best"] = 0.25
run.finish()
"""

IDS = ("plain", "wide", "it's me")


@dataclass(frozen=True)
class Recorded:
    """A store that holds the runs IDS of PROJECT, each of two ranks."""

    server: ClickHouse
    database: str
    clock: Clock
    settings: dict[str, str]

    def ask(self, sql: str, variables: dict[str, Value]) -> Frame:
        settings = {"output_format_json_quote_denormals": "1", "output_format_json_quote_64bit_integers": "0"}
        text = expanded(sql, variables, self.clock)
        return frame_of(self._command(f"{text} FORMAT JSONCompact", **settings))

    def explained(self, sql: str, variables: dict[str, Value]) -> str:
        return self._command("EXPLAIN indexes = 1 " + expanded(sql, variables, self.clock))

    def _command(self, sql: str, **settings: str) -> str:
        return self.server.command(sql, database=self.database, **self.settings, **settings)


def _record(home: Path, metrics_url: str) -> None:
    environment = {"STEPWELL_METRICS_URL": metrics_url, "STEPWELL_AGENT_LINGER_S": "0.5"}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("STEPWELL_")}
    inherited |= {"STEPWELL_HOME": str(home)}
    try:
        with serving(home, env=environment):
            for id in IDS:
                ranks = [
                    subprocess.Popen(
                        [sys.executable, "-c", _SCRIPT, PROJECT, HOSTILE, id],
                        env={**inherited, "RANK": str(rank), "WORLD_SIZE": "2", "STEPWELL_RUN_ID": id},
                    )
                    for rank in (0, 1)
                ]
                assert [rank.wait(200) for rank in ranks] == [0, 0]
    finally:
        end_processes_of(home)


def uuid_of(id: str) -> str:
    return str(run_uuid(PROJECT, id))


def recorded_into(
    home: Path, tables: Sequence[tuple[ClickHouse, str]], url: Callable[[str], str], settings: dict[str, str]
) -> Recorded:
    """tables: where rows lie, and how a table is called there (`{}` is its name)."""
    server = tables[0][0]
    database = f"grafana_{uuid.uuid4().hex}"
    _record(home, url(database))
    for shard, table in tables:
        # A machine's figures, beside those that an agent took: as many and as known as a test wants.
        shard.command(
            f"INSERT INTO {database}.{table.format('system')} (run, host, device, metric, time, value, version) "
            "SELECT run, 'host\\'s', d, 'made_up_percent', created + INTERVAL n SECOND, n, 1 "
            # Each rank tells of its run, and until rows are merged there is one of each, created at its own moment.
            f"FROM (SELECT run, min(created) AS created FROM {database}.{table.format('runs')} GROUP BY run) AS runs, "
            "(SELECT number AS n FROM numbers(10)) AS numbers, (SELECT arrayJoin(['gpu0', 'gpu1']) AS d) AS devices"
        )
    ends = "toUnixTimestamp64Milli(min(time)), toUnixTimestamp64Milli(max(time))"
    ends = server.command(f"SELECT {ends} FROM {database}.v_scalars")
    start, end = map(int, ends.split("\t"))
    return Recorded(server, database, Clock(start - 5000, end + 5000, interval=100), settings)
