import pytest

from eksplora.errors import ConfigError
from eksplora.model._values import filters_of, image_shape, per_layer, rate, sizes
from eksplora.ranges import check_count


@pytest.mark.parametrize("value", [-0.1, 1.5, float("nan"), True, "0.5"])
def test_a_rate_is_a_fraction(value: object) -> None:
    with pytest.raises(ConfigError, match=r"^model\.dropout must be a number of at least 0 and below 1, got "):
        rate(value, "model.dropout")


@pytest.mark.parametrize("value", [64, "64", None])
def test_sizes_are_a_list(value: object) -> None:
    with pytest.raises(ConfigError, match=r"^model\.widths must be a list .* Try model\.widths=\[64,64\]\.$"):
        sizes(value, "model.widths")


def test_a_wrong_entry_of_a_list_is_named_by_its_index() -> None:
    with pytest.raises(ConfigError, match=r"^model\.widths\[1\] must be .*, got -3\."):
        sizes([4, -3], "model.widths")


def test_one_value_is_for_all_layers_and_a_list_is_one_each() -> None:
    assert per_layer(3, 2, "model.kernel", check_count) == [3, 3]
    assert per_layer([3, 5], 2, "model.kernel", check_count) == [3, 5]


def test_list_of_another_length_is_refused() -> None:
    with pytest.raises(
        ConfigError, match=r"^model\.kernel has 3 values for 2 layers: \[3, 3, 3\]\. Give one .* of 2\.$"
    ):
        per_layer([3, 3, 3], 2, "model.kernel", check_count)


def test_value_for_no_layers_is_checked_too() -> None:
    with pytest.raises(ConfigError, match=r"^model\.kernel must be a whole number of at least 1, got 0\."):
        per_layer(0, 0, "model.kernel", check_count)


@pytest.mark.parametrize("value", [[13], [28, 28], [1, 2, 3, 4]])
def test_an_image_has_three_sizes(value: list[int]) -> None:
    with pytest.raises(
        ConfigError, match=r"^model\.input_shape must be \(channels, height, width\), got .*model=mlp\.$"
    ):
        image_shape(value)


def test_there_is_at_least_one_block_or_stage() -> None:
    with pytest.raises(ConfigError, match=r"^model\.filters must have an entry for each stage, got \[\]\. "):
        filters_of([], "stage")
