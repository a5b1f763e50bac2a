"""The page's files and the way in, without a store."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from stepwell.service.auth import HttpGuard, Token
from stepwell.service.page import login_router, static_router
from stepwell.service.sessions import Sessions

SECRET = "a-secret-of-this-test"


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html>the page")
    (tmp_path / "assets" / "index-abc.js").write_text("'use strict'")
    (tmp_path / "secret.txt").write_text("not for the browser")
    token, sessions = Token(SECRET), Sessions(SECRET)
    app = FastAPI()
    app.include_router(static_router("1", tmp_path))
    app.include_router(login_router(sessions, token))

    @app.api_route("/api/v1/thing", methods=["GET", "POST"])
    def thing() -> dict[str, str]:
        return {"thing": "seen"}

    return TestClient(HttpGuard(app, token, None, sessions), base_url="http://127.0.0.1:7450")  # type: ignore[arg-type]


def ticket(client: TestClient) -> str:
    return str(client.post("/api/v1/login", headers={"Authorization": f"Bearer {SECRET}"}).json()["ticket"])


def test_the_page_is_open_and_shows_nothing_by_itself(client: TestClient) -> None:
    assert client.get("/").text.endswith("the page")
    assert client.get("/api/v1/thing").status_code == 401


def test_the_policy_allows_only_our_own_files_and_no_markup_from_text(client: TestClient) -> None:
    for path in ("/", "/assets/index-abc.js"):
        policy = client.get(path).headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "require-trusted-types-for 'script'" in policy
        assert "unsafe" not in policy


@pytest.mark.parametrize(
    ("accepted", "packed"),
    [("gzip, deflate, br", True), ("br;q=1.0, *;q=0.5", True), ("identity", False), ("gzip;q=0", False), ("", False)],
)
def test_files_go_compressed_to_who_takes_that(client: TestClient, tmp_path: Path, accepted: str, packed: bool) -> None:
    (tmp_path / "assets" / "index-abc.js.gz").write_bytes(gzip.compress(b"'use strict'"))
    answer = client.get("/assets/index-abc.js", headers={"accept-encoding": accepted})
    assert answer.text == "'use strict'"
    assert answer.headers.get("content-encoding") == ("gzip" if packed else None)
    assert answer.headers["vary"] == "Accept-Encoding"
    assert "javascript" in answer.headers["content-type"]


@pytest.mark.parametrize(
    "path", ["/assets/../secret.txt", "/assets/%2e%2e%2fsecret.txt", "/assets/..%5csecret.txt", "/assets/no.js"]
)
def test_nothing_beside_the_page_is_served(client: TestClient, path: str) -> None:
    assert client.get(path).status_code in (401, 404)


def test_a_ticket_lets_one_browser_in_once(client: TestClient) -> None:
    link = f"/login?ticket={ticket(client)}"
    first = client.get(link, follow_redirects=False)
    assert (first.status_code, first.headers["location"]) == (303, "./")
    cookie = first.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    assert "path=" not in cookie.lower()  # the browser takes the folder, whatever prefix a proxy has put before it
    assert client.get("/api/v1/thing").json() == {"thing": "seen"}
    client.cookies.clear()
    assert client.get(link).status_code == 403


@pytest.mark.parametrize("forged", ["", "x", "1.2.3", "99999999999.abc." + "0" * 64])
def test_a_ticket_that_we_did_not_sign_opens_nothing(client: TestClient, forged: str) -> None:
    assert client.get("/login", params={"ticket": forged}).status_code == 403


def test_a_ticket_is_no_session(client: TestClient) -> None:
    client.cookies.set(Sessions(SECRET).cookie, ticket(client))
    assert client.get("/api/v1/thing").status_code == 401


def test_a_session_of_another_token_is_none(client: TestClient) -> None:
    client.cookies.set(Sessions(SECRET).cookie, Sessions("another-secret-entirely").session())
    assert client.get("/api/v1/thing").status_code == 401


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("GET", {"sec-fetch-site": "same-origin"}, 200),
        ("GET", {"sec-fetch-site": "none"}, 200),
        ("GET", {"sec-fetch-site": "same-site"}, 401),  # a page of another port of this machine
        ("GET", {"sec-fetch-site": "cross-site"}, 401),
        ("POST", {"sec-fetch-site": "same-origin"}, 200),
        ("POST", {"origin": "http://127.0.0.1:7450"}, 200),
        ("POST", {"origin": "http://127.0.0.1:9999"}, 401),
        ("POST", {}, 401),
    ],
)
def test_a_cookie_counts_only_for_our_own_page(
    client: TestClient, method: str, headers: dict[str, str], status: int
) -> None:
    client.cookies.set(Sessions(SECRET).cookie, Sessions(SECRET).session())
    assert client.request(method, "/api/v1/thing", headers=headers).status_code == status


def test_the_token_itself_can_be_traded_for_a_session(client: TestClient) -> None:
    assert client.post("/login", headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert client.post("/login", headers={"Authorization": f"Bearer {SECRET}"}).status_code == 200
    assert client.get("/api/v1/thing").status_code == 200


def test_a_build_without_the_page_says_so(tmp_path: Path) -> None:
    app = FastAPI()
    app.include_router(static_router("1", tmp_path))
    assert "STEPWELL_SKIP_WEB" in TestClient(app).get("/").text
