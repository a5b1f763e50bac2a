"""How a browser gets in: a one-time ticket in the address, then a cookie. Both are signed with the service's token.

Nothing is stored, so any replica takes what another gave; only which tickets have been used is remembered, by the
process that took them, for the minute that they live. A new token ends every session.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from http.cookies import CookieError, SimpleCookie

__all__ = ["Sessions"]

TICKET_S = 120
SESSION_S = 30 * 24 * 3600
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Sessions:
    def __init__(self, token: str) -> None:
        self._key = hashlib.blake2b(token.encode(), person=b"stepwell-session").digest()
        self._used: dict[str, float] = {}
        # Browsers keep cookies by host and not by port: two services on one machine must not share a name.
        self.cookie = "stepwell_" + hashlib.blake2b(self._key, digest_size=6).hexdigest()

    def __repr__(self) -> str:
        return "Sessions(...)"

    def ticket(self) -> str:
        return self._signed("ticket", TICKET_S)

    def redeem(self, ticket: str) -> bool:
        """True once for each ticket."""
        if not self._holds("ticket", ticket):
            return False
        now = time.time()
        self._used = {used: until for used, until in self._used.items() if until > now}
        if ticket in self._used:
            return False
        self._used[ticket] = now + TICKET_S
        return True

    def session(self) -> str:
        return self._signed("session", SESSION_S)

    def opens(self, method: str, headers: dict[bytes, bytes]) -> bool:
        """Whether the request carries a session. What another site makes the browser send does not count.

        SameSite keeps other sites out, but another port of this host is the same site: so the browser's own word
        on where the request began is read too, and a changing request must come from our own origin.
        """
        site = headers.get(b"sec-fetch-site", b"").decode("latin-1")
        if site not in ("", "same-origin", "none"):
            return False
        if method not in _SAFE and site != "same-origin":
            origin = headers.get(b"origin", b"").decode("latin-1")
            if origin.partition("://")[2] != headers.get(b"host", b"").decode("latin-1"):
                return False
        try:
            cookies = SimpleCookie(headers.get(b"cookie", b"").decode("latin-1"))
        except CookieError:
            return False
        found = cookies.get(self.cookie)
        return found is not None and self._holds("session", found.value)

    def _signed(self, kind: str, lifetime_s: float) -> str:
        text = f"{int(time.time() + lifetime_s)}.{secrets.token_urlsafe(16)}"
        return f"{text}.{self._signature(kind, text)}"

    def _holds(self, kind: str, signed: str) -> bool:
        text, _, signature = signed.rpartition(".")
        until, _, _ = text.partition(".")
        right = hmac.compare_digest(self._signature(kind, text).encode(), signature.encode("utf-8", "replace"))
        return right and until.isdigit() and int(until) > time.time()

    def _signature(self, kind: str, text: str) -> str:
        return hmac.new(self._key, f"{kind}:{text}".encode("utf-8", "replace"), hashlib.sha256).hexdigest()
