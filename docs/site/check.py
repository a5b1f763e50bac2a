"""`python docs/site/check.py DIR`: the built site asks no other host for anything, and has what its pages fetch.

mkdocs itself holds links and anchors; what a theme or plugin puts into a page it does not look at.
"""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from pathlib import Path

# What a browser fetches by itself; an <a> may lead anywhere.
FETCHED = {"img": "src", "script": "src", "source": "srcset", "iframe": "src", "video": "src", "link": "href"}
REMOTE = re.compile(r"^(?:https?:)?//")
STYLE = re.compile(r"url\(\s*[\"']?((?:https?:)?//[^)\"']+)|@import\s+[\"']((?:https?:)?//[^\"']+)")


class Fetches(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.remote: list[str] = []
        self.local: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        address = found.get(FETCHED.get(tag, ""), "") or ""
        if REMOTE.match(address) and not (tag == "link" and found.get("rel") in ("canonical", "next", "prev")):
            self.remote.append(f"<{tag}> {address}")
        elif address and not address.startswith(("data:", "#")) and not REMOTE.match(address):
            self.local.append(address.partition("#")[0].partition("?")[0])


def main() -> int:
    site = Path(sys.argv[1])
    pages = sorted(site.rglob("*.html"))
    problems = [] if (site / "index.html").is_file() else [f"there is no {site / 'index.html'}"]
    for page in pages:
        fetches = Fetches()
        fetches.feed(page.read_text("utf-8"))
        problems += [f"{page.relative_to(site)} fetches {what}" for what in fetches.remote]
        gone = [what for what in fetches.local if page.name != "404.html" and not (page.parent / what).exists()]
        problems += [f"{page.relative_to(site)} fetches {what}, which is not there" for what in gone]
    for sheet in site.rglob("*.css"):
        problems += [f"{sheet.relative_to(site)} fetches {a or b}" for a, b in STYLE.findall(sheet.read_text("utf-8"))]
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"{len(pages)} pages, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
