"""What the filter language means, as trees; and where it points when it cannot read on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwell.errors import FilterError
from stepwell.query.filter_sql import condition
from stepwell.query.filters import All, Any_, Compare, Contains, Matches, Not, Ref, parse

LR = Ref("config", ("lr",))


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("config.lr > 1e-3", Compare(">", LR, 1e-3)),
        ("1e-3 < config.lr", Compare(">", LR, 1e-3)),
        ("0 < config.lr <= .5", All((Compare(">", LR, 0), Compare("<=", LR, 0.5)))),
        ("config.lr != -1", Not(Compare("==", LR, -1))),
        ('summary["val/acc"] > 0.9', Compare(">", Ref("summary", ("val/acc",)), 0.9)),
        ("config.model.depth == 50", Compare("==", Ref("config", ("model", "depth")), 50)),
        ("""config["a b"]['c'] == "x\\"y" """, Compare("==", Ref("config", ("a b", "c")), 'x"y')),
        ("config.amp == true", Compare("==", Ref("config", ("amp",)), True)),
        ("config.lr == None", Compare("==", LR, None)),
        ("summary.a > summary.b", Compare(">", Ref("summary", ("a",)), Ref("summary", ("b",)))),
        ('"x" in tags', Contains("x", Ref("tags"))),
        ('"x" not in tags', Not(Contains("x", Ref("tags")))),
        (
            'state in ("failed", "crashed")',
            Any_((Compare("==", Ref("state"), "failed"), Compare("==", Ref("state"), "crashed"))),
        ),
        ('name ~ "^res"', Matches(Ref("name"), "^res")),
        ('name matches "^res"', Matches(Ref("name"), "^res")),
        ('created >= "1970-01-02"', Compare(">=", Ref("created"), 86400.0)),
        ("not not config.lr > 1", Compare(">", LR, 1)),
        (
            "config.lr > 1 or config.lr > 2 and not config.lr > 3",
            Any_((Compare(">", LR, 1), All((Compare(">", LR, 2), Not(Compare(">", LR, 3)))))),
        ),
        ("(config.lr > 1 or config.lr > 2) and config.lr > 3",
         All((Any_((Compare(">", LR, 1), Compare(">", LR, 2))), Compare(">", LR, 3)))),
    ],
)  # fmt: skip
def test_a_filter_reads_as_it_is_written(text: str, tree: object) -> None:
    assert parse(text) == tree


@pytest.mark.parametrize(
    ("text", "position", "says"),
    [
        ("", 0, "which runs to keep"),
        ("lr > 1", 0, "did you mean config.lr or summary.lr"),
        ("config > 1", 0, "name a key"),
        ("config.lr = 1", 10, "=="),
        ("config.lr >", 11, "expected a name"),
        ("config.lr 1", 10, "expected a comparison"),
        ("config.lr > 1 config.lr > 2", 14, "expected `and`"),
        ("(config.lr > 1", 14, "close the parenthesis"),
        ('config.name == "x', 15, "closing quote"),
        ("config.lr > 1; DROP TABLE runs", 13, "cannot stand"),
        ("config[0] > 1", 7, "quoted key"),
        ("1 < 2", 2, "something of a run"),
        ('tags == "x"', 5, "in tags"),
        ("created > 7", 10, "with a date"),
        ('created > "soon"', 10, "not a date"),
        ('name ~ "("', 7, "not a regular expression"),
        ("state.x == 1", 0, "no keys"),
        ("config.lr in config.ks", 10, "`in` takes"),
        ("(" * 80 + "config.lr > 1" + ")" * 80, 60, "levels"),
        (" or ".join(["config.lr > 1"] * 300), 3400, "comparisons"),
    ],
)
def test_what_cannot_be_read_is_pointed_at(text: str, position: int, says: str) -> None:
    with pytest.raises(FilterError, match="(?s)" + says.replace("(", "\\(")) as caught:
        parse(text)
    assert caught.value.position == position
    assert str(caught.value).split("\n")[-1] == "  " + " " * position + "^"


@given(st.text(max_size=200))
def test_any_text_is_a_filter_or_a_filter_error(text: str) -> None:
    try:
        parse(text)
    except FilterError as error:
        position = error.position
    else:
        position = 0
    assert 0 <= position <= len(text)


SECRET = "zq'\"\\;--)(/*{}x"  # no part of a query is written like this
QUOTED = '"' + SECRET.replace("\\", "\\\\").replace('"', '\\"') + '"'


@given(
    st.sampled_from(
        [
            "name == {}", "{} in tags", "config[{}] > 1", "summary[{}][{}] < 2", "env[{}] == {}", "notes >= {}",
            "id in ({}, {})", "not config.x == {}", "project != {}", "config[{}] > summary[{}]", "{} not in config[{}]",
        ]
    ),
    st.text(max_size=40).map(lambda text: text + SECRET),
)  # fmt: skip
def test_no_text_of_a_filter_reaches_the_sql(form: str, text: str) -> None:
    quoted = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    sql, parameters = condition(parse(form.replace("{}", quoted)))
    plain, _ = condition(parse(form.replace("{}", '"x"')))
    assert sql == plain  # the query is the same whatever was written
    assert any(SECRET in str(value).replace("~1", "/").replace("~0", "~") for value in parameters.values())


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_no_number_of_a_filter_reaches_the_sql(number: float) -> None:
    sql, parameters = condition(parse(f"config.lr > {number!r}"))
    assert sql == condition(parse("config.lr > 1.5"))[0]
    assert number in parameters.values()
