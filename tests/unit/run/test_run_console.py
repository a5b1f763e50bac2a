"""The console is recorded without anybody noticing."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from stepwell import _core
from stepwell.run.console import Console


class Recorded:
    def __init__(self) -> None:
        self.pieces: list[tuple[bytes, bytes]] = []

    def __call__(self, kind: int, parts: tuple[bytes, ...]) -> bool:
        assert kind == _core.KIND_CONSOLE
        self.pieces.append((parts[0], parts[1]))
        return True

    def text(self, stream: bytes = b"1") -> str:
        return b"".join(text for name, text in self.pieces if name == stream).decode()


@pytest.fixture
def recorded() -> Recorded:
    return Recorded()


@dataclass
class Terminal:
    """Streams as an interpreter makes them, in the place of pytest's, and a console on them."""

    out: io.TextIOWrapper
    err: io.TextIOWrapper
    console: Console


@contextlib.contextmanager
def terminal(recorded: Recorded, bytes_per_s: int = 1 << 20) -> Iterator[Terminal]:
    old = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", line_buffering=True) for _ in range(2))
    console = Console(recorded, bytes_per_s)
    try:
        yield Terminal(sys.stdout, sys.stderr, console)
    finally:
        console.stop()
        sys.stdout, sys.stderr = old


def shown(stream: io.TextIOWrapper) -> str:
    stream.flush()
    return stream.buffer.getvalue().decode()  # type: ignore[attr-defined,no-any-return]


def test_what_is_printed_is_shown_and_recorded(recorded: Recorded) -> None:
    with terminal(recorded) as tty:
        tty.console.start()
        print("one", 2)
        print("err", file=sys.stderr)
        assert shown(tty.out) == recorded.text() == "one 2\n"
        assert shown(tty.err) == recorded.text(b"2") == "err\n"


def test_a_line_is_one_record(recorded: Recorded) -> None:
    with terminal(recorded) as tty:
        tty.console.start()
        print("a", "b", "c")
        assert recorded.pieces == [(b"1", b"a b c\n")]


def test_a_progress_bar_is_recorded_as_it_moves(recorded: Recorded) -> None:
    with terminal(recorded) as tty:
        tty.console.start()
        for percent in (10, 20):
            sys.stderr.write(f"\r{percent}%")
            sys.stderr.flush()
        assert recorded.pieces == [(b"2", b"\r10%"), (b"2", b"\r20%")]


def test_a_part_of_a_line_is_recorded_when_flushed_or_at_the_end(recorded: Recorded) -> None:
    with terminal(recorded) as tty:
        tty.console.start()
        print("a", end="", flush=True)
        assert recorded.text() == "a"
        print("b", end="")
        assert recorded.text() == "a"
        tty.console.stop()
        assert recorded.text() == "ab"


def test_the_streams_stay_what_they_are(recorded: Recorded) -> None:
    with terminal(recorded) as tty:
        tty.console.start()
        assert sys.stdout is tty.out
        assert sys.stdout.encoding == "utf-8"
        assert sys.stdout.buffer is tty.out.buffer
        assert not sys.stdout.isatty()
        assert sys.stdout.write("abc") == 3
        with pytest.raises(TypeError):
            sys.stdout.write(b"bytes")  # type: ignore[arg-type]


def test_it_is_taken_off_at_the_end(recorded: Recorded) -> None:
    with terminal(recorded) as tty:
        tty.console.start()
        tty.console.stop()
        assert "write" not in vars(sys.stdout)
        print("after")
        assert recorded.text() == ""


def test_another_wrapper_put_on_top_is_left_in_place(recorded: Recorded) -> None:
    with terminal(recorded) as tty:
        tty.console.start()
        ours = sys.stdout.write
        theirs = lambda text: ours(text.upper())  # noqa: E731
        sys.stdout.write = theirs  # type: ignore[method-assign,assignment]
        print("x")
        tty.console.stop()
        assert sys.stdout.write is theirs
        print("y")
        assert recorded.text() == "X\n"
        assert shown(tty.out) == "X\nY\n"


def test_redirected_output_is_not_ours(recorded: Recorded) -> None:
    with terminal(recorded) as tty:
        tty.console.start()
        with contextlib.redirect_stdout(io.StringIO()) as elsewhere:
            print("elsewhere")
        print("here")
        assert elsewhere.getvalue() == "elsewhere\n"
        assert recorded.text() == "here\n"


def test_a_logging_handler_made_before_is_recorded(recorded: Recorded) -> None:
    with terminal(recorded) as tty:
        handler = logging.StreamHandler()
        tty.console.start()
        logger = logging.getLogger("test_run_console")
        logger.addHandler(handler)
        logger.error("broken")
        logger.removeHandler(handler)
        assert recorded.text(b"2") == "broken\n"


def test_a_record_that_prints_does_not_recurse() -> None:
    class Talkative(Recorded):
        def __call__(self, kind: int, parts: tuple[bytes, ...]) -> bool:
            print("inner")
            return super().__call__(kind, parts)

    recorded = Talkative()
    with terminal(recorded) as tty:
        tty.console.start()
        print("outer")
        tty.console.stop()
        assert recorded.text().startswith("outer\n")
        assert "inner" in shown(tty.out)


def test_a_flood_is_shown_whole_and_recorded_up_to_the_rate(recorded: Recorded) -> None:
    with terminal(recorded, 1000) as tty:
        tty.console.start()
        for _ in range(100):
            print("é" * 50)
        tty.console.stop()
        assert len(shown(tty.out)) == 5100
        assert 900 < len(recorded.text().encode()) < 5000
        assert "not recorded]" in recorded.text()


def test_a_huge_print_is_cut_in_pieces(recorded: Recorded) -> None:
    with terminal(recorded) as tty:
        tty.console.start()
        print("é" * 100_000)
        assert recorded.text() == "é" * 100_000 + "\n"
        assert max(len(text) for _, text in recorded.pieces) <= 32 << 10


def test_eight_threads_lose_no_line(recorded: Recorded) -> None:
    with terminal(recorded) as tty:
        tty.console.start()

        def work(number: int) -> None:
            for line in range(200):
                sys.stdout.write(f"{number}-{line}\n")

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        tty.console.stop()
        assert sorted(recorded.text().split()) == sorted(f"{n}-{line}" for n in range(8) for line in range(200))


def test_odd_text_is_recorded(recorded: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    console = Console(recorded, 1 << 20)
    console.start()
    sys.stdout.write("\ud800\0\x1b[31m\n")
    console.stop()
    assert recorded.text() == "\\ud800\0\x1b[31m\n"


@pytest.mark.parametrize("stream", [None, object(), type("Slotted", (), {"__slots__": (), "write": len})()])
def test_a_stream_that_cannot_be_wrapped_is_left_alone(
    stream: object, recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", stream)
    console = Console(recorded, 1 << 20)
    console.start()
    console.stop()
    assert sys.stdout is stream


def test_one_stream_for_both_is_recorded_once(recorded: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    both = io.StringIO()
    monkeypatch.setattr(sys, "stdout", both)
    monkeypatch.setattr(sys, "stderr", both)
    console = Console(recorded, 1 << 20)
    console.start()
    print("once")
    console.stop()
    assert recorded.pieces == [(b"1", b"once\n")]


def test_a_forked_child_does_not_write_what_its_parent_holds(recorded: Recorded) -> None:
    with terminal(recorded) as tty:
        tty.console.start()
        print("held", end="")
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            tty.console.forget_held()
            print("child")
            os.write(writing, recorded.text().encode())
            os._exit(0)
        os.waitpid(pid, 0)
        assert os.read(reading, 100) == b"child\n"
        os.close(reading)
        os.close(writing)


def test_what_was_taken_off_is_put_on_again_and_records_each_text_once(recorded: Recorded) -> None:
    with terminal(recorded) as tty:
        original = tty.out.write
        tty.console.start()
        tty.out.write = original  # type: ignore[method-assign]  # as IPython does after a cell
        tty.console.renew()
        print("one")
        ours = tty.out.write
        tty.out.write = lambda text: ours(text)  # type: ignore[method-assign]  # somebody wraps us
        tty.console.renew()
        print("two")
        assert recorded.text() == shown(tty.out) == "one\ntwo\n"


class Echoing(io.StringIO):
    """As a notebook's streams: `write` may be replaced at any time, `echo` is told of each text."""

    echo: io.StringIO | None = None

    def write(self, text: str) -> int:
        if self.echo is not None:
            self.echo.write(text)
        return super().write(text)


def test_a_stream_with_an_echo_is_recorded_through_it(recorded: Recorded) -> None:
    with terminal(recorded) as tty:
        stream, before = Echoing(), io.StringIO()
        stream.echo = before
        sys.stdout = stream  # type: ignore[assignment]
        tty.console.start()
        print("one")
        tty.console.stop()
        print("two")
        assert stream.echo is before
        assert (recorded.text(), before.getvalue(), stream.getvalue()) == ("one\n", "one\ntwo\n", "one\ntwo\n")
