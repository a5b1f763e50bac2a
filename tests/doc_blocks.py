"""The fenced blocks of README and docs, and what is to be done with each.

A comment right before a fence steers it:
  <!-- not run: WHY -->      it cannot run here; its Python is still compiled and its `stepwell` commands parsed
  <!-- serves -->            its one command stays up: it is waited for, and ended with the page
  <!-- setup                 no fence: Python that the reader need not see, run at this place
  ... -->
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

__all__ = ["ROOT", "Block", "blocks_of", "name_of", "pages"]

ROOT = Path(__file__).resolve().parent.parent
# What is shown and not done: output, other languages' files whose form is checked by the test of forms.
SHOWN = frozenset({"text", "json", "yaml", "toml"})
RUN = frozenset({"python", "bash", "sql"})
_COMMENT = re.compile(r"\A<!--\s*(not run|serves|setup)(?::?\s*(.*?))?\s*-->\s*\Z", re.DOTALL)


@dataclass(frozen=True)
class Block:
    """how: run | serves | shown | not run."""

    page: Path
    line: int
    """Of its first line of content, from 1."""
    language: str
    how: str
    why: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def pages() -> list[Path]:
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks_of(page: Path) -> list[Block]:
    """In order. Raises ValueError for a block in a language, or with a comment, that nobody knows how to treat."""
    found: list[Block] = []
    steer: tuple[str, str] | None = None
    for token in MarkdownIt("commonmark").parse(page.read_text("utf-8")):
        if token.map is None or token.type not in ("html_block", "fence", "code_block"):
            steer = None if token.map is not None else steer
            continue
        line = token.map[0] + 1
        if token.type == "html_block":
            match = _COMMENT.match(token.content)
            steer = (match[1], (match[2] or "").strip()) if match else None
            if steer is not None and steer[0] == "setup":
                before = token.content[: match.start(2)].count("\n") if match else 0
                found.append(Block(page, line + before, "python", "run", "", steer[1]))
                steer = None
            if steer == ("not run", ""):
                raise ValueError(f"{page.name}:{line}: say why the block is not run")
            continue
        if token.type == "code_block":  # an indented block: notation, in the block format's own way
            steer = None
            continue
        language = token.info.split(" ")[0].strip()
        if language in RUN:
            how, why = steer or ("run", "")
        elif language in SHOWN:
            how, why = "shown", ""
        elif steer is not None and steer[0] == "not run":
            how, why = steer
        else:
            raise ValueError(
                f"{page.name}:{line}: nobody knows how to run a block of {language or 'no language'!r}; name one of "
                f"{', '.join(sorted(RUN | SHOWN))}, or put <!-- not run: WHY --> before it"
            )
        found.append(Block(page, line + 1, language, how, why, token.content))
        steer = None
    return found
