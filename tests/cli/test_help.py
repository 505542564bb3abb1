import re

import pytest

from eksplora.cli.help import help_text
from eksplora.config import choices, compose_root
from eksplora.installation import CONF

ROOTS = sorted(path.stem for path in CONF.glob("*.yaml"))


@pytest.mark.parametrize("root", ROOTS)
def test_help_lists_every_group_with_all_its_choices(root: str) -> None:
    text = help_text(root, "purpose")
    config = compose_root(root, [], with_hydra=True)
    groups = set(config.hydra.runtime.choices) - {"metric"}
    groups = {group for group in groups if not group.startswith("hydra/")}
    assert groups == set(re.findall(r"^  (\w+)=\S+$", text, re.MULTILINE))
    for group in groups:
        assert f"  {group}={'|'.join(choices(group))}\n" in text


@pytest.mark.parametrize("root", ROOTS)
def test_help_shows_every_key_of_the_composed_defaults_with_a_comment(root: str) -> None:
    text = help_text(root, "purpose")
    config = compose_root(root, ["experiment=boston_mlp"] if root in ("search", "train") else [])
    for group, node in config.items():
        if group in ("experiment", "exploration", "metric", "space"):
            continue
        keys = [key for key in node if not str(key).startswith("_")] if hasattr(node, "keys") else [group]
        for key in keys:
            assert re.search(rf"^ *{key}: .*# \S", text, re.MULTILINE), f"{group}.{key}"


def test_help_names_experiments_with_what_they_are() -> None:
    text = help_text("search", "purpose")
    for name in choices("experiment"):
        assert re.search(rf"^  {name} +[A-Z].{{20,}}$", text, re.MULTILINE)
    assert "space.when.<key>" in text
