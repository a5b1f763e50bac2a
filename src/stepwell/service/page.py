"""The built page as static files under any path prefix, and the way in: a ticket in the address becomes a cookie.

Every path in the page is relative and its views live behind the `#`, so a proxy may put it where it likes.
"""

from __future__ import annotations

import mimetypes
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse, RedirectResponse

from .auth import Token
from .sessions import SESSION_S, Sessions

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable  # from Python 3.11 on

__all__ = ["login_router", "static_router"]

_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",  # blob: charts saved as pictures
        "font-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'self'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    ]
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_WITHOUT = """stepwell {version} is running, without its page: this build left it out (STEPWELL_SKIP_WEB=1).

Install a wheel, or build again with node at hand. Meanwhile:

    stepwell runs
    stepwell show PROJECT/RUN
"""
_ENDED = (
    "This login link has been used already, or is older than two minutes.\n\n"
    "Run `stepwell ui` again for a new one; on another machine run it where the service is.\n"
)


def static_router(version: str, root: Traversable | None = None) -> APIRouter:
    """`root`: the folder of the built page; None is the one in the package."""
    router = APIRouter(include_in_schema=False)
    folder = root or _built()
    index = folder / "index.html"

    @router.get("/")
    def get_index() -> Response:
        if not index.is_file():
            return PlainTextResponse(_WITHOUT.format(version=version))
        return Response(
            index.read_bytes(), media_type="text/html; charset=utf-8", headers={**_HEADERS, "Cache-Control": "no-cache"}
        )

    @router.get("/assets/{name}")
    def get_asset(name: str, request: Request) -> Response:
        asset = folder / "assets" / name
        if name.startswith(".") or "\\" in name or not asset.is_file():
            return PlainTextResponse("no such file; reload the page", 404)
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        # Names hold a hash of the content, so a file never changes under its name.
        headers = {**_HEADERS, "Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
        packed = folder / "assets" / f"{name}.gz"  # made once, when the page was built
        if packed.is_file() and _takes_gzip(request.headers.get("accept-encoding", "")):
            asset, headers = packed, {**headers, "Content-Encoding": "gzip"}
        return Response(asset.read_bytes(), media_type=kind, headers=headers)

    return router


def _built() -> Traversable:
    """An editable install has a page of its own time; one that is linked into the source tree is what is worked on."""
    beside = Path(__file__).parents[1] / "web"
    return beside if (beside / "index.html").is_file() else resources.files("stepwell") / "web"


def _takes_gzip(accepted: str) -> bool:
    offers = [offer.partition(";") for offer in accepted.lower().split(",")]
    return any(
        name.strip() in ("gzip", "*") and value.replace(" ", "") not in ("q=0", "q=0.0") for name, _, value in offers
    )


def login_router(sessions: Sessions, token: Token) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.post("/api/v1/login")
    def make_ticket() -> JSONResponse:
        """For `stepwell ui`, which has the token: a ticket that opens one browser."""
        return JSONResponse({"ticket": sessions.ticket()})

    @router.get("/login")
    def redeem_ticket(request: Request, ticket: str = "") -> Response:
        if not sessions.redeem(ticket):
            return PlainTextResponse(_ENDED, 403, headers={"Cache-Control": "no-store"})
        response = RedirectResponse("./", 303, headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})
        _let_in(response, sessions, request)
        return response

    @router.post("/login")
    def login(request: Request) -> Response:
        """For the page's own form: the token as a bearer, a cookie back."""
        if not token.opens(request.headers.get("authorization")):
            return JSONResponse({"detail": "this is not the service's token"}, 401)
        response = JSONResponse({"status": "signed in"})
        _let_in(response, sessions, request)
        return response

    @router.post("/logout")
    def logout() -> Response:
        response = JSONResponse({"status": "signed out"})
        response.set_cookie(sessions.cookie, "", max_age=0, path=None, httponly=True, samesite="strict")
        return response

    return router


def _let_in(response: Response, sessions: Sessions, request: Request) -> None:
    # No path: the browser takes the folder of this address, which is the prefix that a proxy put before it.
    secure = request.headers.get("x-forwarded-proto", request.url.scheme) == "https"
    response.set_cookie(
        sessions.cookie,
        sessions.session(),
        max_age=SESSION_S,
        path=None,
        httponly=True,
        samesite="strict",
        secure=secure,
    )
