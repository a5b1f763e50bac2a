"""One spool folder: what is appended is read, acked, set aside, repeated and removed, and survives its writer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from stepwell.errors import SpoolError
from stepwell.home import Home
from stepwell.settings import Settings
from stepwell.spool import Destination, Spool, find_spools
from stepwell.spool.segments import HEADER_BYTES

WRITER = 0xABCDEF0123456789


@pytest.fixture
def settings() -> Settings:
    return Settings(segment_bytes=400, segment_keep_s=3600.0)


@pytest.fixture
def spool(home: Path, settings: Settings) -> Spool:
    return Spool.create(Home(home), Destination(), settings, "0123456789abcdef")


def fill(spool: Spool, count: int, first: int = 1, size: int = 50) -> list[bytes]:
    blocks = [bytes([number % 256]) * size for number in range(first, first + count)]
    for number, block in enumerate(blocks, first):
        spool.append(WRITER, number * 10, number * 10 + 9, block)
    return blocks


def read_all(spool: Spool) -> list[bytes]:
    return [frame.payload for frame in spool.frames()]


def segments(spool: Spool) -> list[str]:
    return sorted(path.name for path in spool.path.glob("*.seg"))


def test_what_is_appended_is_read_in_order_over_segments(spool: Spool) -> None:
    blocks = fill(spool, 20)
    assert len(segments(spool)) > 2
    assert read_all(spool) == blocks
    assert read_all(spool) == blocks  # nothing was acked
    assert spool.last_seqs() == {WRITER: 209}


def test_reading_goes_on_where_appending_went_on(spool: Spool) -> None:
    seen = []
    for number in range(1, 15):
        (block,) = fill(spool, 1, first=number)
        seen = spool.read()
        assert [frame.payload for frame in seen] == [block]
    assert spool.read() == []


def test_the_cursor_waits_for_the_first_unacked_frame(spool: Spool) -> None:
    blocks = fill(spool, 6)
    frames = list(spool.frames())
    spool.mark_acked(frames[1:4])
    assert spool.acked_seq(WRITER) == 0
    spool.restart()
    assert read_all(spool) == [blocks[0], *blocks[4:]]  # those acked out of order are not sent again
    spool.mark_acked([frames[0]])
    assert spool.acked_seq(WRITER) == 49
    spool.mark_acked(frames[4:])
    assert spool.acked_seq(WRITER) == 69
    assert spool.pending_bytes == 0
    assert not spool.unread


def test_acks_survive_their_process(spool: Spool, settings: Settings) -> None:
    blocks = fill(spool, 8)
    frames = list(spool.frames())
    spool.mark_acked(frames[:5])
    spool.close()
    with Spool.adopt(spool.path, settings) as again:
        assert again.acked_seq(WRITER) == 59
        assert read_all(again) == blocks[5:]
        assert again.last_seqs() == {WRITER: 89}


def test_a_held_spool_is_not_adopted_but_read(spool: Spool) -> None:
    blocks = fill(spool, 3)
    with pytest.raises(SpoolError, match="held by another process"):
        Spool.adopt(spool.path)
    reader = Spool.open_readonly(spool.path)
    assert read_all(reader) == blocks
    more = fill(spool, 9, first=4)
    assert [frame.payload for frame in iter_new(reader)] == more
    assert not (spool.path / "cursor.json").exists()


def iter_new(spool: Spool) -> list:
    found = []
    while batch := spool.read():
        found += batch
    return found


def test_a_spool_with_nothing_left_removes_itself(spool: Spool) -> None:
    fill(spool, 3)
    spool.mark_acked(list(spool.frames()))
    spool.close(keep_acked=False)
    assert not spool.path.exists()


def test_acked_segments_are_kept_for_a_service_that_restarts(spool: Spool, settings: Settings) -> None:
    blocks = fill(spool, 12)
    spool.welcome("boot-1")
    spool.mark_acked(list(spool.frames()))
    spool.tidy()
    assert spool.pending_bytes == 0
    spool.welcome("boot-1")
    assert read_all(spool) == []
    spool.welcome("boot-2")
    assert read_all(spool) == blocks
    spool.mark_acked(list(spool.frames()))
    assert spool.pending_bytes == 0
    spool.close()
    with Spool.adopt(spool.path, settings) as again:
        again.welcome("boot-2")
        assert read_all(again) == []
        again.welcome("boot-3")
        assert read_all(again) == blocks


def test_kept_segments_go_when_their_time_is_over(home: Path) -> None:
    spool = Spool.create(Home(home), Destination(), Settings(segment_bytes=400, segment_keep_s=0.0), "agent-1")
    fill(spool, 12)
    assert len(segments(spool)) > 2
    spool.mark_acked(list(spool.frames()))
    spool.tidy()
    assert segments(spool) == []
    block = fill(spool, 1, first=99)
    assert read_all(spool) == block


def test_a_torn_tail_is_cut_off_by_the_next_holder(spool: Spool, settings: Settings) -> None:
    blocks = fill(spool, 3)
    last = spool.path / segments(spool)[-1]
    spool.close()
    whole = last.stat().st_size
    torn = Path(last).read_bytes()[-98:-20]  # the beginning of a frame, as a kill inside write(2) could leave it
    with last.open("ab") as file:
        file.write(torn)
    with Spool.adopt(spool.path, settings) as again:
        assert last.stat().st_size == whole
        assert read_all(again) == blocks
        assert again.damaged == 0


@pytest.mark.parametrize("where", ["payload", "header", "last"])
def test_a_damaged_frame_is_set_aside_and_the_others_are_read(spool: Spool, settings: Settings, where: str) -> None:
    blocks = fill(spool, 5)
    frames = list(spool.frames())
    spool.close()
    victim = frames[-1 if where == "last" else 1]
    path = spool.path / f"{victim.segment:08d}.seg"
    content = bytearray(path.read_bytes())
    content[victim.offset + (10 if where == "header" else 60)] ^= 0xFF
    path.write_bytes(content)
    with Spool.adopt(spool.path, settings) as again:
        expected = [block for block, frame in zip(blocks, frames, strict=True) if frame is not victim]
        assert read_all(again) == expected
        assert read_all(again) == expected
        assert again.damaged == 1
        kept = spool.path / f"{victim.segment:08d}.damaged"
        assert kept.stat().st_size == victim.length
        again.mark_acked(list(again.frames()))
        assert again.pending_bytes == 0
    assert kept.exists()  # a folder with something to look at stays


def test_a_segment_without_a_header_is_passed_over(spool: Spool, settings: Settings) -> None:
    blocks = fill(spool, 3)
    spool.close()
    (spool.path / "00000009.seg").touch()  # a kill between making the file and writing its header
    with Spool.adopt(spool.path, settings) as again:
        assert read_all(again) == blocks
        again.append(WRITER, 900, 909, b"next")
        assert read_all(again) == [*blocks, b"next"]


def test_a_refused_frame_is_kept_with_its_reason(spool: Spool) -> None:
    blocks = fill(spool, 3)
    frames = list(spool.frames())
    spool.refuse(frames[1], "FORBIDDEN", "not your run")
    spool.mark_acked([frames[0], frames[2]])
    assert spool.pending_bytes == 0
    assert spool.refused == 1
    notes = next(spool.path.glob("*.refused.jsonl"))
    note = json.loads(notes.read_text())
    assert (note["reason"], note["message"]) == ("FORBIDDEN", "not your run")
    from stepwell import _core

    kept, _, damaged = _core.scan_segment(str(notes.with_name(notes.name.removesuffix(".jsonl"))))
    assert [frame.payload for frame in kept] == [blocks[1]]
    assert damaged == []


def test_a_held_frame_is_sent_to_another_version_only(spool: Spool) -> None:
    blocks = fill(spool, 3)
    frames = list(spool.frames())
    spool.hold(frames[0], "1.0")
    spool.mark_acked(frames[1:])
    assert spool.pending_bytes == 0
    assert spool.on_hold == 1
    assert spool.release_held("1.0") == 0
    assert spool.release_held("1.1") == 1
    assert read_all(spool) == [blocks[0]]
    assert spool.on_hold == 0


def test_spools_are_found_from_home_folder_or_spool(home: Path, spool: Spool, settings: Settings) -> None:
    other = Spool.create(Home(home), Destination("http://elsewhere:1", "offline"), settings, "feedfeedfeedfeed")
    both = {spool.path, other.path}
    assert set(find_spools(home)) == both
    assert set(find_spools(home / "spool")) == both
    assert find_spools(spool.path) == [spool.path]
    assert find_spools(home / "nothing") == []
    assert Destination.load(other.path) == Destination("http://elsewhere:1", "offline")


def test_a_killed_writer_frees_its_spool(home: Path, settings: Settings) -> None:
    script = (
        "import os, signal, sys\n"
        "from stepwell.home import Home\n"
        "from stepwell.settings import Settings\n"
        "from stepwell.spool import Destination, Spool\n"
        f"spool = Spool.create(Home({str(home)!r}), Destination(), Settings(), 'killed00')\n"
        "for n in range(100): spool.append(7, n, n, b'x' * n)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -9
    (path,) = find_spools(home)
    with Spool.adopt(path, settings) as spool:
        assert read_all(spool) == [b"x" * n for n in range(100)]


def test_a_full_disk_leaves_the_spool_as_it_was(tmp_path: Path) -> None:
    """RLIMIT_FSIZE stands for the full disk: the kernel then takes a part of the write and refuses the rest."""
    script = (
        "import resource, signal\n"
        "from stepwell.home import Home\n"
        "from stepwell.settings import Settings\n"
        "from stepwell.spool import Destination, Spool\n"
        f"spool = Spool.create(Home({str(tmp_path)!r}), Destination(), Settings(), 'full0000')\n"
        "spool.append(7, 1, 1, b'a' * 1000)\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))\n"
        "try:\n    spool.append(7, 2, 2, b'b' * 1000)\n"
        "except OSError as error: print(error.errno)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))\n"
        "spool.append(7, 3, 3, b'c' * 1000)\n"
        "print(b''.join(frame.payload[:1] for frame in spool.frames()).decode())\n"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["27", "ac"]  # EFBIG


def test_a_segment_of_a_newer_layout_is_left_alone(spool: Spool, settings: Settings) -> None:
    from stepwell import _core

    fill(spool, 2)
    spool.close()
    path = spool.path / segments(spool)[-1]
    content = bytearray(path.read_bytes())
    content[8:12] = (99).to_bytes(4, "little")
    content[28:HEADER_BYTES] = _core.crc32c(bytes(content[:28])).to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(SpoolError, match="newer version"):
        Spool.adopt(spool.path, settings)
    assert path.read_bytes() == bytes(content)
    assert os.path.exists(spool.path / "lock")
