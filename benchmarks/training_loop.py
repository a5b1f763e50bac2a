"""What logging adds to a step of a real training loop: 50 scalars every step and 20 histograms every 100.

Each recorder has a process of its own, in which a step with it and one without alternate: the machine's speed swings by
several percent within a second, of two neighbouring steps by half of that. A step begins with the log call for the one
before, so that what the call leaves behind it (caches that hold other things) is in it too. Of each hundred steps
logged, the median difference of neighbours stands for those without histograms, the one with them for itself. What a
recorder's own processes and threads do beside the loop falls on steps of either kind and is not in it. What the loop
spends inside the recorder's calls stands beside it, as does what a log call that does nothing adds in the same way:
less than that cannot be told from it. Torch has all cores but one: with all of them each step waits at many barriers
for whichever thread the system has set aside.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

from .environments import Absent, python_with
from .figures import Figure, missing
from .peers import PINS

__all__ = ["run"]

TARGET_PERCENT = 0.5
DEVICES = {"CPU": "cpu", "GPU": "cuda"}
NO_GPU = "no GPU here"
LAYERS, WIDTH, BATCH = 10, 256, 256
HISTOGRAMS_EVERY = 100
SLICES = {"cpu": 1, "cuda": 10}  # steps; a device is waited for at the end of each
NOTHING = "a call that does nothing"
HUNDREDS, PEER_HUNDREDS = 36, 12
_ROOT = Path(__file__).resolve().parents[1]
_LIMIT_S = 400.0

# log(step, scalars as tensors of the device, parameters' gradients by name or None)
Log = Callable[[int, dict[str, Any], dict[str, Any] | None], object]


def run(quick: bool) -> Iterator[Figure]:
    """Per device: a step without logging, and what each recorder adds to it in percent."""
    if find_spec("torch") is None:
        yield from (missing(f"{device}, stepwell, overhead", "torch is not installed") for device in DEVICES)
        return
    import torch

    for device, kind in DEVICES.items():
        if kind == "cuda" and not torch.cuda.is_available():
            yield missing(f"{device}, stepwell, overhead", NO_GPU)
            continue
        for name in RECORDERS:
            try:
                hundreds = _measured(name, kind, quick)
            except Absent as why:
                yield missing(f"{device}, {name}, overhead", str(why))
                continue
            if name == "stepwell":
                yield Figure(
                    f"{device}, no logging, step", "ms", tuple(hundreds["without_ms"]), version=torch.__version__
                )
            yield Figure(f"{device}, {name}, step", "ms", tuple(hundreds["with_ms"]), version=_version(name))
            overheads = zip(hundreds["with_ms"], hundreds["without_ms"], strict=True)
            yield Figure(
                f"{device}, {name}, overhead",
                "%",
                tuple(100 * (logged / bare - 1) for logged, bare in overheads),
                target=TARGET_PERCENT if name == "stepwell" else None,
                version=_version(name),
            )
            if name == NOTHING:
                continue
            inside = zip(hundreds["inside_ms"], hundreds["with_ms"], strict=True)
            yield Figure(
                f"{device}, {name}, inside its calls",
                "%",
                tuple(100 * held / step for held, step in inside),
                version=_version(name),
                note="of a step",
            )


def _version(name: str) -> str:
    return PINS[name].version if name in PINS else ""


def _measured(name: str, device: str, quick: bool) -> dict[str, list[float]]:
    """Raises Absent: a peer must live beside torch, so none of those with an environment of its own will do."""
    if name in PINS and python_with(PINS[name].package, PINS[name].version) != sys.executable:
        raise Absent("not in one environment with torch: pip install '.[bench,torch]'")
    with tempfile.TemporaryDirectory(prefix="stepwell-bench-", ignore_cleanup_errors=True) as folder:
        command = [sys.executable, "-m", "benchmarks.training_loop", name, device, folder]
        done = subprocess.run(
            [*command, *(["--quick"] if quick else [])],
            capture_output=True,
            text=True,
            check=False,
            cwd=_ROOT,
            timeout=_LIMIT_S,
            env={**os.environ, "STEPWELL_HOME": f"{folder}/home", "STEPWELL_AGENT_LINGER_S": "1"},
            stdin=subprocess.DEVNULL,
        )
    if done.returncode:
        raise RuntimeError(f"the training loop with {name} failed:\n{done.stderr[-2000:]}")
    found: dict[str, list[float]] = json.loads(done.stdout.splitlines()[-1])
    return found


@contextmanager
def _stepwell(_: Path) -> Iterator[Log]:
    import stepwell

    with stepwell.init(project="benchmark", settings={"quiet": True, "console": False, "capture": False}) as run:

        def log(step: int, scalars: dict[str, Any], gradients: dict[str, Any] | None) -> None:
            run.log(scalars, step)
            if gradients is not None:
                run.log({name: stepwell.Histogram(gradient) for name, gradient in gradients.items()}, step)

        yield log


@contextmanager
def _wandb(folder: Path) -> Iterator[Log]:
    os.environ["WANDB_SILENT"] = "true"
    import wandb

    run = wandb.init(project="benchmark", mode="offline", dir=str(folder))

    def log(step: int, scalars: dict[str, Any], gradients: dict[str, Any] | None) -> None:
        histograms = {name: wandb.Histogram(gradient.cpu()) for name, gradient in (gradients or {}).items()}
        run.log({**scalars, **histograms}, step=step)

    yield log
    run.finish()


@contextmanager
def _tensorboardx(folder: Path) -> Iterator[Log]:
    from tensorboardX import SummaryWriter

    with SummaryWriter(str(folder)) as writer:

        def log(step: int, scalars: dict[str, Any], gradients: dict[str, Any] | None) -> None:
            for name, value in scalars.items():
                writer.add_scalar(name, value, step)
            for name, gradient in (gradients or {}).items():
                writer.add_histogram(name, gradient, step)

        yield log


@contextmanager
def _nothing(_: Path) -> Iterator[Log]:
    yield lambda *_: None


RECORDERS: dict[str, Callable[[Path], AbstractContextManager[Log]]] = {
    "stepwell": _stepwell,
    NOTHING: _nothing,
    "wandb": _wandb,
    "tensorboardX": _tensorboardx,
}


class Loop:
    """A perceptron of ten layers that learns the digits of scikit-learn: 20 parameters, half a million weights."""

    def __init__(self, device: str) -> None:
        import torch
        from sklearn.datasets import load_digits

        torch.manual_seed(0)
        torch.set_num_threads(max(1, (os.cpu_count() or 2) - 1))
        self._torch = torch
        self._device = device
        digits = load_digits()
        self._images = torch.tensor(digits.data / 16, dtype=torch.float32, device=device)
        self._labels = torch.tensor(digits.target, device=device)
        sizes = [64, *[WIDTH] * (LAYERS - 1), 10]
        layers: list[Any] = []
        for inputs, outputs in pairwise(sizes):
            layers += [torch.nn.Linear(inputs, outputs), torch.nn.ReLU()]
        self._model = torch.nn.Sequential(*layers[:-1]).to(device)
        self._optimizer = torch.optim.AdamW(self._model.parameters(), lr=1e-3)
        self._step = self._logged = 0
        self._scalars = self._train()

    def steps(self, count: int, log: Log | None) -> tuple[float, float]:
        """Seconds that they took, and those inside `log`.

        What is logged is computed in either case: a user wants it for itself.
        """
        inside = 0.0
        self._wait()
        begin = time.perf_counter()
        for _ in range(count):
            if log is not None:
                entered = time.perf_counter()
                log(self._step, self._scalars, self._gradients() if self._logged % HISTOGRAMS_EVERY == 0 else None)
                inside += time.perf_counter() - entered
                self._logged += 1
            self._scalars = self._train()
            self._step += 1
        self._wait()
        return time.perf_counter() - begin, inside

    def _train(self) -> dict[str, Any]:
        """One step, and fifty scalars of it."""
        torch = self._torch
        chosen = torch.randint(len(self._labels), (BATCH,), device=self._device)
        logits = self._model(self._images[chosen])
        loss = torch.nn.functional.cross_entropy(logits, self._labels[chosen])
        self._optimizer.zero_grad()
        loss.backward()
        self._optimizer.step()
        scalars: dict[str, Any] = {"train/loss": loss.detach(), "train/logits": logits.detach().abs().mean()}
        with torch.no_grad():
            scalars["train/accuracy"] = (logits.argmax(1) == self._labels[chosen]).float().mean()
            scalars |= {f"gradient/{name}": value.grad.norm() for name, value in self._model.named_parameters()}
            scalars |= {f"weight/{name}": value.norm() for name, value in self._model.named_parameters()}
        step = float(self._step)
        return scalars | {f"loop/{name}": step for name in ("step", "epoch", "samples", "lr", "beta", "decay", "seed")}

    def _gradients(self) -> dict[str, Any]:
        return {f"gradients/{name}": value.grad for name, value in self._model.named_parameters()}

    def _wait(self) -> None:
        if self._device == "cuda":
            self._torch.cuda.synchronize()


def _hundreds(name: str, device: str, folder: Path, quick: bool) -> dict[str, list[float]]:
    """Milliseconds a step, of each hundred steps logged and as many without beside them."""
    count = HUNDREDS if name in ("stepwell", NOTHING) else PEER_HUNDREDS
    loop = Loop(device)
    found: dict[str, list[float]] = {"without_ms": [], "with_ms": [], "inside_ms": []}
    with RECORDERS[name](folder) as log:
        loop.steps(HISTOGRAMS_EVERY, log)
        for _ in range(1 if quick else count):
            for key, value in _hundred(loop, log, SLICES[device]).items():
                found[key].append(value)
    return found


def _hundred(loop: Loop, log: Log, slice: int) -> dict[str, float]:
    """Slices without and with, the order turned round from pair to pair. The histograms are in the first."""
    bare, added, inside = [], [], 0.0
    for number in range(HISTOGRAMS_EVERY // slice):
        took: dict[bool, float] = {}
        for logged in (False, True) if number % 2 == 0 else (True, False):
            took[logged], held = loop.steps(slice, log if logged else None)
            inside += held
        bare.append(took[False])
        added.append(took[True] - took[False])
    without_ms = 1e3 * statistics.median(bare) / slice
    plain = statistics.median(added[1:]) * (len(added) - 1)
    with_ms = without_ms + 1e3 * (added[0] + plain) / HISTOGRAMS_EVERY
    return {"without_ms": without_ms, "with_ms": with_ms, "inside_ms": 1e3 * inside / HISTOGRAMS_EVERY}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("recorder", choices=RECORDERS)
    parser.add_argument("device", choices=DEVICES.values())
    parser.add_argument("folder", type=Path)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    print(json.dumps(_hundreds(given.recorder, given.device, given.folder, given.quick)), flush=True)


if __name__ == "__main__":
    main()
