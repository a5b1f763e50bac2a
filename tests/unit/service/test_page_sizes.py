"""What a browser has to fetch before it shows anything, and for each view: held strictly, as the build left it."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

import stepwell
from support import REQUIRE_ALL

INITIAL_KB = 115
ROUTE_KB = 35


@pytest.fixture(scope="module")
def built() -> Path:
    folder = Path(stepwell.__file__).parent / "web"
    if not (folder / "manifest.json").is_file():
        if REQUIRE_ALL:
            pytest.fail("this build has no page")
        pytest.skip("this build has no page")
    return folder


def with_imports(manifest: dict[str, Any], name: str, above: tuple[str, ...] = ()) -> set[str]:
    """The files that come with a chunk: itself, what it imports, their styles."""
    assert name not in above, f"files that import each other, one by one: {' -> '.join((*above, name))}"
    chunk = manifest[name]
    imported = [other for other in chunk.get("imports", []) if other != "index.html"]
    return {chunk["file"], *chunk.get("css", [])}.union(
        *(with_imports(manifest, other, (*above, name)) for other in imported)
    )


def kilobytes(folder: Path, files: set[str]) -> float:
    return sum(len(gzip.compress((folder / file).read_bytes(), 9)) for file in files) / 1000


def initial(manifest: dict[str, Any]) -> set[str]:
    return with_imports(manifest, "index.html") | with_imports(manifest, "src/start.tsx")


def test_what_every_visit_fetches_is_small(built: Path) -> None:
    manifest = json.loads((built / "manifest.json").read_text())
    assert kilobytes(built, initial(manifest)) <= INITIAL_KB


def test_no_view_adds_much(built: Path) -> None:
    manifest = json.loads((built / "manifest.json").read_text())
    first = initial(manifest)
    routes = [name for name, chunk in manifest.items() if chunk.get("isDynamicEntry") and name != "src/start.tsx"]
    assert any("Runs" in name for name in routes)
    sizes = {name: kilobytes(built, with_imports(manifest, name) - first) for name in routes}
    assert {name: size for name, size in sizes.items() if size > ROUTE_KB} == {}


def test_every_file_is_there_compressed_once(built: Path) -> None:
    for asset in (built / "assets").glob("*.js"):
        assert gzip.decompress(asset.with_name(f"{asset.name}.gz").read_bytes()) == asset.read_bytes()
