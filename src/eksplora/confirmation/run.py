"""How a search is confirmed: a study of the candidates, the choice, a study of the chosen one on all rows."""

import csv
import io
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from eksplora.config import Configurator, Request, compose_root, part, plain
from eksplora.confirmation.candidates import KEY, Candidate, in_words
from eksplora.confirmation.choice import Confirmed, confirmed, described, epoch_budget, headline, ranked
from eksplora.confirmation.registration import register, show_registered
from eksplora.console.table import print_best
from eksplora.console.work import Work
from eksplora.counter import derive
from eksplora.errors import EksploraError, WorkerError
from eksplora.events.spool import read
from eksplora.files import as_json, new_folder
from eksplora.inference import write_card
from eksplora.search.space import Choice, Parameter
from eksplora.study.journal import as_yaml
from eksplora.study.ledger import Trial, mean_curves
from eksplora.study.run import Outcome, Study, run_study
from eksplora.types import Config
from eksplora.untrusted import plain_cell

EACH = {"sampler": "grid", "pruner": "none"}
"""The choices by which every candidate is tried to its end."""


ON_ALL_ROWS = ("protocol=full", "early_stopping=off")
"""What a training without validation rows is made with."""


def run(request: Request, searched: Mapping[str, Any], tried: Sequence[Candidate]) -> None:
    """Confirm the candidates, train the chosen one on all rows, write and register it, and show what came of it."""
    fresh = as_confirmation(request)
    direction, alpha = request.settings.objective.direction, request.settings.confirm.alpha
    compared, known = confirm_candidates(fresh, tried)
    order = ranked(known, direction)
    chosen = order[0]
    config = on_all_rows(request, chosen)
    final, trial = train_on_all_rows(fresh, config)
    rows = described(known, direction, alpha)
    facts = {
        "experiment": request.settings.experiment,
        "headline": headline(rows, compared.metric),
        "metric": compared.metric,
        "direction": direction,
        "alpha": alpha,
        "chosen": chosen.name,
        "configurations": rows,
        "search": {key: searched[key] for key in ("study", "trials", "members")},
        "studies": {"confirm": compared.name, "final": final.name},
        "final": final_facts(trial),
        "comparable": comparable(compared, chosen),
        "provenance": provenance_of(final),
        "command": request.command,
    }
    title = f"confirm {request.settings.experiment}"
    with Work(title) as work, new_folder(Path(request.settings.output) / "confirm") as folder:
        work.step("writing and registering the model")
        (folder / "curves.csv").write_text(curves_csv(chosen.trial))
        write_model(folder / "model", config, trial, part(config, "data").card(), facts)
        facts["registered"] = register(request, folder / "model", facts, final)
        (folder / "metrics.json").write_text(as_json(metrics(rows[0])))
        (folder / "confirm.json").write_text(as_json(facts))
    show(facts, Path(request.settings.output) / "confirm")


def as_confirmation(request: Request) -> Request:
    """The request with a seed of its own, so that no member of the search is met again.

    Nor does the search's way of choosing matter: each candidate is tried, and trained to its end.
    """
    study = replace(request.settings.study, seed=derive(request.settings.study.seed, "confirm") % 2**31)
    asked = [own_experiment(request), *(f"{key}={name}" for key, name in EACH.items())]
    own = plain(compose_root(request.root, asked))
    config = {**request.config, "study": asdict(study), **{key: own[key] for key in EACH}}
    settings, choices = replace(request.settings, study=study), {**request.choices, **EACH}
    return replace(request, settings=settings, config=config, choices=choices)


def own_experiment(request: Request) -> str:
    """The override that chooses the request's experiment: what is composed besides it is of no other."""
    return f"experiment={request.choices['experiment']}"


def confirm_candidates(request: Request, tried: Sequence[Candidate]) -> tuple[Outcome, list[Confirmed]]:
    """Train the candidates on fresh members; returns them in their order."""
    by_name = {candidate.name: candidate for candidate in tried}
    outcome = run_study(
        request,
        Study(
            f"{request.settings.experiment}-confirm",
            (Parameter(KEY, Choice(tuple(by_name))),),
            None,
            configure=lambda values: by_name[values.get(KEY, tried[-1].name)].config,
            depends={f"candidate.{candidate.name}": candidate.key for candidate in tried},
            is_shown=False,
            naming=lambda values: in_words(values[KEY]),
        ),
    )
    check_over(outcome)
    trials = {trial.values[KEY]: trial for trial in outcome.ledger.trials.values()}
    return outcome, [confirmed(by_name[name], trials[name]) for name in by_name]


def on_all_rows(request: Request, chosen: Confirmed) -> Config:
    """The chosen configuration for a training on all rows, with as many epochs as validation suggested."""
    other = Configurator(request.root, [own_experiment(request), *ON_ALL_ROWS])({})
    config = chosen.candidate.config
    return {
        **config,
        **{key: other[key] for key in ("protocol", "early_stopping")},
        "trainer": {**config["trainer"], "max_epochs": epoch_budget(chosen)},
    }


def train_on_all_rows(request: Request, config: Config) -> tuple[Outcome, Trial]:
    """Train the members of the final model.

    Raises:
        WorkerError: If one of them does not finish.
    """
    name = f"{request.settings.experiment}-final"
    study = Study(
        name,
        (),
        1,
        configure=lambda values: config,
        is_shown=False,
        naming=lambda values: "on all rows",
        may_fail=True,
    )
    outcome = run_study(request, study)
    check_over(outcome)
    if outcome.ledger.best is None:
        (ended,) = outcome.ledger.trials.values()
        raise WorkerError(
            f"the chosen configuration ended as {ended.status} when it learned from all rows ({ended.message}). "
            f"See the study {outcome.name}."
        )
    return outcome, outcome.ledger.best


def check_over(outcome: Outcome) -> None:
    """Refuse to go on with half a study.

    Raises:
        EksploraError: If a time limit has ended it.
    """
    if not outcome.is_over:
        raise EksploraError(f"{outcome.name} is not over: study.timeout_seconds ended it. The same command goes on.")


# --- what is handed on -------------------------------------------------------------------------------------------


def provenance_of(outcome: Outcome) -> dict[str, str]:
    """Where the numbers of a study come from."""
    provenance: dict[str, str] = next(read(outcome.folder / "spool.jsonl")).data["provenance"]
    return provenance


def final_facts(trial: Trial) -> dict[str, Any]:
    """The final model in numbers: what it learned from says nothing of what it is worth, so no metric is here."""
    results = [result for _, result in sorted(trial.results.items())]
    return {
        "key": trial.key,
        "epochs": trial.epochs,
        "seconds": trial.seconds,
        "seeds": [member.seed for member in trial.members],
        "weights_sha256": [result.weights_sha256 for result in results],
    }


def metrics(chosen: Mapping[str, Any]) -> dict[str, float]:
    """The chosen configuration in the numbers that are worth comparing with another time's."""
    low, high = chosen["interval"] or (None, None)
    numbers = {"objective": chosen["mean"], "low": low, "high": high, "too_good_by": chosen.get("too_good_by")}
    return {name: value for name, value in numbers.items() if value is not None}


def comparable(outcome: Outcome, chosen: Confirmed) -> dict[str, Any]:
    """What two models must have in common so that their members compare in pairs, and the members' values."""
    config, provenance = chosen.candidate.config, provenance_of(outcome)
    return {
        "metric": outcome.metric,
        "protocol": config["protocol"],
        "members": [asdict(member) for member in chosen.trial.members],
        "data": {key: value for key, value in provenance.items() if key.startswith("data.train")},
        "values": list(chosen.values),
    }


def curves_csv(trial: Trial) -> str:
    """Mean and spread of every curve of a trial over its members, an epoch a line."""
    curves = [result.curves for result in trial.results.values()]
    columns = mean_curves(curves) or {name: list(values) for name, values in curves[0].items()}
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(map(plain_cell, ["epoch", *columns]))
    writer.writerows(zip(range(1, 1 + min(map(len, columns.values()))), *columns.values(), strict=False))
    return buffer.getvalue()


def write_model(folder: Path, config: Config, trial: Trial, card: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
    """Write what it takes to use the model, and how it was confirmed; at last the card, which seals the other files."""
    folder.mkdir()
    (folder / "config.yaml").write_text(as_yaml(config), encoding="utf-8")
    (folder / "confirmation.json").write_text(as_json(facts))
    for member, result in trial.results.items():
        shutil.copyfile(str(result.weights), folder / f"member-{member}.safetensors")
    write_card(folder, card)


def show(facts: Mapping[str, Any], folder: Path) -> None:
    """Print what was confirmed."""
    print(f"\n{facts['headline']}\n")
    rows = [_row(one) for one in facts["configurations"]]
    columns = dict.fromkeys(name for row in rows for name in row)
    aligned = [{name: row.get(name) for name in columns} for row in rows]
    print_best(aligned, title=f"{facts['metric']} on fresh members", limit=50)
    print(f"  facts    {folder / 'confirm.json'}")
    print(f"  model    {folder / 'model'}   (eksplora.inference.load_ensemble; trained on all training rows)")
    show_registered(facts["registered"])


def _row(one: Mapping[str, Any]) -> dict[str, Any]:
    low, high = one.get("interval") or (None, None)
    return {
        "configuration": one["name"],
        "mean": one.get("mean", one["status"]),
        "low": low,
        "high": high,
        "std": one.get("std"),
        "search said": one.get("found_by_search"),
        "against baseline": one.get("versus_baseline", {}).get("verdict"),
        **one["values"],
    }
