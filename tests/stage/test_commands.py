"""The commands of a report, pasted into a shell: they must give the same numbers, whatever was typed."""

import html
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import confirming as here
import pytest

from eksplora.errors import DataError

pytestmark = pytest.mark.slow  # seven trainings; tests/report/test_command.py asks a shell what the commands say

ROOT = Path(__file__).resolve().parents[2]
OUTPUT = "output='results/it is \"mine\"; $HOME'"
COMMON = ("experiment=wine_mlp", "model.widths=[6, 6]", "trainer.max_epochs=2", OUTPUT, *here.QUICK, "tracker=off")
TYPED = {
    "search": (
        "sampler=random",
        "study.n_trials=2",
        "space.params.optimizer.lr=tag(log, interval(1e-3, 1e-1))",
        "~space.params.model.widths",
        "space.params.data.batch_size=choice(16,  32)",
    ),
    "confirm": ("confirm.best=1", "study.n_seeds=2"),
    "evaluate": (),
    "report": (),
}


def numbers(folder: Path) -> list[object]:
    """The best value of the search, what was confirmed, the hashes of the weights, and the test."""
    (found,) = folder.glob("results/*/search")
    search, confirm, evaluate = (
        json.loads((found.parent / name / f"{name}.json").read_text()) for name in ("search", "confirm", "evaluate")
    )
    values = [one["members"] for one in confirm["configurations"]]
    return [
        search["best"]["value"],
        search["ranked"],
        values,
        confirm["final"]["weights_sha256"],
        evaluate["test"],
    ]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which every stage was run with overrides that a shell would take apart."""
    folder = tmp_path_factory.mktemp("done")
    for stage, overrides in TYPED.items():
        here.run(folder, stage, *COMMON, *overrides)
    return folder


def test_commands_of_a_report_give_the_same_numbers_when_pasted(done: Path, tmp_path: Path) -> None:
    (page,) = done.glob("results/*/report.md")
    (block,) = re.findall(r"^```bash\n(.*?)\n```$", page.read_text(), re.DOTALL | re.MULTILINE)
    pasted = "".join(
        f"{line}\n" for line in block.splitlines() if re.search(r"pipelines/(search|confirm|evaluate)", line)
    )
    assert len(pasted.splitlines()) == 3
    (tmp_path / ".venv").symlink_to(sys.prefix)
    (tmp_path / "pipelines").symlink_to(ROOT / "pipelines")
    ended = subprocess.run(["bash", "-e"], input=pasted, cwd=tmp_path, env=here_only(), capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert numbers(tmp_path) == numbers(done)


def here_only() -> dict[str, str]:
    """The environment of this process, with the sources that it runs."""
    return os.environ | {"PYTHONPATH": str(ROOT / "src"), "MLFLOW_DISABLE_TELEMETRY": "true"}


def test_the_page_shows_the_same_commands(done: Path) -> None:
    (page,) = done.glob("results/*/report.html")
    (text,) = done.glob("results/*/report.md")
    shown = [html.unescape(line) for line in re.findall(r"<dt><code>(.*?)</code></dt>", page.read_text(), re.DOTALL)]
    for line in re.findall(r"^\.venv/bin/python .*?(?=  # )", text.read_text(), re.MULTILINE):
        assert line in shown
    assert "dvc repro" not in shown, "DVC runs the stages with other overrides"


def test_a_stage_of_another_model_says_its_own_command(done: Path, tmp_path: Path) -> None:
    folder = here.copy(done, tmp_path)
    (path,) = folder.glob("results/*/evaluate/evaluate.json")
    facts = json.loads(path.read_text())
    path.write_text(json.dumps(facts | {"studies": {"final": "another"}}))
    with pytest.raises(DataError, match=r"pipelines/evaluate\.py experiment=wine_mlp 'model\.widths=\[6, 6\]'"):
        here.run(folder, "report", *COMMON)
