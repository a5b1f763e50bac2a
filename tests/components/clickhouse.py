"""A real ClickHouse server: the one that a shared library of the chDB project carries, in a process of its own."""

from __future__ import annotations

import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from xml.sax.saxutils import escape

from components.programs import CACHE, RUNS_AT_MOST_S, Program, free_port, need

__all__ = ["LIBRARY", "PASSWORD", "ClickHouse"]

LIBRARY = CACHE / "clickhouse-26.7.3-stable.1" / "libchdb.so"
PASSWORD = "pa:ss@wo/rd%?&"  # every character that an address has to quote

# writer: all rights. reader: may write nothing. guest: may make no database. poor: has hardly any memory.
# filler: may read and write rows, and alter nothing.
_USERS = f"""<clickhouse>
  <users>
    <default><no_password/><profile>default</profile><networks><ip>127.0.0.1</ip></networks></default>
    <writer><password>{escape(PASSWORD)}</password><profile>default</profile><networks><ip>127.0.0.1</ip></networks>
      <access_management>1</access_management></writer>
    <reader><password>{escape(PASSWORD)}</password><profile>readonly</profile>
      <networks><ip>127.0.0.1</ip></networks></reader>
    <poor><password>{escape(PASSWORD)}</password><profile>poor</profile>
      <networks><ip>127.0.0.1</ip></networks></poor>
    <filler><password>{escape(PASSWORD)}</password><profile>default</profile><networks><ip>127.0.0.1</ip></networks>
      <grants><query>GRANT SELECT, INSERT ON *.*</query></grants></filler>
    <guest><password>{escape(PASSWORD)}</password><profile>default</profile><networks><ip>127.0.0.1</ip></networks>
      <grants><query>GRANT SELECT ON system.*</query></grants></guest>
  </users>
  <profiles><default></default><readonly><readonly>2</readonly></readonly>
    <poor><max_memory_usage>300000</max_memory_usage></poor></profiles>
  <quotas><default></default></quotas>
</clickhouse>
"""


class ClickHouse:
    """`start` returns when it answers; after `kill` it starts again on its ports with the data it had."""

    def __init__(self, folder: Path, *, config: str = "", tcp_port: int | None = None) -> None:
        need(LIBRARY, "the ClickHouse server")
        self._program = Program(folder, "clickhouse")
        self.http_port = free_port()
        self.tcp_port = tcp_port or free_port()
        (folder / "users.xml").write_text(_USERS)
        (folder / "config.xml").write_text(
            f"<clickhouse><users_config>{folder}/users.xml</users_config>"
            "<logger><level>warning</level>"
            f"<log>{folder}/server.log</log></logger>"
            # Small: several of them share a machine with the tests.
            "<mark_cache_size>33554432</mark_cache_size><background_pool_size>2</background_pool_size>"
            "<background_schedule_pool_size>4</background_schedule_pool_size>"
            f"{config}</clickhouse>"
        )

    @property
    def folder(self) -> Path:
        return self._program.folder

    def start(self) -> ClickHouse:
        # clickhouse-local, told to listen and then to sleep.
        command = [
            *(sys.executable, str(Path(__file__).with_name("clickhouse_process.py")), str(LIBRARY)),
            f"--path={self.folder}/data",
            f"--config-file={self.folder}/config.xml",
            f"--http_port={self.http_port}",
            f"--tcp_port={self.tcp_port}",
            "--listen_host=127.0.0.1",
            "--function_sleep_max_microseconds_per_block=86400000000",
            f"--query=SYSTEM START LISTEN HTTP; SYSTEM START LISTEN TCP; SELECT sleep({RUNS_AT_MOST_S})",
        ]
        self._program.run(command, self._answers)
        return self

    def _answers(self) -> bool:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}/ping", timeout=5) as answer:
            return bool(answer.status == 200)

    def signal(self, number: int) -> None:
        self._program.signal(number)

    def kill(self) -> None:
        self._program.kill()

    def url(self, database: str = "", user: str = "writer", password: str = PASSWORD, **options: str) -> str:
        """As `stepwell serve --metrics` takes it."""
        query = "?" + urllib.parse.urlencode(options) if options else ""
        quoted = urllib.parse.quote(password, safe="")
        return f"clickhouse://{user}:{quoted}@127.0.0.1:{self.http_port}/{database}{query}"

    def command(self, sql: str, **settings: str) -> str:
        """As the user `default`, who may do everything; raises RuntimeError with the server's words."""
        query = urllib.parse.urlencode(settings)
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self.http_port}/?{query}", data=sql.encode(), timeout=60
            ) as answer:
                return str(answer.read().decode()).strip()
        except urllib.error.HTTPError as error:
            raise RuntimeError(error.read().decode(errors="replace")[:1000]) from error
