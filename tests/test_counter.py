import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eksplora.counter import derive, fingerprint

parts = st.lists(st.one_of(st.integers(0, 2**63), st.text(max_size=5)), min_size=1, max_size=4)


@pytest.mark.parametrize(
    ("given_parts", "seed"), [((0, "order", 1), 116_889_601_432_050_504), ((0, "trial", 0), 9_147_118_340_376_974_718)]
)
def test_seeds_are_those_that_recorded_runs_were_made_with(given_parts: tuple[int | str, ...], seed: int) -> None:
    assert derive(*given_parts) == seed


@given(parts, parts)
def test_a_seed_depends_on_every_part(one: list[int | str], other: list[int | str]) -> None:
    assert 0 <= derive(*one) < 2**63
    assert (derive(*one) == derive(*other)) is (one == other)


def test_a_number_and_its_digits_are_two_things() -> None:
    assert len({derive(1), derive("1"), derive(1, 1), derive(11), derive("1", 1)}) == 5


def test_a_fingerprint_is_of_the_content_and_not_of_the_order_of_keys() -> None:
    assert fingerprint({"b": 1, "a": [1, 2]}) == fingerprint({"a": [1, 2], "b": 1})
    assert fingerprint({"b": 1, "a": [1, 2]}) == hashlib.sha256(b'{"a":[1,2],"b":1}').hexdigest()
    assert fingerprint([1, 2]) != fingerprint([2, 1])
