"""A safetensors file as anybody may have made it: what its header says is believed only as far as the file goes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any, cast

import numpy as np
import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from stepwell.errors import BlobError, NotFound, StepwellError
from stepwell.query.artifact import Artifact
from stepwell.query.reader import Reader
from stepwell.query.records import ArtifactFile, ArtifactInfo, RunKey
from stepwell.query.tensor import LoggedTensor


class OneBlob:
    """A reader of one blob, which notes what ranges were asked for."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.asked: list[tuple[int, int | None]] = []

    def blob(self, digest: str, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        self.asked.append((offset, length))
        yield self.data[offset : None if length is None else offset + length]


def tensor_of(data: bytes, path: str = "tensors.safetensors") -> tuple[LoggedTensor, OneBlob]:
    file = ArtifactFile(path, len(data), blake3(data).hexdigest())
    when = datetime(2026, 1, 1, tzinfo=timezone.utc)
    info = ArtifactInfo("w", "tensor", 0, 0, when, "complete", len(data), (file,), {})
    reader = OneBlob(data)
    return LoggedTensor(Artifact(RunKey("p", "r"), info, cast("Reader", reader))), reader


def file_of(header: Any, body: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body


def said(dtype: str = "U8", shape: Any = (2,), places: Any = (0, 2)) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": places}


def test_of_many_only_the_bytes_of_one_are_asked_for() -> None:
    data = file_of({"a": said(), "b": said("I16", [1, 2], [2, 6]), "__metadata__": {"x": "y"}}, bytes(range(6)))
    tensor, reader = tensor_of(data)
    assert tensor.load("b").tolist() == [[0x0302, 0x0504]]
    header = len(data) - 8 - 6
    assert reader.asked == [(0, 8), (8, header), (8 + header + 2, 4)]
    assert {key: array.tolist() for key, array in tensor.load().items()} == {"a": [0, 1], "b": [[0x0302, 0x0504]]}


def test_what_is_read_may_be_written() -> None:
    tensor, _ = tensor_of(file_of({"tensor": said()}, b"ab"), "tensor.safetensors")
    array = tensor.load()
    array += 1
    assert array.tolist() == [98, 99]
    assert array.dtype == np.uint8


WRONG = {
    "nothing": b"",
    "a few bytes": b"abc",
    "a header longer than the file": (1 << 40).to_bytes(8, "little") + b"{}",
    "no JSON": file_of(b"nothing here"),
    "a list": file_of([1, 2]),
    "a tensor that is a text": file_of({"a": "b"}),
    "no place": file_of({"a": {"dtype": "U8", "shape": [2]}}, b"ab"),
    "a place before the data": file_of({"a": said(places=(-4, 2), shape=(6,))}, b"ab"),
    "a place after the file": file_of({"a": said(places=(0, 3), shape=(3,))}, b"ab"),
    "a place that ends before it begins": file_of({"a": said(places=(2, 0))}, b"ab"),
    "three ends": file_of({"a": said(places=(0, 1, 2))}, b"ab"),
    "a negative length": file_of({"a": said(shape=(-1, -2))}, b"ab"),
    "a shape of other size": file_of({"a": said(shape=(1 << 40, 1 << 40))}, b"ab"),
    "a shape of texts": file_of({"a": said(shape=["x"])}, b"ab"),
    "invalid UTF-8": file_of(b'{"\xff": 1}'),
    "an infinite place": file_of(b'{"a": {"dtype": "U8", "shape": [2], "data_offsets": [0, Infinity]}}', b"ab"),
    "deep nesting": file_of(b"[" * 100_000),
}


@pytest.mark.parametrize("data", WRONG.values(), ids=WRONG)
def test_a_file_that_is_none_says_so(data: bytes) -> None:
    with pytest.raises(BlobError, match="tensor 'w' of p/r is no safetensors file"):
        tensor_of(data)[0].load()


def test_a_type_that_numpy_has_not_and_a_key_that_is_not_there() -> None:
    tensor, _ = tensor_of(file_of({"a": said("F4_NEW")}, b"ab"))
    with pytest.raises(StepwellError, match="F4_NEW cannot be read"):
        tensor.load("a")
    with pytest.raises(NotFound, match="has no 'b'; it has a"):
        tensor.load("b")


@given(st.binary(max_size=60), st.integers(0, 200), st.integers(0, 255))
def test_any_bytes_are_read_or_refused(body: bytes, place: int, value: int) -> None:
    damaged = bytearray(file_of({"a": said(), "b": said("F32", [0], [2, 2])}, b"ab" + body))
    damaged[place % len(damaged)] = value
    with suppress(StepwellError):
        tensor_of(bytes(damaged))[0].load()
