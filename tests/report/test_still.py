"""The main pictures as files, of both kinds of experiment."""

import io
from typing import Any

import matplotlib.image
import numpy as np
import pytest
from handed_on import picture_of_the_test_part, stills

Facts = dict[str, Any]


@pytest.fixture(params=["digits", "boston"])
def facts(request: pytest.FixtureRequest) -> Facts:
    return dict(request.getfixturevalue(request.param))


def test_every_picture_is_drawn_as_png_and_svg_and_the_same_again(facts: Facts) -> None:
    found = stills(facts)
    names = {"confirmation", "curves", "tested"} | ({"importance"} if facts["explained"]["features"] else set())
    assert set(found) == {f"plots/{name}.{kind}" for name in names for kind in ("png", "svg")}
    for name, content in found.items():
        if name.endswith("png"):
            assert matplotlib.image.imread(io.BytesIO(content)).std() > 0.03, name
        else:
            assert content.startswith(b"<?xml") and facts["confirmed"]["experiment"].encode() in content
    assert stills(facts) == found


def test_the_picture_of_the_test_part_shows_its_numbers(facts: Facts) -> None:
    axes = picture_of_the_test_part(facts).axes[0]
    details = facts["details"]
    if details["kind"] == "numbers":
        x, y = axes.lines[0].get_data()
        assert (list(x), list(y)) == (details["residuals"]["actual"], details["residuals"]["predicted"])
    else:
        written = np.array([text.get_text() for text in axes.texts], dtype=int)
        np.testing.assert_array_equal(written, np.ravel(details["confusion"]["counts"]))


def test_without_an_explanation_or_a_spread_what_is_there_is_drawn(facts: Facts) -> None:
    columns = {name: values for name, values in facts["curves"].items() if not name.endswith("_std")}
    rows = [{**one, "interval": None} for one in facts["confirmed"]["configurations"]]
    less = {
        **facts,
        "explained": None,
        "curves": columns,
        "confirmed": {**facts["confirmed"], "configurations": rows},
    }
    assert set(stills(less)) == {
        f"plots/{name}.{kind}" for name in ("confirmation", "curves", "tested") for kind in ("png", "svg")
    }


def test_names_with_dollar_signs_are_no_formulas(digits: Facts) -> None:
    """Matplotlib would set what stands between two of them as mathematics, or refuse it."""
    names = [f"$10_$ to ${number}" for number in range(10)]
    facts = {**digits, "details": {**digits["details"], "classes": names}}
    assert len(stills(facts)["plots/tested.png"]) > 1000
