"""The token and the Host header: who gets through, and what stays unsaid."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from stepwell.errors import HomeError, SettingsError
from stepwell.home import Home
from stepwell.service.auth import HttpGuard, Token, load_token, loopback_names

SECRET = "correct-horse-battery-staple"


@pytest.mark.parametrize(
    ("header", "opens"),
    [
        (f"Bearer {SECRET}", True),
        (f"bearer {SECRET}", True),
        (f"Bearer {SECRET}".encode(), True),
        (f"Bearer  {SECRET} ", True),
        (f"Bearer {SECRET}x", False),
        (f"Bearer {SECRET[:-1]}", False),
        (f"Basic {SECRET}", False),
        (SECRET, False),
        ("Bearer", False),
        ("Bearer ", False),
        ("", False),
        ("Bearer \u00e9", False),
        (None, False),
    ],
)
def test_only_the_token_opens(header: str | bytes | None, opens: bool) -> None:
    assert Token(SECRET).opens(header) is opens


def test_a_token_does_not_print() -> None:
    token = Token(SECRET)
    assert SECRET not in f"{token} {token!r} {[token]}"
    assert SECRET not in repr({"token": token})


def test_the_first_start_makes_a_token_for_this_user_alone(home: Path) -> None:
    first = load_token(Home(home))
    path = home / "token"
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(path.read_text().strip()) >= 32
    assert load_token(Home(home)).opens(f"Bearer {first.reveal()}")
    assert [entry.name for entry in home.iterdir()] == ["token"]


def test_a_token_file_others_could_read_is_closed_to_them(home: Path) -> None:
    load_token(Home(home))
    (home / "token").chmod(0o644)
    load_token(Home(home))
    assert (home / "token").stat().st_mode & 0o777 == 0o600


def test_the_environment_outranks_the_file(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = tmp_path / "secret"
    named.write_text(f"{SECRET}\n")
    assert load_token(Home(home), named).reveal() == SECRET
    monkeypatch.setenv("STEPWELL_TOKEN", "another-" + SECRET)
    assert load_token(Home(home), named).reveal() == "another-" + SECRET


@pytest.mark.parametrize("text", ["", "short", "has a space in the middle of it", "\u00fcmlaut-is-not-ascii-at-all"])
def test_a_weak_token_is_refused_without_being_shown(home: Path, tmp_path: Path, text: str) -> None:
    named = tmp_path / "secret"
    named.write_text(text)
    with pytest.raises(SettingsError, match="at least 16") as caught:
        load_token(Home(home), named)
    assert not text or text not in str(caught.value)


def test_a_token_file_that_cannot_be_had_is_said_so(home: Path, tmp_path: Path) -> None:
    with pytest.raises(HomeError, match=r"cannot make the token file .*absent"):
        load_token(Home(home), tmp_path / "absent" / "token")
    with pytest.raises(HomeError, match="cannot read the token file"):
        load_token(Home(home), tmp_path)


def test_a_named_token_file_is_made_where_there_is_none(home: Path, tmp_path: Path) -> None:
    named = tmp_path / "secret"
    assert load_token(Home(home), named).reveal() == named.read_text().strip()
    assert not (home / "token").exists()


def test_a_home_that_cannot_be_written_is_said_so(home: Path) -> None:
    home.parent.mkdir(exist_ok=True)
    home.write_text("a file where the folder should be")
    with pytest.raises(HomeError):
        load_token(Home(home))
    os.unlink(home)


def answer(path: str, host: bytes, authorization: bytes | None, bound: str = "127.0.0.1") -> int:
    sent: list[dict[str, Any]] = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    headers = [(b"host", host)] + ([(b"authorization", authorization)] if authorization else [])
    guard = HttpGuard(inner, Token(SECRET), loopback_names(bound))
    asyncio.run(guard({"type": "http", "path": path, "headers": headers}, None, send))  # type: ignore[arg-type]
    return int(sent[0]["status"])


GOOD = f"Bearer {SECRET}".encode()


@pytest.mark.parametrize(
    ("path", "host", "authorization", "bound", "status"),
    [
        ("/api/v1/runs", b"127.0.0.1:7450", GOOD, "127.0.0.1", 200),
        ("/api/v1/runs", b"localhost:9999", GOOD, "127.0.0.1", 200),
        ("/api/v1/runs", b"[::1]:7450", GOOD, "::1", 200),
        ("/api/v1/runs", b"127.0.0.1", None, "127.0.0.1", 401),
        ("/api/v1/runs", b"127.0.0.1", b"Bearer nonsense", "127.0.0.1", 401),
        ("/metrics", b"127.0.0.1", None, "127.0.0.1", 401),
        ("/docs", b"127.0.0.1", None, "127.0.0.1", 401),
        ("/api/v1/info/", b"127.0.0.1", None, "127.0.0.1", 401),
        ("/api/v1/info", b"127.0.0.1", None, "127.0.0.1", 200),
        ("/healthz", b"127.0.0.1", None, "127.0.0.1", 200),
        ("/readyz", b"127.0.0.1", None, "127.0.0.1", 200),
        ("/healthz", b"evil.example:7450", None, "127.0.0.1", 421),
        ("/api/v1/runs", b"evil.example", GOOD, "127.0.0.1", 421),
        ("/api/v1/runs", b"127.0.0.1.evil.example", GOOD, "127.0.0.1", 421),
        ("/api/v1/runs", b"", GOOD, "127.0.0.1", 421),
        ("/api/v1/runs", b"stepwell.lab.example", GOOD, "0.0.0.0", 200),
        ("/api/v1/runs", b"stepwell.lab.example", None, "0.0.0.0", 401),
    ],
)
def test_who_gets_through(path: str, host: bytes, authorization: bytes | None, bound: str, status: int) -> None:
    assert answer(path, host, authorization, bound) == status
