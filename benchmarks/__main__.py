"""`python -m benchmarks [NAME...] [--quick] [--json FILE]`: runs them and prints a table a subject."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from . import end_to_end, log_call
from .measure import cpu_model

SUBJECTS = {"log_call": log_call, "end_to_end": end_to_end}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *SUBJECTS], help=f"of {', '.join(SUBJECTS)} (default: all)")
    parser.add_argument(
        "--quick", action="store_true", help="a tenth of the work: shows that it runs, not a figure to quote"
    )
    parser.add_argument("--json", type=Path, help="write every figure to this file")
    arguments = parser.parse_args()
    console = Console()
    machine = {"cpu": cpu_model(), "cores": os.cpu_count(), "python": platform.python_version()}
    console.print(f"{machine['cpu']}, {machine['cores']} cores, Python {machine['python']}, {sys.platform}")
    results: dict[str, Any] = {}
    for name in arguments.names or SUBJECTS:
        with console.status(f"{name} ..."):
            results[name] = SUBJECTS[name].run(arguments.quick)
        console.print(_table(name, SUBJECTS[name].COLUMNS, results[name]))
    if arguments.json:
        arguments.json.write_text(
            json.dumps({"machine": machine, "quick": arguments.quick, "results": results}, indent=1)
        )
    _record(machine, results)


def _table(title: str, columns: Sequence[str], results: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, justify="left" if column in ("recorder", "version", "what") else "right")
    for result in results:
        table.add_row(*(_cell(column, result) for column in columns))
    return table


def _cell(column: str, result: Mapping[str, Any]) -> str:
    if column in ("recorder", "what"):
        return str(result["name"])
    if result.get("missing"):
        return "not installed" if column == "version" else "-"
    match column:
        case "version":
            return str(result["version"])
        case "points" | "points/s":
            return f"{result[column.replace('/s', '_per_s')]:,.0f}"
        case "seconds":
            return f"{result['seconds']:.2f}"
        case "share of bare insert" | "p50 / dict copy":
            return f"{result['ratio']:.2f}"
        case _:
            value = result[column.replace(".", "") + "_ns"]
            return f"{value:,.0f} ns" if value < 10_000 else f"{value / 1000:,.1f} us"


def _record(machine: Mapping[str, Any], results: Mapping[str, Any]) -> None:
    """The benchmark's own trend is kept where every other run is."""
    import stepwell

    with stepwell.init(project="stepwell-benchmarks", config=dict(machine), settings={"quiet": True}) as run:
        run.log(
            {name: {r["name"]: {k: v for k, v in r.items() if k != "name"} for r in rs} for name, rs in results.items()}
        )


if __name__ == "__main__":
    main()
