"""Readable names for runs that have none: made from the id, so that all ranks of a run find the same one."""

from __future__ import annotations

import hashlib

__all__ = ["readable_name"]

_FIRST = """
    amber ancient autumn azure bold brave bright bronze calm clear clever cool coral crimson crisp curious
    deep dry early eager fair fast fine fresh gentle golden grand green hidden high honest humble ivory jade
    keen kind late light lively long lucky mellow merry mild misty noble olive open pale patient plain proud
    quick quiet rapid rare ripe royal rustic scarlet serene sharp silent silver slow smooth snowy soft solid
    sparkling steady still stone strong subtle summer sunny swift tall tidy true upper velvet vivid warm
    western white wide wild winter wise young
""".split()  # noqa: SIM905 - a hundred quotes would hide the words
_SECOND = """
    arch basin bay beacon bend birch bluff bridge brook canyon cape cascade cave cedar cliff cloud coast comet
    cove creek crest dale delta dune echo ember falls fern field fjord ford forest garden glade glen grove
    gulf harbor heath hill hollow island juniper lagoon lake lantern leaf ledge maple marsh meadow mesa mill
    moon moor moss mountain oak oasis orchard path peak pebble pine plain pond prairie rain range reef ridge
    river sand sea shore sky slope spring spruce star steppe stream summit terrace thicket tide trail valley
    vale wave well willow wind wood
""".split()  # noqa: SIM905 - a hundred quotes would hide the words


def readable_name(id: str) -> str:
    """Such as `quiet-harbor-27`. Names are for people and may repeat; ids do not."""
    digest = hashlib.blake2b(id.encode(), digest_size=8).digest()
    first = _FIRST[int.from_bytes(digest[:3], "big") % len(_FIRST)]
    second = _SECOND[int.from_bytes(digest[3:6], "big") % len(_SECOND)]
    return f"{first}-{second}-{int.from_bytes(digest[6:], 'big') % 100}"
