"""What the demo says at its end: what is stored, whether it is exact, what it cost, how to look at it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from ..cli.output import bytes_text
from ..cli.plot import line_plot
from ..home import Home
from ..query import Run
from .ledger import Ledger

__all__ = ["tell"]


def tell(out: Console, home: Home, run: Run, ledger: Ledger, differences: Sequence[str]) -> None:
    out.print()
    out.print(_curve(run))
    out.print(_stored(home, run, ledger))
    out.print()
    out.print(_cost(ledger))
    out.print()
    if differences:
        return
    out.print(
        f"[bold green]✓ exact:[/] {ledger.point_count:,} points, {ledger.histogram_count} histograms, the confusion "
        f"matrix and {len(ledger.checkpoints)} checkpoints came back bit for bit as they were logged."
    )
    out.print(_look(run))


def _curve(run: Run) -> Panel:
    table = run.history("train/loss")
    lines = line_plot(table["step"].to_numpy().astype(float), table["train/loss"].to_numpy(), width=56, height=7)
    accuracy = run.summary["val/accuracy"]
    title = Text.assemble(("train/loss", "bold"), f"   val/accuracy {accuracy:.1%} at the end")
    return Panel(
        Text("\n".join(lines), style="cyan"), title=title, title_align="left", border_style="dim", expand=False
    )


def _stored(home: Home, run: Run, ledger: Ledger) -> Table:
    table = Table(title=f"stored in {run.path}", title_justify="left", title_style="bold", box=None, pad_edge=False)
    table.add_column("what")
    table.add_column("", justify="right")
    table.add_column("", style="dim", overflow="fold")
    steps = max((len(points) for points in ledger.points.values()), default=0)
    table.add_row("scalar points", f"{ledger.point_count:,}", f"{len(ledger.points)} metrics over {steps:,} steps")
    names = ", ".join(sorted({name.split("/")[0] for name in ledger.histograms}))
    table.add_row("histograms", f"{ledger.histogram_count:,}", f"{len(ledger.histograms)} tensors: {names}")
    table.add_row("confusion matrix", f"{len(ledger.texts)}", "10 x 10, of the validation set")
    size = ledger.checkpoint_bytes
    table.add_row("checkpoints", f"{len(ledger.checkpoints)}", f"{bytes_text(size)}, under their blake3 digests")
    table.add_row(
        "config, environment", f"{len(run.config) + len(run.environment)}", "host, versions, git, command line"
    )
    on_disk = _bytes_below(home.store)
    if on_disk:
        table.add_row("on disk", bytes_text(on_disk), f"{home.store}: all runs, and the database's own files")
    return table


def _cost(ledger: Ledger) -> Table:
    table = Table(title="what a log call cost", title_justify="left", title_style="bold", box=None, pad_edge=False)
    table.add_column("call")
    for name in ("p50", "p99", "calls"):
        table.add_column(name, justify="right")
    width = len(ledger.histograms)
    for name, times in (
        ("4 to 6 scalars", ledger.scalar_call_ns),
        (f"{width} histograms already counted", ledger.histogram_call_ns),
    ):
        if times:
            half, most = np.percentile(times, [50, 99])
            table.add_row(name, _time(half), _time(most), f"{len(times):,}")
    return table


def _look(run: Run) -> Group:
    lines = Table(box=None, show_header=False, pad_edge=False)
    lines.add_row("[dim]in the terminal[/]", f"[bold]stepwell show {run.path}[/]")
    lines.add_row("", f"[bold]stepwell export {run.path} --format csv[/]")
    lines.add_row("[dim]in Python[/]", "[bold]import stepwell[/]")
    lines.add_row(
        "", Text(f'stepwell.Api().run("{run.path}").history("train/loss", "val/*").to_pandas()', style="bold")
    )
    return Group("", "[bold]how to look at it[/]", lines)


def _time(nanoseconds: float) -> str:
    if nanoseconds < 1e3:
        return f"{nanoseconds:.0f} ns"
    return f"{nanoseconds / 1e3:.2f} µs" if nanoseconds < 1e6 else f"{nanoseconds / 1e6:.2f} ms"


def _bytes_below(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:  # merged away meanwhile
            continue
    return total
