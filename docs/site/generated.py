"""The pages of the site that are made of the code: settings, HTTP API, contributing, changes. A hook of mkdocs.

Called by mkdocs before it reads the pages; nothing is written to the tree.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_type_hints

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[2]
# Pages that get their place in the menu once they are there, and before which other.
OPTIONAL = {"benchmarks.md": ("Benchmarks", "Comparison")}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    for name, (title, before) in OPTIONAL.items():
        titles = [next(iter(entry)) for entry in config.nav]
        if (ROOT / "docs" / name).is_file() and title not in titles:
            config.nav.insert(titles.index(before), {title: name})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    made = {
        "settings.md": settings(),
        "http-api.md": http_api(),
        "contributing.md": of_root("CONTRIBUTING.md"),
        "changelog.md": of_root("CHANGELOG.md"),
    }
    for name, text in made.items():
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """`{{ README: Title }}` stands for that section of README, `{{ COMMANDS }}` for the help of every command."""

    def section(match: re.Match[str]) -> str:
        found = re.search(rf"^## {re.escape(match[1])}\n.*?(?=^## |\Z)", of_root("README.md"), re.DOTALL | re.MULTILINE)
        if found is None:
            raise ValueError(f"README.md has no section {match[1]!r}")
        return found[0]

    markdown = markdown.replace("{{ COMMANDS }}", commands()) if "{{ COMMANDS }}" in markdown else markdown
    return re.sub(r"^\{\{ README: (.+) \}\}$", section, markdown, flags=re.MULTILINE)


def commands() -> str:
    """What `--help` of each command prints, so that nothing is said twice."""
    import click

    from stepwell.cli.main import COMMANDS

    parts = []
    for command in COMMANDS:
        context = click.Context(command, info_name=f"stepwell {command.name}", max_content_width=88, terminal_width=88)
        parts.append(f"## `stepwell {command.name}`\n\n```text\n{command.get_help(context)}\n```\n")
    return "\n".join(parts)


def of_root(name: str) -> str:
    """A page that lies beside docs/: its links are turned to where they stand in the site."""
    return re.sub(r"\]\(docs/", "](", (ROOT / name).read_text("utf-8"))


# --- settings


def settings() -> str:
    from stepwell import Settings

    defaults = Settings()
    kinds = {name: kind.__name__ for name, kind in get_type_hints(Settings).items()}
    parts = [
        "# Settings\n",
        "Every tunable of stepwell, with its default. Made of `src/stepwell/settings.py`.\n",
        "What `stepwell.init(settings={...})` names wins over the environment, which wins over the default. The "
        "environment variable of a setting is `STEPWELL_` and its name in capitals: `STEPWELL_RING_BYTES`. Those of "
        "the service and the agent are read from the environment of that process.\n",
        "Other variables: [what the environment says](lives.md#what-the-environment-says).\n",
    ]
    for title, rows in _settings_rows():
        parts.append(f"## {title[0].upper() + title[1:]}\n\n| setting | default | what it is |\n| --- | --- | --- |")
        for name, text in rows:
            shown = _shown(name, getattr(defaults, name))
            parts.append(f'| <span id="{name}"></span>`{name}` ({kinds[name]}) | {shown} | {text} |')
        parts.append("")
    return "\n".join(parts)


def _settings_rows() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """(section, [(name, text)]): sections are the comments `# --- title` of the class, texts the strings below."""
    source = (ROOT / "src/stepwell/settings.py").read_text("utf-8")
    lines = source.splitlines()
    kind = next(node for node in ast.parse(source).body if isinstance(node, ast.ClassDef) and node.name == "Settings")
    title, rows = "", []
    for node, after in zip(kind.body, kind.body[1:], strict=False):
        if not isinstance(node, ast.AnnAssign):
            continue
        before = next((line for line in reversed(lines[: node.lineno - 1]) if line.strip().startswith("# ---")), "")
        if (here := before.strip().removeprefix("# ---").strip()) != title:
            if rows:
                yield title, rows
            title, rows = here, []
        text = after.value.value if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) else ""
        rows.append((ast.unparse(node.target), " ".join(str(text).split())))
    yield title, rows


def _shown(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, str):
        return f"`{value}`" if value else "empty"
    if "bytes" in name and value:
        for unit, size in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
            if value % size == 0:
                return f"{value // size} {unit}"
    return f"{value:,} s" if name.endswith("_s") and "bytes" not in name else f"{value:,}"


# --- HTTP API


def http_api() -> str:
    schema = _openapi()
    parts = [
        "# HTTP API\n",
        "What a service answers under its URL; made of its OpenAPI schema, which it serves at `/openapi.json`. Every "
        "call but `/healthz`, `/readyz` and `/api/v1/info` wants the header `Authorization: Bearer TOKEN`. Errors are "
        'JSON: `{"error": "NotFound", "message": "..."}` with a status that fits.\n',
    ]
    for path, calls in schema["paths"].items():
        for method, call in calls.items():
            parts.append(f"## `{method.upper()} {path}`\n")
            if call.get("description"):
                parts.append(call["description"].replace("\n\n", "\n\n") + "\n")
            rows = [_parameter(one, schema) for one in call.get("parameters", [])]
            rows += _body(call, schema)
            if rows:
                parts.append("| name | in | type | default |\n| --- | --- | --- | --- |\n" + "\n".join(rows) + "\n")
    return "\n".join(parts)


def _openapi() -> dict[str, Any]:
    """Of the real routers, over stores that are never asked."""
    from unittest.mock import Mock

    from stepwell import Settings
    from stepwell.service.app import Info, create_app
    from stepwell.service.auth import Token
    from stepwell.service.figures import Figures
    from stepwell.service.http_blobs import blob_router
    from stepwell.service.http_ingest import ingest_router
    from stepwell.service.live import Live, live_router
    from stepwell.service.page_api import page_router
    from stepwell.service.reading import reading_router
    from stepwell.version import VERSION

    settings, figures, store = Settings(), Figures(), Mock()
    ingest = {"batcher": store, "ingest": store, "stopper": store, "settings": settings, "figures": figures, "boot": ""}
    routers = [
        reading_router(store),
        page_router(store),
        live_router(Live(store)),
        ingest_router(**ingest),
        blob_router(store, settings, figures),
    ]
    info = Info(version=VERSION, grpc="", boot="")
    guard: Any = create_app(
        info=info, routers=routers, check=lambda: None, figures=figures, token=Token("x" * 16), hosts=None
    )
    schema: dict[str, Any] = guard._app.openapi()
    return schema


def _parameter(one: dict[str, Any], schema: dict[str, Any]) -> str:
    what = one["schema"]
    default = "required" if one.get("required") else f"`{json.dumps(what['default'])}`" if "default" in what else ""
    return f"| `{one['name']}` | {one['in']} | {_type(what, schema)} | {default} |"


def _body(call: dict[str, Any], schema: dict[str, Any]) -> list[str]:
    content = call.get("requestBody", {}).get("content", {}).get("application/json", {})
    found = _resolved(content.get("schema", {}), schema)
    needed = found.get("required", [])
    rows = []
    for name, what in found.get("properties", {}).items():
        default = "required" if name in needed else f"`{json.dumps(what['default'])}`" if "default" in what else ""
        rows.append(f"| `{name}` | body | {_type(what, schema)} | {default} |")
    return rows


def _resolved(what: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    name = what.get("$ref", "").rpartition("/")[2]
    return schema["components"]["schemas"][name] if name else what


def _type(what: dict[str, Any], schema: dict[str, Any]) -> str:
    if "anyOf" in what:
        return " or ".join(_type(one, schema) for one in what["anyOf"] if one.get("type") != "null")
    found = _resolved(what, schema)
    kind = found.get("format") or found.get("type") or "any"
    if kind == "array":
        return f"list of {_type(found.get('items', {}), schema)}"
    if kind == "object" and found.get("properties"):
        return "object of " + ", ".join(f"`{name}`" for name in found["properties"])
    limits = [
        f"{sign} {found[key]}"
        for key, sign in (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"), ("exclusiveMaximum", "<"))
        if key in found
    ]
    return kind + (f" {' and '.join(limits)}" if limits else "")
