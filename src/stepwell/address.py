"""Where the service is and what token it takes: one lookup for init, agent, Api and CLI.

Reads STEPWELL_SERVER, STEPWELL_TOKEN and the home's files; opens a socket only in `fetch_info`. Standard library only.
"""

from __future__ import annotations

import json
import os
import urllib.parse
from pathlib import Path
from typing import Any, NamedTuple

from .errors import AuthError, ServiceUnavailable
from .home import Home

__all__ = [
    "ServiceAddress",
    "fetch_info",
    "find_service",
    "grpc_target",
    "is_loopback",
    "local_service",
    "shown",
    "token_for",
]

_INFO = "/api/v1/info"
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class ServiceAddress(NamedTuple):
    url: str
    """Of the HTTP side, without a slash at the end."""
    grpc: str = ""
    """HOST:PORT; "" where only `fetch_info` can tell."""
    token: str | None = None
    pid: int | None = None
    boot: str = ""
    version: str = ""
    """Of the service; "" where `fetch_info` has not asked."""

    def __repr__(self) -> str:
        """Without the token, which must not get into a log."""
        token = "..." if self.token else self.token
        return f"ServiceAddress(url={self.url!r}, grpc={self.grpc!r}, token={token!r}, pid={self.pid!r})"


def find_service(home: Home, server: str = "") -> ServiceAddress | None:
    """The named server, else STEPWELL_SERVER, else the service of this home if one has written service.json.

    Says nothing about whether it answers. The token is the one for that address, or None.
    """
    named = server or os.environ.get("STEPWELL_SERVER", "")
    local = local_service(home)
    if not named:
        return local
    url = _plain(named)
    if local is not None and local.url == url:
        return local
    return ServiceAddress(url=url, token=token_for(home, url))


def token_for(home: Home, url: str) -> str | None:
    """STEPWELL_TOKEN, else service.json's if the address is the same, else what `stepwell login` kept; or None."""
    from_environment = os.environ.get("STEPWELL_TOKEN")
    if from_environment:
        return from_environment
    local = local_service(home)
    if local is not None and local.url == _plain(url):
        return local.token
    kept = {_plain(name): value for name, value in _read_object(home.credentials_file).items()}.get(_plain(url))
    if isinstance(kept, dict):
        kept = kept.get("token")
    return kept if isinstance(kept, str) and kept else None


def fetch_info(url: str, timeout: float = 5.0) -> ServiceAddress:
    """Asks the service at the URL where its gRPC port is. Raises ServiceUnavailable."""
    import urllib.error
    import urllib.request  # heavy (http, ssl, email), and `init` only wants the address

    url = _plain(url)
    request = urllib.request.Request(url + _INFO, headers={"Accept": "application/json"})
    # Never through a proxy to this machine itself, whatever the environment says.
    handlers = [urllib.request.ProxyHandler({})] if is_loopback(url) else []
    try:
        with urllib.request.build_opener(*handlers).open(request, timeout=timeout) as reply:
            info = json.loads(reply.read(65536))
        if info["service"] != "stepwell":
            raise ValueError("another service answers")
        return ServiceAddress(
            url=url,
            grpc=grpc_target(url, str(info.get("grpc", ""))),
            boot=str(info.get("boot", "")),
            version=str(info.get("version", "")),
        )
    except urllib.error.HTTPError as error:
        if error.code in (401, 403):
            raise AuthError(f"{shown(url)} refuses to say what it is (HTTP {error.code})") from None
        raise ServiceUnavailable(f"{shown(url)} is no stepwell service: HTTP {error.code}") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = getattr(error, "reason", error)
        raise ServiceUnavailable(f"no stepwell service answers at {shown(url)}: {reason}") from None


def grpc_target(url: str, grpc: str) -> str:
    """HOST:PORT to dial; the host is the URL's where the service names none. "" where it offers no gRPC."""
    host, _, port = grpc.rpartition(":")
    if not port:
        return ""
    host = host.strip("[]") or urllib.parse.urlsplit(url).hostname or ""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_loopback(url: str) -> bool:
    return (urllib.parse.urlsplit(url).hostname or "") in _LOOPBACK


def shown(url: str) -> str:
    """The URL as it may stand in a log: without user, password and query."""
    parts = urllib.parse.urlsplit(url)
    return urllib.parse.urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _plain(url: str) -> str:
    url = url.strip().rstrip("/")
    return url if "://" in url else f"http://{url}"


def local_service(home: Home) -> ServiceAddress | None:
    """What service.json of the home says, whatever the environment names."""
    values = _read_object(home.service_file)
    url = values.get("url")
    if not isinstance(url, str) or not url:
        return None
    token, pid = values.get("token"), values.get("pid")
    return ServiceAddress(
        url=_plain(url),
        grpc=grpc_target(_plain(url), str(values.get("grpc", ""))),
        token=token if isinstance(token, str) else None,
        pid=pid if isinstance(pid, int) else None,
        boot=str(values.get("boot", "")),
    )


def _read_object(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
