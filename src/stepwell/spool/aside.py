"""Frames that are not sent, beside the segment they are from: `.refused`, `.held` and `.damaged`, each with its reason.

What is set aside is a copy: the segment stays as it is, and the cursor passes over the place.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .. import _core
from .layout import segment_file
from .segments import HEADER_BYTES, Frame

__all__ = ["Aside"]

_log = logging.getLogger("stepwell.spool")

_COPY_BYTES = 1 << 20
_KINDS = ("refused", "held", "damaged")


class Aside:
    """What was set aside in one spool folder. Only for the holder of its lock."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def count(self, kind: str) -> int:
        """Frames in `.refused` or `.held` files, byte ranges in `.damaged` ones."""
        return sum(sum(1 for _ in _read_notes(path)) for path in self._folder.glob(f"*.{kind}.jsonl"))

    @property
    def any(self) -> bool:
        return any(next(self._folder.glob(f"*.{kind}"), None) is not None for kind in _KINDS)

    def refuse(self, frame: Frame, reason: str, message: str) -> None:
        """Never to be sent again. Raises OSError with nothing changed."""
        note = {"reason": reason, "message": message, "writer": f"{frame.writer:016x}"}
        self._copy("refused", frame.segment, frame.offset, frame.length, note)

    def hold(self, frame: Frame, version: str) -> None:
        """Not to be sent to a service of this version. Raises OSError with nothing changed."""
        note = {"version": version, "writer": f"{frame.writer:016x}"}
        self._copy("held", frame.segment, frame.offset, frame.length, note)

    def damage(self, segment: int, offset: int, length: int) -> None:
        """Bytes that are no frames, for somebody to look at; said once."""
        try:
            new = self._copy("damaged", segment, offset, length, {})
        except OSError as error:
            _log.error(
                "cannot set %d damaged bytes of segment %d of %s aside: %s", length, segment, self._folder, error
            )
            return
        if new:
            _log.error(
                "%d bytes at %d of %s are damaged; they are kept in %s, everything around them is sent",
                length, offset, segment_file(self._folder, segment),
                segment_file(self._folder, segment, "damaged").name,
            )  # fmt: skip

    def held_for_others(self, version: str) -> Iterator[tuple[Path, list[_core.SpoolFrame]]]:
        """`.held` files with frames that another version than this refused; `let_go` of each once it is appended."""
        for path in sorted(self._folder.glob("*.held")):
            if all(note.get("version") == version for note in _read_notes(_notes(path))):
                continue
            yield path, _core.scan_segment(str(path), 0, os.stat(path).st_size, True)[0]

    @staticmethod
    def let_go(path: Path) -> None:
        path.unlink()
        _notes(path).unlink(missing_ok=True)

    def _copy(self, kind: str, segment: int, offset: int, length: int, note: dict[str, Any]) -> bool:
        """False where that range has been set aside before. `.refused` and `.held` are segments themselves."""
        target = segment_file(self._folder, segment, kind)
        notes = _notes(target)
        if any(line.get("offset") == offset for line in _read_notes(notes)):
            return False
        line = json.dumps({"offset": offset, "length": length, **note, "at": time.time()}) + "\n"
        with open(segment_file(self._folder, segment), "rb") as source:
            copy, reasons = _Tail(target), _Tail(notes)
            try:
                if kind != "damaged" and copy.start == 0:
                    copy.write(os.pread(source.fileno(), HEADER_BYTES, 0))
                source.seek(offset)
                while length > 0 and (chunk := source.read(min(length, _COPY_BYTES))):
                    copy.write(chunk)
                    length -= len(chunk)
                reasons.write(line.encode())
            except OSError:  # a full disk: as if it had not been tried
                copy.take_back()
                reasons.take_back()
                raise
            finally:
                copy.close()
                reasons.close()
        return True


class _Tail:
    """The end of a file that grows, which can be cut back to where it was; unbuffered, so that nothing comes later."""

    def __init__(self, path: Path) -> None:
        self._file = open(path, "ab", buffering=0)  # noqa: SIM115 - closed by `close`
        self.start = self._file.tell()

    def write(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            left = left[self._file.write(left) or 0 :]

    def take_back(self) -> None:
        os.ftruncate(self._file.fileno(), self.start)

    def close(self) -> None:
        self._file.close()


def _notes(path: Path) -> Path:
    return path.with_name(path.name + ".jsonl")


def _read_notes(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of a `.jsonl` beside a file that was set aside; a torn last line is passed over."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            yield value
