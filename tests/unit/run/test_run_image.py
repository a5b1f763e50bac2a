"""`stepwell.Image`: what becomes which pixels, read back by Pillow; what is none, and why."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from matplotlib.figure import Figure
from ml_dtypes import bfloat16
from PIL import Image as Pil

import stepwell
from stepwell.errors import InvalidValue
from stepwell.imagefile import format_of, size_of
from stepwell.run.png import encode_png

MAX = 1 << 26
RAMP = np.arange(2 * 5 * 3, dtype=np.uint8).reshape(2, 5, 3)


def decoded(data: bytes) -> np.ndarray:
    with Pil.open(io.BytesIO(data)) as image:
        return np.asarray(image)


def pixels(data: Any, **options: Any) -> np.ndarray:
    return decoded(stepwell.Image(data, **options).encoded(MAX).data)


def file_of(format: str, mode: str = "RGB", **options: Any) -> bytes:
    written = io.BytesIO()
    Pil.new(mode, (7, 3), 1).save(written, format=format, **options)
    return written.getvalue()


@given(
    st.sampled_from([1, 3, 4]).flatmap(
        lambda channels: array_shapes(min_dims=2, max_dims=2, max_side=40).flatmap(
            lambda shape: arrays(np.uint8, (*shape, channels))
        )
    )
)
def test_what_is_encoded_is_what_a_decoder_reads(image: np.ndarray) -> None:
    data = encode_png(image)
    assert size_of(data) == (image.shape[1], image.shape[0])
    assert np.array_equal(decoded(data).reshape(image.shape), image)


@pytest.mark.parametrize("kind", ["smooth", "noise", "flat"])
def test_larger_images_come_back_whatever_filter_fits_them(kind: str) -> None:
    y, x = np.mgrid[:300, :200]
    made = {
        "smooth": np.stack([x, y, x + y], -1).astype(np.uint8),
        "noise": np.random.default_rng(1).integers(0, 256, (300, 200, 3), np.uint8),
        "flat": np.full((300, 200, 3), 7, np.uint8),
    }[kind]
    assert np.array_equal(decoded(encode_png(made)), made)


SAME = {
    "HxW": (RAMP[:, :, 0], RAMP[:, :, 0]),
    "HxWx1": (RAMP[:, :, :1], RAMP[:, :, 0]),
    "HxWx3": (RAMP, RAMP),
    "HxWx4": (np.dstack([RAMP, RAMP[:, :, :1]]), np.dstack([RAMP, RAMP[:, :, :1]])),
    "channels first": (np.moveaxis(RAMP, -1, 0), RAMP),
    "a view with strides": (RAMP[::-1, ::2], RAMP[::-1, ::2]),
    "in column order": (np.asfortranarray(RAMP), RAMP),
    "bool": (np.array([[True, False]]), np.array([[255, 0]])),
    "float32": (np.array([[0, 0.5, 1]], np.float32), np.array([[0, 128, 255]])),
    "float16": (np.array([[0, 1]], np.float16), np.array([[0, 255]])),
    "float64": (np.array([[1 / 255, 254 / 255]]), np.array([[1, 254]])),
    "bfloat16": (np.array([[0, 1]], bfloat16), np.array([[0, 255]])),
    "one pixel": (np.array([[9]], np.uint8), np.array([[9]])),
}


@pytest.mark.parametrize(("given_", "wanted"), SAME.values(), ids=SAME)
def test_arrays_become_these_pixels(given_: np.ndarray, wanted: np.ndarray) -> None:
    image = stepwell.Image(given_)
    assert np.array_equal(decoded(image.encoded(MAX).data), wanted)
    assert image.note == ""


def test_a_later_change_of_the_array_changes_nothing() -> None:
    array = RAMP.copy()
    image = stepwell.Image(array)
    array[:] = 0
    assert np.array_equal(decoded(image.encoded(MAX).data), RAMP)


def test_floats_outside_are_clipped_and_counted() -> None:
    image = stepwell.Image(np.array([[-0.1, 0.0, 1.0, 2.0, np.inf, -np.inf]]))
    assert image.note == "4 of 6 values of an image lie outside 0 to 1 and were clipped"
    assert decoded(image.encoded(MAX).data).tolist() == [[0, 0, 255, 255, 255, 0]]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "F", "HSV"])
@pytest.mark.parametrize("format", ["png", "jpeg", "webp"])
def test_pil_images_of_any_mode_in_any_format(mode: str, format: str) -> None:
    picture = stepwell.Image(Pil.new(mode, (7, 3)), format=format).encoded(MAX)
    assert (picture.format, picture.width, picture.height) == (format, 7, 3)
    assert decoded(picture.data).shape[:2] == (3, 7)


def test_pixels_in_another_format() -> None:
    assert np.array_equal(pixels(RAMP[:, :, 0], format="png"), RAMP[:, :, 0])
    assert stepwell.Image(RAMP, format="webp").encoded(MAX).format == "webp"
    assert stepwell.Image(RAMP[:, :, :1], format="jpeg").encoded(MAX).format == "jpeg"


def test_a_figure_of_matplotlib() -> None:
    figure = Figure(figsize=(2, 1), dpi=50)
    figure.add_subplot().plot([1, 2])
    picture = stepwell.Image(figure).encoded(MAX)
    assert (picture.format, picture.width, picture.height) == ("png", 100, 50)


FILES = {
    "png": file_of("png"),
    "jpeg": file_of("jpeg"),
    "progressive jpeg": file_of("jpeg", progressive=True),
    "jpeg with a comment": file_of("jpeg", comment=b"x" * 1000),
    "webp": file_of("webp"),
    "lossless webp": file_of("webp", lossless=True),
    "extended webp": file_of("webp", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0"),
}


@pytest.mark.parametrize("data", FILES.values(), ids=FILES)
def test_files_are_kept_as_they_are(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "picture.anything"
    path.write_bytes(data)
    for given_ in (path, str(path), data, memoryview(data)):
        picture = stepwell.Image(given_).encoded(MAX)
        assert picture.data == data
        assert (picture.width, picture.height, picture.format) == (7, 3, format_of(data))


@given(st.sampled_from(sorted(FILES)), st.data())
def test_damaged_files_are_refused_or_taken_never_worse(name: str, data: st.DataObject) -> None:
    damaged = bytearray(FILES[name][: data.draw(st.integers(0, len(FILES[name])))])
    for place in data.draw(st.lists(st.integers(0, max(0, len(damaged) - 1)), max_size=4)):
        if damaged:
            damaged[place] = data.draw(st.integers(0, 255))
    try:
        width, height = size_of(bytes(damaged))
    except InvalidValue:
        return
    assert width > 0
    assert height > 0


NONE = {
    "NaN": (np.array([[0.5, np.nan]]), "1 of 2 values of an image are NaN"),
    "integers": (np.array([[1, 2]]), "not of int64"),
    "complex": (np.array([[1j]]), "not of complex128"),
    "objects": (np.array([["a"]], object), "not of object"),
    "one dimension": (np.zeros(3, np.uint8), r"not of shape \(3,\)"),
    "two channels": (np.zeros((5, 5, 2), np.uint8), r"not of shape \(5, 5, 2\)"),
    "a batch": (np.zeros((2, 5, 5, 3), np.uint8), r"not of shape \(2, 5, 5, 3\)"),
    "nothing": (np.zeros((0, 5), np.uint8), r"not of shape \(0, 5\)"),
    "no array": (object(), "no image can be made of a object"),
    "no file": (Path("/nowhere/x.png"), "No such file"),
    "SVG": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "neither PNG, JPEG nor WebP"),
    "a cut PNG": (FILES["png"][:20], "damaged or cut off"),
    "a cut JPEG": (FILES["jpeg"][:30], "damaged or cut off"),
    "a cut WebP": (FILES["webp"][:20], "damaged or cut off"),
}


@pytest.mark.parametrize(("given_", "word"), NONE.values(), ids=NONE)
def test_what_is_no_image_says_why_when_it_is_asked_for(given_: Any, word: str) -> None:
    image = stepwell.Image(given_)
    assert "none" in repr(image)
    with pytest.raises(InvalidValue, match=word):
        image.encoded(MAX)


def test_a_value_that_raises_and_a_format_that_is_none() -> None:
    class Wrong:
        def __array__(self, *_: Any, **__: Any) -> Any:
            raise RuntimeError("no")

    with pytest.raises(InvalidValue, match="reading a Wrong raised RuntimeError: no"):
        stepwell.Image(Wrong()).encoded(MAX)
    with pytest.raises(InvalidValue, match="format is"):
        stepwell.Image(RAMP, format="svg").encoded(MAX)


def test_an_image_that_is_too_large_is_refused_before_it_is_encoded() -> None:
    with pytest.raises(InvalidValue, match="an image of 30 bytes; at most 29"):
        stepwell.Image(RAMP).encoded(29)
    with pytest.raises(InvalidValue, match="image_bytes_max"):
        stepwell.Image(FILES["png"]).encoded(len(FILES["png"]) - 1)


def test_captions_are_texts_of_any_kind() -> None:
    assert stepwell.Image(RAMP, caption="<b>\n\u202e重み").caption == "<b>\n\u202e重み"
    assert stepwell.Image(RAMP, caption="\ud800").caption == "\\ud800"
    assert stepwell.Image(RAMP, caption=3).caption == "3"  # type: ignore[arg-type]
