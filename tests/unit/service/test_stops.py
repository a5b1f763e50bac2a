"""Requests to stop a run reach the streams that carry it, once, and not a later attempt."""

from __future__ import annotations

from stepwell.service.stops import Stop, StopBoard

RUN, OTHER = b"r" * 16, b"o" * 16


def test_streams_that_carry_the_run_are_told_at_once_and_once() -> None:
    board, told = StopBoard(), []
    carrier, stranger = board.listen(told.append), board.listen(lambda stop: told.append("stranger"))
    carrier.saw(RUN, 10)
    stranger.saw(OTHER, 10)
    stop = Stop(RUN, 10, "diverged")
    assert board.request(stop) == 1
    carrier.saw(RUN, 10)
    assert told == [stop]


def test_a_stream_that_brings_the_run_later_is_told_then() -> None:
    board, told = StopBoard(), []
    stop = Stop(RUN, 10, "diverged")
    assert board.request(stop) == 0
    late = board.listen(told.append)
    late.saw(RUN, 10)
    late.saw(RUN, 10)
    assert told == [stop]


def test_an_attempt_begun_after_the_request_goes_on() -> None:
    board, told = StopBoard(), []
    board.request(Stop(RUN, 10, "diverged"))
    resumed = board.listen(told.append)
    resumed.saw(RUN, 11)
    assert told == []
    again = Stop(RUN, 11, "diverged again")
    assert board.request(again) == 1
    assert told == [again]


def test_a_stream_that_ended_is_not_told() -> None:
    board, told = StopBoard(), []
    gone = board.listen(told.append)
    gone.saw(RUN, 1)
    gone.close()
    assert board.request(Stop(RUN, 1, "")) == 0
    assert told == []


def test_requests_and_runs_are_remembered_up_to_a_bound() -> None:
    board, told = StopBoard(), []
    listener = board.listen(told.append)
    for number in range(25_000):
        run = number.to_bytes(16, "big")
        listener.saw(run, 1)
        board.request(Stop(run, 1, ""))
    assert len(board._stops) <= 10_000
    assert len(listener._runs) <= 10_000
