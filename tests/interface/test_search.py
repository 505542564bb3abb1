"""A small study from Python, once for all these tests; what is asked wrongly, in one line."""

import re
import subprocess
import sys
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest

import eksplora as ek
from eksplora.errors import ConfigError, StudyError


def test_importing_the_package_imports_no_library() -> None:
    heavy = "{'torch', 'hydra', 'optuna', 'mlflow', 'pandas', 'numpy'} & set(sys.modules)"
    code = f"import sys, eksplora as ek; print(sorted({heavy}), ek.__all__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("[] ")
    assert all(hasattr(ek, name) for name in ek.__all__) and len(ek.__all__) < 20


def test_the_function_stays_one_when_the_room_of_its_name_is_imported() -> None:
    import inspect

    import eksplora.search.space  # as any stage does
    from eksplora.interface import search

    assert callable(ek.search) and eksplora.search.space.SearchInterval(0, 1)
    assert inspect.signature(ek.search) == inspect.signature(search) and ek.search.__doc__ == search.__doc__


def test_it_is_the_study_of_the_shell(place: Path, study: ek.Study) -> None:
    """The same command finds it finished: nothing is trained."""
    from confirming import events, run

    before = len(events(place, study.name, "member"))
    words = [
        "experiment=wine_mlp",
        "study.n_trials=3",
        "study.n_seeds=2",
        "sampler=random",
        "trainer.max_epochs=2",
        "tracker=off",
        f"paths.data={place / 'data'}",
        "space=none",
        "space.params.optimizer.lr=tag(log, interval(0.001, 0.1))",
        "space.params.model.widths=choice([4], [8])",
    ]
    assert "3 finished" in run(place, "search", *words)
    assert len(events(place, study.name, "member")) == before == 6


def test_study_reads_what_was_recorded(study: ek.Study) -> None:
    table = study.trials
    assert list(table["trial"]) == [0, 1, 2] and table["val/accuracy"].dtype == float
    assert study.best.value == table["val/accuracy"].max() and set(table["model.widths"]) <= {(4,), (8,)}
    assert study.is_over and (study.results / "search/search.json").is_file()
    assert study.verdicts and all("on data like these" in one or "on new rows" in one for one in study.verdicts)


def test_study_prints_best_interval_scope_and_verdict(study: ek.Study) -> None:
    for word in (f"trial {study.best.trial}", "interval", str(study.estimate.scope), "3 finished", study.verdicts[0]):
        assert word in repr(study)
    assert study._repr_html_().count("<tr>") == len(repr(study).splitlines()) - 1


def test_plots_are_pages_that_a_notebook_shows(study: ek.Study, tmp_path: Path) -> None:
    figure = study.plot()
    assert "<svg" in figure.html and "<iframe" in figure._repr_html_()
    assert figure.save(tmp_path / "a.html").read_text() == figure.html
    with pytest.raises(ConfigError, match=r"kind: 'historie' is no picture of this study\. Did you mean 'history'"):
        study.plot("historie")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"members": 0}, "members must be a whole number of at least 1, got 0. Try members=8."),
        ({"minutes": 0}, "minutes must be a number above 0, got 0. Try minutes=5."),
        ({"trials": 2.5}, "trials must be a whole number of at least 1, got 2.5. Try trials=20."),
        ({"space": {"lrr": ek.log(0.1, 1)}}, "space: 'lrr' is no key of this training. Did you mean 'lr'?"),
        ({"space": {"lr": 0.1}}, "space: 'lr' is 0.1, which is no domain. Give a list of values, or ek.log"),
        ({"space": {"lr": ek.log(1, 0.1)}}, "space.params.optimizer.lr: interval(1, 0.1) is reversed"),
        ({"space": {"batch_size": ek.log(1.5, 8)}}, "space: 'batch_size' takes whole numbers, got log(1.5, 8)."),
        ({"settings": {"epoch": 3}}, "settings: 'epoch' is no key of this training. Did you mean 'epochs'?"),
        ({"settings": {"lr": object}}, "settings: lr: <class 'object'> is no plain value"),
        ({"settings": {"model": "mlpp"}}, "model=mlpp: no such file in conf/model/. Did you mean 'mlp'?"),
        ({"experiment": "wine"}, "experiment: 'wine' is none. Did you mean 'wine_mlp'?"),
        (
            {"experiment": None, "data": "winee"},
            "data: winee is neither a file here nor a data set. Did",
        ),
        ({"experiment": None, "data": 3}, "data: int is no table. Give one of pandas, Polars or Arrow, or a file."),
        ({"network": "mlpp"}, "network: 'mlpp' is none. Did you mean 'mlp'?"),
        ({"network": dict}, "network: dict is no class of torch.nn.Module. Derive it: class dict(nn.Module)."),
        ({"experiment": None}, "data: none is given"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_asked_wrongly_is_one_line(asked: dict[str, Any], message: str, tmp_path: Path) -> None:
    with chdir(tmp_path), pytest.raises(ConfigError, match=re.escape(message)) as caught:
        ek.search(**{"experiment": "wine_mlp", **asked})
    assert "\n" not in str(caught.value) and not any(tmp_path.iterdir())
    assert len(caught.traceback) <= 3  # no way through eksplora


def test_another_study_under_the_same_name_is_refused(study: ek.Study, asked: dict[str, Any]) -> None:
    with pytest.raises(StudyError, match=r"was begun with other settings \(trainer.max_epochs: 2 -> 3\)"):
        ek.search(**{**asked, "settings": {**asked["settings"], "epochs": 3}})
    with pytest.raises(StudyError, match=r"Give the changed one a name of its own: name=<new name>\.$"):
        ek.search(**{**asked, "seed": 7})
