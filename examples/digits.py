"""Softmax regression on scikit-learn's handwritten digits, recorded: `python examples/digits.py`."""

import numpy as np
from sklearn.datasets import load_digits

import stepwell

images, labels = load_digits(return_X_y=True)
images, targets = images / 16.0, np.eye(10)[labels]
weights = np.zeros((64, 10))

with stepwell.init(project="digits", config={"lr": 0.5, "steps": 200, "model": {"kind": "softmax"}}) as run:
    for step in range(run.config.steps):
        scores = images @ weights
        chances = np.exp(scores - scores.max(axis=1, keepdims=True))
        chances /= chances.sum(axis=1, keepdims=True)
        gradient = images.T @ (chances - targets) / len(images)
        weights -= run.config.lr * gradient
        loss = -np.log(chances[np.arange(len(labels)), labels]).mean()
        run.log({"train/loss": loss, "train/acc": (chances.argmax(axis=1) == labels).mean()})
        if step % 20 == 0:
            run.log({"gradient": stepwell.Histogram(gradient)}, step=step)
    run.summary["note"] = "trained and measured on the same digits"
