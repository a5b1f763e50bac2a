"""Plain HTTP to the service of a home, for tests that look at statuses and bodies."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3

from support import service_address

__all__ = ["Answer", "HttpClient"]


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    headers: dict[str, str]

    def json(self) -> Any:
        return json.loads(self.body)


class HttpClient:
    def __init__(self, home: Path) -> None:
        address = service_address(home)
        assert address is not None
        self.url, self.token = str(address["url"]), str(address["token"])
        self._pool = urllib3.PoolManager(retries=False)

    def __call__(
        self, method: str, path: str, body: Any = None, token: str | None = "", headers: dict[str, str] | None = None
    ) -> Answer:
        """`token`: "" is the service's, None is none."""
        sent = dict(headers or {})
        if token is not None:
            sent["Authorization"] = f"Bearer {token or self.token}"
        if isinstance(body, (dict, list)):
            sent["Content-Type"] = "application/json"
            body = json.dumps(body).encode()
        answer = self._pool.request(method, self.url + path, body=body, headers=sent, timeout=60)
        return Answer(answer.status, answer.data, {name.lower(): value for name, value in answer.headers.items()})
