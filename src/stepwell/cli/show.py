"""`stepwell show RUN`: one run in the terminal, its curves as small plots."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click
from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from .output import bytes_text, figure_text, number_text, print_json, reading_options, terminal

if TYPE_CHECKING:
    from ..query import MetricInfo, Run

__all__ = ["show"]

_PLOTS = 8
_CONSOLE_LINES = 10
_DEVICES = 16


@click.command()
@click.argument("run")
@click.option("-m", "--metric", "metrics", multiple=True, help="Plot these only; patterns like 'train/*' are taken.")
@click.option("--console", "whole_console", is_flag=True, help="Print the whole of its output instead.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@reading_options
def show(
    run: str, metrics: tuple[str, ...], whole_console: bool, as_json: bool, server: str | None, home: str | None
) -> None:
    """Shows a run: config, metrics, curves, checkpoints, output.

    RUN is "project/id", or an id where it is unique.

    \b
      stepwell show digits/06dtkq2mf4
      stepwell show 06dtkq2mf4 -m 'val/*'
      stepwell show 06dtkq2mf4 --json | jq .summary
      stepwell show 06dtkq2mf4 --console
    """
    from ..query import Api

    with Api(server, home) as api:
        found = api.run(run)
        if as_json:
            print_json(_as_json(found))
            return
        out = terminal()
        if whole_console:
            out.print(Text.from_ansi(str(found.console())), soft_wrap=True, end="")
            return
        infos = found.metrics
        out.print(_head(found))
        out.print(*_config(found))
        out.print(_metrics(infos))
        _plots(out, found, infos, metrics)
        _histograms(out, found, infos)
        _checkpoints(out, found)
        _machine(out, found)
        _console(out, found)


def _as_json(run: Run) -> dict[str, Any]:
    from ..query.retention_http import hold_to_json
    from ..query.wire import artifact_to_json, event_to_json, metric_to_json

    held = run.held
    return {
        "run": run.path, "project": run.project, "id": run.id, "name": run.name, "state": run.state, "tags": run.tags,
        "notes": run.notes, "group": run.group, "job_type": run.job_type, "experiment": run.experiment,
        "created": run.created, "started": run.started, "ended": run.ended, "attempts": run.attempts,
        "ranks": run.ranks, "held": None if held is None else hold_to_json(held), "config": run.config,
        "summary": run.summary, "environment": run.environment,
        "metrics": [metric_to_json(info) for info in run.metrics],
        "system": run.reader.system(run.key, last=True).to_pylist(),
        "checkpoints": [{**artifact_to_json(c.info), "metadata": dict(c.metadata)} for c in run.checkpoints()],
        "events": [{**event_to_json(event), "body": dict(event.body)} for event in run.events],
    }  # fmt: skip


def _head(run: Run) -> Panel:
    from ..query.runs import STATE_STYLES, took

    line = Text.assemble((run.state, STATE_STYLES.get(run.state, "")), f"  {run.created:%Y-%m-%d %H:%M:%S} UTC")
    for text in (
        took(run.started, run.ended),
        f"{run.ranks} ranks" if run.ranks > 1 else "",
        f"{run.attempts} attempts" if run.attempts > 1 else "",
        " ".join(f"#{tag}" for tag in run.tags),
    ):
        line.append(f"  {text}" if text else "")
    lines: list[RenderableType] = [line]
    held = run.held
    if held is not None:
        lines.append(Text(f"held until {held.until:%Y-%m-%d %H:%M} UTC by {held.who}: {held.reason}", style="yellow"))
    if run.notes:
        lines.append(Text(run.notes, style="italic"))
    title = Text.assemble((run.path, "bold"), f"  {run.name}" if run.name != run.id else "")
    return Panel(Group(*lines), title=title, title_align="left", border_style="dim")


def _config(run: Run) -> list[RenderableType]:
    leaves = [(key.removeprefix("config/"), value) for key, value in _leaves(run.config, "config")]
    if not leaves:
        return []
    table = Table("config", "", box=None, header_style="bold", pad_edge=False, show_header=True)
    for key, value in leaves:
        table.add_row(Text(key, style="dim"), Text(number_text(value)))
    return [table, ""]


def _leaves(value: object, path: str) -> list[tuple[str, object]]:
    if isinstance(value, dict) and value:
        return [leaf for key, below in value.items() for leaf in _leaves(below, f"{path}/{key}")]
    return [] if value == {} and path == "config" else [(path, value)]


def _metrics(infos: Sequence[MetricInfo]) -> RenderableType:
    if not infos:
        return Text("nothing logged yet", style="dim")
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("metric", overflow="fold")
    for name in ("points", "steps", "last", "min", "max"):
        table.add_column(name, justify="right")
    for info in infos:
        values = [
            Text(f"({info.kind})", style="dim") if value is None and name == "last" else Text(_value(value))
            for name, value in (("last", info.last), ("min", info.min), ("max", info.max))
        ]
        table.add_row(Text(info.name), f"{info.points:,}", f"{info.first_step} to {info.last_step}", *values)
    return table


def _value(value: float | None) -> str:
    return "" if value is None else number_text(value)


def _plots(out: Console, run: Run, infos: Sequence[MetricInfo], asked: tuple[str, ...]) -> None:
    from ..query.history import chosen, column_name
    from .plot import line_plot

    curves = [info.name for info in infos if info.kind == "scalar" and (info.points > 1 or asked)]
    names = [name for name in chosen(asked, curves) if name in curves] if asked else curves
    shown = names if asked else names[:_PLOTS]
    if not shown:
        return
    table = run.history(*shown)
    width = max(30, min(60, (out.width - 8) // 2 - 16))
    panels: list[RenderableType] = []
    for name in shown:
        column = table[column_name(name)].combine_chunks()
        there = column.is_valid().to_numpy(zero_copy_only=False)
        values = column.to_numpy(zero_copy_only=False)[there]
        steps = table["step"].to_numpy()[there].astype(float)
        text = Text("\n".join(line_plot(steps, values, width)), style="cyan")
        panels.append(Panel(text, title=Text(name), title_align="left", border_style="dim", expand=False))
    out.print()
    out.print(Columns(panels))
    if len(shown) < len(names):
        out.print(f"[dim]{len(shown)} of {len(names)} curves; more with -m NAME[/]")


def _histograms(out: Console, run: Run, infos: Sequence[MetricInfo]) -> None:
    from .plot import bars

    names = [info.name for info in infos if info.kind == "histogram"][:_PLOTS]
    if not names:
        return
    table = Table("histogram", "step", "min", "", "max", box=None, header_style="bold", pad_edge=False)
    for name in names:
        last = run.histograms(name)[-1]
        counts, edges = last.bins(40)
        table.add_row(
            Text(name), str(last.step), f"{edges[0]:.3g}", Text(bars(counts), style="magenta"), f"{edges[-1]:.3g}"
        )
    out.print()
    out.print(table)


def _checkpoints(out: Console, run: Run) -> None:
    found = run.checkpoints()
    if not found:
        return
    table = Table("checkpoint", "step", "size", "files", "state", box=None, header_style="bold", pad_edge=False)
    for one in found:
        state = Text("stored", style="green") if one.complete else Text("waiting on its host", style="yellow")
        table.add_row(Text(one.name), str(one.step), bytes_text(one.size), str(len(one.files)), state)
    out.print()
    out.print(table)


def _machine(out: Console, run: Run) -> None:
    """The last figures of its machines, a row a device."""
    devices: dict[tuple[str, str], list[str]] = {}
    for row in run.reader.system(run.key, last=True).to_pylist():
        devices.setdefault((row["host"], row["device"]), []).append(figure_text(row["metric"], row["value"]))
    if not devices:
        return
    table = Table("machine", "device", "last figures", box=None, header_style="bold", pad_edge=False)
    for (host, device), figures in list(devices.items())[:_DEVICES]:
        table.add_row(Text(host, style="dim"), Text(device), Text(", ".join(figures)))
    out.print()
    out.print(table)
    if len(devices) > _DEVICES:
        out.print(f"[dim]{_DEVICES} of {len(devices)} devices[/]")


def _console(out: Console, run: Run) -> None:
    lines = run.console()
    if not len(lines):
        return
    out.print()
    more = f"the last {_CONSOLE_LINES} of {len(lines)} lines" if len(lines) > _CONSOLE_LINES else ""
    out.print(f"[bold]output[/]  [dim]{more}[/]")
    for line in lines[-_CONSOLE_LINES:]:
        out.print(Text.from_ansi(line.text, style="red" if line.stream == "stderr" else "dim"))
