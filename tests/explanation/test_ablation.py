"""A confirmed configuration, trained again without each feature."""

from contextlib import chdir
from pathlib import Path

import confirming as here
import pytest

from eksplora.config import compose_request
from eksplora.errors import DataError
from eksplora.explanation.ablation import WHOLE, ablate, judged
from eksplora.records.confirm import ConfirmRecord
from eksplora.records.folder import read_record
from eksplora.stage.spec import on_fresh_members, spec_of
from eksplora.study.comparison import ComparedConfigurations
from eksplora.study.spec import StudySpec

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")

NAMES = ["bmi", "s5", "sex"]


def spec(prepared: str, *overrides: str) -> StudySpec:
    """What the stage asks for."""
    request = compose_request("explain", [*here.DIABETES, prepared, *overrides])
    return spec_of(on_fresh_members(request), request.settings.experiment)


def test_members_are_those_of_the_confirmation_and_differ_in_what_they_see_alone(
    diabetes: Path, prepared: str, tmp_path: Path
) -> None:
    folder = here.copy(diabetes, tmp_path)
    asked = spec(prepared, "study.n_seeds=4")
    with chdir(folder):
        confirmed = read_record(Path("results/diabetes_mlp"), ConfirmRecord, experiment="diabetes_mlp")
        outcome, lost = ablate(asked, confirmed, NAMES)
    seeds = [
        [member["seed"] for member in here.events(folder, study, "trial")[0]["members"]]
        for study in (outcome.name, confirmed.studies["confirm"])
    ]
    assert seeds[0][:3] == seeds[1]
    trials = {tuple(trial.config["data"]["excluded"]): trial for trial in outcome.ledger.trials.values()}
    assert set(trials) == {(), *((name,) for name in NAMES)}
    assert next(trial.values["configuration"] for trial in trials.values()) == WHOLE
    values = {key: [trial.results[member].value for member in range(4)] for key, trial in trials.items()}
    for name in NAMES:
        assert lost.losses[name] == [own - whole for own, whole in zip(values[name,], values[()], strict=True)]
        assert lost.verdicts[name].in_words.startswith(f"without {name} ")
    populations = here.events(folder, outcome.name, "packed")
    assert [len(one["trainings"]) for event in populations for one in event["populations"]] == [16], "one population"


def test_another_configuration_than_the_confirmed_one_is_refused(diabetes: Path, prepared: str, tmp_path: Path) -> None:
    folder = here.copy(diabetes, tmp_path)
    asked = spec(prepared, "optimizer.weight_decay=0.5")
    with chdir(folder):
        confirmed = read_record(Path("results/diabetes_mlp"), ConfirmRecord, experiment="diabetes_mlp")
        with pytest.raises(DataError, match=r"was confirmed with another configuration than the present files make"):
            ablate(asked, confirmed, NAMES)


def test_without_the_member_to_compare_with_nothing_is_said_of_any_feature(
    diabetes: Path, prepared: str, tmp_path: Path
) -> None:
    folder = here.copy(diabetes, tmp_path)
    asked = spec(prepared)
    with chdir(folder):
        confirmed = read_record(Path("results/diabetes_mlp"), ConfirmRecord, experiment="diabetes_mlp")
        outcome, _ = ablate(asked, confirmed, NAMES)
    trials = {str(trial.values["configuration"]): trial for trial in outcome.ledger.trials.values()}
    trials[WHOLE].value = None  # a member diverged
    lost = judged(asked, ComparedConfigurations(outcome, trials), NAMES)
    assert (lost.losses, lost.verdicts, lost.failed) == ({}, {}, NAMES)
