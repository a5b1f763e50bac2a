"""`stepwell.Image`: a picture as `run.log` takes it, copied when it is made and encoded when it is logged.

Owns turning what users hold (numpy, torch, PIL, matplotlib, files) into pixels or the bytes of a file. Imports numpy
only for pixels, and Pillow only where another format is asked for.
"""

from __future__ import annotations

import io
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InvalidValue
from ..imagefile import MEDIA_TYPES, format_of, size_of
from .device import on_device, warn_of_sync
from .png import encode_png

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Image", "Picture"]

_CHANNELS = (1, 3, 4)
_SHAPES = "HxW, HxWx1, HxWx3 or HxWx4 values (or channels first)"
_MODES = ("1", "L", "LA", "P", "RGB", "RGBA")  # of PIL, that PNG has too


@dataclass(frozen=True)
class Picture:
    """An image as a file."""

    data: bytes
    format: str
    width: int
    height: int


class Image:
    """A picture for `run.log`: `run.log({"samples": stepwell.Image(pixels, "a four")}, step=10)`, or a list of them.

    Made of something that is no picture it is none, without an exception: `run.log` says so once, and records the
    rest of the row.

    Args:
        data: Pixels: a numpy, torch or jax array of HxW, HxWx1, HxWx3 (RGB) or HxWx4 (RGBA) values, or with the
            channels first where the last length is none of these. uint8, bool, or floats from 0 to 1, which become
            `rint(255 * value)`; floats outside are clipped, which is said once, and NaN is refused. Or a PIL image, a
            matplotlib figure, the path or the bytes of a PNG, JPEG or WebP file, which is kept as it is. Copied here;
            of a device that means waiting for it.
        caption: A text shown under it.
        format: "png", "jpeg" or "webp": how pixels, PIL images and figures are encoded. The last two need Pillow.
            Default: "png", which is lossless.

    Example:
        ```python
        run.log({"samples": [stepwell.Image(digit, caption="a four") for digit in images]}, step=10)
        ```
    """

    __slots__ = ("_caption", "_error", "_file", "_format", "_note", "_pixels")

    def __init__(self, data: Any, caption: str = "", format: str | None = None) -> None:
        self._caption = str(caption).encode("utf-8", "backslashreplace").decode()
        self._format = format or "png"
        self._pixels: np.ndarray | None = None
        self._file: bytes = b""
        self._note = self._error = ""
        try:
            if self._format not in MEDIA_TYPES:
                raise InvalidValue(f'format is "png", "jpeg" or "webp", not {format!r}')
            self._take(data)
        except (InvalidValue, OSError) as error:
            self._error = str(error)
        except Exception as error:  # noqa: BLE001 - the value's own methods may raise anything
            self._error = f"reading a {type(data).__name__} raised {type(error).__name__}: {error}"

    @property
    def caption(self) -> str:
        """As given."""
        return self._caption

    @property
    def note(self) -> str:
        """What is not quite as it was: values that were clipped. "" of most."""
        return self._note

    def encoded(self, bytes_max: int) -> Picture:
        """The file that is kept.

        Args:
            bytes_max: Neither its pixels nor its file may be larger.

        Raises:
            InvalidValue: It is larger, or no image could be made of what was given; says why.
        """
        if self._error:
            raise InvalidValue(self._error)
        held = len(self._file) if self._pixels is None else self._pixels.nbytes
        if held <= bytes_max:
            data = self._file if self._pixels is None else _encoded(self._pixels, self._format)
            held = len(data)
        if held > bytes_max:
            raise InvalidValue(f"an image of {held} bytes; at most {bytes_max} (setting image_bytes_max)")
        return Picture(data, format_of(data) or "", *size_of(data))

    def __repr__(self) -> str:
        if self._error:
            return f"<Image, none: {self._error}>"
        size = f"{self._pixels.shape[1]}x{self._pixels.shape[0]}" if self._pixels is not None else "file"
        return f"<Image {size} {self._caption!r}>"

    def _take(self, data: Any) -> None:
        pil = sys.modules.get("PIL.Image")
        if isinstance(data, (str, os.PathLike)):
            self._file = Path(data).expanduser().read_bytes()
        elif isinstance(data, (bytes, bytearray, memoryview)):
            self._file = bytes(data)
        elif pil is not None and isinstance(data, pil.Image):
            self._file = _saved(data, self._format)
        elif callable(getattr(data, "savefig", None)):
            written = io.BytesIO()
            data.savefig(written, format=self._format)
            self._file = written.getvalue()
        else:
            self._pixels, self._note = _pixels_of(data)
            return
        size_of(self._file)


def _encoded(pixels: np.ndarray, format: str) -> bytes:
    if format == "png":
        return encode_png(pixels)
    try:
        from PIL import Image as Pil
    except ImportError:
        raise InvalidValue(f"format {format!r} needs Pillow, which is not installed; PNG needs nothing") from None
    return _saved(Pil.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels), format)


def _saved(image: Any, format: str) -> bytes:
    """What PIL writes of one of its images."""
    modes = _MODES if format == "png" else ("L", "RGB") if format == "jpeg" else ("RGB", "RGBA")
    written = io.BytesIO()
    (image if image.mode in modes else image.convert("RGB")).save(written, format=format)
    return written.getvalue()


def _pixels_of(data: Any) -> tuple[np.ndarray, str]:
    """uint8 height x width x channels of its own, and what was clipped. Raises InvalidValue."""
    import numpy as np

    array = _on_host(data)
    if array.ndim == 3 and array.shape[2] not in _CHANNELS and array.shape[0] in _CHANNELS:
        array = np.moveaxis(array, 0, -1)
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.shape[2] not in _CHANNELS or not array.size:
        raise InvalidValue(f"an image is made of {_SHAPES}, not of shape {tuple(np.shape(data))}")
    if array.dtype == np.uint8:
        return np.array(array, order="C"), ""
    if array.dtype == np.bool_:
        return np.ascontiguousarray(array).astype(np.uint8) * np.uint8(255), ""
    if "float" not in array.dtype.name:
        raise InvalidValue(f"an image is made of uint8, bool or floats from 0 to 1, not of {array.dtype}; convert it")
    values: np.ndarray[Any, Any] = np.ascontiguousarray(array, np.float64 if array.dtype.itemsize > 4 else np.float32)
    if unknown := int(np.isnan(values).sum()):
        raise InvalidValue(f"{unknown} of {values.size} values of an image are NaN")
    outside = int(((values < 0) | (values > 1)).sum())
    note = f"{outside} of {values.size} values of an image lie outside 0 to 1 and were clipped" if outside else ""
    return np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8), note


def _on_host(data: Any) -> np.ndarray:
    import numpy as np

    torch = sys.modules.get("torch")
    if torch is not None and isinstance(data, torch.Tensor):
        if on_device(data):
            warn_of_sync()
        data = data.detach().cpu()
        return np.asarray((data.float() if data.dtype == torch.bfloat16 else data).numpy())
    if not hasattr(data, "__array__") and hasattr(data, "__dlpack__"):
        return np.from_dlpack(data)
    if not hasattr(data, "__array__"):
        raise InvalidValue(f"no image can be made of a {type(data).__name__}")
    if hasattr(data, "dtype") and on_device(data):
        warn_of_sync()
    return np.asarray(data)
