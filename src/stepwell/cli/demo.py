"""`stepwell demo`: one real run, recorded, read back and compared."""

from __future__ import annotations

import signal
import sys

import click

from .output import terminal

__all__ = ["demo"]


@click.command()
@click.option("--once", is_flag=True, help="Exit when it is done instead of serving on.")
@click.option("--steps", type=click.IntRange(2, 1_000_000), default=600, show_default=True, help="Of training.")
def demo(once: bool, steps: int) -> None:
    """Records a real training run and compares what comes back.

    Trains a small network on scikit-learn's handwritten digits. Starts a service on the embedded stores of
    STEPWELL_HOME (or uses the one that is up), records losses, accuracies, histograms, a confusion matrix and two
    checkpoints, reads everything back and compares it bit for bit. The exit code is 1 if anything differs.

    \b
      stepwell demo
      stepwell demo --once
    """
    from ..platforms import needs_unix

    needs_unix("The demo")
    from ..query.embedded import missing_extra

    try:
        import sklearn.datasets  # noqa: F401 - said now rather than after the service has started

        from ..demo import run_demo
    except ImportError as error:
        raise missing_extra("`stepwell demo`", error, "demo") from error
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the service it started is stopped too
    run_demo(terminal(), once=once, steps=steps)
