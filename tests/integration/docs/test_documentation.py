"""What README and docs say is done: every block runs, or says why it cannot."""

from __future__ import annotations

import json
import re
import shlex
import sys
import textwrap
from pathlib import Path

import click
import pytest

from doc_blocks import ROOT, Block, blocks_of, name_of, pages
from doc_runner import run_here
from stepwell.cli.main import COMMANDS

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PAGES = pages()
UNKNOWN: list[str] = []


def known_blocks(page: Path) -> list[Block]:
    try:
        return blocks_of(page)
    except ValueError as error:
        UNKNOWN.append(str(error))
        return []


BLOCKS = [block for page in PAGES for block in known_blocks(page)]
TO_RUN = sorted({block.page for block in BLOCKS if block.how in ("run", "serves")})


@pytest.mark.parametrize("page", TO_RUN, ids=name_of)
def test_a_page_does_what_it_says(page: Path, home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    run_here([str(ROOT / "tests" / "doc_runner.py"), str(page)], folder)


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.language == "bash"], ids=str)
def test_each_stepwell_command_exists_with_its_options(block: Block) -> None:
    """Also where it cannot run: a renamed option is found out."""
    for line in block.text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        while words and re.fullmatch(r"\w+=.*", words[0]):
            words.pop(0)
        for word in ("|", "&&", ";"):
            words = words[: words.index(word)] if word in words else words
        if len(words) < 2 or words[0] != "stepwell":
            continue
        command = {one.name: one for one in COMMANDS}.get(words[1])
        assert command is not None, f"{block}: there is no command {words[1]!r}"
        try:
            command.make_parser(click.Context(command)).parse_args([*words[2:]])
        except click.UsageError as error:
            pytest.fail(f"{block}: {line}: {error.format_message()}")


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.how in ("not run", "shown")], ids=str)
def test_what_is_not_run_has_the_form_of_its_language(block: Block) -> None:
    if block.language == "python":
        compile(textwrap.dedent(block.text), str(block), "exec")
    elif block.language == "json":
        json.loads(block.text)
    elif block.language == "toml":
        tomllib.loads(block.text)
    elif block.language == "yaml":
        import yaml

        list(yaml.safe_load_all(block.text))


def test_every_block_runs_or_says_why_not() -> None:
    assert not UNKNOWN, "\n".join(UNKNOWN)
    assert ROOT / "README.md" in TO_RUN
