"""The page of an experiment that was really searched, confirmed and evaluated."""

import html
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import confirming as here
import pytest
from mutating import mutations

from eksplora.errors import DataError, EksploraError, StorageError
from eksplora.records.shapes import drawn_from
from eksplora.report.number import interval, number
from eksplora.report.section.tested import WORDS
from eksplora.stage.report import _drawn, gather

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")

REPORT = Path(__file__).parents[2] / "pipelines/report.py"


@pytest.fixture
def folder(diabetes: Path, tmp_path: Path) -> Path:
    """What the stages handed on, to be changed."""
    here.copy(diabetes / "results", tmp_path / "results")
    return tmp_path


def test_the_page_tells_what_the_stages_found(diabetes: Path) -> None:
    text = (diabetes / "results/diabetes_mlp/report.md").read_text()
    search, confirm, evaluate = (here.facts(diabetes, stage) for stage in ("search", "confirm", "evaluate"))
    assert f"**{evaluate['headline']}**\n\n{confirm['headline']}\n" in text
    for metric, measure in evaluate["test"].items():
        one, members = measure["ensemble"], measure["over_members"]
        ends = f"{number(one['mean'])} | {interval(one['low'], one['high'])}"
        numbers = f"{ends} | {number(members['mean'])} | {number(members['std'])}"
        assert f"| {WORDS.get(metric, metric.replace('_', ' '))} | {numbers} |" in text
    for one in confirm["configurations"]:
        assert f"| `{one['name']}` | {number(one['estimate']['mean'])} |" in text
    assert f"Study of the search: `{search['study']}`" in text
    assert "registry it is eksplora-diabetes_mlp, version 1 (champion: the first model of this experiment)." in text


def test_the_page_shows_all_that_the_numbers_come_from(diabetes: Path) -> None:
    text = (diabetes / "results/diabetes_mlp/report.md").read_text()
    known = here.facts(diabetes, "evaluate")["provenance"]
    shown = re.findall("^[|] `(.*?)` [|]", text.partition("Where the numbers")[2], re.MULTILINE)
    assert set(shown) >= set(known)
    for wanted in (
        "git.commit",
        "dvc_lock.sha256",
        "lock.sha256",
        "data.test_targets.sha256",
        "machine.cpu",
        "threads",
    ):
        assert f"| `{wanted}` | `{known[wanted]}` |" in text


def test_the_same_page_is_written_again(folder: Path, prepared: str) -> None:
    path = folder / "results/diabetes_mlp/report.md"
    before = path.read_bytes()
    path.unlink()
    printed = here.run(folder, "report", *here.DIABETES, prepared)
    final = here.facts(folder, "confirm")["studies"]["final"]
    assert path.read_bytes() == before
    assert printed == (
        f"{here.facts(folder, 'evaluate')['headline']}\n"
        "  report   results/diabetes_mlp/report.html   (report.md, tables/ and plots/ beside it)\n"
        "  all      results/index.html\n"
        f"  MLflow has none of it: the study {final} is not on this machine\n"
    )


FILES = ("search/search", "confirm/confirm", "evaluate/evaluate", "evaluate/details")


@pytest.mark.parametrize("name", FILES)
def test_whatever_a_stage_handed_on_it_is_shown_or_refused_in_one_line(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutations of each file; the pictures beside the page take long and read less than it does."""
    monkeypatch.setattr("eksplora.drawing.still.stills", lambda facts: {})
    output = folder / "results/diabetes_mlp"
    path, refused = output / f"{name}.json", 0
    for content in mutations(path.read_text(), 6):
        path.write_bytes(content)
        try:
            with drawn_from(output, "Run its stages again."):
                _drawn(gather(output, "diabetes_mlp"))
        except EksploraError as error:
            assert error.exit_code == 2 and "\n" not in str(error), error
            refused += 1
    assert refused > 10


@pytest.mark.parametrize("stage", ["search", "confirm", "evaluate"])
def test_a_stage_that_has_not_ended_is_named_with_its_command(stage: str, folder: Path, prepared: str) -> None:
    page = folder / "results/diabetes_mlp/report.md"
    page.unlink()
    (folder / f"results/diabetes_mlp/{stage}/{stage}.json").unlink()
    message = (
        rf"the stage {stage} has not ended\. Run the stage before: python pipelines/{stage}\.py experiment=diabetes_mlp"
    )
    with pytest.raises(DataError, match=message):
        here.run(folder, "report", *here.DIABETES, prepared)
    assert not page.exists()


def test_a_table_of_curves_that_breaks_off_is_one_line(folder: Path, prepared: str) -> None:
    (folder / "results/diabetes_mlp/confirm/curves.csv").write_text("epoch,val/mae\n1,0.5\n2\n")
    with pytest.raises(DataError, match=r"curves\.csv cannot be read"):
        here.run(folder, "report", *here.DIABETES, prepared)


def test_a_report_before_the_stages_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    words = [sys.executable, str(REPORT), "experiment=wine_mlp"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: results/wine_mlp/search/search.json is missing: the stage search has not ended. Run the stage before: "
        "python pipelines/search.py experiment=wine_mlp output=results/wine_mlp, or dvc repro.\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_the_pages_place_is_refused(folder: Path, prepared: str) -> None:
    (folder / "results/diabetes_mlp/report.md").unlink()
    (folder / "results/diabetes_mlp/report.md").mkdir()
    with pytest.raises(StorageError, match=r"report\.md\S*: cannot be written \(Is a directory\)"):
        here.run(folder, "report", *here.DIABETES, prepared)
    assert not list(folder.rglob(".report*"))


# --- the page that opens anywhere, and what lies beside it ------------------------------------------------------------


def test_all_pages_and_tables_are_artifacts_of_the_run_whose_model_was_confirmed(
    diabetes: Path, tmp_path: Path
) -> None:
    from mlflow import MlflowClient

    final = here.facts(diabetes, "confirm")["studies"]["final"]
    client = MlflowClient(f"sqlite:///{diabetes}/mlruns/mlflow.db")
    held = Path(client.download_artifacts(here.runs(diabetes, final)[final].info.run_id, "report", str(tmp_path)))
    results = diabetes / "results/diabetes_mlp"
    names = {"report.html", "report.md", *(f"{path.parent.name}/{path.name}" for path in results.glob("[tp]*/*.*"))}
    assert {path.as_posix() for path in here.files(held)} == names
    for name in names:
        assert (held / name).read_bytes() == (results / name).read_bytes(), name


def test_the_same_report_is_noted_once(diabetes: Path, prepared: str, tmp_path: Path) -> None:
    folder = here.copy(diabetes, tmp_path)
    final = here.facts(folder, "confirm")["studies"]["final"]
    before = (folder / "results/diabetes_mlp/report.html").read_bytes()
    here.run(folder, "report", *here.DIABETES, prepared, "tracker=off")
    assert (folder / "results/diabetes_mlp/report.html").read_bytes() == before
    assert len(here.events(folder, final, "report")) == 1


def test_a_model_that_was_not_explained_has_a_report_that_says_so(folder: Path, prepared: str) -> None:
    shutil.rmtree(folder / "results/diabetes_mlp/explain")
    here.run(folder, "report", *here.DIABETES, prepared)
    assert "python pipelines/explain.py" in (folder / "results/diabetes_mlp/report.html").read_text()


def test_the_list_of_all_results_has_the_experiment_with_its_headline(folder: Path, prepared: str) -> None:
    here.run(folder, "report", *here.DIABETES, prepared)
    text = (folder / "results/index.html").read_text()
    assert 'href="./diabetes_mlp/report.html"' in text
    assert html.escape(here.facts(folder, "evaluate")["headline"]) in text


def test_curves_that_are_damaged_are_one_line(folder: Path, prepared: str) -> None:
    (folder / "results/diabetes_mlp/confirm/curves.csv").write_text("epoch,val/mae\n1,x\n")
    with pytest.raises(DataError, match=r"curves\.csv cannot be read \(could not convert string to float: 'x'\)\. Run"):
        here.run(folder, "report", *here.DIABETES, prepared)


@pytest.mark.parametrize("stage", ["evaluate", "explain"])
def test_what_was_found_of_another_model_is_refused(stage: str, folder: Path, prepared: str) -> None:
    path = folder / f"results/diabetes_mlp/{stage}/{stage}.json"
    facts = json.loads(path.read_text())
    path.write_text(json.dumps(facts | {"studies": facts["studies"] | {"final": "of-yesterday"}}))
    message = (
        rf"{stage} is of another model than \S*confirm\. Run the stage again: \.venv/bin/python pipelines/{stage}\.py"
    )
    with pytest.raises(DataError, match=message):
        here.run(folder, "report", *here.DIABETES, prepared)


@pytest.mark.parametrize(
    ("stage", "key"),
    [("search", "ranked"), ("confirm", "configurations"), ("evaluate", "test"), ("explain", "kind")],
)
def test_facts_that_lack_a_key_are_one_line(stage: str, key: str, folder: Path, prepared: str) -> None:
    path = folder / f"results/diabetes_mlp/{stage}/{stage}.json"
    facts = json.loads(path.read_text())
    del facts[key]
    path.write_text(json.dumps(facts))
    with pytest.raises(DataError, match=rf"(cannot be read|does not hold what its stages write) .*{key}.*Run "):
        here.run(folder, "report", *here.DIABETES, prepared)
