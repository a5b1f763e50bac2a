"""The colours of what is drawn, as the page has them, for light and dark notebooks (Jupyter, VS Code, Colab)."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["CONTEXT", "DARK", "LIGHT", "NAMES", "places", "style"]

# web/src/theme/palette.ts: a run has one colour, here and there.
LIGHT = ("#343ed4", "#c87f11", "#14a979", "#881379", "#9a5afe", "#6a6b01", "#7a2a07", "#087eb0")
DARK = ("#5e7de8", "#ed972f", "#2ec489", "#fdaed0", "#a2a8fa", "#dfd752", "#c26b61", "#1797a2")
NAMES = ("blue", "orange", "green", "plum", "violet", "olive", "brown", "teal")
CONTEXT = "#8a929c"  # past eight runs, in either theme

_DARK_NOTEBOOKS = ('[data-jp-theme-light="false"]', ".vscode-dark", 'html[theme="dark"]')
_RULES = """
.sw{color:var(--jp-ui-font-color1,inherit);font-family:var(--jp-ui-font-family,system-ui,sans-serif);\
font-size:var(--jp-ui-font-size1,13px);line-height:1.45;max-width:100%;overflow-x:auto}
.sw table{border-collapse:collapse;margin:4px 0 0;border:0;font-variant-numeric:tabular-nums}
.sw tr,.sw tbody tr:nth-child(even){background:none}
.sw th,.sw td{text-align:left;padding:2px 14px 2px 0;border:0;vertical-align:middle;max-width:26em;overflow:hidden;\
text-overflow:ellipsis;white-space:nowrap}
.sw th{font-weight:600;opacity:.65}
.sw .n{text-align:right}
.sw .m{opacity:.65}
.sw .t{border:1px solid currentColor;border-radius:9px;padding:0 7px;margin-left:5px;opacity:.7}
.sw .g{display:flex;flex-wrap:wrap;gap:6px 36px;margin-top:6px}
.sw a{color:var(--jp-content-link-color,var(--sw0))}
.sw svg{vertical-align:middle}
.sw .fig svg{max-width:100%;height:auto}
.sw details>summary{cursor:pointer;opacity:.65;margin-top:4px}
.sw pre{white-space:pre-wrap;margin:2px 0}
"""


def style() -> str:
    """For each output by itself: a saved notebook may lose any other."""
    light = "".join(f"--sw{number}:{hue};" for number, hue in enumerate(LIGHT))
    dark = "".join(f"--sw{number}:{hue};" for number, hue in enumerate(DARK))
    selector = ",".join(f"{notebook} .sw" for notebook in _DARK_NOTEBOOKS)
    return f"<style>.sw{{{light}}}{selector}{{{dark}}}{_RULES.strip()}</style>"


def places(runs: Sequence[tuple[str, str, str | None]]) -> dict[str, int | None]:
    """The hue of each run by its path. runs: (path, id, the colour that was chosen for it, if one was).

    As the page gives them: a chosen one is kept, others go by the id, and of two that meet the later takes the next
    free. None: past all hues.
    """
    found: dict[str, int | None] = {path: NAMES.index(name) for path, _, name in runs if name in NAMES}
    taken = {place for place in found.values() if place is not None}
    for path, id, _ in runs:
        if path in found:
            continue
        if len(taken) == len(LIGHT):
            found[path] = None
            continue
        place = _hash(id) % len(LIGHT)
        while place in taken:
            place = (place + 1) % len(LIGHT)
        taken.add(place)
        found[path] = place
    return found


def _hash(text: str) -> int:
    """FNV-1a over UTF-16, as the page computes it."""
    value = 2166136261
    units = text.encode("utf-16-le", "surrogatepass")
    for low, high in zip(units[::2], units[1::2], strict=True):
        value = ((value ^ (low | high << 8)) * 16777619) & 0xFFFFFFFF
    return value ^ (value >> 15)
