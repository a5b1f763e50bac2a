"""Weights and gradients as distributions over steps: `python examples/histograms.py`, then `stepwell ui`."""

import numpy as np

import stepwell

rng = np.random.default_rng(0)
inputs = rng.normal(size=(256, 32))
targets = np.tanh(inputs @ rng.normal(size=(32, 1)))
layers = {"first": rng.normal(size=(32, 64)) * 0.3, "second": rng.normal(size=(64, 1)) * 0.3}

with stepwell.init(project="distributions", config={"lr": 0.05}) as run:
    for step in range(300):
        hidden = np.tanh(inputs @ layers["first"])
        error = hidden @ layers["second"] - targets
        back = (error @ layers["second"].T) * (1 - hidden**2)
        gradients = {"first": inputs.T @ back / len(inputs), "second": hidden.T @ error / len(inputs)}
        for name, gradient in gradients.items():
            layers[name] -= run.config.lr * gradient
        run.log({"train/loss": np.square(error).mean()}, step=step)
        if step % 10 == 0:
            run.log({f"weights/{name}": stepwell.Histogram(value) for name, value in layers.items()}, step=step)
            run.log({f"gradients/{name}": stepwell.Histogram(value) for name, value in gradients.items()}, step=step)
            # A histogram that you have already is kept as it is.
            run.log({"hidden": stepwell.Histogram(np_histogram=np.histogram(hidden, bins=40))}, step=step)

with stepwell.Api() as api:
    last = api.run(run.path).histograms("gradients/first")[-1]
    print(f"step {last.step}: {last.count} values, median {last.quantile(0.5):.2g}, {last.min:.2g} to {last.max:.2g}")
