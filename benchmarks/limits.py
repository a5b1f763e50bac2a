"""What keeps a figure from its target where it misses it, as far as that was measured: said beside those that miss.

Each names its measurement, so that it can be taken again; what is not looked into yet has no line here and is said so.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

__all__ = ["limit_of"]

_PACE = (
    "The machine is a virtual one whose speed changes by up to 2 within minutes; the yardsticks of the same run, which "
    "stand in the table, change with it."
)
# (row, or the subject of what no row asks; pattern of what is asked; what limits it): the first that fits.
_LIMITS: tuple[tuple[int | str, str, str], ...] = (
    (
        1,
        "*as dict copies",
        "By instructions a call is 1.1 dict copies (callgrind, 100,000 calls each: 1,756 and 1,580 with the loop taken "
        "off). The rest is in what they touch: a copy fills the memory that the copy before it has just freed, a row "
        "goes to lines of the ring that the agent, on another core, was the last to read.",
    ),
    (
        2,
        "*threads",
        "Eight threads take for a call what one takes by itself, which was measured in turns with them and stands "
        "beside it. " + _PACE,
    ),
    (2, "*", _PACE),
    (
        3,
        "*",
        "It counts, and finds least, greatest, sum and squares of all, while numpy's bincount "
        "only counts (beside it in `histogram`). " + _PACE,
    ),
    (
        4,
        "CPU,*",
        "What the loop spends inside the recorder's calls stands beside it (`inside its calls`), and so does what a "
        "call that does nothing comes to in the same way: the pairs of which each is the median lie percents apart, so "
        "what is less than that cannot be told. " + _PACE,
    ),
    (7, "*", _PACE),
    (
        8,
        "*",
        "Training process, agent and service share two processors, which are in use to the end: the CPU seconds a "
        "million points of agent and service stand in row 11, and most of them are the engine's, as the bare insert's "
        "beside them are. " + _PACE,
    ),
    (
        11,
        "service with chDB*",
        "Of it the stages of the service are what `end_to_end` lists one by one, a tenth; the rest is the engine's, "
        "which inserts and merges in the same process, where a server does it in another. What it costs to insert such "
        "rows with nothing else around stands beside it: by `perf` two thirds of that are merges. Fewer and wider ones "
        "(merge_selector_base 10 instead of 5) cost a tenth less, and left twice the parts to be read. " + _PACE,
    ),
    (
        12,
        "share of the plain client",
        "All processes of it share two processors: beside it stands what their CPU seconds allow at most. Of MinIO's, "
        "45 % are the MD5 of its ETags, by `perf`, for either client. What ours does and the plain client does not is "
        "a copy of the file, the way from agent to service, and three blake3 of every byte (0.35 s/GiB each): that by "
        "which the agent names the blob, and the service's of the whole and of each chunk. Copy and hash come one "
        "after the other before the first byte is sent, 0.3 s each while a processor is partly idle; from then on both "
        "are at work for nine tenths of the time, more than half of it in MinIO.",
    ),
    (
        12,
        "service memory*",
        "Three parts of 8 MiB on their way and one being filled are 32 MiB; the rest is what the heaps keep of chunks "
        "that came and went.",
    ),
    (
        13,
        "*chart of*10,000,000 points*",
        "All ten million points are read and grouped for each answer: 0.45 s of the server's processors, of which to "
        "read their steps and values is 0.19. " + _PACE,
    ),
    (
        13,
        "chart of 100 runs*",
        "Ten million points of a hundred runs are read and grouped for each answer, twice: to see how many there are "
        "(0.3 s of the server's processors), and into buckets (0.7). " + _PACE,
    ),
    (13, "*", _PACE),
    (
        14,
        "export of * whole runs*",
        "What a query costs before its first row is shared by as many runs as have half a million points together. "
        + _PACE,
    ),
    ("growth", "a block encoded*", _PACE),
    (
        "growth",
        "a log call*",
        "Sets of metrics that take turns have their keys and shapes in memory that the processor's caches hold "
        "less and less of: 260 ns a call of 1,000 sets, 340 of 5,000. Shapes that pushed each other out were 680 and "
        "1,040.",
    ),
    (
        "page",
        "first chart of 1,500 metrics, CPU throttled*",
        "The main thread is never idle until then: its work, which stands below, is as much as the time itself, four "
        "times that of the page that is not throttled. " + _PACE,
    ),
    (
        "page",
        "first chart of 1,500 metrics",
        "Both processors are busy from the first request to the chart: what they need at least for what service, page "
        "and the rest of Chromium do stands below. Of it the page's main thread has 40 %, V8's compilers beside it 17, "
        "the rest of Chromium 25, the service 17. " + _PACE,
    ),
    (
        "page",
        "table of 10,000 x 60, wheel scroll: late frames",
        "None in most passes of 480 frames. One that is late comes with the look at what has changed, every ten "
        "seconds: 80 ms of a processor in the service, on a machine of which page and browser use both. " + _PACE,
    ),
    (
        "page",
        "live: work of a frame*",
        "Of such a frame 1.2 ms are the page's own drawing, of some six charts; the browser rasters each in 0.2 ms "
        "more and hands the canvases of all forty to its compositor, also those that were not drawn, in 1.2. " + _PACE,
    ),
    (
        "page",
        "drawing a chart*",
        "Chromium rasters in software here. What is upright in each column is made as pixels already; lines made so "
        "took as long as the browser's own. The count of a crowd's lines in each pixel is kept with the view.",
    ),
    (
        "page",
        "most memory of the tab*",
        "After a forced collection 210 MB are left of 358, 9 of them the JavaScript heap: most of it is garbage that "
        "the browser has had no reason to collect.",
    ),
)


def limit_of(of: int | str, what: str) -> str:
    """ "" where nothing is known."""
    return next((text for number, pattern, text in _LIMITS if number == of and fnmatchcase(what, pattern)), "")
