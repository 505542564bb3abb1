"""A confirmed study and its model."""

from contextlib import chdir
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import eksplora as ek
from eksplora.errors import ConfigError, DataError
from eksplora.inference.ensemble import Ensemble
from eksplora.interface import Confirmation, Model
from eksplora.interface.confirmation import confirmation_of


@pytest.fixture
def confirmed(found: tuple[ek.Study, Confirmation]) -> Confirmation:
    return found[1]


def rows(count: int = 4) -> np.ndarray[Any, Any]:
    return np.linspace(0, 10, count * 13).reshape(count, 13)


def test_confirmation_is_what_the_record_says(confirmed: Confirmation, study: ek.Study) -> None:
    again = confirmation_of(study.results, study.experiment, ())
    assert repr(again) == repr(confirmed)
    table = confirmed.configurations
    assert table.loc[0, "name"] == confirmed.chosen and table["mean"].dtype == float
    assert table.loc[0, "low"] <= confirmed.estimate.value <= table.loc[0, "high"]
    assert str(confirmed.estimate.scope) in confirmed.verdicts[0] and confirmed.verdicts[0] in repr(confirmed)
    assert confirmed.chosen in confirmed._repr_html_()


def test_model_predicts_what_its_ensemble_does(confirmed: Confirmation) -> None:
    model = confirmed.model
    known: Ensemble = ek.load_ensemble(model.folder)
    pd.testing.assert_frame_equal(model.predict(rows()), known.predict(rows()))
    shares = model.predict_proba(rows())
    assert shares.shape == (4, 3) and np.allclose(shares.sum(1), 1) and model.classes == known.classes
    chosen = model.predict(rows())["prediction"]
    assert [known.classes[number] for number in shares.argmax(1)] == list(chosen)  # type: ignore[index]


def test_model_takes_a_file_too(confirmed: Confirmation, tmp_path: Path) -> None:
    names = ek.load_ensemble(confirmed.model.folder).card["feature_names"]
    frame = pd.DataFrame(rows(), columns=names)
    frame.to_csv(tmp_path / "rows.csv", index=False)
    assert np.allclose(confirmed.model.predict_proba(tmp_path / "rows.csv"), confirmed.model.predict_proba(rows()))


def test_rows_of_another_shape_are_one_line(confirmed: Confirmation) -> None:
    with pytest.raises(DataError, match=r"rows holds float64 of shape \[4, 12\]. Give numbers of shape"):
        confirmed.model.predict(rows()[:, :12])
    with pytest.raises(ConfigError, match="interval: it is of one number, predicted by several members"):
        confirmed.model.interval(rows())
    with pytest.raises(ConfigError, match="level must be a number above 0 and below 1, got 2"):
        confirmed.model.interval(rows(), level=2)


def test_interval_holds_the_prediction(diabetes: Path) -> None:
    with chdir(diabetes):
        model = Model(diabetes / "results/diabetes_mlp/confirm/model")
        given = np.zeros((3, 10))
        ends, middle = model.interval(given), model.predict(given)["prediction"]
        assert ends.shape == (3, 2) and (ends[:, 0] < middle).all() and (middle < ends[:, 1]).all()
        assert (np.diff(model.interval(given, level=0.99)) > np.diff(ends)).all()
        with pytest.raises(ConfigError, match="predict_proba: this model predicts numbers"):
            model.predict_proba(given)


def test_report_confirms_as_confirm_was_last_called(study: ek.Study, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[tuple[str, list[str]]] = []
    monkeypatch.setattr("eksplora.interface.study.run_stage", lambda stage, words: ran.append((stage, words)))
    study.report()
    study.report(members=5)
    asked = [words for stage, words in ran if stage == "confirm"]
    assert {"study.n_seeds=2", "confirm.best=1"} <= set(asked[0])
    assert {"study.n_seeds=5", "confirm.best=1"} <= set(asked[1])
    assert [stage for stage, _ in ran[-4:]] == ["confirm", "evaluate", "explain", "report"]


@pytest.mark.slow
def test_a_study_that_a_time_limit_ended_is_closed_before_it_is_confirmed(
    asked: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import surviving

    from eksplora.study.driver import Driver

    def watch(driver: Driver) -> None:
        if driver.ledger.best is not None:
            driver.stop("study.timeout_seconds=60 is over")

    surviving.warm_up()
    given = {**asked, "members": 1}
    with chdir(tmp_path), surviving.without_plots():
        with monkeypatch.context() as patch:
            patch.setattr(Driver, "_watch_time", watch)
            study = ek.search(**{**given, "trials": 500, "minutes": 1})
        assert not study.is_over and "so far; the same call goes on" in repr(study)
        confirmed = study.confirm(members=2, best=1)
        again = ek.search(**{**given, "trials": len(study.trials)})
    assert again.is_over and len(again.trials) == len(study.trials) and confirmed.estimate.mean is not None
