"""A package outside of the project: a part of each kind, by one file and one class, goes through a search."""

from collections.abc import Iterator
from pathlib import Path

import own_package
import pytest
import spooling
from confirming import run

from eksplora.config import compose_request, forget
from eksplora.errors import ConfigError
from eksplora.events import spool as spools
from eksplora.stage.evaluate import evaluate, metrics_of

QUICK = ("study.workers=1", "study.threads=1", "tracker=off")


@pytest.fixture
def folder(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working folder with a package and its configurations."""
    own_package.make(workplace, "searched")
    monkeypatch.syspath_prepend(workplace)
    forget()
    yield workplace
    forget()


@pytest.mark.slow
def test_a_part_of_each_kind_is_searched_and_members_train_together(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    space = ["space.params.loss.margin=choice(0.5,1.0)", "space.params.augmentation.deviation=choice(0.01,0.1)"]
    run(folder, "search", "experiment=rings", "study.n_trials=2", "study.n_seeds=2", *space, *QUICK)
    members = [one for one in members_of(folder) if one["status"] == "finished"]
    assert len(members) == 4 and {one["engine"] for one in members} == {"fused"}
    assert all(0 <= one["value"] <= 1 for one in members)
    assert "no populations" not in capsys.readouterr().err


def members_of(folder: Path) -> list[dict[str, object]]:
    """Results of the members of the search."""
    spool = min(folder.glob("mlruns/studies/rings-*/spool.jsonl"))  # beside it lies the experiment's own configuration
    return [spooling.plain(event.body) for event in spools.read(spool) if event.kind == "member"]


def test_parts_that_nobody_chose_break_nobody(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    known = metrics_of(compose_request("evaluate", ["experiment=lit"]))
    assert {"accuracy", "hits"} <= set(known)
    said = capsys.readouterr().err
    assert "the metric broken is left out" not in said, "it is not for this task"
    known = metrics_of(compose_request("evaluate", ["experiment=wine_mlp"]))
    assert {"accuracy", "hits"} <= set(known)


@pytest.mark.slow
def test_a_function_goes_from_search_to_report_without_a_network(folder: Path) -> None:
    searched = ("study.n_trials=2", "space.params.function.rate=choice(0.1,0.9)", "output=results/near")
    run(folder, "search", "experiment=near", *searched, *QUICK)
    printed = run(folder, "confirm", "experiment=near", "study.n_seeds=2", "confirm.best=1", *QUICK)
    assert "Chosen: " in printed and "  model " not in printed
    assert "Chosen: " in run(folder, "report", "experiment=near", "tracker=off")
    page = (folder / "results/near/report.md").read_text()
    assert "leaves no network" in page and "What was found, and how sure that is" in page
    with pytest.raises(ConfigError, match=r"^function=nearest leaves no network, and evaluate asks one\. Go on with"):
        evaluate(compose_request("evaluate", ["experiment=near"]))
    with pytest.raises(ConfigError, match=r"^optimizer\.lr: has no effect on function=nearest, which trains instead"):
        run(folder, "search", "experiment=near", "optimizer.lr=3", *QUICK)
    with pytest.raises(ConfigError, match=r"^space\.params\.model\.widths: a function trains, and what networks are"):
        run(folder, "search", "experiment=near", "space.params.model.widths=choice([2],[3])", *QUICK)


def test_what_a_module_has_of_its_own_is_not_searched(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"^space\.params\.optimizer\.lr: it would be searched in vain, because sear"):
        run(folder, "search", "experiment=lit", "space.params.optimizer.lr=choice(0.1,0.2)", *QUICK)
