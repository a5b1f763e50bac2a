"""Histograms of any buffer: nothing lost, everything in its bucket, merging is counting together."""

from __future__ import annotations

import array
import math
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from stepwell import _core

TYPES = ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?"]
ARRAYS = st.sampled_from(TYPES).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=40))
)


def decode(data: bytes) -> dict[str, Any]:
    return _core.histogram_decode(data)


def exact(value: Any) -> float | int:
    return int(value) if isinstance(value, (np.integer, np.bool_)) else float(value)


@settings(deadline=None)
@given(values=ARRAYS)
def test_every_value_is_counted_once_in_the_bucket_that_holds_it(values: np.ndarray) -> None:
    histogram = decode(_core.histogram(values))
    assert sum(histogram["counts"]) + histogram["nan"] + histogram["pos_inf"] + histogram["neg_inf"] == values.size
    assert histogram["count"] == sum(histogram["counts"])
    assert histogram["buckets"] == sorted(set(histogram["buckets"]))
    finite = [exact(value) for value in values.ravel() if not isinstance(value, np.floating) or np.isfinite(value)]
    edges = _core.histogram_edges(histogram["buckets"])
    room = dict(zip(histogram["buckets"], histogram["counts"], strict=True))
    for value in finite:
        if abs(value) >= 2.0**128:
            continue  # beyond float32: kept in the outermost buckets
        holding = [code for code, (low, high) in zip(histogram["buckets"], edges, strict=True) if low <= value <= high]
        assert holding
        assert any(room[code] > 0 for code in holding)
    if finite:
        assert histogram["min"] == float(min(finite))
        assert histogram["max"] == float(max(finite))
        with np.errstate(over="ignore"):
            total = np.sum(np.array(finite, dtype=np.float64))
            scale = np.sum(np.abs(np.array(finite, dtype=np.float64)))
        if np.isfinite(scale):
            assert math.isclose(histogram["sum"], total, abs_tol=1e-12 * scale + 1e-300)
    else:
        assert math.isnan(histogram["min"])
        assert math.isnan(histogram["max"])


def counts_of(histogram: dict[str, Any]) -> dict[str, Any]:
    kept = {key: histogram[key] for key in ("count", "nan", "pos_inf", "neg_inf", "buckets", "counts")}
    return {**kept, "min": repr(histogram["min"]), "max": repr(histogram["max"])}


@settings(deadline=None)
@given(dtype=st.sampled_from(TYPES), data=st.data())
def test_merging_is_the_histogram_of_all_values_together(dtype: str, data: st.DataObject) -> None:
    parts = data.draw(st.lists(hnp.arrays(dtype, st.integers(0, 50)), min_size=1, max_size=5))
    merged = decode(_core.histogram_merge([_core.histogram(part) for part in parts]))
    together = decode(_core.histogram(np.concatenate(parts)))
    assert {**counts_of(merged), "min": 0, "max": 0} == {**counts_of(together), "min": 0, "max": 0}
    for end in ("min", "max"):
        assert merged[end] == together[end] or (math.isnan(merged[end]) and math.isnan(together[end]))


@settings(deadline=None)
@given(values=hnp.arrays("f4", st.integers(0, 200)))
def test_every_width_of_float_gives_the_same_buckets(values: np.ndarray) -> None:
    assert counts_of(decode(_core.histogram(values))) == counts_of(decode(_core.histogram(values.astype("f8"))))


@settings(deadline=None)
@given(values=hnp.arrays("u2", st.integers(0, 200)))
def test_bfloat16_words_count_as_the_floats_they_are(values: np.ndarray) -> None:
    floats = (values.astype("u4") << 16).view("f4")
    got = _core.histogram(values, dtype="bfloat16")
    assert counts_of(decode(got)) == counts_of(decode(_core.histogram(floats)))


def test_an_array_whose_dtype_is_named_bfloat16_is_taken_by_its_words() -> None:
    class Dtype:
        name = "bfloat16"

    class Array:  # as ml_dtypes': no buffer of its own, but a view
        dtype = Dtype()

        def view(self, dtype: str) -> np.ndarray:
            assert dtype == "uint16"
            return np.array([0x3F80, 0x4000], dtype="u2")

    assert decode(_core.histogram(Array()))["sum"] == 3.0


def test_ml_dtypes_bfloat16_is_taken() -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    assert decode(_core.histogram(np.array([1.5, 2.5], dtype=ml_dtypes.bfloat16)))["sum"] == 4.0


@pytest.mark.parametrize(
    "view",
    [
        lambda a: a[::2],
        lambda a: a[::-1],
        lambda a: a.reshape(50, 20).T,
        lambda a: a.reshape(50, 20)[:, 3:7],
        lambda a: np.asfortranarray(a.reshape(50, 20)),
        lambda a: np.broadcast_to(a[:10], (7, 10)),
    ],
)
def test_views_count_as_their_copies(view: Any) -> None:
    values = view(np.random.default_rng(1).normal(size=1000).astype("f4"))
    got, copied = decode(_core.histogram(values)), decode(_core.histogram(np.ascontiguousarray(values)))
    assert counts_of(got) == counts_of(copied)


@pytest.mark.parametrize(
    ("values", "count"),
    [
        (array.array("d", [1.0, 2.0]), 2),
        (array.array("q", [1, -2, 3]), 3),
        (b"\x00\x01\x02", 3),
        (bytearray(5), 5),
        (memoryview(array.array("f", [1.0, 2.0])), 2),
        (np.float32(3.0), 1),
        (np.array(3.0), 1),
        (np.zeros((0, 4)), 0),
        (np.array([True, False]), 2),
    ],
)
def test_anything_with_the_buffer_protocol_is_counted(values: Any, count: int) -> None:
    assert decode(_core.histogram(values))["count"] == count


@pytest.mark.parametrize(
    "values",
    [
        [1.0, 2.0],
        "text",
        3.5,
        None,
        np.array([1j]),
        np.array(["a"]),
        np.array([1.0], dtype=">f8"),
        np.array([1.0], dtype="g"),
        np.array([(1, 2)], dtype=[("a", "i4"), ("b", "i4")]),
    ],
)
def test_what_is_no_array_of_numbers_is_refused_by_name(values: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        _core.histogram(values)


def test_the_words_of_bfloat16_have_sixteen_bits() -> None:
    with pytest.raises(TypeError, match="bfloat16"):
        _core.histogram(np.zeros(3, "u4"), dtype="bfloat16")
    with pytest.raises(ValueError, match="bfloat16"):
        _core.histogram(np.zeros(3, "u2"), dtype="float8")


def test_counting_imports_no_numpy() -> None:
    code = (
        "import array, sys; from stepwell import _core;"
        "_core.histogram(array.array('f', [1.0])); sys.exit('numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_histogram_is_kept_as_it_is_given() -> None:
    counts, edges = np.histogram(np.random.default_rng(2).normal(size=500), bins=30)
    kept = decode(_core.histogram_counts(counts.tolist(), edges.tolist()))
    assert kept["counts"] == counts.tolist()
    assert kept["edges"] == edges.tolist()
    assert kept["buckets"] == []
    assert kept["count"] == 500
    assert (kept["min"], kept["max"]) == (edges[0], edges[-1])


@pytest.mark.parametrize(
    ("counts", "edges", "error"),
    [
        ([1], [0.0], ValueError),
        ([], [0.0], ValueError),
        ([1], [1.0, 0.0], ValueError),
        ([1], [0.0, math.inf], ValueError),
        ([1], [0.0, math.nan], ValueError),
        ([-1], [0.0, 1.0], TypeError),
        ([0.5], [0.0, 1.0], TypeError),
    ],
)
def test_what_cannot_be_a_histogram_is_refused(counts: Any, edges: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        _core.histogram_counts(counts, edges)


@settings(deadline=None)
@given(values=hnp.arrays(st.sampled_from(["f4", "f8"]), st.integers(0, 100)), bins=st.integers(1, 100))
def test_a_view_of_fixed_bins_keeps_the_total(values: np.ndarray, bins: int) -> None:
    data = _core.histogram(values)
    counts, edges = _core.histogram_rebin(data, bins)
    assert len(counts) == bins
    assert len(edges) == bins + 1
    assert all(np.isfinite(edges))
    assert edges == sorted(edges)
    assert min(counts) >= 0
    assert math.isclose(sum(counts), decode(data)["count"], rel_tol=1e-9, abs_tol=1e-9)


def test_a_view_resembles_the_exact_histogram() -> None:
    values = np.random.default_rng(3).normal(5, 2, 100_000)
    counts, edges = _core.histogram_rebin(_core.histogram(values), 20)
    exact_counts, _ = np.histogram(values, bins=edges)
    assert np.abs(np.array(counts) - exact_counts).sum() < 0.1 * values.size


@settings(deadline=None)
@given(data=st.binary(max_size=100))
def test_bytes_that_are_no_histogram_are_refused(data: bytes) -> None:
    try:
        decode(data)
    except _core.BlockError:
        return
    assert data[:1] == b"\x01"


def test_buckets_that_do_not_exist_have_no_edges() -> None:
    assert _core.histogram_edges([0, 2039, 2048]) == [
        (0.0, 2.0**-129),
        (15 / 8 * 2.0**127, 2.0**128),
        (-(2.0**-129), -0.0),
    ]
    with pytest.raises(_core.BlockError):
        _core.histogram_edges([2040])
