"""The examples of the pages on a user's own network, LightningModule and function are what they say."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from collecting import Collects
from own_folder import write

from eksplora.config import Configurator, forget, part
from eksplora.types import Job, Member, Status, Training
from eksplora.work import function, job

PAGES = Path(__file__).parents[1] / "docs/how-to"
NAMED = re.compile(r"^`([\w/.]+)`[^\n]*\n(?:[^\n`][^\n]*\n)*\n```(?:python|yaml)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working folder, forgotten afterwards together with the package `mystudy`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    write(tmp_path / "mystudy/__init__.py", "")
    forget()
    yield tmp_path
    forget()
    for name in [name for name in sys.modules if name.partition(".")[0] == "mystudy"]:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("page", "choice"),
    [
        ("your-own-network", "model=two_branches"),
        ("your-own-lightning-module", "model=regressor"),
        ("your-own-function", "function=trees"),
        ("your-own-parts", "optimizer=signs scheduler=staircase augmentation=jitter optimizer.lr=0.3"),
    ],
)
def test_the_example_of_a_page_is_trained(page: str, choice: str, folder: Path, prepared: str) -> None:
    for name, text in NAMED.findall((PAGES / f"{page}.md").read_text()):
        write(folder / name, text)
    config = Configurator("train", [prepared, "experiment=diabetes_mlp", *choice.split(), "trainer.max_epochs=2"])({})
    part(config, "data").prepare()
    work, report = function if "function" in config else job, Collects()
    work.run("check", config, report)
    training = Training(0, Member(index=0, seed=3), config, str(folder / "member-0"))
    work.run("job", Job(0, [training], str(folder / "population"), 1, 1000.0), report)
    (result,) = report.heard
    assert result.status is Status.FINISHED
    assert 30 < result.value < 200, "a mean absolute error of the target's unit"
