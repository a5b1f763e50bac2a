"""Nested config out of flat fields, and every answer the same after a trip through JSON."""

from __future__ import annotations

import json
import math
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwell.query import wire
from stepwell.query.records import ArtifactFile, ArtifactInfo, Event, LastStep, MetricInfo, RunInfo, RunKey, nested

TIME = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("fields", "tree"),
    [
        ({}, {}),
        ({"config/a": "1", "config/b/c": '"x"', "name": '"n"'}, {"a": 1, "b": {"c": "x"}}),
        ({"config/a~1b": "1", "config/~01": "2"}, {"a/b": 1, "~1": 2}),
        ({"config/empty": "{}", "config/list": "[1,[2]]"}, {"empty": {}, "list": [1, [2]]}),
        ({"config/a": "1", "config/a/b": "2"}, {"a": {"b": 2}}),
        ({"config/big": "123456789012345678901234567890"}, {"big": 123456789012345678901234567890}),
        ({"config/": "1"}, {"": 1}),
    ],
)
def test_fields_become_the_dict_they_were(fields: dict[str, str], tree: object) -> None:
    assert nested(fields, "config") == tree


keys = st.text(st.sampled_from("ab/~ ."), min_size=0, max_size=3)
trees = st.recursive(
    st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=2) | st.none() | st.booleans(),
    lambda inner: st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(keys, trees, max_size=3))
def test_any_nested_config_comes_back_equal(config: dict[str, object]) -> None:
    def flat(value: object, path: str) -> dict[str, str]:
        if isinstance(value, dict) and value:
            out: dict[str, str] = {}
            for key, below in value.items():
                out |= flat(below, path + "/" + key.replace("~", "~0").replace("/", "~1"))
            return out
        return {path: json.dumps(value)}

    assert nested(flat(config, "config") if config else {}, "config") == config


def test_what_the_user_set_outranks_the_last_value() -> None:
    info = RunInfo(RunKey("p", "r"), TIME, "finished", fields={"summary/loss": "0.5"}, last={"loss": 0.7, "acc": 0.9})
    assert info.summary == {"loss": 0.5, "acc": 0.9}


@pytest.mark.parametrize("number", [0.1, -0.0, 5e-324, 1.7976931348623157e308, math.inf, -math.inf, math.nan])
def test_every_double_survives_json(number: float) -> None:
    info = RunInfo(RunKey("p", "r"), TIME, "running", TIME, None, 2, 3, {"config/x": "NaN"}, {"loss": number})
    back = wire.run_from_json(json.loads(json.dumps(wire.run_to_json(info), allow_nan=False)))
    assert repr(back) == repr(info)
    metric = MetricInfo("loss", "scalar", 1, 1, 0, 0, number, number, None)
    assert repr(wire.metric_from_json(json.loads(json.dumps(wire.metric_to_json(metric), allow_nan=False)))) == repr(
        metric
    )


def test_events_artifacts_and_last_steps_survive_json() -> None:
    event = Event("alert", TIME, 1, 7, -3, {"why": "loss", "at": math.inf, "big": 2**70})
    artifact = ArtifactInfo(
        "ckpt", "checkpoint", 5, 0, TIME, "complete", 9, (ArtifactFile("a/b", 9, "d" * 64),), {"k": [1]}
    )
    last = LastStep(True, None, 4)
    for to, back, value in (
        (wire.event_to_json, wire.event_from_json, event),
        (wire.artifact_to_json, wire.artifact_from_json, artifact),
        (wire.last_step_to_json, wire.last_step_from_json, last),
    ):
        assert back(json.loads(json.dumps(to(value), allow_nan=False))) == value  # type: ignore[operator]
