"""From runs to data frames: `python examples/pandas_frames.py`."""

import math

import stepwell

for lr in (0.3, 0.1, 0.03):
    with stepwell.init(project="frames", id=f"lr{lr}", config={"lr": lr}, tags=["sweep"]) as run:
        for step in range(100):
            run.log({"train/loss": math.exp(-lr * step), "val/acc": 1 - math.exp(-lr * step)}, step=step)

with stepwell.Api() as api:
    runs = api.runs("frames", filters='"sweep" in tags and config.lr >= 0.1')
    # A row a run, with its config and the last value of each metric.
    print(runs.to_pandas()[["id", "config.lr", "summary.val/acc"]])
    # Every point of all of them, one column a run.
    history = api.history(runs, "train/loss").to_pandas()
    print(history.pivot(index="step", columns="run", values="train/loss").tail(3))
