"""Confirmation of a search: a study of the candidates, the choice, a study of the chosen one on all rows."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from eksplora.config import part
from eksplora.confirmation.candidates import Candidate, in_words
from eksplora.confirmation.choice import Confirmed, confirmed, described, epoch_budget, headline, ranked
from eksplora.confirmation.registration import register, show_registered
from eksplora.console.table import print_best
from eksplora.console.work import Work
from eksplora.errors import WorkerError
from eksplora.files import as_json, new_folder
from eksplora.inference import write_card
from eksplora.records.confirm import Comparable, Configuration, ConfirmRecord, FinalModel, SearchedStudy
from eksplora.records.record import to_json
from eksplora.records.search import SearchRecord
from eksplora.records.table import as_csv
from eksplora.study.comparison import compare
from eksplora.study.journal import as_yaml
from eksplora.study.run import Outcome, run_study
from eksplora.study.spec import StudySpec
from eksplora.study.trial import Trial, mean_curves
from eksplora.types import Config, Judges


def run(spec: StudySpec, searched: SearchRecord, tried: Sequence[Candidate], *, full: Config) -> None:
    """Confirm the candidates, train the chosen one on all rows, write and register it, and show what came of it.

    Args:
        spec: What its studies have in common.
        searched: What the search handed on.
        tried: The candidates.
        full: The parts of a training on all rows, see `on_all_rows`.
    """
    direction, alpha, output = spec.direction, spec.config["confirm"]["alpha"], Path(spec.config["output"])
    compared, known = confirm_candidates(spec, tried, fresh_judges(searched))
    order = ranked(known, direction)
    chosen = order[0]
    has_network = "model" in chosen.candidate.config
    config = on_all_rows(full, chosen) if has_network else chosen.candidate.config
    final, trial = train_on_all_rows(spec, config) if has_network else (compared, chosen.trial)
    fresh, again = train_on_searched_rows(spec, tried[0], searched.num_members)
    rows = described(known, compared.metric, direction, alpha, again=again)
    record = ConfirmRecord(
        studies={"confirm": compared.name, "final": final.name, "optimism": fresh.name},
        provenance=dict(final.provenance),
        experiment=spec.experiment,
        headline=headline(rows[0], compared.metric),
        metric=compared.metric,
        direction=direction,
        alpha=alpha,
        chosen=chosen.name,
        configurations=rows,
        search=SearchedStudy(study=searched.study, trials=searched.trials, members=searched.members),
        final=final_model(trial),
        comparable=comparable(compared, chosen),
        command=spec.command,
    )
    with Work(f"confirm {spec.experiment}") as work, new_folder(output / "confirm") as folder:
        (folder / "curves.csv").write_text(curves_csv(chosen.trial))
        if has_network:  # a function of the user's own leaves none
            work.step("writing and registering the model")
            write_model(folder / "model", config, trial, part(spec.config, "data").card(), record)
            record = replace(record, registered=register(spec, folder / "model", record, final))
        (folder / "metrics.json").write_text(as_json(metrics(rows[0])))
        (folder / "confirm.json").write_text(to_json(record))
    show(record, output / "confirm")


def fresh_judges(searched: SearchRecord) -> Judges:
    """The rows that did not judge a search."""
    return "later" if searched.num_members > 1 else "others"


def confirm_candidates(spec: StudySpec, tried: Sequence[Candidate], judges: Judges) -> tuple[Outcome, list[Confirmed]]:
    """Train the candidates on fresh members, judged on rows that no member of the search was judged on.

    Args:
        spec: What the studies have in common.
        tried: The candidates; returned in their order.
        judges: The rows that did not judge the search.
    """
    compared = compare(
        replace(spec, name=f"{spec.name}-confirm", is_shown=False, judges=judges),
        {candidate.name: candidate.config for candidate in tried},
        base=tried[-1].name,
        naming=in_words,
    )
    folder = compared.outcome.folder
    return compared.outcome, [confirmed(one, compared.trained(one.name), folder) for one in tried]


def train_on_searched_rows(spec: StudySpec, best: Candidate, members: int) -> tuple[Outcome, Confirmed]:
    """Train the search's best configuration with fresh seeds on the rows that judged it there.

    The part of the search's value that these members lose was the luck of its seeds, and what other rows lose more that
    of its rows.

    Args:
        spec: What the studies have in common.
        best: The configuration.
        members: Members of a trial of the search.
    """
    seeds = max(1, spec.budget.n_seeds // members)
    own = replace(
        spec,
        name=f"{spec.experiment}-optimism",
        configure=lambda values: best.config,
        budget=replace(spec.budget, n_seeds=seeds),
        is_shown=False,
        judges="first",
        cut_for=members,
        naming=lambda values: "on the search's rows",
        may_fail=True,
    )
    outcome = run_study(own)
    outcome.check_over()
    (trial,) = outcome.ledger.trials.values()
    return outcome, confirmed(best, trial, outcome.folder)


def on_all_rows(parts: Config, chosen: Confirmed) -> Config:
    """The chosen configuration for a training on all rows, with as many epochs as validation suggested.

    A function of the user's own has no epochs that could be set.

    Args:
        parts: `protocol` and `early_stopping` of a training without validation rows.
        chosen: The configuration.
    """
    config = chosen.candidate.config
    own: Config = {key: parts[key] for key in ("protocol", "early_stopping") if key in config}
    epochs = {"trainer": {**config["trainer"], "max_epochs": epoch_budget(chosen)}} if "trainer" in config else {}
    return {**config, **own, **epochs}


def train_on_all_rows(spec: StudySpec, config: Config) -> tuple[Outcome, Trial]:
    """Train the members of the final model.

    Raises:
        WorkerError: If one of them does not finish.
    """
    own = replace(spec, name=f"{spec.name}-final", configure=lambda values: config, is_shown=False)
    outcome = run_study(replace(own, naming=lambda values: "on all rows", may_fail=True))
    outcome.check_over()
    if outcome.ledger.best is None:
        (ended,) = outcome.ledger.trials.values()
        raise WorkerError(
            f"the chosen configuration ended as {ended.status} when it learned from all rows ({ended.message}). "
            f"See the study {outcome.name}."
        )
    return outcome, outcome.ledger.best


# --- what is handed on -------------------------------------------------------------------------------------------


def final_model(trial: Trial) -> FinalModel:
    """The final model in numbers."""
    results = [result for _, result in sorted(trial.results.items())]
    return FinalModel(
        key=trial.key,
        epochs=trial.epochs,
        seconds=trial.seconds,
        seeds=[member.seed for member in trial.members],
        weights_sha256=[result.weights_sha256 for result in results if result.weights_sha256 is not None],
    )


def metrics(chosen: Configuration) -> dict[str, float]:
    """The chosen configuration in the numbers that are worth comparing with another time's."""
    known = chosen.known
    too_good = None if chosen.optimism is None else chosen.optimism.mean
    numbers = {"objective": known.mean, "low": known.low, "high": known.high, "too_good_by": too_good}
    return {name: value for name, value in numbers.items() if value is not None}


def comparable(outcome: Outcome, chosen: Confirmed) -> Comparable:
    """Values in which another model must agree with the chosen one so that their members compare in pairs."""
    config, provenance = chosen.candidate.config, outcome.provenance
    return Comparable(
        metric=outcome.metric,
        protocol=config["protocol"],
        members=[asdict(member) for member in chosen.trial.members],
        data={key: value for key, value in provenance.items() if key.startswith("data.train")},
        values=list(chosen.values),
        ratio=chosen.sample.ratio if chosen.sample else None,
        num_rows=chosen.sample.num_rows if chosen.sample else 0,
    )


def curves_csv(trial: Trial) -> str:
    """Mean and spread of every curve of a trial over its members, an epoch a line."""
    curves = [result.curves for result in trial.results.values()]
    columns = mean_curves(curves) or {name: list(values) for name, values in curves[0].items()}
    epochs = range(1, 1 + min(map(len, columns.values())))
    return as_csv(["epoch", *columns], zip(epochs, *columns.values(), strict=False))


def write_model(folder: Path, config: Config, trial: Trial, card: Mapping[str, Any], record: ConfirmRecord) -> None:
    """Write what it takes to use the model, and how it was confirmed; at last the card, which seals the other files."""
    folder.mkdir()
    (folder / "config.yaml").write_text(as_yaml(config), encoding="utf-8")
    (folder / "confirmation.json").write_text(to_json(record))
    for member, result in trial.results.items():
        shutil.copyfile(str(result.weights), folder / f"member-{member}.safetensors")
    write_card(folder, card)


def show(record: ConfirmRecord, folder: Path) -> None:
    """Print what was confirmed."""
    print(f"\n{record.headline}\n")
    rows = [_row(one) for one in record.configurations]
    scope = record.configurations[0].known.scope
    about = f"; 95% intervals are for {scope}" if scope else ""
    print_best(rows, title=f"{record.metric} on fresh members{about}", limit=50)
    print(f"  facts    {folder / 'confirm.json'}")
    if record.final.weights_sha256:
        print(f"  model    {folder / 'model'}   (eksplora.load_ensemble; trained on all training rows)")
    show_registered(record.registered)


def _row(one: Configuration) -> dict[str, Any]:
    known = one.known
    return {
        "configuration": one.name,
        "mean": one.status if known.mean is None else known.mean,
        "low": known.low,
        "high": known.high,
        "std": known.std,
        "in the search": one.found_by_search,
        "against baseline": one.versus_baseline and one.versus_baseline.verdict,
        **one.values,
    }
