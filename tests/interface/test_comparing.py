"""Named configurations, compared from Python."""

import re
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest

import eksplora as ek
from eksplora.errors import ConfigError


def test_comparison_ranks_and_judges(asked: dict[str, Any], tmp_path: Path) -> None:
    import surviving

    surviving.warm_up()
    wide = {"widths": [64], "lr": 0.02}
    with chdir(tmp_path), surviving.without_plots():
        found = ek.compare(
            {"narrow": {"widths": [1], "lr": 1e-5}, "wide": wide},
            experiment="wine_mlp",
            settings=asked["settings"],
            members=3,
            workers=1,
        )
    table = found.configurations.set_index("name")
    assert found.best == "wide" == table["mean"].idxmax() and list(table["members"]) == [3, 3]
    assert [one.startswith("narrow is ") and str(found.estimate.scope) in one for one in found.verdicts] == [True]
    assert found.verdicts[0] in repr(found) and "wide" in found._repr_html_()


@pytest.mark.parametrize(
    ("configurations", "message"),
    [
        ({"a": {}}, "configurations: 1 given, a comparison needs two. Add another."),
        ({"a": {}, "b c": {}}, "configurations: 'b c' is no name. Use letters"),
        ({"a": {}, "b": 3}, "b: 3 does not say values by their names. Write"),
        ({"a": {}, "b": {"widht": 3}}, "b: 'widht' is no key of this training. Did you mean 'widths'?"),
    ],
)
def test_what_is_asked_wrongly_is_one_line(configurations: Any, message: str, tmp_path: Path) -> None:
    with chdir(tmp_path), pytest.raises(ConfigError, match=re.escape(message)):
        ek.compare(configurations, experiment="wine_mlp", members=2)
    assert not any(tmp_path.iterdir())
