"""`run.config` and `run.summary`: nested dicts with attribute access that write each change as fields.

What is read back from them is what is stored: plain values, lists for tuples and sets. Writes nothing itself: that is
FieldWriter's.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path as FilePath
from typing import Any

from ..errors import InvalidValue
from .fields import FieldWriter, Path
from .notices import warn
from .plain import as_mapping, plain

__all__ = ["Fields", "load_config"]

_MISSING = object()


def load_config(config: object) -> dict[str, Any]:
    """A dict of plain values from what `init(config=)` takes. Raises InvalidValue.

    None, a mapping, Namespace, dataclass, OmegaConf, pydantic model, or the path of a YAML or JSON file.
    """
    if config is None:
        return {}
    if isinstance(config, (str, os.PathLike)):
        config = _read_file(FilePath(os.fspath(config)))
    mapping = as_mapping(config)
    if mapping is None:
        raise InvalidValue(
            "config is a dict, Namespace, dataclass, OmegaConf or the path of a YAML file, not a "
            f"{type(config).__name__}"
        )
    loaded: dict[str, Any] = plain(mapping)
    return loaded


def _read_file(path: FilePath) -> object:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidValue(f"config file {path} cannot be read: {error}") from error
    try:
        if path.suffix.lower() == ".json":
            import json

            return json.loads(text)
        import yaml

        return {} if (found := yaml.safe_load(text)) is None else found
    except ImportError as error:
        raise InvalidValue(f"to read {path} PyYAML is needed: pip install pyyaml") from error
    except Exception as error:
        raise InvalidValue(f"config file {path} cannot be understood: {error}") from error


class Fields(dict[str, Any]):
    """A dict whose items are also attributes; nested dicts are the same. Each change is recorded at once.

    A list that is changed in place is recorded at `finish`; assign it to have it recorded now.

    Example:
        ```python
        run.config["model"] = {"depth": 12}
        run.config.model.depth        # 12
        run.summary["best"] = 0.93
        ```
    """

    __slots__ = ("_path", "_writer")
    _path: Path
    _writer: FieldWriter

    def __init__(self, writer: FieldWriter, path: Path = ()) -> None:
        super().__init__()
        object.__setattr__(self, "_writer", writer)
        object.__setattr__(self, "_path", path)

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(
                f"no {name!r} here; there are: {', '.join(map(str, self)) or 'no items yet'}"
            ) from None

    def __setattr__(self, name: str, value: object) -> None:
        self[name] = value

    def __delattr__(self, name: str) -> None:
        try:
            del self[name]
        except KeyError:
            raise AttributeError(name) from None

    def __dir__(self) -> Iterable[str]:
        return [*super().__dir__(), *self]

    def __setitem__(self, key: str, value: object) -> None:
        # A value that cannot be read is named and left out: a bad entry must not stop training.
        try:
            name, read = _name(key), plain(value)
        except InvalidValue as error:
            warn(f"{'.'.join((*self._path, str(key)[:100]))} is not recorded: {error}")
            return
        self._place(name, read)
        self._writer.replace((*self._path, name), read)

    def __delitem__(self, key: str) -> None:
        super().__delitem__(key)
        self._writer.remove((*self._path, key), not self)

    def update(self, other: Any = (), /, **more: Any) -> None:
        """Items of a mapping, Namespace, dataclass, OmegaConf or pairs; nested dicts are replaced, not merged."""
        mapping = as_mapping(other)
        for key, value in dict(other if mapping is None else mapping, **more).items():
            self[key] = value

    def setdefault(self, key: str, default: Any = None) -> Any:
        if key not in self:
            self[key] = default
        return self.get(key)

    def pop(self, key: str, default: Any = _MISSING) -> Any:
        if key not in self:
            if default is _MISSING:
                raise KeyError(key)
            return default
        value = self[key]
        del self[key]
        return value

    def popitem(self) -> tuple[str, Any]:
        if not self:
            raise KeyError("no items")
        key = next(reversed(self))
        return key, self.pop(key)

    def clear(self) -> None:
        for key in list(self):
            del self[key]

    def __ior__(self, other: Any) -> Fields:  # type: ignore[override,misc]
        self.update(other)
        return self

    def to_dict(self) -> dict[str, Any]:
        """A copy in plain dicts, of no run."""
        return {key: value.to_dict() if isinstance(value, Fields) else value for key, value in self.items()}

    def copy(self) -> dict[str, Any]:
        return self.to_dict()

    def __copy__(self) -> dict[str, Any]:
        return self.to_dict()

    def __deepcopy__(self, memo: Any) -> dict[str, Any]:
        import copy

        return copy.deepcopy(self.to_dict(), memo)

    def __reduce__(self) -> Any:
        return dict, (self.to_dict(),)  # what a data loader worker gets by pickle is a copy, of no run

    def _place(self, key: str, value: Any) -> None:
        """Puts a plain value without recording it."""
        if isinstance(value, dict):
            child = Fields(self._writer, (*self._path, key))
            for name, item in value.items():
                child._place(name, item)
            value = child
        super().__setitem__(key, value)

    def load(self, values: Mapping[str, Any]) -> None:
        """All at once, for a start: plain values as `load_config` returns them."""
        for key, value in values.items():
            self._place(key, value)
        self.record_changes()

    def replace_all(self, values: Mapping[str, Any]) -> None:
        """These plain values and no others."""
        for key in [key for key in self if key not in values]:
            del self[key]
        self.update(values)

    def record_changes(self) -> None:
        """Writes what has changed without an assignment: lists changed in place."""
        try:
            self._writer.replace((), plain(self.to_dict()))
        except InvalidValue as error:
            warn(f"changes to a list in config or summary are not recorded: {error}")


def _name(key: object) -> str:
    if isinstance(key, str):
        return str.__str__(key)
    try:
        return str(key)
    except Exception as error:
        raise InvalidValue(f"a key that cannot be read: {type(error).__name__}") from error
