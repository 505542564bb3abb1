import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from collecting import Collects
from own_folder import write

from eksplora import provenance
from eksplora.config import compose_request, gather_space, parse_space, part
from eksplora.stage.spec import spec_of
from eksplora.study.definition import Definition, changed_versions, code_facts, hidden_by_git
from eksplora.types import Job, Member, Training
from eksplora.work import job

PACKAGE = Path(provenance.__file__).parents[1]
TRAINED = [
    ["experiment=wine_mlp", "dropout=standard"],
    ["experiment=digits_cnn", "augmentation=shift", "data.batch_size=1000"],
    ["experiment=boston_mlp", "optimizer=nadam", "scheduler=cosine", "data.batch_size=full"],
]


def test_outside_code_is_compared_where_it_was_recorded() -> None:
    now = Definition({"study.seed": 0, "code.sha256": "a", "code.mine.sha256": "b"})
    assert now.differences({"study.seed": 0, "code.sha256": "a"}) == []  # a study of an earlier version
    assert now.differences({"study.seed": 0, "code.sha256": "a", "code.mine.sha256": "c"}) == [
        "code.mine.sha256: c -> b"
    ]
    assert now.differences({"study.seed": 0, "code.sha256": "c"}) == ["code.sha256: c -> a"]
    assert Definition({}).differences({"code.mine.sha256": "b"}) == ["code.mine.sha256: b -> absent"]
    with_version = Definition({"version.xgboost": "3.0"})
    assert with_version.differences({}) == [] and with_version.differences({"version.xgboost": "2.1"}) == [
        "version.xgboost: 2.1 -> 3.0"
    ]


def test_another_version_of_what_own_code_imports_is_named() -> None:
    here = provenance.version_of("scipy")
    assert changed_versions({"version.scipy": here, "code.mine.sha256": "a", "study.seed": 0}) == []
    assert changed_versions({"version.scipy": "0.1", "version.gone": "2"}) == [
        f"version.scipy is {here}, it was 0.1",
        "version.gone is unknown, it was 2",
    ]


@pytest.mark.parametrize(
    ("rule", "way_out"),
    [
        ("data/", "Write /data/ there if the one at the top is meant, or git add -f conf/data/rings.yaml"),
        ("/conf/data/*.yaml", "Change the rule, or git add -f conf/data/rings.yaml"),
    ],
)
def test_own_files_that_git_ignores_are_named_with_the_rule_and_the_way_out(
    rule: str, way_out: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    subprocess.run(["git", "init", "-q"], check=True)
    write(tmp_path / "conf/data/rings.yaml", "a: 1\n")
    write(tmp_path / "ignored_by_git.py", "")
    assert hidden_by_git(["ignored_by_git.Net"], tmp_path) == ""
    write(tmp_path / ".gitignore", f"{rule}\n")
    reason = f"(.gitignore:1: {rule}), so a record lacks it, and reproduce cannot use it. "
    assert hidden_by_git(["ignored_by_git.Net"], tmp_path) == f"git ignores conf/data/rings.yaml {reason}{way_out}"
    write(tmp_path / ".gitignore", f"{rule}\nignored_by_git.py\n")
    assert "git ignores conf/data/rings.yaml and 1 more" in hidden_by_git(["ignored_by_git.Net"], tmp_path)


def reached(*overrides: str) -> set[str]:
    """The files that the identity of a study covers, by their paths in the package."""
    request = compose_request("search", list(overrides))
    spec = spec_of(request, "study", parse_space(request.settings.space), 1)
    parts = code_facts(spec, spec.configure({}))["code.parts"].split()
    return {file.relative_to(PACKAGE).as_posix() for file in provenance.reach(PACKAGE, parts)}


@pytest.mark.parametrize("overrides", TRAINED, ids=lambda overrides: str(overrides[0]))
def test_every_function_of_ours_that_a_training_calls_is_in_the_identity_of_its_study(
    overrides: Sequence[str], prepared: str, tmp_path: Path
) -> None:
    called: set[str] = set()

    def note(frame: FrameType, event: str, argument: Any) -> None:
        name = frame.f_code.co_filename
        if event == "call" and frame.f_code.co_name != "<module>" and name.startswith(f"{PACKAGE}/"):
            called.add(name.removeprefix(f"{PACKAGE}/"))

    config = compose_request("search", [*overrides, prepared, "trainer.max_epochs=1"]).config
    part(config, "data").prepare()
    trainings = [Training(0, Member(0, seed=5), config, str(tmp_path / "member"))]
    sys.setprofile(note)
    try:
        job.run("job", Job(0, trainings, str(tmp_path / "population"), 1, 1000.0), Collects())
    finally:
        sys.setprofile(None)
    assert len(called) > 20
    assert called <= reached(*overrides)


def test_the_identity_covers_proposals_packing_and_seeds_and_nothing_that_is_not_used() -> None:
    found = reached("experiment=boston_mlp", "sampler=tpe")
    assert found >= {"search/proposer.py", "search/sampler.py", "study/packing.py", "study/plan.py", "counter.py"}
    assert found >= {"work/job.py", "model/mlp.py", "data/boston_housing.py"}
    unused = {"model/cnn.py", "data/digits.py", "work/baseline.py", "config/request.py"}
    rooms = {"report", "tracker", "console", "statistics", "explain", "events", "stage", "cli", "launch"}
    assert not found & unused
    records = {name for name in found if name.startswith("records/")}
    # A part of data's cards, and the file that a member leaves: no stage's record.
    assert records <= {"records/__init__.py", "records/target.py", "records/validation.py"}
    assert not rooms & {name.partition("/")[0] for name in found}


def test_what_a_space_chooses_among_is_in_the_identity() -> None:
    searched = gather_space(["experiment=boston_mlp", "space.params.model=choice(mlp, mlp_residual)"])
    assert reached(*searched) >= {"model/mlp.py", "model/mlp_residual.py"}
