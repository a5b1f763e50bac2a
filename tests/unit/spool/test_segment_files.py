"""`SegmentWriter` and `scan_segment` through Python; every truncation and every bit is in csrc/tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from stepwell import _core

HEADER, FRAME = 32, 48


def test_frames_come_back_with_what_they_were_given(tmp_path: Path) -> None:
    path = str(tmp_path / "00000001.seg")
    writer = _core.SegmentWriter(path)
    first = writer.append(1, 2**64 - 1, 5, 9, b"payload")
    second = writer.append(2, 7, 10, 10, b"")
    writer.sync()
    frames, end, damaged = _core.scan_segment(path)
    assert (first, second, end, writer.size) == (32, 87, 135, 135)
    assert damaged == []
    assert [(f.offset, f.length, f.kind, f.writer, f.first_seq, f.last_seq, f.payload) for f in frames] == [
        (32, 55, 1, 2**64 - 1, 5, 9, b"payload"),
        (87, 48, 2, 7, 10, 10, b""),
    ]
    assert frames[0].crc32c == _core.crc32c(b"payload")
    writer.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        writer.append(1, 1, 1, 1, b"")


def test_payloads_can_be_left_out_but_are_checked(tmp_path: Path) -> None:
    path = tmp_path / "s.seg"
    writer = _core.SegmentWriter(str(path))
    writer.append(1, 1, 1, 1, b"first")
    writer.append(1, 1, 2, 2, b"second")
    content = bytearray(path.read_bytes())
    content[HEADER + FRAME] ^= 1
    path.write_bytes(content)
    frames, end, damaged = _core.scan_segment(str(path), payloads=False)
    assert [(frame.first_seq, frame.payload) for frame in frames] == [(2, b"")]
    assert damaged == [(HEADER, FRAME + 5)]
    assert end == len(content)


def test_a_growing_segment_is_read_on(tmp_path: Path) -> None:
    path = str(tmp_path / "s.seg")
    writer = _core.SegmentWriter(path)
    at, seen = 0, []
    for i in range(1, 6):
        writer.append(1, 1, i, i, bytes(i))
        frames, at, _ = _core.scan_segment(path, at)
        seen += [frame.first_seq for frame in frames]
    assert seen == [1, 2, 3, 4, 5]


def test_a_torn_tail_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "s.seg"
    writer = _core.SegmentWriter(str(path))
    writer.append(1, 1, 1, 1, b"whole")
    good = writer.size
    writer.append(1, 1, 2, 2, b"torn")
    content = path.read_bytes()
    for length in range(good, len(content)):
        path.write_bytes(content[:length])
        frames, end, damaged = _core.scan_segment(str(path))
        assert (len(frames), end, damaged) == (1, good, [])


def test_an_existing_segment_is_not_written_over(tmp_path: Path) -> None:
    path = str(tmp_path / "s.seg")
    _core.SegmentWriter(path)
    with pytest.raises(FileExistsError, match=r"s\.seg"):
        _core.SegmentWriter(path)
    with pytest.raises(FileNotFoundError, match="missing"):
        _core.SegmentWriter(str(tmp_path / "missing" / "s.seg"))
    with pytest.raises(FileNotFoundError, match="none"):
        _core.scan_segment(str(tmp_path / "none.seg"))


def test_a_segment_of_a_newer_layout_says_so(tmp_path: Path) -> None:
    path = tmp_path / "s.seg"
    _core.SegmentWriter(str(path)).close()
    content = bytearray(path.read_bytes())
    content[8:12] = (2).to_bytes(4, "little")
    content[28:32] = _core.crc32c(bytes(content[:28])).to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(ValueError, match="newer version of stepwell"):
        _core.scan_segment(str(path))


FULL_DISK = """
import errno, resource, signal, sys
from stepwell import _core
writer = _core.SegmentWriter(sys.argv[1])
writer.append(1, 1, 1, 1, b"before")
size = writer.size
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, hard))
try:
    writer.append(1, 1, 2, 2, bytes(100_000))
except OSError as error:
    assert error.errno == errno.EFBIG, error
    assert error.filename == sys.argv[1], error
else:
    raise SystemExit("it fitted")
assert writer.size == size
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
assert writer.append(1, 1, 2, 2, b"after") == size
"""


def test_a_full_disk_leaves_the_segment_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "s.seg"
    subprocess.run([sys.executable, "-c", FULL_DISK, str(path)], check=True, timeout=60)
    frames, end, damaged = _core.scan_segment(str(path))
    assert [frame.payload for frame in frames] == [b"before", b"after"]
    assert end == path.stat().st_size
    assert damaged == []


@pytest.mark.parametrize(
    ("data", "crc"), [(b"", 0), (b"123456789", 0xE3069283), (bytes(32), 0x8A9136AA), (b"\xff" * 32, 0x62A8AB43)]
)
def test_crc32c_is_the_published_one(data: bytes, crc: int) -> None:
    assert _core.crc32c(data) == crc
    assert _core.crc32c(data[3:], _core.crc32c(data[:3])) == crc
