"""Where the service listens, and how others find it."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from stepwell.errors import PortBusy, SettingsError
from stepwell.service.auth import Token
from stepwell.service.ports import Address, bind, parse_address, shown_url
from stepwell.service.service_file import remove_service_file, write_service_file


@pytest.mark.parametrize(
    ("text", "host", "port", "url"),
    [
        ("127.0.0.1:7450", "127.0.0.1", 7450, "http://127.0.0.1:7450"),
        ("[::1]:80", "::1", 80, "http://[::1]:80"),
        (":7450", "0.0.0.0", 7450, "http://127.0.0.1:7450"),
        ("0.0.0.0:1", "0.0.0.0", 1, "http://127.0.0.1:1"),
        ("host.example:0", "host.example", 0, "http://host.example:0"),
    ],
)
def test_an_address_is_read(text: str, host: str, port: int, url: str) -> None:
    address = parse_address(text)
    assert address == Address(host, port)
    assert shown_url(address) == url


@pytest.mark.parametrize("text", ["", "7450", "host", "host:", "host:x", "host:65536", "host:-1"])
def test_what_is_no_address_is_said_so(text: str) -> None:
    with pytest.raises(SettingsError, match="HOST:PORT"):
        parse_address(text)


@pytest.fixture
def taken() -> Iterator[Address]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield Address(*listener.getsockname())


def test_an_asked_port_in_use_is_an_error_that_names_it(taken: Address) -> None:
    with pytest.raises(PortBusy, match=f"{taken.port} is in use"):
        bind(taken, "127.0.0.1", 0)


def test_without_an_address_the_next_free_port_is_taken(taken: Address) -> None:
    with bind(None, "127.0.0.1", taken.port) as listener:
        port = listener.getsockname()[1]
        assert port > taken.port
        assert (port - taken.port) % 2 == 0, "the other kind's ports are left alone"


def test_an_address_of_another_machine_is_an_error_that_names_it() -> None:
    with pytest.raises(PortBusy, match=r"192\.0\.2\.1:7450"):
        bind(Address("192.0.2.1", 7450), "127.0.0.1", 0)


SECRET = "correct-horse-battery-staple"


def test_the_service_file_is_the_users_alone_and_holds_what_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "service.json"
    path.write_text("left by another, and not even JSON")
    path.chmod(0o644)
    write_service_file(path, url="http://127.0.0.1:1", grpc="127.0.0.1:2", token=Token(SECRET), boot="abc")
    assert path.stat().st_mode & 0o777 == 0o600
    content = json.loads(path.read_text())
    assert content.keys() == {"url", "grpc", "token", "pid", "boot", "started"}
    assert content["token"] == SECRET
    assert [entry.name for entry in tmp_path.iterdir()] == ["service.json"]


@pytest.mark.parametrize(("boot", "content", "left"), [("abc", None, False), ("xyz", None, True), ("abc", "[]", True)])
def test_only_the_services_own_file_is_removed(tmp_path: Path, boot: str, content: str | None, left: bool) -> None:
    path = tmp_path / "service.json"
    write_service_file(path, url="u", grpc="g", token=Token(SECRET), boot="abc")
    if content is not None:
        path.write_text(content)
    remove_service_file(path, boot)
    assert path.exists() is left
    remove_service_file(tmp_path / "absent.json", boot)
