"""Configs of every shape come in, come back equal, and are written leaf by leaf."""

from __future__ import annotations

import argparse
import copy
import json
import math
import pickle
import types
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from omegaconf import OmegaConf

from stepwell import _core
from stepwell.errors import InvalidValue
from stepwell.run.config import Fields, load_config
from stepwell.run.fields import FieldWriter, field_record

NESTED = {"lr": 0.1, "model": {"depth": 3, "name": "mlp", "layers": [64, 32]}, "amp": True, "seed": None}


@dataclass
class Optimizer:
    lr: float = 0.1
    betas: tuple[float, float] = (0.9, 0.999)


@dataclass
class Experiment:
    steps: int = 10
    optimizer: Optimizer = field(default_factory=Optimizer)


class Written:
    """Field records as they would lie in the store: the last of each key."""

    def __init__(self) -> None:
        self.records: list[tuple[str, str]] = []

    def __call__(self, kind: int, parts: tuple[bytes, ...]) -> bool:
        assert kind == _core.KIND_FIELD
        self.records.append((parts[0].decode(), parts[1].decode()))
        return True

    @property
    def stored(self) -> dict[str, Any]:
        return {key: json.loads(value) for key, value in dict(self.records).items() if value}


@pytest.fixture
def written() -> Written:
    return Written()


@pytest.fixture
def config(written: Written) -> Fields:
    return Fields(FieldWriter("config", written, 1 << 20))


CONFIGS = [
    ("none", None, {}),
    ("dict", NESTED, NESTED),
    ("Namespace", argparse.Namespace(lr=0.1, model=argparse.Namespace(depth=2)), {"lr": 0.1, "model": {"depth": 2}}),
    ("SimpleNamespace", types.SimpleNamespace(a=1), {"a": 1}),
    ("dataclass", Experiment(), {"steps": 10, "optimizer": {"lr": 0.1, "betas": [0.9, 0.999]}}),
    ("OmegaConf", OmegaConf.create({"a": 2, "b": {"c": "${a}", "d": [1, 2]}}), {"a": 2, "b": {"c": 2, "d": [1, 2]}}),
    ("OmegaConf, missing", OmegaConf.create({"a": "${nowhere}"}), {"a": "${nowhere}"}),
    ("OmegaConf inside", {"x": OmegaConf.create([1, {"y": 2}])}, {"x": [1, {"y": 2}]}),
    ("to_dict", type("Hub", (), {"to_dict": lambda self: {"hidden": 4}})(), {"hidden": 4}),
    ("numpy", {"a": np.float32(0.5), "b": np.arange(3)}, {"a": 0.5, "b": [0, 1, 2]}),
    (
        "others",
        {"path": Path("/data"), "kind": int, "set": {3, 1}},
        {"path": "/data", "kind": "builtins.int", "set": [1, 3]},
    ),
    ("large ints", {"a": 2**70, "b": -(2**63)}, {"a": 2**70, "b": -(2**63)}),
    ("infinities", {"a": math.inf}, {"a": math.inf}),
    ("keys", {1: "a", "a/b~c": 2}, {"1": "a", "a/b~c": 2}),
    ("empty", {"a": {}, "b": [], "c": ""}, {"a": {}, "b": [], "c": ""}),
]


@pytest.mark.parametrize(("given", "expected"), [case[1:] for case in CONFIGS], ids=[case[0] for case in CONFIGS])
def test_a_config_comes_back_equal(given: Any, expected: dict[str, Any], config: Fields) -> None:
    config.load(load_config(given))
    assert config == expected
    assert config.to_dict() == expected


@pytest.mark.parametrize(
    ("name", "text"),
    [("c.yaml", "lr: 0.1\nmodel:\n  depth: 3\n"), ("c.json", '{"lr": 0.1, "model": {"depth": 3}}')],
)
def test_a_config_file(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    assert load_config(tmp_path / name) == load_config(str(tmp_path / name)) == {"lr": 0.1, "model": {"depth": 3}}


@pytest.mark.parametrize("text", ["a: [", "- 1\n- 2\n", "just words"])
def test_a_config_file_that_is_none_says_so(text: str, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(InvalidValue):
        load_config(tmp_path / "c.yaml")


@pytest.mark.parametrize("given", [5, [1], "/nowhere/c.yaml", object()])
def test_what_is_no_config_says_so(given: Any) -> None:
    with pytest.raises(InvalidValue):
        load_config(given)


def test_each_leaf_is_a_field_under_its_json_pointer(config: Fields, written: Written) -> None:
    config.load({"model": {"depth": 3, "a/b": {"c~d": 1}}, "layers": [1, 2], "empty": {}})
    assert written.stored == {
        "config/model/depth": 3,
        "config/model/a~1b/c~0d": 1,
        "config/layers": [1, 2],
        "config/empty": {},
    }


CHANGES = [
    ("item", lambda c: c.__setitem__("lr", 0.2), {"config/lr": 0.2, "config/model/depth": 3}),
    ("attribute", lambda c: setattr(c, "lr", 0.2), {"config/lr": 0.2, "config/model/depth": 3}),
    ("nested attribute", lambda c: setattr(c.model, "depth", 4), {"config/lr": 0.1, "config/model/depth": 4}),
    ("nested item", lambda c: c["model"].__setitem__("new", 1), {"config/model/new": 1, "config/model/depth": 3}),
    ("dict for a leaf", lambda c: c.update(lr={"start": 1}), {"config/lr/start": 1, "config/lr": None}),
    ("leaf for a dict", lambda c: c.update({"model": "mlp"}), {"config/model": "mlp", "config/model/depth": None}),
    ("deleted", lambda c: c.pop("lr"), {"config/lr": None, "config/model/depth": 3}),
    ("deleted attribute", lambda c: delattr(c, "lr"), {"config/lr": None}),
    ("deleted tree", lambda c: c.__delitem__("model"), {"config/model/depth": None}),
    ("emptied", lambda c: c.model.clear(), {"config/model": {}, "config/model/depth": None}),
    ("filled again", lambda c: (c.model.clear(), c.model.update(x=1)), {"config/model": None, "config/model/x": 1}),
    ("updated", lambda c: c.__ior__(argparse.Namespace(a=1)), {"config/a": 1, "config/lr": 0.1}),
    ("default", lambda c: c.setdefault("b", {"c": 1}), {"config/b/c": 1}),
    ("default there", lambda c: c.setdefault("lr", 7), {"config/lr": 0.1}),
    ("replaced", lambda c: c.replace_all({"b": 2}), {"config/b": 2, "config/lr": None, "config/model/depth": None}),
    ("popped item", lambda c: c.popitem(), {"config/model/depth": None, "config/lr": 0.1}),
]


@pytest.mark.parametrize(("change", "expected"), [case[1:] for case in CHANGES], ids=[case[0] for case in CHANGES])
def test_a_change_is_written(change: Any, expected: dict[str, Any], config: Fields, written: Written) -> None:
    config.load({"lr": 0.1, "model": {"depth": 3}})
    change(config)
    for key, value in expected.items():
        if value is None:
            assert key not in written.stored
            assert dict(written.records)[key] == ""
        else:
            assert written.stored[key] == value


def test_what_has_not_changed_is_not_written_again(config: Fields, written: Written) -> None:
    config.load({"lr": 0.1, "model": {"depth": 3, "width": 4}})
    before = len(written.records)
    config.lr = 0.1
    config.update({"model": {"depth": 3, "width": 5}})
    config.record_changes()
    assert written.records[before:] == [("config/model/width", "5")]


def test_a_list_changed_in_place_is_written_at_the_end(config: Fields, written: Written) -> None:
    config.load({"layers": [1]})
    config.layers.append(np.int64(2))
    config.record_changes()
    assert written.stored == {"config/layers": [1, 2]}


def test_a_value_that_cannot_be_read_is_left_out(config: Fields, caplog: pytest.LogCaptureFixture) -> None:
    class Hostile:
        def __str__(self) -> str:
            raise RuntimeError

    config.bad = Hostile()
    config.good = 1
    assert config == {"good": 1}
    assert "bad is not recorded" in caplog.text


def test_a_value_too_large_is_not_written(written: Written, caplog: pytest.LogCaptureFixture) -> None:
    config = Fields(FieldWriter("config", written, 100))
    config.long = "x" * 200
    assert written.stored == {}
    assert "config/long is not recorded" in caplog.text


def test_secrets_are_hidden_in_what_is_written_only(config: Fields, written: Written) -> None:
    config.load({"api_key": "abc", "db": {"password": "p"}, "max_tokens": 5, "pad_token": "<pad>"})
    assert config.api_key == "abc"
    assert written.stored == {
        "config/api_key": "[redacted]",
        "config/db/password": "[redacted]",
        "config/max_tokens": 5,
        "config/pad_token": "<pad>",
    }


def test_a_missing_attribute_names_those_there_are(config: Fields) -> None:
    config.load({"lr": 0.1})
    with pytest.raises(AttributeError, match="lr"):
        _ = config.learning_rate
    with pytest.raises(KeyError):
        _ = config["learning_rate"]


@pytest.mark.parametrize(
    "make", [copy.copy, copy.deepcopy, lambda c: pickle.loads(pickle.dumps(c)), lambda c: c.copy()]
)
def test_a_copy_belongs_to_no_run(make: Any, config: Fields, written: Written) -> None:
    config.load({"a": {"b": [1]}})
    before = len(written.records)
    copied = make(config)
    copied["a"]["b"].append(2)
    copied["new"] = 1
    assert type(copied) is dict
    assert len(written.records) == before


def test_it_is_a_dict_to_others(config: Fields) -> None:
    config.load(NESTED)
    assert json.loads(json.dumps(config)) == NESTED
    assert dict(**config) == NESTED


@pytest.mark.parametrize(
    ("value", "number"),
    [(1, 1.0), (True, 1.0), (0.5, 0.5), (10**400, None), ("1", None), ([1], None), (None, None)],
)
def test_a_number_is_also_kept_as_a_double(value: Any, number: float | None) -> None:
    parts = field_record("k", value, "user")
    assert parts[3] == (b"" if number is None else np.float64(number).tobytes())
