"""A small network on scikit-learn's handwritten digits, in NumPy. Knows nothing of recording."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["CONFIG", "Network", "Step", "confusion", "train"]

Array = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]

CONFIG: dict[str, Any] = {
    "seed": 7,
    "batch": 64,
    "data": {"name": "scikit-learn digits", "images": 1797, "validation_share": 0.2},
    "model": {"layers": [64, 96, 10], "activation": "relu"},
    "optimizer": {"name": "adam", "lr": 3e-3, "warmup_steps": 30, "betas": [0.9, 0.999]},
}


@dataclass
class Network:
    """Two dense layers. weights and gradients by name, so that they can be looked at while they change."""

    weights: dict[str, Array]
    gradients: dict[str, Array] = field(default_factory=dict)

    @classmethod
    def fresh(cls, layers: list[int], seed: int) -> Network:
        random = np.random.default_rng(seed)
        weights: dict[str, Array] = {}
        for number, (wide, narrow) in enumerate(pairwise(layers), 1):
            weights[f"dense{number}/kernel"] = (random.normal(size=(wide, narrow)) * np.sqrt(2 / wide)).astype(
                np.float32
            )
            weights[f"dense{number}/bias"] = np.zeros(narrow, np.float32)
        return cls(weights)

    def logits(self, images: Array) -> Array:
        logits: Array = self._hidden(images) @ self.weights["dense2/kernel"] + self.weights["dense2/bias"]
        return logits

    def _hidden(self, images: Array) -> Array:
        hidden: Array = np.maximum(images @ self.weights["dense1/kernel"] + self.weights["dense1/bias"], np.float32(0))
        return hidden

    def learn(self, images: Array, labels: Labels) -> tuple[float, float]:
        """Fills `gradients` for one batch; (loss, accuracy) of it."""
        hidden = self._hidden(images)
        logits = hidden @ self.weights["dense2/kernel"] + self.weights["dense2/bias"]
        loss, chances = _cross_entropy(logits, labels)
        slope = chances.copy()
        slope[np.arange(len(labels)), labels] -= 1
        slope /= np.float32(len(labels))
        back = (slope @ self.weights["dense2/kernel"].T) * (hidden > 0)
        self.gradients = {
            "dense1/kernel": images.T @ back,
            "dense1/bias": back.sum(axis=0),
            "dense2/kernel": hidden.T @ slope,
            "dense2/bias": slope.sum(axis=0),
        }
        return loss, float((logits.argmax(axis=1) == labels).mean())


@dataclass(frozen=True)
class Step:
    """What one training step came to. The val_* are there on the steps that looked at the validation set."""

    number: int
    loss: float
    accuracy: float
    lr: float
    step_ms: float
    val_loss: float | None = None
    val_accuracy: float | None = None


def train(network: Network, steps: int, evaluate_every: int = 20) -> Iterator[Step]:
    """Adam with warm-up and a cosine to zero; yields after each step, the network as it is then."""
    images, labels, val_images, val_labels = digits(CONFIG["seed"], CONFIG["data"]["validation_share"])
    random = np.random.default_rng(CONFIG["seed"] + 1)
    first = {name: np.zeros_like(value) for name, value in network.weights.items()}
    second = {name: np.zeros_like(value) for name, value in network.weights.items()}
    for number in range(steps):
        began = time.perf_counter()
        batch = random.integers(0, len(images), CONFIG["batch"])
        loss, accuracy = network.learn(images[batch], labels[batch])
        lr = _schedule(number, steps)
        _adam(network, first, second, number + 1, lr)
        step_ms = (time.perf_counter() - began) * 1e3
        if number % evaluate_every and number != steps - 1:
            yield Step(number, loss, accuracy, lr, step_ms)
            continue
        logits = network.logits(val_images)
        val_loss, _ = _cross_entropy(logits, val_labels)
        val_accuracy = float((logits.argmax(axis=1) == val_labels).mean())
        yield Step(number, loss, accuracy, lr, step_ms, val_loss, val_accuracy)


def digits(seed: int, validation_share: float) -> tuple[Array, Labels, Array, Labels]:
    """1,797 images of 8 x 8 pixels in 0 to 1, shuffled: (images, labels) to train on, and to validate with."""
    from sklearn.datasets import load_digits

    data = load_digits()
    order = np.random.default_rng(seed).permutation(len(data.target))
    images, labels = (data.data[order] / 16).astype(np.float32), data.target[order].astype(np.int64)
    kept = int(len(labels) * validation_share)
    return images[kept:], labels[kept:], images[:kept], labels[:kept]


def confusion(network: Network) -> list[list[int]]:
    """Rows: the digit it is. Columns: the digit it was taken for. On the validation set."""
    _, _, images, labels = digits(CONFIG["seed"], CONFIG["data"]["validation_share"])
    matrix = np.zeros((10, 10), np.int64)
    np.add.at(matrix, (labels, network.logits(images).argmax(axis=1)), 1)
    return [[int(count) for count in row] for row in matrix]


def _schedule(step: int, steps: int) -> float:
    warmup: int = CONFIG["optimizer"]["warmup_steps"]
    peak: float = CONFIG["optimizer"]["lr"]
    if step < warmup:
        return peak * (step + 1) / warmup
    return float(peak * 0.5 * (1 + np.cos(np.pi * (step - warmup) / max(1, steps - warmup))))


def _adam(network: Network, first: dict[str, Array], second: dict[str, Array], count: int, lr: float) -> None:
    keep, keep_squares = CONFIG["optimizer"]["betas"]
    for name, gradient in network.gradients.items():
        first[name] += np.float32(1 - keep) * (gradient - first[name])
        second[name] += np.float32(1 - keep_squares) * (gradient**2 - second[name])
        size = lr * np.sqrt(1 - keep_squares**count) / (1 - keep**count)
        network.weights[name] -= np.float32(size) * first[name] / (np.sqrt(second[name]) + np.float32(1e-8))


def _cross_entropy(logits: Array, labels: Labels) -> tuple[float, Array]:
    shifted = logits - logits.max(axis=1, keepdims=True)
    powers = np.exp(shifted)
    chances = powers / powers.sum(axis=1, keepdims=True)
    picked = shifted[np.arange(len(labels)), labels] - np.log(powers.sum(axis=1))
    return float(-picked.mean()), chances
