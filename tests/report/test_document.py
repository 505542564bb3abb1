"""The report of an experiment, from facts as the stages hand them on: all of them, and those that lack something."""

import base64
import gzip
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from handed_on import document, sections

from eksplora.records.architecture import LayerRecord
from eksplora.records.confirm import Configuration
from eksplora.records.estimate import Compared
from eksplora.report.block import Beside, Block, Note, Plot, TableBlock
from eksplora.report.section.confirmation import verdicts
from eksplora.report.section.learning import finite
from eksplora.report.section.network import boxes
from eksplora.report.section.result import ONE_MEMBER

Facts = dict[str, Any]

KEYS = [
    *("result", "data", "confirmation", "audit", "test", "uncertainty", "failure", "attribution"),
    *("embedding", "search", "learning", "network", "again"),
]


class Page(HTMLParser):
    """What stands in a page: texts, attributes and links, without scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "link", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"{tag} is closed where another is open"

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self.open):
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def flat(blocks: Any) -> list[Block]:
    """Blocks, those beside each other too."""
    return [one for block in blocks for one in (flat(block.blocks) if isinstance(block, Beside) else [block])]


def section(facts: Facts, key: str) -> list[Block]:
    return flat(next(one for one in sections(facts) if one.key == key).blocks)


def notes(facts: Facts, key: str) -> str:
    return " ".join(block.text for block in section(facts, key) if isinstance(block, Note))


def tables(facts: Facts, key: str) -> dict[str, TableBlock]:
    return {block.title: block for block in section(facts, key) if isinstance(block, TableBlock)}


def plots(facts: Facts, key: str) -> dict[str, Plot]:
    return {block.name: block for block in section(facts, key) if isinstance(block, Plot)}


@pytest.fixture(params=["digits", "boston"])
def facts(request: pytest.FixtureRequest) -> Facts:
    """Both kinds."""
    return dict(request.getfixturevalue(request.param))


def test_a_page_is_whole_and_closes_what_it_opens(facts: Facts) -> None:
    text = document(facts)
    page = Page(text)
    assert page.open == []
    assert len(text.encode()) < 3e6
    assert [one["id"] for one in page.all("section")] == KEYS
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {one["href"] for one in page.all("a")} <= {f"#{name}" for name in ids}


def test_a_page_asks_nothing_of_the_net_and_has_plotly_once(facts: Facts) -> None:
    text = document(facts)
    page = Page(text)
    (packed,) = re.findall(r'<script type="text/plain" id="plotly">([^<]*)</script>', text)
    assert gzip.decompress(base64.b64decode(packed)).count(b"plotly.js v") == 1
    assert not [one for one in page.all("script") if "src" in one]
    assert [one["href"] for one in page.all("link")] == ["data:,"]
    assert all(str(one["src"]).startswith("data:image/png;base64,") for one in page.all("img"))
    policy = next(one["content"] for one in page.all("meta") if one.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None and "default-src 'none'" in policy


def test_everything_that_is_seen_is_said_too(facts: Facts) -> None:
    page = Page(document(facts))
    assert page.all("figure") and all(one["aria-label"] for one in page.all("figure"))
    assert all(one["alt"] for one in page.all("img"))
    drawn = [one for one in page.all("div") if one.get("class") == "plot"]
    assert drawn and all(one["role"] == "img" and one["aria-label"] for one in drawn)


def test_every_section_says_how_to_read_it_and_shows_something(facts: Facts) -> None:
    for one in sections(facts):
        assert one.says.endswith(".") and one.blocks


def test_rows_of_a_table_have_the_same_columns(facts: Facts) -> None:
    for one in sections(facts):
        for block in flat(one.blocks):
            if isinstance(block, TableBlock):
                assert len({tuple(row) for row in block.rows}) <= 1, block.title


def test_the_page_begins_with_the_result(facts: Facts) -> None:
    text = Page(document(facts)).text
    result = text.partition("What was asked")[0]
    assert facts["evaluated"]["headline"] in result and "over 8 members" in result


def test_a_test_part_that_was_opened_often_is_said_to_be(facts: Facts) -> None:
    assert "opened for 3 confirmed models" in notes(
        {**facts, "evaluated": facts["evaluated"] | {"opened": 3}}, "result"
    )
    assert notes(facts, "result") == ""


def test_what_was_searched_is_reported_by_the_trials(digits: Facts) -> None:
    rows = {row["key"].text: row["tried"] for row in tables(digits, "result")["What was searched"].rows}
    assert rows["optimizer"] == "adam, sgd" and rows["data.batch_size"] == "16, 32, 64"
    assert re.fullmatch(r"0\.000\d+ to 0\.0\d+", rows["optimizer.lr"])


def test_the_search_is_said_to_have_promised_too_much(boston: Facts) -> None:
    rows = boston["confirmed"]["configurations"]
    one = min((row for row in rows if "found_by_search" in row), key=lambda row: float(row["found_by_search"]))
    assert one["too_good_by"] > 0
    said = f"The search's best was {one['found_by_search']:.4g}, of {one['name']}"
    assert said in notes(boston, "confirmation")
    boston["confirmed"]["configurations"] = rows[::-1]  # whichever fresh members like best
    assert said in notes(boston, "confirmation")
    assert "was optimistic by 0." in notes(boston, "confirmation")
    one["too_good_by"] = -0.1
    assert "not optimistic, but short by 0.1000" in notes(boston, "confirmation")


def test_tests_of_classes_and_of_numbers_are_drawn_by_their_own_pictures(digits: Facts, boston: Facts) -> None:
    assert list(plots(digits, "test")) == [
        *("confusion-counts", "confusion-rates", "roc", "precision-recall", "calibration", "selective")
    ]
    assert list(plots(boston, "test")) == ["predicted", "residual-predicted", "residual-actual", "quantiles"]
    assert list(plots(boston, "uncertainty")) == ["coverage"]


def test_the_confusion_matrix_has_the_counts_of_the_facts(digits: Facts) -> None:
    (heat,) = json.loads(plots(digits, "test")["confusion-counts"].figure)["data"]
    assert heat["z"] == digits["details"]["confusion"]["counts"]


def test_the_band_of_a_curve_is_one_spread_on_each_side(boston: Facts) -> None:
    low, high, mean = json.loads(plots(boston, "learning")["curve-mae"].figure)["data"][:3]
    known = boston["curves"]
    np.testing.assert_allclose(mean["y"], known["train/mae"], rtol=1e-4)
    np.testing.assert_allclose(np.subtract(high["y"], low["y"]) / 2, known["train/mae_std"], rtol=1e-2)
    (gap,) = json.loads(plots(boston, "learning")["gap-mae"].figure)["data"]
    np.testing.assert_allclose(gap["y"], np.subtract(known["val/mae"], known["train/mae"]), rtol=1e-3)


def layout_of(facts: Facts, name: str) -> Any:
    return json.loads(plots(facts, "learning")[name].figure)["layout"]


def test_a_curve_that_spans_orders_of_magnitude_has_a_logarithmic_scale_and_a_band_that_stays_on_it(
    boston: Facts,
) -> None:
    assert "type" not in layout_of(boston, "curve-mae")["yaxis"]
    steep = [500.0 / epoch**2 for epoch in range(1, 41)]
    curves = {**boston["curves"], "train/mae": steep, "val/mae": steep, "train/mae_std": [2 * one for one in steep]}
    facts = {**boston, "curves": curves}
    assert layout_of(facts, "curve-mae")["yaxis"]["type"] == "log"
    assert plots(facts, "learning")["curve-mae"].says.endswith(" Logarithmic scale.")
    low = json.loads(plots(facts, "learning")["curve-mae"].figure)["data"][0]["y"]
    assert low == pytest.approx([500 / 1600 / 2] * 40, rel=1e-4)
    negative = {**boston, "curves": curves | {"val/mae": [-1.0] * 40}}
    assert "type" not in layout_of(negative, "curve-mae")["yaxis"]


def test_the_first_epochs_do_not_decide_on_the_scale_of_a_gap(boston: Facts) -> None:
    assert "range" not in layout_of(boston, "gap-mae")["yaxis"]
    training, gaps = boston["curves"]["train/mae"], [-100.0, -50.0, *np.linspace(0.5, 1.5, 38)]
    validation = [one + gap for one, gap in zip(training, gaps, strict=True)]
    facts = {**boston, "curves": boston["curves"] | {"val/mae": validation}}
    assert layout_of(facts, "gap-mae")["yaxis"]["range"] == pytest.approx([-0.15, 1.65])
    assert plots(facts, "learning")["gap-mae"].says.endswith(" The first epochs lie off the scale.")


def test_trials_stand_best_first_with_the_spread_of_their_members(digits: Facts) -> None:
    best = max((one for one in digits["searched"]["all_trials"] if one["members"]), key=lambda one: one["value"])
    row = tables(digits, "search")["Best trials"].rows[0]
    assert row["trial"] == best["trial"]
    assert row["spread"] == best["std"]


def test_pruning_says_what_it_saved(digits: Facts) -> None:
    text = Page(document(digits)).text
    assert (
        "3 trials looked hopeless and ended early, which saved about 252 epochs of members, or 21.30 seconds." in text
    )


def test_layers_that_change_no_shape_share_the_box_before(digits: Facts) -> None:
    made = boxes([LayerRecord(**one) for one in digits["explained"]["architecture"]["layers"]])
    assert [(box.kinds, box.output, box.parameters) for box in made] == [
        (["Conv2d", "ReLU"], "32 x 8 x 8", 320),
        (["MaxPool2d"], "32 x 4 x 4", 0),
        (["Linear", "ReLU"], "64", 32832),
        (["Linear"], "10", 650),
    ]


def test_every_command_names_the_experiment(facts: Facts) -> None:
    text, name = Page(document(facts)).text, facts["confirmed"]["experiment"]
    for stage in ("search", "confirm", "evaluate", "explain", "report"):
        assert f"python pipelines/{stage}.py experiment={name}" in text
    assert (
        "make reproduce RUN=9675d89bfc754bd5893496e180114cc8" in text
        and "6e1ac151ca53d4cbec861be245f9ca499701b026" in text
    )


# --- what may be missing -----------------------------------------------------------------------------------------


def test_a_model_that_was_not_explained_says_how_to(facts: Facts) -> None:
    bare = {**facts, "explained": None}
    for key in ("attribution", "embedding", "network"):
        assert "pipelines/explain.py" in notes(bare, key)
    assert Page(document(bare)).open == []


@pytest.fixture
def make(request: pytest.FixtureRequest) -> Callable[..., Facts]:
    """Makes facts of either kind, of the number of members and names that are asked for."""
    conftest = request.config.pluginmanager.get_plugin(str(request.path.parent / "conftest.py"))
    return lambda kind, *more, **others: getattr(conftest, f"{kind}_facts")(*more, **others)


@pytest.mark.parametrize("kind", ["classes", "numbers"])
def test_one_member_says_why_it_has_no_interval(make: Callable[..., Facts], kind: str) -> None:
    facts = make(kind, members=1)
    assert notes(facts, "result") == ONE_MEMBER
    assert "two members at least" in notes(facts, "test")
    assert "no band" in notes(facts, "learning")
    assert all("_std" not in name for name in facts["curves"])
    assert Page(document(facts)).open == []


def test_names_are_escaped_and_those_of_other_scripts_stay(make: Callable[..., Facts]) -> None:
    names = ["<b>&", "größer", "猫", "</script>", "'\"`x`"]
    text = document(make("classes", names))
    page = Page(text)
    assert page.open == [] and not page.all("b")
    assert "<b>&" in page.text and "猫" in page.text and "größer" in page.text
    assert '"&lt;b' not in text.partition('<script type="application/json">')[2].partition("</script>")[0]


def test_a_hundred_classes_and_two_hundred_features_stay_readable(make: Callable[..., Facts]) -> None:
    many = make("classes", [f"class {number}" for number in range(100)])
    text = document(many)
    assert Page(text).open == [] and len(text.encode()) < 3e6
    assert len(json.loads(plots(many, "test")["roc"].figure)["data"]) == 11  # ten curves and chance
    assert "texttemplate" not in json.loads(plots(many, "test")["confusion-counts"].figure)["data"][0]
    assert len(json.loads(plots(many, "embedding")["map-pca"].figure)["data"]) == 1
    wide = make("numbers", [f"a feature of the table with number {number}" for number in range(200)])
    assert Page(document(wide)).open == []
    assert len(tables(wide, "attribution")["SHAP values in numbers"].rows) == 200
    assert len(json.loads(plots(wide, "attribution")["importance-shap"].figure)["data"][0]["y"]) == 15


def test_a_class_without_a_row_and_measures_that_are_not_defined_are_dashes(digits: Facts) -> None:
    empty = dict.fromkeys(digits["details"]["measures"]["accuracy"]) | {"members": []}
    digits["details"]["per_class"][3]["recall"] = empty
    digits["details"]["measures"]["auroc"] = digits["details"]["measures"]["calibration_error"] = empty
    digits["details"]["confusion"]["rates"][3] = [None] * 10
    digits["details"]["curves"]["roc"][3] = {"class": "3", "x": [], "y": [], "area": None}
    digits["details"]["notes"] = ["Class '3' has no test row: its recall is not defined."]
    assert "Class '3' has no test row" in notes(digits, "test")
    assert Page(document(digits)).open == []
    line = tables(digits, "test")["Measures of each class"].lines[3]
    assert [one.text for one in line[:3]] == ["3", "30", "—"]


def test_a_perfect_model_has_no_failures_to_show(digits: Facts) -> None:
    digits["details"] |= {"confused": [], "examples": digits["details"]["examples"] | {"worst": []}}
    assert notes(digits, "failure") == "No test row was predicted wrong."


def test_classes_of_a_table_have_rows_where_images_have_pictures(digits: Facts) -> None:
    del digits["details"]["images"]
    shown = tables(digits, "failure")
    assert list(shown) == ["Most confidently wrong", "Most confidently right", "Classes most often confused"]
    row = digits["details"]["rows_table"][0]
    assert shown["Most confidently wrong"].rows[0]["predicted"] == row["predicted"]
    del digits["details"]["rows_table"]
    digits["explained"] = None
    assert Page(document(digits)).open == []  # then only their numbers are known


def test_a_search_of_which_nothing_is_known_says_so(facts: Facts) -> None:
    bare = {"all_trials": [], "ranked": [], "importance": {}, "verdicts": [], "trials": {"failed": 2}}
    facts["searched"] |= bare | {"pruned": {"trials": 0, "epochs_saved": 0, "seconds_saved": 0.0}}
    assert "No trial finished" in notes(facts, "search") and "No verdicts" in notes(facts, "search")
    assert "varied nothing" in notes(facts, "result")
    assert Page(document(facts)).open == []


def test_a_search_of_one_configuration_is_drawn_without_keys(facts: Facts) -> None:
    trial = facts["searched"]["all_trials"][0] | {"members": [1.0], "values": {}, "std": None}
    facts["searched"] |= {"all_trials": [trial], "importance": {}}
    assert "All trials had the same configuration" in notes(facts, "search")
    assert list(plots(facts, "search")) == ["history"]
    assert "small differences may be chance" in tables(facts, "search")["Best trials"].says


def test_a_confirmation_of_the_baseline_alone_has_nothing_to_compare(facts: Facts) -> None:
    facts["confirmed"]["configurations"] = facts["confirmed"]["configurations"][3:4]
    facts["confirmed"]["registered"] = None
    assert "nothing to compare" in notes(facts, "confirmation")
    assert "It is not registered" in Page(document(facts)).text


def test_curves_end_before_what_is_not_finite(boston: Facts) -> None:
    boston["curves"]["val/loss"][5] = float("nan")
    boston["curves"]["val/mae_std"][2] = float("nan")
    kept = finite(boston["curves"])
    assert {len(values) for values in kept.values()} == {5}
    assert "val/mae_std" not in kept and "val/loss_std" in kept
    assert "There are no curves" in notes({**boston, "curves": {}}, "learning")


def test_a_model_without_intervals_features_or_maps_says_so(boston: Facts) -> None:
    boston["details"]["intervals"] = []
    boston["explained"] |= {"features": None, "overlays": None, "embeddings": None}
    assert "No intervals" in notes(boston, "uncertainty")
    assert "no overlays" in notes(boston, "attribution")
    assert "no embeddings" in notes(boston, "embedding")
    assert Page(document(boston)).open == []


def test_a_map_that_is_missing_says_why_once(boston: Facts) -> None:
    assert notes(boston, "embedding").count("umap-learn is not installed") == 1
    boston["explained"]["embeddings"]["notes"] = ["UMAP needs umap-learn."]
    assert "is not installed" not in notes(boston, "embedding")


def test_a_hidden_layer_that_says_the_same_of_all_rows_explains_no_spread(boston: Facts) -> None:
    assert "of the spread" in plots(boston, "embedding")["map-pca"].says
    boston["explained"]["embeddings"]["explained"] = [None, None]
    assert "of the spread" not in plots(boston, "embedding")["map-pca"].says


def test_a_trial_that_took_a_result_over_is_not_among_the_best(boston: Facts) -> None:
    first = min((one for one in boston["searched"]["all_trials"] if one["members"]), key=lambda one: one["value"])
    again = {**first, "trial": 99, "repeats": first["trial"], "members": [], "epochs": 0}
    boston["searched"]["all_trials"] = [*boston["searched"]["all_trials"], again]
    shown = [row["trial"] for row in tables(boston, "search")["Best trials"].rows]
    assert shown[0] == first["trial"] and 99 not in shown


def test_changes_that_were_not_committed_are_said_beside_the_commit(boston: Facts) -> None:
    assert "not committed" not in document(boston)
    boston["evaluated"]["provenance"] = {**boston["evaluated"]["provenance"], "git.dirty": "true"}
    assert "changes that were not committed: changes.diff" in document(boston)


def candidate(name: str, **versus: str) -> Configuration:
    known = {key: Compared(in_words=words) for key, words in versus.items()}
    return Configuration(name=name, key="", values={}, **known)  # type: ignore[arg-type]


def test_every_pair_is_reported_once() -> None:
    rows = [
        candidate("trial-1", versus_baseline="trial-1 is better than baseline"),
        candidate("trial-2", versus_baseline="b", versus_best="c"),
        candidate("baseline", versus_best="baseline is worse than trial-1"),
    ]
    assert verdicts(rows) == ["trial-1 is better than baseline", "b", "c"]
    assert verdicts([candidate("baseline"), candidate("trial-1", versus_baseline="a", versus_best="a")]) == ["a"]
