import json

import pytest
from plotly import graph_objects as go

from eksplora.drawing import look


def test_nothing_in_a_picture_ends_the_script_that_holds_it() -> None:
    text = look.as_json({"name": "</script><script>alert(1)</script>"})
    assert "<" not in text
    assert json.loads(text)["name"] == "</script><script>alert(1)</script>"


def test_numbers_of_a_picture_have_five_digits_and_what_is_not_finite_is_null() -> None:
    assert look.as_json({"x": [1 / 3, float("nan"), 7], "y": (float("-inf"),)}) == '{"x":[0.33333,null,7],"y":[null]}'


def test_a_picture_has_no_colours_of_the_theme() -> None:
    made = json.loads(look.figure([go.Scatter(x=[1], y=[2])], x="a<b"))
    assert not {"paper_bgcolor", "plot_bgcolor", "font"} & set(made["layout"])
    assert "layout" not in made["layout"]["template"]
    assert made["layout"]["xaxis"]["title"]["text"] == "a&lt;b"


def test_names_that_begin_alike_stay_different_beside_an_axis() -> None:
    names = [f"a feature with quite a long name {number}" for number in range(200)]
    shown = look.labels(names)
    assert len(set(shown)) == 200
    assert max(map(len, shown)) <= look.LONGEST_LABEL + 4


def test_groups_differ_by_colour_or_symbol() -> None:
    styles = [look.marker(place) for place in range(look.MOST_STYLES)]
    assert len({(one["color"], one["symbol"]) for one in styles}) == look.MOST_STYLES
    lines = [look.line(place) for place in range(10)]
    assert len({(one["color"], one["dash"]) for one in lines}) == 10


def test_an_end_that_is_not_known_has_no_whisker() -> None:
    bars = look.bars([0.5, None], [1.0, 2.0], [1.75, None])
    assert (bars["arrayminus"], bars["array"]) == ([0.5, 0.0], [0.75, 0.0])


@pytest.mark.parametrize("scale", ["sequential", "diverging", "ordered"])
def test_a_colour_axis_names_the_scale_that_the_page_has(scale: str) -> None:
    from eksplora.report.page import FOLDER

    assert look.colour_axis(scale)["meta"] == {"scale": scale}
    assert (FOLDER / "plots.js").read_text(encoding="utf-8").count(f"      {scale}: [[0,") == 2  # light and dark
