"""Output as a terminal shows it at the end."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwell.query.console import Screen, collapse
from stepwell.query.reader import CONSOLE_SCHEMA

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)


def shown(*chunks: str) -> list[str]:
    screen = Screen()
    for chunk in chunks:
        screen.feed(chunk)
    return [text for text, _ in screen.lines]


@pytest.mark.parametrize(
    ("chunks", "lines"),
    [
        (["hello\nworld\n"], ["hello", "world"]),
        (["no end"], ["no end"]),
        (["a\n\nb\n"], ["a", "", "b"]),
        (["10%\r20%\r100%\n"], ["100%"]),
        (["10%", "\r20%", "\r30%"], ["30%"]),
        (["long line\rab\n"], ["abng line"]),
        (["long line\r\x1b[Kab\n"], ["ab"]),
        (["long line\x1b[2K\rab\n"], ["ab"]),
        (["wrong\b\b\b\b\bright\n"], ["right"]),
        (["crlf\r\nnext\r\n"], ["crlf", "next"]),
        (["outer 1/2\ninner 1/9\x1b[A\router 2/2\n\rinner 9/9\n"], ["outer 2/2", "inner 9/9"]),
        (["\x1b[31mred\x1b[0m plain\n"], ["\x1b[31mred\x1b[0m plain"]),
        (["10%\r\x1b[3", "2m20%\n"], ["\x1b[32m20%"]),
        (["\x1b]0;title\x07text\n"], ["text"]),
        (["\x1b[?25lhidden cursor\x1b[?25h\n"], ["hidden cursor"]),
        (["tab\there\n"], ["tab\there"]),
        (["\x1b[99Atop\n"], ["top"]),
        ([""], []),
    ],
)
def test_what_a_terminal_would_show(chunks: list[str], lines: list[str]) -> None:
    assert shown(*chunks) == lines


@given(st.text(st.sampled_from("ab \r\n\b\x1b[]K2AmG;0"), max_size=60), st.data())
def test_how_the_output_was_cut_into_chunks_makes_no_difference(text: str, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(text)))
    assert shown(text[:cut], text[cut:]) == shown(text)


def test_ranks_and_streams_are_kept_apart_and_put_in_order_of_time() -> None:
    written = [
        (0, 1, "epoch 1 "),
        (0, 2, "10%"),
        (1, 1, "rank one\n"),
        (0, 2, "\r50%"),
        (0, 1, "done\n"),
        (0, 2, "\r100%\n"),
    ]
    rows = [
        {"rank": rank, "stream": stream, "time": START + timedelta(seconds=n), "writer": 1, "row_seq": n, "text": text}
        for n, (rank, stream, text) in enumerate(written)
    ]
    console = collapse(pa.Table.from_pylist(rows, CONSOLE_SCHEMA))
    assert [(line.rank, line.stream, line.text) for line in console] == [
        (1, "stdout", "rank one"),
        (0, "stdout", "epoch 1 done"),
        (0, "stderr", "100%"),
    ]
    assert console[1].time == START + timedelta(seconds=4)
    assert str(console) == "rank one\nepoch 1 done\n100%\n"
