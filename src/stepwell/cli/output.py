"""What every command prints with: the terminal, figures for people, and JSON that any parser reads."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.markup import escape

__all__ = [
    "bytes_text",
    "fail",
    "figure_text",
    "number_text",
    "plain_json",
    "print_json",
    "reading_options",
    "terminal",
]

_WIDTH_OF_A_PIPE = 160
_Command = TypeVar("_Command", bound=Callable[..., Any])


def terminal(*, stderr: bool = False) -> Console:
    """A rich console; wide where nobody's window limits it, so that a pipe gets whole names."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or os.environ.get("COLUMNS") else _WIDTH_OF_A_PIPE
    return Console(stderr=stderr, width=width, highlight=False)


def fail(message: str) -> None:
    """The red line of an error; what follows its first line stays as it is (a filter with its caret)."""
    first, _, rest = message.partition("\n")
    out = terminal(stderr=True)
    out.print(f"[bold red]error[/] {escape(first)}", soft_wrap=True)
    if rest:
        out.print(escape(rest), soft_wrap=True)


def print_json(value: Any) -> None:
    click.echo(json.dumps(plain_json(value), indent=2, ensure_ascii=False))


def plain_json(value: Any) -> Any:
    """JSON has no NaN and no infinity: they become words."""
    if isinstance(value, dict):
        return {str(key): plain_json(below) for key, below in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_json(below) for below in value]
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def number_text(value: object) -> str:
    """Six digits for a float; anything else as JSON, or as it prints."""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False)
    except TypeError:
        return str(value)


def bytes_text(size: float) -> str:
    """512 B, 3.4 KiB, 1.2 GiB."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"


_UNITS = {
    "percent": "%", "w": "W", "c": "°C", "mhz": "MHz", "v": "V", "a": "A", "rpm": "rpm",
}  # fmt: skip


def figure_text(metric: str, value: float) -> str:
    """A figure of a machine with the unit that its name ends in.

    >>> figure_text("temperature_c.junction", 52.25), figure_text("received_bytes_per_s", 2048), figure_text("count", 3)
    ('temperature.junction 52.2 °C', 'received 2.0 KiB/s', 'count 3')
    """
    name, dot, label = metric.partition(".")
    for ending, rate in (("_bytes_per_s", "/s"), ("_bytes", "")):
        if name.endswith(ending):
            return f"{name.removesuffix(ending).replace('_', ' ')}{dot}{label} {bytes_text(value)}{rate}"
    words, _, unit = name.rpartition("_")
    if words and unit in _UNITS:
        return f"{words.replace('_', ' ')}{dot}{label} {value:.4g} {_UNITS[unit]}".replace("  ", " ")
    return f"{name.replace('_', ' ')}{dot}{label} {value:.4g}"


def reading_options(command: _Command) -> _Command:
    """--server and --home, as `server` and `home`."""
    home = click.option("--home", metavar="DIR", type=click.Path(file_okay=False), help="Read this STEPWELL_HOME.")
    server = click.option("--server", metavar="URL", help="Read from this service.")
    return server(home(command))
