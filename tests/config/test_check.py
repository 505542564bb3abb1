"""A file of a group against the others of its group."""

import copy

import pytest

from eksplora.config.check import check_file
from eksplora.config.composition import stated_files
from eksplora.errors import ConfigError


@pytest.mark.parametrize("group", ["initialization", "optimizer", "protocol", "sampler", "trainer"])
@pytest.mark.parametrize("value", [False, None, 0.0, "true"])
def test_a_part_that_is_completed_later_says_so(group: str, value: object) -> None:
    name, node = next(iter(stated_files(group).items()))
    with pytest.raises(ConfigError, match=rf"^conf/{group}/{name}\.yaml: _partial_: .* (not true|of the wrong type)"):
        check_file(group, name, {**node, "_partial_": value})


@pytest.mark.parametrize("key", ["_args_", "_convert_", "_recursive_"])
def test_orders_to_hydra_are_no_keys(key: str) -> None:
    for group in ("loss", "sampler", "augmentation"):
        name, node = next(iter(stated_files(group).items()))
        with pytest.raises(ConfigError, match=rf"^conf/{group}/{name}\.yaml: {key} is no key of a part\."):
            check_file(group, name, {**copy.deepcopy(node), key: ["x"]})
