"""A user's own table from file to report in one command, as a user runs it; again, interrupted, and edited."""

import os
import subprocess
import sys
from pathlib import Path

import preloaded
import pytest

from eksplora.config import compose_request
from eksplora.stage.repro import STAGES, words_of

PIPELINES = Path(__file__).resolve().parents[2] / "pipelines"
NAME = "my houses (2).csv"
WORDS = [f"data={NAME}", "data.target=Sale Price"]
SMALL = ["study.n_trials=2", "study.n_seeds=2", "trainer.max_epochs=1", "study.workers=1", "study.threads=1"]
SMALL += ["tracker=off", "repro.best=1", "repro.seeds=2", "repro.ablated=0"]


def repro(folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    arguments = [sys.executable, str(PIPELINES / "repro.py"), *WORDS, *SMALL, *more]
    return preloaded.run(arguments, cwd=folder, env=dict(os.environ))


def write(folder: Path, rows: int) -> None:
    lines = [f"{n % 9 if n % 10 else ''},{'red' if n % 3 else 'blue'},{n % 9 * 2.5 + n % 3}" for n in range(rows)]
    (folder / NAME).write_text("\n".join(["Rooms,Paint,Sale Price", *lines]))


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder where the command has run, and what it printed."""
    folder = tmp_path_factory.mktemp("own")
    write(folder, 90)
    ended = repro(folder)
    assert ended.returncode == 0, ended.stderr
    return folder, ended.stdout


def test_one_command_goes_from_file_to_report_and_says_what_it_decided(done: tuple[Path, str]) -> None:
    folder, shown = done
    (results,) = (folder / "results").glob("my_houses_2-Sale_Price-*")
    left = {path.name for path in results.iterdir()}
    assert {*STAGES[:-1], "report.html", "report.md", "tables", "plots", "config.yaml"} <= left
    assert "task" in shown and "regression, since Sale Price holds numbers" in shown
    assert [f"stage {n} of 6: {stage}" in shown for n, stage in enumerate(STAGES, 1)] == [True] * 6
    assert shown.splitlines()[-2].split() == ["experiment", results.name]
    assert f"trained=results/{results.name}/confirm/model" in shown.splitlines()[-1]
    assert "boosting_regressor" in shown


@pytest.mark.slow
def test_the_same_command_skips_what_is_up_to_date_and_repeats_what_was_lost(done: tuple[Path, str]) -> None:
    folder, _ = done
    (report,) = (folder / "results").glob("my_houses*/report.md")
    text = report.read_text()
    report.write_text("lost")
    again = repro(folder)
    assert again.returncode == 0, again.stderr
    skipped = [line for line in again.stdout.splitlines() if line.endswith(" is up to date, skipped")]
    assert [line.split()[4] for line in skipped] == list(STAGES[:-1])
    assert report.read_text() == text


def test_an_edited_file_is_another_experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, 90)
    path, target = f'data.path="{NAME}"', 'data.target="Sale Price"'
    before = compose_request("repro", [path, target]).settings.experiment
    write(tmp_path, 91)
    assert compose_request("repro", [path, target]).settings.experiment != before


def test_each_stage_gets_the_words_that_it_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["experiment=wine_mlp", "model.widths=[4]", "study.n_trials=3", "study.workers=1", "sampler=random"]
    request = compose_request("repro", [*words, "protocol.seed=1", "repro.seeds=4", "repro.ablated=0"])
    taken = {stage: set(words_of(stage, request, request.settings.repro)) for stage in STAGES}
    output = {"output=results/wine_mlp"}
    assert taken["search"] == {*words, "protocol.seed=1", "study.versioned=true"} | output
    networks = {"experiment=wine_mlp", "model.widths=[4]", "study.workers=1", "protocol.seed=1"} | output
    assert taken["confirm"] == networks | {"study.n_seeds=4"}
    assert taken["evaluate"] == taken["report"] == networks
    assert taken["explain"] == networks | {"explain.ablated=0"}
    assert taken["baseline"] == networks - {"model.widths=[4]"} | {"study.n_seeds=4"}


def test_a_mistake_is_one_line_before_anything_runs(tmp_path: Path) -> None:
    write(tmp_path, 90)
    for words, message in {
        ("model.widht=3",): "model.widht: no such key",
        ("repro.best=0",): "repro.best",
    }.items():
        ended = repro(tmp_path, *words)
        assert (ended.returncode, len(ended.stderr.splitlines())) == (2, 1), ended.stderr
        assert message in ended.stderr and not (tmp_path / "results").exists()
