from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eksplora.config import gather_space, parse_override, parse_space
from eksplora.config.grammar import parse_condition, parse_domain
from eksplora.config.keys import SpaceKeys
from eksplora.errors import ConfigError
from eksplora.search.space import Choice, Condition, Domain, Parameter, SearchInterval, SearchRange, describe


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("choice(adam, sgd)", Choice(("adam", "sgd"))),
        ("adam,sgd", Choice(("adam", "sgd"))),
        ("choice(1, 2.0, true)", Choice((1, 2.0, True))),
        ("choice('1', \"a b, c\")", Choice(("1", "a b, c"))),
        ("choice([64], [128, 128], [])", Choice(([64], [128, 128], []))),
        ("choice(['1'], [relu, 'tanh'])", Choice((["1"], ["relu", "tanh"]))),
        ("range(1, 5)", SearchRange(1, 5, 1)),
        ("range(0, 1, 0.25)", SearchRange(0, 1, 0.25)),
        ("interval(0, 1)", SearchInterval(0.0, 1.0)),
        ("interval(1e-4, 1e-1)", SearchInterval(1e-4, 1e-1)),
        ("tag(log, interval(1e-4, 1e-1))", SearchInterval(1e-4, 1e-1, log=True)),
        ("int(interval(2, 9))", SearchInterval(2, 9, integer=True)),
        ("int(tag(log, interval(1, 64)))", SearchInterval(1, 64, log=True, integer=True)),
        ("tag(log, int(interval(1, 64)))", SearchInterval(1, 64, log=True, integer=True)),
        ("tag(int, interval(1, 9))", SearchInterval(1, 9, integer=True)),
    ],
)
def test_hydras_grammar_becomes_a_plain_domain(text: str, domain: Domain) -> None:
    parsed = parse_domain("key", text)
    assert parsed == domain
    assert repr(parsed).replace(".0", "") == repr(domain).replace(".0", "")


@pytest.mark.parametrize("text", ["0.1", "adam", "[1, 2]", "null", "'choice(1, 2)'", "glob(*)"])
def test_a_single_value_is_no_domain(text: str) -> None:
    with pytest.raises(
        ConfigError, match=r"^space\.params\.optimizer\.lr: '.*' is one value, not a domain\. Write choice"
    ):
        parse_domain("optimizer.lr", text)


@pytest.mark.parametrize(
    "text", ["choice(1", "interval(1)", "choice()", "interval(a, b)", "tag(log)", "chocie(1, 2)", ""]
)
def test_text_outside_the_grammar_is_refused_with_the_grammar(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^space\.params\.optimizer\.lr: .* Write choice\(a, b\), range"):
        parse_domain("optimizer.lr", text)


@pytest.mark.parametrize("text", ["tag(logg, interval(1, 2))", "tag(log, choice(1, 2))", "tag(log, range(1, 3))"])
def test_a_tag_that_would_have_no_effect_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^space\.params\.lr: tag 'logg?' means nothing here"):
        parse_domain("lr", text)


SCALARS = (
    st.integers(-(10**9), 10**9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.booleans()
    | st.text(st.characters(codec="ascii", categories=["L", "N", "P", "Zs"]), max_size=12)
)


def written(value: Any) -> str:
    """A value in Hydra's grammar."""
    if isinstance(value, list):
        return "[" + ", ".join(map(written, value)) + "]"
    if isinstance(value, str):
        from hydra.core.override_parser.types import Quote, QuotedString

        return QuotedString(value, Quote.single).with_quotes()
    return str(value).lower() if isinstance(value, bool) else repr(value)


@given(st.lists(SCALARS | st.lists(SCALARS, max_size=3), min_size=1, max_size=4, unique_by=repr))
def test_any_value_comes_through_a_choice_unchanged(values: list[Any]) -> None:
    domain = parse_domain("key", f"choice({', '.join(map(written, values))})")
    assert isinstance(domain, Choice)
    assert list(map(repr, domain.values)) == list(map(repr, values))


@pytest.mark.parametrize(
    "text",
    [
        "choice(adam, sgd)",
        "choice([64], [128, 128])",
        "range(0, 1, 0.25)",
        "interval(0.0001, 0.1)",
        "tag(log, interval(0.0001, 0.1))",
        "int(tag(log, interval(1, 64)))",
    ],
)
def test_a_described_domain_can_be_pasted_back(text: str) -> None:
    domain = parse_domain("key", text)
    assert parse_domain("key", describe(Parameter("key", domain))) == domain


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("optimizer=sgd", Condition("optimizer", ("sgd",))),
        ("optimizer=choice(sgd, rmsprop)", Condition("optimizer", ("sgd", "rmsprop"))),
        ("model.widths=choice([64], [8, 8])", Condition("model.widths", ([64], [8, 8]))),
        ("data.batch_size=16", Condition("data.batch_size", (16,))),
        (None, None),
        ("null", None),
    ],
)
def test_a_condition_names_another_key_and_its_values(text: str | None, condition: Condition | None) -> None:
    assert parse_condition("key", text) == condition


@pytest.mark.parametrize("text", ["sgd", "optimizer=choice(", "lr=interval(0, 1)"])
def test_a_condition_that_lists_no_values_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^space\.when\.key: .* Write key=value or key=choice"):
        parse_condition("key", text)


# --- whole spaces and the command line ---------------------------------------------------------------------------

PARAMS = {"optimizer": "choice(adam, sgd)", "optimizer.lr": "interval(0, 1)", "optimizer.momentum": "interval(0, 1)"}
WHEN = {"optimizer.momentum": "optimizer=sgd"}


def space_after(*arguments: str) -> dict[str, Parameter]:
    """The space above after command-line arguments, which go through Hydra's parser as they do in a run."""
    overrides: list[str] = []
    for argument in gather_space(list(arguments)):
        override = parse_override(argument)
        assert override.key_or_group == "space.overrides"
        overrides = [str(getattr(item, "text", item)) for item in override._value]  # type: ignore[union-attr]
    space = parse_space(SpaceKeys(params=dict(PARAMS), when=dict(WHEN), overrides=overrides))
    return {parameter.key: parameter for parameter in space}


def test_without_arguments_the_space_is_the_files() -> None:
    space = space_after()
    assert list(space) == ["optimizer", "optimizer.lr", "optimizer.momentum"]
    assert space["optimizer.momentum"].when == Condition("optimizer", ("sgd",))


@pytest.mark.parametrize("quote", ["", "'", '"'])
@pytest.mark.parametrize("sign", ["", "+", "++"])
def test_a_searched_key_is_changed_quoted_or_not(quote: str, sign: str) -> None:
    space = space_after(f"{sign}space.params.optimizer.lr={quote}tag(log, interval(1e-3, 1e-1)){quote}")
    assert space["optimizer.lr"].domain == SearchInterval(1e-3, 1e-1, log=True)
    assert set(space) == set(PARAMS)


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("choice('a, b', \"c\")", Choice(("a, b", "c"))),
        (r"choice('it\'s', 'a\\')", Choice(("it's", "a\\"))),
        ("choice([1, 2], [3])", Choice(([1, 2], [3]))),
    ],
)
def test_quotes_and_commas_survive_the_command_line(text: str, domain: Domain) -> None:
    assert space_after(f"space.params.model.activation={text}")["model.activation"].domain == domain


def test_a_key_is_added_and_another_removed() -> None:
    space = space_after("space.params.model.widths=choice([8], [8, 8])", "~space.params.optimizer.momentum")
    assert set(space) == {"optimizer", "optimizer.lr", "model.widths"}


def test_null_removes_a_key_too() -> None:
    assert "optimizer.lr" not in space_after("space.params.optimizer.lr=null")


def test_a_condition_is_added_changed_and_removed() -> None:
    assert space_after("space.when.optimizer.lr=optimizer=adam")["optimizer.lr"].when == Condition(
        "optimizer", ("adam",)
    )
    changed = space_after("space.when.optimizer.momentum=optimizer=choice(adam, sgd)")
    assert changed["optimizer.momentum"].when == Condition("optimizer", ("adam", "sgd"))
    assert space_after("~space.when.optimizer.momentum")["optimizer.momentum"].when is None


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        (
            "~space.params.optimizer.lrr",
            r"space\.params\.optimizer\.lrr: there is none to remove. Did you mean 'optimizer\.lr'",
        ),
        ("~space.when.optimizer.lr", r"space\.when\.optimizer\.lr: there is none to remove"),
        ("space.when.optimizer.lrr=optimizer=sgd", r"space\.when\.optimizer\.lrr: not a searched key. Did you mean"),
        ("space.when.optimizer.lr=optimizer=sdg", r"space\.when\.optimizer\.lr: optimizer=sdg is not among .* 'sgd'"),
        ("space.when.optimizer.lr=loss=mse", r"space\.when\.optimizer\.lr: 'loss' is not searched"),
        (
            "space.when.optimizer.lr=optimizer.momentum=0.5",
            r"'optimizer\.momentum' has a condition of its own, and conditions do not build on each other\. Drop",
        ),
        ("~space.params.optimizer", r"space\.when\.optimizer\.momentum: 'optimizer' is not searched"),
        ("space.overrides=[params]", r"space\.overrides: cannot read 'params'"),
    ],
)
def test_a_change_that_cannot_be_made_is_refused(argument: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        space_after(argument)


def test_keys_with_a_condition_come_after_those_that_they_look_at() -> None:
    space = parse_space(SpaceKeys(params={"b": "interval(0, 1)", "a": "choice(1, 2)"}, when={"b": "a=1"}))
    assert [parameter.key for parameter in space] == ["a", "b"]
