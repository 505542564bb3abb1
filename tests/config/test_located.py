from pathlib import Path

import pytest

from eksplora.config.located import located
from eksplora.errors import ConfigError

SOURCES = {
    "works": "class Net: pass\nrate = 3\n",
    "lacks": "import nothing_of_this_name\n",
    "raises": "\n\nraise ValueError('no luck')\n",
    "broken": "def f(:\n",
    "leaves": "import sys\nsys.exit('not here')\n",
    "empty": "",
}


@pytest.fixture(autouse=True)
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Modules `located_<name>` in the working folder, which can be imported."""
    for name, text in SOURCES.items():
        (tmp_path / f"located_{name}.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)


def test_a_name_is_found_in_its_module_and_inside_of_what_lies_there() -> None:
    assert located("model", "located_works.Net").__name__ == "Net"
    assert located("model", "located_works.Net.mro") is not None


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (
            "located_works.Nett",
            r"model: located_works\.Nett is named, but located_works has no 'Nett'\. Did you mean 'Net'\?",
        ),
        (
            "located_works.Net.rate",
            r"model: .* but located_works\.Net has no 'rate'\. Define it in .*, or name another.*",
        ),
        ("located_empty.Net", r"model: .* but located_empty has no 'Net'\. Define it in located_empty, .*"),
        ("located_missing.Net", r"model: located_missing\.Net is named, but there is no module 'located_missing'\. .*"),
        (
            "located_lacks.Net",
            r"model: .* needs the package 'nothing_of_this_name' at located_lacks\.py:1, .* Install it\.",
        ),
        ("located_raises.Net", r"model: .*\(ValueError: no luck at located_raises\.py:3\)\. Correct its module\."),
        ("located_broken.Net", r"model: .*\(SyntaxError: .* at located_broken\.py:1\)\. Correct its module\."),
        ("located_leaves.Net", r"model: .*\(SystemExit: not here at located_leaves\.py:2\)\. Correct its module\."),
        ("Net", r"model: 'Net' is no name of a part\. Write package\.name\."),
    ],
)
def test_what_cannot_be_found_is_one_line_with_its_place_and_a_way_out(target: str, said: str) -> None:
    with pytest.raises(ConfigError, match=f"^{said}$"):
        located("model", target)
