"""Frames out of a request's body: whole ones, or nothing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from making_blocks import frame_of
from stepwell.errors import InvalidValue
from stepwell.service.frames import parse_frames


@given(st.lists(st.binary(max_size=200), max_size=5))
def test_what_was_framed_is_found_again(blocks: list[bytes]) -> None:
    body = b"".join(map(frame_of, blocks))
    assert [(frame.block, frame.fault) for frame in parse_frames(body)] == [(block, "") for block in blocks]


@given(st.binary(max_size=300))
def test_any_bytes_are_frames_or_refused(body: bytes) -> None:
    try:
        frames = list(parse_frames(body))
    except InvalidValue:
        return
    assert not frames
    assert not body


@given(st.binary(min_size=1, max_size=100), st.data())
def test_a_changed_byte_is_never_taken_for_the_block(block: bytes, data: st.DataObject) -> None:
    body = bytearray(frame_of(block))
    place = data.draw(st.integers(0, len(body) - 1))
    body[place] ^= data.draw(st.integers(1, 255))
    try:
        frames = list(parse_frames(bytes(body)))
    except InvalidValue:
        return
    assert all(frame.fault for frame in frames)


@given(st.lists(st.binary(max_size=50), min_size=1, max_size=3), st.data())
def test_a_cut_body_is_refused_whole(blocks: list[bytes], data: st.DataObject) -> None:
    body = b"".join(map(frame_of, blocks))
    ends = {sum(len(frame_of(block)) for block in blocks[:count]) for count in range(len(blocks) + 1)}
    cut = data.draw(st.integers(0, len(body)).filter(lambda place: place not in ends))
    try:
        list(parse_frames(body[:cut]))
    except InvalidValue:
        return
    raise AssertionError("a cut body was taken")
