"""A real ZooKeeper, for ClickHouse's replicated tables."""

from __future__ import annotations

import socket
from pathlib import Path

from components.programs import Program, free_port, need

__all__ = ["ZooKeeper"]

_JAR = Path("/usr/share/java/zookeeper.jar")  # of the Debian package


class ZooKeeper:
    def __init__(self, folder: Path) -> None:
        need(_JAR, "ZooKeeper")
        self._program = Program(folder, "zookeeper")
        self.port = free_port()
        (folder / "zoo.cfg").write_text(
            f"tickTime=500\ndataDir={folder}/data\nclientPort={self.port}\nclientPortAddress=127.0.0.1\n"
            "admin.enableServer=false\nmaxClientCnxns=0\n4lw.commands.whitelist=ruok\n"
        )

    def start(self) -> ZooKeeper:
        main = "org.apache.zookeeper.server.quorum.QuorumPeerMain"
        folder = self._program.folder
        java = ["java", "-Xmx96m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", "/usr/share/java/*"]
        self._program.run([*java, main, f"{folder}/zoo.cfg"], self._answers)
        return self

    def _answers(self) -> bool:
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall(b"ruok")
            return connection.recv(4) == b"imok"

    def kill(self) -> None:
        self._program.kill()
