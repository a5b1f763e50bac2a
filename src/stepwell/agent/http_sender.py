"""The way for blocks where gRPC cannot get through (an ingress, ssh -L): spool frames as they are, by POST."""

from __future__ import annotations

import json
import logging
import time
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import urllib3

from ..address import fetch_info, shown
from ..errors import ApiError, AuthError, ServiceUnavailable
from ..killpoints import killpoint
from ..settings import Settings
from .destinations import Endpoint
from .outbox import Outbox

__all__ = ["HttpLink", "proxy_for", "send_over_http"]

_log = logging.getLogger("stepwell.agent")

_BATCH_BYTES = 4 << 20
_TIMEOUT = urllib3.Timeout(connect=5.0, read=60.0)


class HttpLink:
    """Authorised requests to one service."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        proxy = "" if endpoint.loopback else proxy_for(endpoint.url)
        options: dict[str, Any] = {"retries": False, "timeout": _TIMEOUT, "maxsize": 1}
        self._pool = urllib3.ProxyManager(proxy, **options) if proxy else urllib3.PoolManager(**options)
        self._headers = {"Authorization": f"Bearer {endpoint.token}"} if endpoint.token else {}

    def request(
        self, method: str, path: str, body: bytes | Iterable[bytes] | None = None, headers: Mapping[str, str] = {}
    ) -> tuple[int, bytes]:
        """(status, body). Raises ServiceUnavailable where there was no answer, AuthError for 401 and 403."""
        try:
            reply = self._pool.request(
                method, self.endpoint.url + path, body=body, headers={**self._headers, **headers}
            )
            status, data = reply.status, reply.data
        except urllib3.exceptions.HTTPError as error:
            raise ServiceUnavailable(f"{shown(self.endpoint.url)} does not answer: {error}") from None
        if status in (401, 403):
            raise AuthError(f"{shown(self.endpoint.url)} refuses this token (HTTP {status}); run `stepwell login`")
        if status in (408, 425, 429) or status >= 500:
            raise ServiceUnavailable(f"{shown(self.endpoint.url)} answers HTTP {status}{_reason(data)}")
        return status, data

    def close(self) -> None:
        self._pool.clear()


def send_over_http(
    endpoint: Endpoint,
    outbox: Outbox,
    settings: Settings,
    *,
    goes_on: Callable[[], bool],
    on_welcome: Callable[[], None],
) -> None:
    """Sends the outbox while `goes_on` and until it is time to try gRPC again.

    Raises ServiceUnavailable, AuthError, ApiError; what was not answered is then still in the outbox's spools.
    """
    info = fetch_info(endpoint.url)
    link = HttpLink(endpoint)
    outbox.welcome(info.boot, info.version)
    until = time.monotonic() + settings.http_fallback_s
    told = False
    try:
        while goes_on() and time.monotonic() < until:
            parcels = outbox.take(_BATCH_BYTES)
            if not parcels and told:
                if outbox.idle:
                    outbox.each(lambda spool: spool.save(), "save the cursor of")
                outbox.wait(0.5)
                continue
            # An empty body first, where there is nothing to send: it tells whether the token is taken.
            body = b"".join(parcel.spool.raw(parcel.frame) for parcel in parcels)
            for parcel in parcels:
                parcel.frame.payload = b""
            killpoint("agent.sent")
            status, data = link.request("POST", "/api/v1/blocks", body, {"Content-Type": "application/octet-stream"})
            if status != 200:
                raise ApiError(f"{shown(endpoint.url)} answers HTTP {status} to blocks: {data[:200]!r}")
            reply = json.loads(data)
            if not told:
                told = True
                on_welcome()
            if reply.get("boot") and reply["boot"] != info.boot:
                return  # restarted: begin again, so that what was acked lately is sent again
            nacked = {int(nack["index"]): nack for nack in reply.get("nacked", ())}
            acked, discarded = ({int(index) for index in reply.get(name, ())} for name in ("acked", "discarded"))
            for index, parcel in enumerate(parcels):
                if index in acked:
                    outbox.ack(parcel, discarded=index in discarded)
                else:
                    nack = nacked.get(index, {})
                    outbox.nack(parcel, str(nack.get("reason", "RETRY")), str(nack.get("message", "")))
            killpoint("agent.acked")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ApiError(f"{shown(endpoint.url)} answers what cannot be read: {error!r}") from error
    finally:
        link.close()


def _reason(body: bytes) -> str:
    """What the service says of itself; "" where something in between has answered."""
    try:
        return f": {str(json.loads(body)['detail'])[:500]}"
    except (ValueError, KeyError, TypeError):
        return ""


def proxy_for(url: str) -> str:
    """What the environment wants requests to this address to go through; "" for nothing."""
    scheme, _, rest = url.partition("://")
    host = rest.partition("/")[0].rpartition("@")[2]
    if urllib.request.proxy_bypass(host):
        return ""
    return urllib.request.getproxies().get(scheme, "")
