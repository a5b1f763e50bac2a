"""The address of a ClickHouse server: clickhouse://user:password@host:port/database?option=value."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote

from ..errors import StoreError

__all__ = ["DATABASE", "Host", "ServerAddress"]

DATABASE = "stepwell"
PASSWORD_VARIABLE = "STEPWELL_CLICKHOUSE_PASSWORD"
"""Taken where the address names no password, so that it need not stand on a command line."""

_YES, _NO = ("1", "true", "yes"), ("0", "false", "no")


@dataclass(frozen=True)
class Host:
    name: str
    port: int

    def __str__(self) -> str:
        return f"[{self.name}]:{self.port}" if ":" in self.name else f"{self.name}:{self.port}"


@dataclass(frozen=True)
class ServerAddress:
    """`hosts` are nodes of one server or cluster, any of which will do; ports are of HTTP."""

    hosts: tuple[Host, ...]
    user: str
    password: str = field(repr=False)
    database: str
    secure: bool = False
    verify: bool = True
    ca: str | None = None
    """A file of certificates to trust, instead of the system's."""
    cert: str | None = None
    key: str | None = None
    """The client's own certificate and its key, for mutual TLS."""
    connect_timeout_s: int = 5
    timeout_s: int = 120
    """Without a byte from the server a request is given up."""
    cluster: str = ""
    replicated: bool = True
    """Whether a cluster's tables are Replicated (its servers then have a keeper)."""
    ddl: str = "cluster"
    """How a cluster's schema is made: ON CLUSTER, or "hosts": on each host of the address."""

    @property
    def where(self) -> str:
        """Without user and password."""
        of = f"?cluster={self.cluster}" if self.cluster else ""
        return f"clickhouse://{','.join(map(str, self.hosts))}/{self.database}{of}"

    @classmethod
    def parse(cls, url: str) -> ServerAddress:
        """Raises StoreError, which never quotes the password."""
        rest = url.partition("://")[2].partition("#")[0]
        place, _, query = rest.partition("?")
        netloc, _, path = place.partition("/")
        login, at, hosts = netloc.rpartition("@")
        user, _, password = login.partition(":")
        options = _Options(query)
        secure = options.flag("secure", default=False)
        address = cls(
            hosts=tuple(_host(text, 8443 if secure else 8123) for text in hosts.split(",")),
            user=unquote(user) if at and user else "default",
            password=unquote(password) if at and password else os.environ.get(PASSWORD_VARIABLE, ""),
            database=_name("a database", unquote(path.strip("/"))) or DATABASE,
            secure=secure,
            verify=options.flag("verify", default=True),
            ca=options.text("ca"),
            cert=options.text("cert"),
            key=options.text("key"),
            connect_timeout_s=options.seconds("connect_timeout_s", 5),
            timeout_s=options.seconds("timeout_s", 120),
            cluster=_name("a cluster", options.text("cluster") or ""),
            replicated=options.flag("replicated", default=True),
            ddl=options.one_of("ddl", ("cluster", "hosts")),
        )
        options.end()
        return address


class _Options:
    def __init__(self, query: str) -> None:
        self._left = dict(parse_qsl(query, keep_blank_values=True))

    def text(self, name: str) -> str | None:
        return self._left.pop(name, None) or None

    def flag(self, name: str, *, default: bool) -> bool:
        text = (self.text(name) or ("1" if default else "0")).lower()
        if text not in _YES + _NO:
            raise StoreError(f"{name}= of the ClickHouse address is 1 or 0, not {text!r}")
        return text in _YES

    def seconds(self, name: str, default: int) -> int:
        text = self.text(name) or str(default)
        if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 86_400:
            raise StoreError(f"{name}= of the ClickHouse address is a number of seconds, not {text!r}")
        return int(text)

    def one_of(self, name: str, known: tuple[str, ...]) -> str:
        text = self.text(name) or known[0]
        if text not in known:
            raise StoreError(f"{name}= of the ClickHouse address is {' or '.join(known)}, not {text!r}")
        return text

    def end(self) -> None:
        if self._left:
            raise StoreError(
                f"the ClickHouse address has an option {min(self._left)!r} that is unknown; there are secure, verify, "
                "ca, cert, key, connect_timeout_s, timeout_s, cluster, replicated, ddl"
            )


def _host(text: str, default_port: int) -> Host:
    if text.startswith("["):
        name, _, port = text[1:].partition("]")
        port = port.removeprefix(":")
    else:
        name, _, port = text.partition(":")
    if port and not (port.isascii() and port.isdigit() and 0 < int(port) < 1 << 16):
        raise StoreError("the port of the ClickHouse address is not a number up to 65535")
    return Host(name or "localhost", int(port) if port else default_port)


def _name(what: str, text: str) -> str:
    if text and not (text.isascii() and text.replace("_", "").isalnum()):
        # Not quoted: where a password holds an unquoted '/', this is the rest of it.
        raise StoreError(
            f"{what} is named by letters, digits and '_' in a ClickHouse address "
            "(in a user or password '/', '@', ':' and '%' are written %2F, %40, %3A and %25)"
        )
    return text
