"""The exponential moving average of a whole series, as the page shows it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["ema"]

_BLOCK = 256

_Floats = npt.NDArray[np.float64]


def ema(values: _Floats, weight: float) -> _Floats:
    """Bias-corrected (it begins at the first value, not at 0); non-finite values are passed over and stay as they are.

    weight: of the past, 0 <= weight < 1. The recursion runs once a block; within a block it is a product with a
    triangular matrix, which takes 4 M points through in a fraction of a second.

    >>> ema(np.array([1.0, 1.0, np.nan, 4.0]), 0.5).round(3).tolist()
    [1.0, 1.0, nan, 2.714]
    """
    if not 0 <= weight < 1:
        raise ValueError(f"a smoothing weight is at least 0 and below 1, not {weight}")
    good = np.isfinite(values)
    finite = values[good]
    smooth = values.copy()
    if weight == 0 or not len(finite):
        return smooth
    rows = -(-len(finite) // _BLOCK)
    padded = np.zeros(rows * _BLOCK)
    padded[: len(finite)] = finite
    powers = weight ** np.arange(_BLOCK + 1)
    lag = np.subtract.outer(np.arange(_BLOCK), np.arange(_BLOCK))
    within = np.where(lag >= 0, powers[np.abs(lag)], 0.0) * (1 - weight)
    inner = padded.reshape(rows, _BLOCK) @ within.T
    carry, carried = 0.0, np.empty(rows)
    for row in range(rows):
        carried[row] = carry
        carry = inner[row, -1] + powers[_BLOCK] * carry
    inner += carried[:, None] * powers[None, 1:]
    weights = 1 - weight ** np.arange(1, len(finite) + 1, dtype=np.float64)
    smooth[good] = inner.reshape(-1)[: len(finite)] / weights
    return smooth
