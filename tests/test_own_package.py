"""A package outside of the project: a part of each kind, by one file and one class, goes through a search."""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import own_package
import pytest
import spooling
import surviving
from confirming import events, facts, run, trained
from own_folder import write
from waiting import at_a_random_moment

from eksplora.config import compose_request, forget
from eksplora.errors import ConfigError
from eksplora.events import spool as spools
from eksplora.records.validation import read_validation
from eksplora.stage.evaluate import evaluate, metrics_of

REPRO = Path(__file__).parents[1] / "pipelines/repro.py"
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


@pytest.mark.slow
def test_a_function_is_audited_on_rows_that_neither_search_nor_confirmation_has_seen(folder: Path) -> None:
    asked = ["experiment=near", "study.n_trials=2", "audit.outer=2", "audit.n_seeds=2", "confirm.best=1"]
    printed = run(folder, "audit", *asked, "space.params.function.rate=choice(0.01,0.9)", *QUICK)
    known = facts(folder, "audit")
    assert known["headline"] in printed and known["yields"]["scope"] == "data like these"
    outer: list[int] = []
    for split in known["splits"]:
        own, *others = rows_of(folder, split["studies"]["final"])
        assert others and all(rows == own for rows in others) and len(own) == split["rows"]
        for stage in ("search", "confirm"):
            assert not any(rows & own for rows in rows_of(folder, split["studies"][stage]))
        for member in events(folder, split["studies"]["final"], "member"):
            assert set(member["curves"]) == {"held_out/accuracy"}
        outer += sorted(own)
    assert sorted(outer) == [*range(96)], "each row of the training part is outer once"


@pytest.mark.slow
def test_a_repro_that_is_killed_again_and_again_goes_on_to_the_same_results(folder: Path) -> None:
    """A function, with a space from the command line; the stages that ask a network are left out."""
    asked = ["experiment=near", "study.n_trials=2", "study.n_seeds=2", "repro.seeds=2", "repro.best=1", *QUICK]
    asked.append("space.params.function.rate=choice(0.1,0.9)")
    begun = time.monotonic()
    with surviving.command(REPRO, *asked) as process:
        printed = surviving.finish(process)
    seconds = time.monotonic() - begun
    assert "stage 4 of 4: report" in printed and process.returncode == 0, printed
    undisturbed = folder / "undisturbed"
    undisturbed.mkdir()
    for name in ("results", "mlruns"):
        (folder / name).rename(undisturbed / name)
    for number in range(4):
        with surviving.command(REPRO, *asked) as process:
            at_a_random_moment(random.Random(number), seconds)
            os.killpg(process.pid, signal.SIGKILL)
    with surviving.command(REPRO, *asked) as process:
        printed = surviving.finish(process)
    assert process.returncode == 0 and "stage 4 of 4: report" in printed, printed
    known = [facts(place, stage) for place in (folder, undisturbed) for stage in ("search", "confirm")]
    assert known[0]["ranked"] == known[2]["ranked"] and known[1]["headline"] == known[3]["headline"]
    ours, theirs = ([one | {"seconds": 0} for one in known[number]["configurations"]] for number in (1, 3))
    assert ours == theirs
    assert max(Counter(trained(folder)).values()) == 1
    assert run(folder, "repro", *asked).count("is up to date, skipped") == 4


def rows_of(folder: Path, study: str) -> list[set[int]]:
    """The rows for which each member of a study left predictions."""
    found = [read_validation(path.parent) for path in (folder / "mlruns/studies" / study).rglob("validation.*")]
    return [set(one.rows.tolist()) for one in found if one is not None]


@pytest.mark.slow
def test_an_audit_of_a_function_asks_for_predictions(folder: Path) -> None:
    write(folder / "searched/alone.py", "def train(config, seed, split, report):\n    return config['rate']\n")
    write(folder / "conf/function/alone.yaml", "# mine\n_target_: searched.alone.train\nrate: 0.5 # value\n")
    asked = ["experiment=near", "function=alone", "study.n_trials=1", "audit.outer=2", "audit.n_seeds=2"]
    with pytest.raises(ConfigError, match=r"^function: an audit compares row by row, and searched\.alone"):
        run(folder, "audit", *asked, "space.params.function.rate=choice(0.1,0.9)", *QUICK)
    with pytest.raises(ConfigError, match=r"^protocol: searched\.alone\.train needs rows to validate on\. Choose"):
        run(folder, "train", "experiment=near", "function=alone", "protocol=full", *QUICK)


def test_what_a_module_has_of_its_own_is_not_searched(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"^space\.params\.optimizer\.lr: it would be searched in vain, because sear"):
        run(folder, "search", "experiment=lit", "space.params.optimizer.lr=choice(0.1,0.2)", *QUICK)
