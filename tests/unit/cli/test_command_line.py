"""What the commands print and how they end, without a run or a service."""

from __future__ import annotations

import builtins
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from stepwell.cli import main
from stepwell.cli.main import COMMANDS


@pytest.fixture
def run(home: Path) -> Callable[..., Result]:
    def invoke(*arguments: str, **options: Any) -> Result:
        return CliRunner().invoke(main, list(arguments), **options)

    return invoke


def test_help_lists_every_command_and_how_to_begin(run: Callable[..., Result]) -> None:
    shown = run("--help")
    assert shown.exit_code == 0
    assert "stepwell demo" in shown.output
    for command in COMMANDS:
        assert command.name
        assert f"  {command.name} " in shown.output


@pytest.mark.parametrize("name", [command.name for command in COMMANDS if command.name != "doctor"])
def test_every_command_teaches_by_example(run: Callable[..., Result], name: str) -> None:
    shown = run(name, "--help")
    assert shown.exit_code == 0
    assert f"  stepwell {name}" in shown.output.split("Options:")[0]


def test_an_error_made_on_purpose_is_one_red_line_and_exit_code_1(run: Callable[..., Result]) -> None:
    result = run("runs", "--server", "http://127.0.0.1:9")
    assert result.exit_code == 1
    assert result.stderr.startswith("error no stepwell service answers at http://127.0.0.1:9")
    assert "Traceback" not in result.output + result.stderr


def test_two_places_to_read_from_are_one_too_many(run: Callable[..., Result], tmp_path: Path) -> None:
    result = run("show", "p/r", "--server", "http://127.0.0.1:9", "--home", str(tmp_path))
    assert (result.exit_code, "not both" in result.stderr) == (1, True)


def without(*names: str) -> Callable[..., Any]:
    """An `import` that finds none of these packages."""
    original = builtins.__import__

    def importing(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.partition(".")[0] in names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return original(name, *args, **kwargs)

    return importing


@pytest.mark.parametrize(
    ("command", "missing", "extra"),
    [("serve", "uvicorn", "server"), ("demo", "sklearn", "demo"), ("runs", "chdb", "server")],
)
def test_a_part_that_is_not_installed_is_named_with_the_line_that_brings_it(
    run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, command: str, missing: str, extra: str
) -> None:
    import sys

    import stepwell

    for part in ("service", "stores", "demo"):
        for name in [name for name in sys.modules if f"{name}.".startswith(f"stepwell.{part}.")]:
            monkeypatch.delitem(sys.modules, name)
        # The import that fails below leaves half a package on its parent: what was there comes back with the modules.
        monkeypatch.setattr(stepwell, part, getattr(stepwell, part, None), raising=False)
    for name in [name for name in sys.modules if name.split(".")[0] in (missing, "clickhouse_connect")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(
        builtins, "__import__", without(missing, "clickhouse_connect" if missing == "chdb" else missing)
    )
    result = run(command)
    assert result.exit_code == 1
    assert f"pip install 'stepwell[{extra}]'" in result.stderr


def test_doctor_ends_with_1_where_the_home_cannot_be_written(
    run: Callable[..., Result], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.parent.joinpath("file").write_text("")
    monkeypatch.setenv("STEPWELL_HOME", str(home.parent / "file" / "home"))
    result = run("doctor", "--json")
    assert result.exit_code == 1
    (finding,) = [finding for finding in json.loads(result.stdout) if finding["of"] == "home"]
    assert finding["level"] == "wrong"
    assert "STEPWELL_HOME" in finding["text"] + finding["do"]


def test_doctor_says_what_a_server_that_is_gone_means(run: Callable[..., Result]) -> None:
    result = run("doctor", env={"STEPWELL_SERVER": "http://127.0.0.1:9"})
    assert result.exit_code == 1
    assert "✗" in result.stdout
    assert "→ check that `stepwell serve` runs there" in result.stdout


def test_login_needs_a_service_before_it_asks_for_a_token(run: Callable[..., Result], home: Path) -> None:
    result = run("login", "http://127.0.0.1:9", "--token-stdin", input="secret-secret\n")
    assert result.exit_code == 1
    assert "secret" not in result.output + result.stderr
    assert not (home / "credentials.json").exists()
