"""Reading over HTTP from a service. Every answer is the one LocalReader gives beside the stores.

Knows addresses, tokens, retries and what the service's errors mean; nothing of how a run is shown.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any
from urllib.parse import quote, urlencode

import pyarrow as pa
import urllib3

from ..address import is_loopback, shown
from ..errors import (
    ApiError,
    AuthError,
    FilterError,
    InvalidValue,
    NotFound,
    RunHeld,
    RunTrashed,
    ServiceUnavailable,
    StoreError,
)
from .reader import PAGE
from .records import ArtifactInfo, Event, LastStep, MetricInfo, RunInfo, RunKey
from .retention_http import HttpRetention
from .series_tables import Series, SeriesAsked
from .wire import (
    artifact_from_json,
    event_from_json,
    last_step_from_json,
    metric_from_json,
    run_from_json,
)

__all__ = ["HttpReader"]

CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 300.0  # without a byte: a scan of a large store may think that long
_RETRIES = urllib3.Retry(
    total=3, connect=2, read=1, backoff_factor=0.2, status_forcelist=(502, 503, 504), raise_on_status=False
)
_PIECE = 1 << 20
_ERRORS: dict[str, type[Exception]] = {
    "NotFound": NotFound,
    "RunHeld": RunHeld,
    "RunTrashed": RunTrashed,
    "InvalidValue": InvalidValue,
    "StoreError": StoreError,
    "StoreUnavailable": StoreError,
}


class HttpReader:
    """See reader.Reader. Thread-safe. Its `repr` and errors never show the token."""

    def __init__(self, url: str, token: str | None = None) -> None:
        self._url, self._token = url.rstrip("/"), token
        headers = {"Accept-Encoding": "identity", "User-Agent": "stepwell"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        timeout = urllib3.Timeout(connect=CONNECT_TIMEOUT_S, read=READ_TIMEOUT_S)
        self._pool = _pool(self._url, headers=headers, timeout=timeout, retries=_RETRIES, maxsize=4)

    def __repr__(self) -> str:
        return f"HttpReader({self.where})"

    @property
    def where(self) -> str:
        return shown(self._url)

    @property
    def source(self) -> dict[str, str]:
        return {"url": self._url} | ({"token": self._token} if self._token else {})

    @property
    def retention(self) -> HttpRetention:
        return HttpRetention(self._told, self._lines)

    def _told(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        sent = None if body is None else json.dumps(body).encode()
        return self._parsed(self._ask(method, f"{self._url}/api/v1{path}", sent), path)

    def _lines(self, method: str, path: str, body: Mapping[str, Any] | None) -> Iterator[str]:
        reply = self._ask(method, f"{self._url}/api/v1{path}", json.dumps(body).encode())
        held = b""
        for piece in self._pieces(reply):
            *lines, held = (held + piece).split(b"\n")
            yield from (line.decode() for line in lines)

    # --- runs

    def runs(
        self,
        *,
        project: str | None = None,
        id: str | None = None,
        filters: str | None = None,
        limit: int = PAGE,
        offset: int = 0,
        last: bool = False,
    ) -> list[RunInfo]:
        asked = {"project": project, "id": id, "filter": filters}
        query: list[tuple[str, object]] = [(name, value) for name, value in asked.items() if value is not None]
        query += [("limit", limit), ("offset", offset), ("last", int(last))]
        return [run_from_json(value) for value in self._json("/runs", query)["runs"]]

    def run(self, key: RunKey) -> RunInfo:
        return run_from_json(self._json(_path(key)))

    # --- series

    def metrics(self, key: RunKey) -> list[MetricInfo]:
        return [metric_from_json(value) for value in self._json(_path(key, "metrics"))["metrics"]]

    def history(
        self, keys: Sequence[RunKey], metrics: Sequence[str], *, long: bool = False, with_run: bool = False
    ) -> pa.RecordBatchReader:
        query: list[tuple[str, object]] = [("metric", name) for name in metrics]
        query += [("long", int(long))]
        if len(keys) == 1 and not with_run:
            return self._arrow(_path(keys[0], "history"), query)
        query += [("run", str(key)) for key in keys] + [("with_run", int(with_run))]
        return self._arrow("/history", query)

    def series(self, asked: Sequence[SeriesAsked], *, buckets: int = 1024, smoothing: float = 0.0) -> list[Series]:
        from .series import decode_series

        body = {"series": [asdict(one) for one in asked], "buckets": buckets, "smoothing": smoothing}
        reply = self._ask("POST", f"{self._url}/api/v1/series", json.dumps(body).encode())
        try:
            return decode_series(b"".join(self._pieces(reply)), asked)
        except (ValueError, KeyError, TypeError, IndexError):
            raise ApiError(f"{self.where} answered /series with something else; is it another version?") from None

    def texts(self, key: RunKey, metric: str) -> pa.Table:
        return self._arrow(_path(key, "texts"), [("metric", metric)]).read_all()

    def histograms(self, key: RunKey, metric: str) -> pa.Table:
        return self._arrow(_path(key, "histograms"), [("metric", metric)]).read_all()

    def system(
        self, key: RunKey, metrics: Sequence[str] = (), devices: Sequence[str] = (), *, last: bool = False
    ) -> pa.Table:
        query: list[tuple[str, object]] = [("metric", name) for name in metrics]
        query += [("device", name) for name in devices] + [("last", int(last))]
        return self._arrow(_path(key, "system"), query).read_all()

    # --- what happened

    def console(self, key: RunKey) -> pa.Table:
        return self._arrow(_path(key, "console")).read_all()

    def events(self, key: RunKey) -> list[Event]:
        return [event_from_json(value) for value in self._json(_path(key, "events"))["events"]]

    def artifacts(self, key: RunKey) -> list[ArtifactInfo]:
        return [artifact_from_json(value) for value in self._json(_path(key, "artifacts"))["artifacts"]]

    def media(self, key: RunKey, kind: str, name: str | None = None, *, since: int | None = None) -> list[ArtifactInfo]:
        query = [("kind", kind)] + ([("name", name)] if name is not None else [])
        query += [("since", str(since))] if since is not None else []
        return [artifact_from_json(value) for value in self._json(_path(key, "media"), query)["media"]]

    def versions(self, project: str, *, name: str | None = None, type: str | None = None) -> list[ArtifactInfo]:
        asked = {"project": project, "name": name, "type": type}
        query = [(key, value) for key, value in asked.items() if value is not None]
        return [artifact_from_json(value) for value in self._json("/artifacts", query)["artifacts"]]

    def artifact(self, project: str, name: str, selector: str = "latest", *, type: str | None = None) -> ArtifactInfo:
        query = [("version", selector)] + ([("type", type)] if type is not None else [])
        return artifact_from_json(self._json(_artifact_path(project, name), query))

    def set_aliases(
        self,
        project: str,
        name: str,
        selector: str,
        *,
        add: Sequence[str] = (),
        remove: Sequence[str] = (),
        type: str | None = None,
        by: str = "",
    ) -> ArtifactInfo:
        body = {"version": selector, "add": list(add), "remove": list(remove), "type": type, "by": by}
        path = _artifact_path(project, name)
        reply = self._ask("PATCH", f"{self._url}/api/v1{path}", json.dumps(body).encode())
        return artifact_from_json(self._parsed(reply, path))

    def last_step(self, key: RunKey, rank: int) -> LastStep:
        return last_step_from_json(self._json(_path(key, "last_step"), [("rank", rank)]))

    def used(self, key: RunKey) -> list[ArtifactInfo]:
        return [artifact_from_json(value) for value in self._json(_path(key, "used"))["artifacts"]]

    def users(self, project: str, name: str, version: int, *, type: str) -> list[RunKey]:
        query = [("project", project), ("name", name), ("version", version), ("type", type)]
        return [RunKey(run["project"], run["id"]) for run in self._json("/artifact_users", query)["runs"]]

    def blob(self, digest: str, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        path = f"/blobs/{quote(digest, safe='')}"
        if length == 0:
            return iter(())
        if not offset and length is None:
            return self._pieces(self._get(path, ()))
        end = "" if length is None else str(offset + length - 1)
        return self._pieces(self._get(path, (), {"Range": f"bytes={offset}-{end}"}))

    def update(self, key: RunKey, changes: Mapping[str, Any], *, by: str) -> RunInfo:
        body = json.dumps({**changes, "by": by}).encode()
        reply = self._ask("PATCH", f"{self._url}/api/v1{_path(key)}", body)
        return run_from_json(self._parsed(reply, _path(key)))

    def close(self) -> None:
        self._pool.clear()

    # --- the wire

    def _json(self, path: str, query: Sequence[tuple[str, object]] = ()) -> Any:
        return self._parsed(self._get(path, query), path)

    def _parsed(self, reply: urllib3.BaseHTTPResponse, path: str) -> Any:
        try:
            return json.loads(b"".join(self._pieces(reply)))
        except ValueError:
            raise ApiError(f"{self.where} answered {path} with something that is not JSON") from None

    def _arrow(self, path: str, query: Sequence[tuple[str, object]] = ()) -> pa.RecordBatchReader:
        source = pa.ipc.open_stream(pa.PythonFile(_Body(self._pieces(self._get(path, query))), mode="r"))
        return pa.RecordBatchReader.from_batches(source.schema, source)

    def _get(
        self, path: str, query: Sequence[tuple[str, object]], headers: Mapping[str, str] | None = None
    ) -> urllib3.BaseHTTPResponse:
        address = f"{self._url}/api/v1{path}" + (f"?{urlencode(query)}" if query else "")
        return self._ask("GET", address, headers=headers)

    def _ask(
        self, method: str, address: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> urllib3.BaseHTTPResponse:
        more: dict[str, Any] = {"body": body} if body is not None else {}
        if body is not None:
            headers = {"Content-Type": "application/json", **(headers or {})}
        if headers:
            more["headers"] = {**self._pool.headers, **headers}
        try:
            reply = self._pool.request(method, address, preload_content=False, **more)
        except urllib3.exceptions.HTTPError as error:
            raise ServiceUnavailable(f"no stepwell service answers at {self.where}: {_reason(error)}") from error
        if reply.status not in (200, 206):
            with reply:
                raise _error(self.where, reply.status, reply.read(_PIECE))
        return reply

    def _pieces(self, reply: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
        try:
            yield from reply.stream(_PIECE)
            reply.release_conn()  # read to its end: the next request may have the connection
        except urllib3.exceptions.HTTPError as error:
            raise ServiceUnavailable(f"{self.where} broke off in the middle of its answer: {_reason(error)}") from error
        finally:
            reply.close()


class _Body:
    """A body's pieces as the file that Arrow reads from."""

    closed = False

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._held = memoryview(b"")

    def read(self, size: int = -1) -> bytes:
        parts: list[bytes | memoryview] = []
        while size != 0:
            if not self._held:
                self._held = memoryview(next(self._pieces, b""))
                if not self._held:
                    break
            part = self._held if size < 0 else self._held[:size]
            self._held = self._held[len(part) :]
            size -= len(part) if size > 0 else 0
            parts.append(part)
        return b"".join(parts)

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self.closed = True


def _pool(url: str, **options: Any) -> urllib3.PoolManager:
    """Through the environment's proxy, if it names one for this address; never to this machine itself."""
    from urllib.request import getproxies, proxy_bypass

    scheme, _, rest = url.partition("://")
    proxy = getproxies().get(scheme)
    if proxy and not is_loopback(url) and not proxy_bypass(rest.split("/")[0].rpartition("@")[2].split(":")[0]):
        return urllib3.ProxyManager(proxy, **options)
    return urllib3.PoolManager(**options)


def _path(key: RunKey, what: str = "") -> str:
    return f"/runs/{quote(key.project, safe='')}/{quote(key.id, safe='')}" + (f"/{what}" if what else "")


def _artifact_path(project: str, name: str) -> str:
    return f"/artifacts/{quote(project, safe='')}/{quote(name, safe='')}"


def _reason(error: Exception) -> str:
    inner = getattr(error, "reason", None) or error
    return str(inner).rpartition(": ")[2] or type(inner).__name__


def _error(where: str, status: int, body: bytes) -> Exception:
    try:
        value = json.loads(body)
        kind, message = str(value.get("error", "")), str(value.get("message") or value.get("detail") or "")
    except (ValueError, AttributeError):
        kind, message, value = "", body[:200].decode(errors="replace"), {}
    if status in (401, 403):
        return AuthError(
            f"{where} does not take this token ({message or status}). Set STEPWELL_TOKEN, or: stepwell login {where}"
        )
    if kind == "FilterError":
        return FilterError(message, str(value.get("text", "")), int(value.get("position", 0)))
    if kind in _ERRORS:
        return _ERRORS[kind](message)
    if status == 404:
        return NotFound(f"{where}: {message or 'not found'}")
    return ApiError(f"{where} answered {status}: {message or 'no reason given'}")
