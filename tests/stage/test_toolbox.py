"""The toolbox as a user reaches it: whole commands, with parts that are mixed."""

import csv
import sys
from pathlib import Path

import preloaded
import pytest
import yaml

from eksplora.config import choices
from eksplora.installation import CONF

PIPELINES = Path(__file__).resolve().parents[2] / "pipelines"
MIX = (
    "model=cnn_residual model.normalization=group activation=silu initialization=he loss=focal scheduler=one_cycle "
    "augmentation=mixup optimizer=adamw"
)
SMALL = ["model.filters=[8,16]", "model.blocks=1", "data.batch_size=64"]


def run(folder: Path, pipeline: str, *overrides: str) -> str:
    done = preloaded.run([sys.executable, str(PIPELINES / f"{pipeline}.py"), *overrides], cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


def best_value(folder: Path, study: str) -> float:
    with (folder / "results" / study / "trials.csv").open(encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    return float(next(value for name, value in row.items() if name.startswith("val/")))


def test_a_mix_of_eight_groups_learns(prepared: str, tmp_path: Path) -> None:
    mix = [prepared, "experiment=digits_cnn", *MIX.split(), *SMALL, "trainer.max_epochs=6", "study.name=mix"]
    run(tmp_path, "train", *mix, "optimizer.lr=0.01", "tracker=off")
    assert best_value(tmp_path, "mix") > 0.8  # by chance 0.1


@pytest.mark.slow
def test_a_random_study_over_twelve_groups_has_no_failed_trial(prepared: str, tmp_path: Path) -> None:
    said = run(
        tmp_path,
        "search",
        prepared,
        "experiment=digits_cnn",
        "space=toolbox",
        "sampler=random",
        "study.n_trials=30",
        "study.name=toolbox",
        "trainer.max_epochs=1",
        "data.batch_size=128",
        "tracker=off",
    )
    assert "30 finished" in said, said
    with (tmp_path / "results" / "toolbox" / "trials.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["status"] for row in rows] == ["finished"] * 30
    groups = yaml.safe_load((CONF / "space" / "toolbox.yaml").read_text(encoding="utf-8"))["params"]
    assert len(groups) == 12
    for group in groups:
        assert {row[group] for row in rows} <= set(choices(group))
        assert len({row[group] for row in rows}) > 1, f"{group} is the same in all trials"
