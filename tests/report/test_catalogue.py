import pytest

from eksplora.report.catalogue import Catalogue, Group, Key, Option, Part, anchor, as_markdown, as_prose

URL = "https://example.org/sgd.html"
HEAD = """# Catalogue

Every part that a configuration can choose and every key that it can set. `make catalogue` makes this page from the files in `conf/` and from the parts' own words; do not edit it.

- Choose an option: `optimizer=sgd`. Set a key: `optimizer.lr=0.01`. A value that is not plain is quoted for the shell: `'model.widths=[64, 64]'`.
- A default such as `${data.num_classes}` is the value of that other key.
- Search a key: `'space.params.optimizer.lr=tag(log, interval(1e-4, 1e-1))'`. Search a group: `'space.params.optimizer=choice(adam, sgd)'`.
"""  # noqa: E501


def page(*groups: Group, keys: tuple[Key, ...] = ()) -> str:
    return as_markdown(Catalogue(groups, keys), root="..")


def section(text: str, heading: str) -> str:
    """What stands under a heading, to the next of its level or the end."""
    level = heading.partition(" ")[0]
    return text.partition(f"\n{heading}\n\n")[2].partition(f"\n{level} ")[0].rstrip("\n")


def test_a_page_of_two_groups_is_this_text() -> None:
    sgd = Option(
        "sgd",
        comment="The oldest.\n\nStill | good.",
        part=Part("torch.optim.SGD", URL),
        keys=[Key("optimizer.lr", "0.01", "learning rate, above 0")],
    )
    he = Option(
        "he",
        part=Part("eksplora.initialization.he", "src/eksplora/initialization.py", "For ReLU.", ["He et al., 2015."]),
    )
    text = page(
        Group("optimizer", "how weights change", [sgd], default="sgd", is_searched=True),
        Group("initialization", "", [he]),
        keys=(Key("study.seed", "0", "any integer"),),
    )
    assert (
        text
        == f"""{HEAD}- The groups that a space may search: [optimizer](#optimizer). Other groups are the same for all trials of a study.

## Contents

- [Keys of a study](#keys-of-a-study): its budget, and how it runs

| group | what it is for | options | by default |
| --- | --- | --- | --- |
| [optimizer](#optimizer) | how weights change | 1 | `sgd` |
| [initialization](#initialization) |  | 1 |  |

## Keys of a study

| key | default | meaning |
| --- | --- | --- |
| `study.seed` | `0` | any integer |

## optimizer

How weights change.

Options: [sgd](#optimizersgd). By default: `sgd`. A space may search it.

### optimizer=sgd

Builds [`torch.optim.SGD`]({URL}).

The oldest.

Still \\| good.

| key | default | meaning |
| --- | --- | --- |
| `optimizer.lr` | `0.01` | learning rate, above 0 |

## initialization

Options: [he](#initializationhe).

### initialization=he

Builds `eksplora.initialization.he` ([src/eksplora/initialization.py](../src/eksplora/initialization.py)): For ReLU.

Source: He et al., 2015.

It has no keys.
"""  # noqa: E501
    )


def test_what_an_option_changes_of_another_is_bold_beside_the_value_there() -> None:
    keys = [Key("dropout.rate", "0.5", "a fraction", inherited="0.0"), Key("dropout.kind", "standard", "which")]
    standard = Option("standard", bases=["none"], keys=keys)
    text = section(page(Group("dropout", "", [Option("none"), standard])), "### dropout=standard")
    assert text.splitlines() == [
        "As [dropout=none](#dropoutnone), but for the defaults in bold.",
        "",
        "| key | default | meaning |",
        "| --- | --- | --- |",
        "| `dropout.rate` | **`0.5`** instead of `0.0` | a fraction |",
        "| `dropout.kind` | `standard` | which |",
    ]


def test_an_option_links_what_it_brings_and_the_group_that_is_brought_names_its_bringers() -> None:
    text = page(
        Group("objective", "", [Option("mae", brings=[("metric", "mae")])]),
        Group("metric", "", [Option("mae", documentation=URL)]),
    )
    assert section(text, "### objective=mae").startswith("It brings [metric=mae](#metricmae).\n")
    assert "Options: [mae](#metricmae). It comes with the choice of [objective](#objective).\n" in text
    assert section(text, "### metric=mae").startswith(f"Documentation: <{URL}>.\n")


def test_files_that_only_set_keys_are_a_list_of_what_they_say_choose_and_set() -> None:
    option = Option(
        "small",
        comment="A small\n\none.",
        bases=["tiny"],
        brings=[("data", "wine"), ("model", "mlp")],
        keys=[Key("model.widths", "[8]", "units"), Key("trainer.max_epochs", "2", "")],
    )
    group = Group("experiment", "under one name.", [option, Option("bare")], default="small", is_delta=True)
    assert section(page(group), "## experiment").splitlines() == [
        "Under one name.",
        "",
        "By default: `small`.",
        "",
        "- **small**: A small one.",
        "  - as `tiny`",
        "  - chooses `data=wine`, `model=mlp`",
        "  - `model.widths=[8]`: units",
        "  - `trainer.max_epochs=2`",
        "- **bare**",
    ]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("x * y ** 2", r"x \* y \*\* 2"),
        ("snake_case stays, _this_ does not", r"snake_case stays, \_this\_ does not"),
        ("a | b", r"a \| b"),
        ("`a * b | c`", r"`a * b \| c`"),
        ("studies/<study>/, 1 < 2", r"studies/\<study>/, 1 < 2"),
        ("${data.rows} ~ 3", r"\${data.rows} \~ 3"),
        ("one ` alone", r"one \` alone"),
        ("see https://example.org/a_b*c, there.", "see <https://example.org/a_b*c>, there."),
        ("http://host:port", "http://host:port"),
    ],
)
def test_prose_is_shown_as_it_is(text: str, shown: str) -> None:
    assert as_prose(text) == shown


@pytest.mark.parametrize(
    ("heading", "name"),
    [("scheduler=one_cycle", "schedulerone_cycle"), ("Keys of a study", "keys-of-a-study"), ("a-b.c", "a-bc")],
)
def test_anchors_are_those_of_github(heading: str, name: str) -> None:
    assert anchor(heading) == name


def test_counts_count_inherited_keys_for_each_option() -> None:
    key = Key("a.b", "1", "")
    catalogue = Catalogue([Group("a", "", [Option("x", keys=[key]), Option("y", keys=[key, key])])], [key])
    assert catalogue.counts() == (1, 2, 4)
