"""The demo from start to end: serve, train and record, read back, compare, tell."""

from __future__ import annotations

import io
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

import stepwell

from ..errors import StepwellError
from ..home import Home
from ..query import Api, Run
from .ledger import Ledger
from .serving import Served, service_of
from .tell import tell
from .train import CONFIG, Network, Step, confusion, train

__all__ = ["run_demo"]

STEPS = 600
HISTOGRAMS_EVERY = 25
UPLOAD_S = 60.0


def run_demo(out: Console, *, once: bool = False, steps: int = STEPS) -> None:
    """Raises StepwellError where anything came back different, or the service could not be started."""
    home = Home()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="stepwell-demo-")))
        with out.status("starting a service on the embedded stores …"):
            served = stack.enter_context(service_of(home))
        _demo(out, home, served, folder, steps)
        if not once:
            _keep(out, served)


def _demo(out: Console, home: Home, served: Served, folder: Path, steps: int) -> None:
    began = "started" if served.process else "found"
    out.print(f"[green]✓[/] service {began} at [bold]{served.url}[/]")
    ledger = Ledger()
    path = _record(out, ledger, folder, steps)
    with Api(served.url) as api:
        with out.status("uploading checkpoints …"):
            _wait_for_uploads(api.run(path), len(ledger.checkpoints))
        run = api.run(path)
        differences = ledger.differences(run, CONFIG, folder / "back")
        tell(out, home, run, ledger, differences)
    if differences:
        raise StepwellError("what came back is not what was logged:\n" + "\n".join(f"  {line}" for line in differences))


def _record(out: Console, ledger: Ledger, folder: Path, steps: int) -> str:
    """Trains under a run; returns its "project/id"."""
    run = stepwell.init(
        project="demo",
        name="digits-mlp",
        config=CONFIG,
        tags=("demo", "digits"),
        notes="A two-layer network on handwritten digits, by `stepwell demo`.",
        settings={"quiet": True},
    )
    network = Network.fresh(CONFIG["model"]["layers"], CONFIG["seed"])
    note = ""
    with _progress(out) as progress:
        task = progress.add_task("training", total=steps, note="")
        for step in train(network, steps):
            ledger.log(run.log, _scalars(step), step.number)
            if step.number % HISTOGRAMS_EVERY == 0 or step.number == steps - 1:
                ledger.log(run.log, _distributions(network), step.number)
            if step.number in (steps // 2, steps - 1):
                _checkpoint(run, ledger, network, folder, step.number)
            if step.val_accuracy is not None:
                note = f"val accuracy {step.val_accuracy:.1%}"
            progress.update(task, advance=1, note=note)
        ledger.log(run.log, {"val/confusion": confusion(network)}, steps - 1)
    with out.status("finishing: the agent sends what is left …"):
        run.finish()
    return run.path


def _wait_for_uploads(run: Run, count: int) -> None:
    """`finish` waits for what was logged; checkpoints follow it at their own pace."""
    deadline = time.monotonic() + UPLOAD_S
    while sum(checkpoint.complete for checkpoint in run.checkpoints()) < count:
        if time.monotonic() > deadline:
            raise StepwellError(
                f"the checkpoints were not uploaded within {UPLOAD_S:.0f} s; they are kept, see `stepwell doctor`"
            )
        time.sleep(0.05)


def _scalars(step: Step) -> dict[str, float]:
    values = {
        "train/loss": step.loss, "train/accuracy": step.accuracy, "lr": step.lr, "time/step_ms": step.step_ms,
    }  # fmt: skip
    if step.val_loss is not None and step.val_accuracy is not None:
        values |= {"val/loss": step.val_loss, "val/accuracy": step.val_accuracy}
    return values


def _distributions(network: Network) -> dict[str, stepwell.Histogram]:
    weights = {f"weights/{name}": stepwell.Histogram(value) for name, value in network.weights.items()}
    gradients = {f"gradients/{name}": stepwell.Histogram(value) for name, value in network.gradients.items()}
    return weights | gradients


def _checkpoint(run: stepwell.Run, ledger: Ledger, network: Network, folder: Path, step: int) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, **{name.replace("/", "."): value for name, value in network.weights.items()})  # type: ignore[arg-type]
    path = folder / f"digits-{step}.npz"
    path.write_bytes(buffer.getvalue())
    run.log_checkpoint(path, step=step)
    ledger.checkpoints[step] = {path.name: buffer.getvalue()}
    path.unlink()  # it is stepwell's now


def _progress(out: Console) -> Progress:
    columns = (
        SpinnerColumn(), TextColumn("[bold]{task.description}"), BarColumn(bar_width=36), MofNCompleteColumn(),
        TextColumn("[cyan]{task.fields[note]}"), TimeRemainingColumn(),
    )  # fmt: skip
    return Progress(*columns, console=out, redirect_stdout=False, redirect_stderr=False)


def _keep(out: Console, served: Served) -> None:
    if served.process is None:
        return
    try:
        out.print(f"\n[bold green]serving[/] at {served.url} — Ctrl-C ends it")
        served.wait()
    except KeyboardInterrupt:
        out.print("[dim]stopping; what is under way is stored first[/]")
