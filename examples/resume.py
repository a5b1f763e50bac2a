"""A run that is interrupted and goes on: `python examples/resume.py`.

The checkpoint says where to go on. What was logged after it is logged again, and the last write of a step wins.
"""

from pathlib import Path

import numpy as np

import stepwell

CHECKPOINT = Path("resume.npz")
STEPS = 300


def train(until: int) -> None:
    weights, first = np.full(8, 5.0), 0
    if CHECKPOINT.exists():
        with np.load(CHECKPOINT) as saved:
            weights, first = saved["weights"], int(saved["step"]) + 1
    with stepwell.init(project="resume", id="interrupted", config={"lr": 0.01}, resume="allow") as run:
        for step in range(first, until):
            weights -= run.config.lr * weights
            run.log({"train/loss": float(np.square(weights).mean())}, step=step)
            if step % 100 == 0:
                np.savez(CHECKPOINT, weights=weights, step=step)
                run.log_checkpoint(CHECKPOINT, step=step)


train(until=150)  # this life ends after the checkpoint of step 100
train(until=STEPS)  # this one goes on at step 101

with stepwell.Api() as api:
    run = api.run("resume/interrupted")
    loss = run.history("train/loss")
    print(f"{loss.num_rows} points in {run.attempts} attempts, {len(run.checkpoints())} checkpoints")
