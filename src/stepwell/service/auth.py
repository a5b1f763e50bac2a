"""Who may talk to the service: the bearer token, and on loopback the Host header too.

The token never enters a log, an error or a repr. A wrong one and none get the same answer.
"""

from __future__ import annotations

import hmac
import json
import os
import secrets
import stat
from collections.abc import Awaitable, Callable, Collection
from pathlib import Path
from typing import Any

import grpc
import grpc.aio

from ..errors import HomeError, SettingsError
from ..home import Home
from .sessions import Sessions

__all__ = ["GrpcGuard", "HttpGuard", "Token", "load_token", "loopback_names"]

_OPEN_PATHS = frozenset({"/", "/healthz", "/readyz", "/api/v1/info", "/login", "/logout"})
_OPEN_FOLDER = "/assets/"  # the page itself: it shows nothing before its own requests are let in
_REFUSED = (
    "this service wants its token, and none or a wrong one was sent. On the service's machine it is found by itself "
    "(the same STEPWELL_HOME); elsewhere set STEPWELL_TOKEN or run `stepwell login URL`."
)
_LENGTH_MIN = 16

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Token:
    """A secret that compares in constant time and does not print."""

    def __init__(self, secret: str) -> None:
        self._header = f"Bearer {secret}".encode()

    def __repr__(self) -> str:
        return "Token(...)"

    def reveal(self) -> str:
        """For the one file that holds it (service.json)."""
        return self._header[len("Bearer ") :].decode()

    def opens(self, header: str | bytes | None) -> bool:
        """Whether this is `Bearer` and the token; the scheme's case is the client's."""
        if header is None:
            return False
        raw = header.encode("utf-8", "replace") if isinstance(header, str) else header
        scheme, _, secret = raw.partition(b" ")
        return hmac.compare_digest(b"Bearer " + secret.strip(), self._header) and scheme.lower() == b"bearer"


def load_token(home: Home, token_file: Path | None = None) -> Token:
    """STEPWELL_TOKEN, else the named file, else HOME/token; a file that is not there is made.

    Raises SettingsError for a token too weak to use, HomeError where the file cannot be read or made.
    """
    named = os.environ.get("STEPWELL_TOKEN")
    if named:
        return _checked(named, "STEPWELL_TOKEN")
    path = token_file or home.token_file
    if token_file is None:
        home.make()
    _make(path)
    try:
        if token_file is None and stat.S_IMODE(path.stat().st_mode) & 0o077:
            path.chmod(0o600)
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise HomeError(f"cannot read the token file {path}: {getattr(error, 'strerror', None) or error}") from None
    return _checked(text, str(path))


def _checked(text: str, where: str) -> Token:
    secret = text.strip()
    if len(secret) < _LENGTH_MIN or not secret.isascii() or not secret.isprintable() or " " in secret:
        raise SettingsError(
            f"the token in {where} must be at least {_LENGTH_MIN} printable ASCII characters without spaces; "
            'make one with: python -c "import secrets; print(secrets.token_urlsafe(32))"'
        )
    return Token(secret)


def _make(path: Path) -> None:
    """Linked into place whole, so that of two services starting at once both read the same token."""
    if path.exists():
        return
    new = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    try:
        fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(fd, secrets.token_urlsafe(32).encode() + b"\n")
            os.fsync(fd)
        finally:
            os.close(fd)
        try:
            os.link(new, path)
        except FileExistsError:
            return
        finally:
            new.unlink()
    except OSError as error:
        raise HomeError(f"cannot make the token file {path}: {error.strerror}") from None


def loopback_names(host: str) -> frozenset[str] | None:
    """The Host headers taken by a service bound to this host; None where it is not loopback: then any.

    A page of another site that has its own name point at 127.0.0.1 (DNS rebinding) sends its own name.
    """
    if host in {"localhost", "::1"} or host.startswith("127."):
        return frozenset({"localhost", "127.0.0.1", "[::1]", f"[{host}]" if ":" in host else host})
    return None


class HttpGuard:
    """ASGI middleware: 421 for a foreign Host, 401 without the token or a browser's session made with it."""

    def __init__(self, app: App, token: Token, hosts: Collection[str] | None, sessions: Sessions | None = None) -> None:
        self._app = app
        self._token = token
        self._hosts = hosts
        self._sessions = sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers: dict[bytes, bytes] = dict(scope["headers"])
        if self._hosts is not None and _host(headers.get(b"host", b"")) not in self._hosts:
            await _answer(scope, send, 421, "the Host header does not name this machine; use http://127.0.0.1:PORT")
        elif not (_is_open(scope["path"]) or self._opens(scope, headers)):
            await _answer(scope, send, 401, _REFUSED)
        else:
            await self._app(scope, receive, send)

    def _opens(self, scope: Scope, headers: dict[bytes, bytes]) -> bool:
        if b"authorization" in headers:
            return self._token.opens(headers[b"authorization"])
        return self._sessions is not None and self._sessions.opens(str(scope.get("method", "GET")), headers)


def _is_open(path: str) -> bool:
    return path in _OPEN_PATHS or path.startswith(_OPEN_FOLDER)


def _host(header: bytes) -> str:
    text = header.decode("latin-1").lower()
    if text.startswith("["):
        return text.partition("]")[0] + "]"
    return text.partition(":")[0]


async def _answer(scope: Scope, send: Send, status: int, detail: str) -> None:
    if scope["type"] != "http":
        await send({"type": "websocket.close", "code": 1008})
        return
    body = json.dumps({"detail": detail}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class GrpcGuard(grpc.aio.ServerInterceptor):  # type: ignore[misc]
    """UNAUTHENTICATED for every call without the token, before its first message is read."""

    def __init__(self, token: Token) -> None:
        self._token = token

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler:
        handler = await continuation(handler_call_details)
        metadata = dict(handler_call_details.invocation_metadata or ())
        if handler is None or self._token.opens(metadata.get("authorization")):
            return handler
        return _refusing(handler)


def _refusing(handler: grpc.RpcMethodHandler) -> grpc.RpcMethodHandler:
    """A handler of the same shape (gRPC checks) that says no."""

    async def refuse(_: object, context: grpc.aio.ServicerContext) -> None:
        await context.abort(grpc.StatusCode.UNAUTHENTICATED, _REFUSED)

    async def refuse_stream(_: object, context: grpc.aio.ServicerContext) -> Any:
        await context.abort(grpc.StatusCode.UNAUTHENTICATED, _REFUSED)
        yield

    make = {
        (False, False): grpc.unary_unary_rpc_method_handler,
        (False, True): grpc.unary_stream_rpc_method_handler,
        (True, False): grpc.stream_unary_rpc_method_handler,
        (True, True): grpc.stream_stream_rpc_method_handler,
    }[bool(handler.request_streaming), bool(handler.response_streaming)]
    return make(
        refuse_stream if handler.response_streaming else refuse,
        request_deserializer=handler.request_deserializer,
        response_serializer=handler.response_serializer,
    )
