"""Real S3 servers: MinIO, and versitygw as a second opinion on what plain S3 is."""

from __future__ import annotations

import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from minio import Minio

from components.programs import CACHE, Program, free_port, need

__all__ = ["ACCESS_KEY", "SECRET_KEY", "S3Server", "minio_server", "versity_server"]

ACCESS_KEY, SECRET_KEY = "stepwell-test", "s3cret/with+signs="


class S3Server:
    """`start` returns when it answers; after `kill` it starts again on its port with the objects it had."""

    def __init__(self, folder: Path, name: str, command: list[str], environment: dict[str, str], port: int) -> None:
        self._program = Program(folder, name)
        self._command, self._environment = command, environment
        self.name, self.port = name, port

    @property
    def objects(self) -> Path:
        """The folder where its objects lie."""
        return self._program.folder / "objects"

    @property
    def pid(self) -> int:
        assert self._program.process is not None
        return self._program.process.pid

    def start(self) -> S3Server:
        self.objects.mkdir(exist_ok=True)
        self._program.run(self._command, self._answers, self._environment)
        return self

    def _answers(self) -> bool:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=5).close()
        except urllib.error.HTTPError as error:  # it wants a signature: so it is up
            return error.code in (400, 403)
        return True

    def signal(self, number: int) -> None:
        self._program.signal(number)

    def kill(self) -> None:
        self._program.kill()

    def url(self, bucket: str, port: int | None = None, **options: str) -> str:
        """As `stepwell serve --blobs` takes it; `port`: of what stands in front of it."""
        known = {"secure": "0", "access_key": ACCESS_KEY, "secret_key": SECRET_KEY, **options}
        return f"s3://{bucket}?" + urllib.parse.urlencode({"endpoint": f"127.0.0.1:{port or self.port}", **known})

    def client(self) -> Minio:
        return Minio(f"127.0.0.1:{self.port}", access_key=ACCESS_KEY, secret_key=SECRET_KEY, secure=False)


def minio_server(folder: Path) -> S3Server:
    program = need(CACHE / "bin" / "minio", "MinIO")
    port = free_port()
    return S3Server(
        folder,
        "minio",
        [str(program), "server", f"{folder}/objects", "--address", f"127.0.0.1:{port}", "--console-address",
         f"127.0.0.1:{free_port()}", "--quiet"],
        {"MINIO_ROOT_USER": ACCESS_KEY, "MINIO_ROOT_PASSWORD": SECRET_KEY, "MINIO_BROWSER": "off",
         "MINIO_CI_CD": "1", "GOMAXPROCS": "2", "HOME": str(folder)},
        port,
    )  # fmt: skip


def versity_server(folder: Path) -> S3Server:
    program = need(CACHE / "bin" / "versitygw", "versitygw")
    port = free_port()
    return S3Server(
        folder,
        "versitygw",
        [str(program), "--port", f"127.0.0.1:{port}", "posix", f"{folder}/objects"],
        {"ROOT_ACCESS_KEY": ACCESS_KEY, "ROOT_SECRET_KEY": SECRET_KEY, "GOMAXPROCS": "2"},
        port,
    )
