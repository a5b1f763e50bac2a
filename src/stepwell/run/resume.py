"""How far a run has come, asked before it goes on: the service if there is one, else the store of this home.

The only place of this room that opens a socket; only `init(resume="allow"|"must")` comes here, for a bounded time.
"""

from __future__ import annotations

import json
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any

from ..address import ServiceAddress, find_service, is_loopback, shown
from ..errors import AuthError, RunTrashed, ServiceUnavailable
from ..home import Home
from ..launch import child_environment, interpreter

__all__ = ["Progress", "ask_progress"]

_REPLY_BYTES_MAX = 1 << 16
TRASHED_EXIT_CODE = 3  # of stepwell.query.last_step


@dataclass(frozen=True)
class Progress:
    exists: bool
    last_step: int | None
    attempt: int | None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the token to another server."""

    def redirect_request(self, *_: Any) -> None:
        return None


def ask_progress(home: Home, server: str, project: str, id: str, rank: int, timeout_s: float) -> Progress:
    """What is known of the run.

    Raises ServiceUnavailable where nobody can tell, AuthError for a refused token, RunTrashed.
    """
    service = find_service(home, server)
    if service is not None:
        try:
            return _ask_service(service, project, id, rank, timeout_s)
        except ServiceUnavailable:
            if server or service.pid is None:
                raise  # the run's server is elsewhere: the store of this home would answer wrongly
    return _ask_store(home, project, id, rank, timeout_s)


def _ask_service(service: ServiceAddress, project: str, id: str, rank: int, timeout_s: float) -> Progress:
    path = (
        f"/api/v1/runs/{urllib.parse.quote(project, safe='')}/{urllib.parse.quote(id, safe='')}/last_step?rank={rank}"
    )
    headers = {"Accept": "application/json"}
    if service.token:
        headers["Authorization"] = f"Bearer {service.token}"
    handlers: list[urllib.request.BaseHandler] = [_NoRedirect()]
    if is_loopback(service.url):
        handlers.append(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(service.url + path, headers=headers)
    try:
        with urllib.request.build_opener(*handlers).open(request, timeout=timeout_s) as reply:
            return _read(reply.read(_REPLY_BYTES_MAX))
    except urllib.error.HTTPError as error:
        if error.code == 404:
            return Progress(False, None, None)
        if error.code == 410:
            raise RunTrashed(_message(error, f"{project}/{id} is in the trash")) from None
        if error.code in (401, 403):
            raise AuthError(
                f"{shown(service.url)} does not take the token; set STEPWELL_TOKEN or run `stepwell login "
                f"{shown(service.url)}`"
            ) from None
        raise ServiceUnavailable(f"{shown(service.url)} answers HTTP {error.code}") from None
    except (OSError, HTTPException, ValueError, KeyError, TypeError) as error:
        raise ServiceUnavailable(
            f"no service answers at {shown(service.url)}: {getattr(error, 'reason', error)}"
        ) from None


def _message(error: urllib.error.HTTPError, otherwise: str) -> str:
    try:
        return str(json.loads(error.read(_REPLY_BYTES_MAX))["message"])
    except (OSError, HTTPException, ValueError, KeyError, TypeError):
        return otherwise


def _ask_store(home: Home, project: str, id: str, rank: int, timeout_s: float) -> Progress:
    """By a process of its own: the embedded engine is far too heavy for a training process."""
    command = [
        interpreter() or "python3",
        "-m",
        "stepwell.query.last_step",
        "--home",
        str(home.path),
        f"{project}/{id}",
        str(rank),
    ]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout_s,
            check=True,
            cwd="/",
            env=child_environment(home),
        )
        return _read(done.stdout)
    except subprocess.TimeoutExpired:
        raise ServiceUnavailable(f"the store of {home.path} did not answer within {timeout_s} s") from None
    except subprocess.CalledProcessError as error:
        last = error.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        if error.returncode == TRASHED_EXIT_CODE:
            raise RunTrashed(last.removeprefix("stepwell: ")) from None
        raise ServiceUnavailable(f"the store of {home.path} could not be read: {last}") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ServiceUnavailable(f"the store of {home.path} could not be asked: {error}") from None


def _read(body: bytes) -> Progress:
    found = json.loads(body)
    last, attempt = found.get("last_step"), found.get("attempt")
    return Progress(
        bool(found["exists"]), None if last is None else int(last), None if attempt is None else int(attempt)
    )
