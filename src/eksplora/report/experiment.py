"""The report of an experiment as Markdown: what was found, how sure one may be, and how to reproduce it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from eksplora.installation import in_checkout
from eksplora.records.confirm import Configuration, ConfirmRecord
from eksplora.records.search import SearchRecord
from eksplora.report.table import markdown, table

Facts = Mapping[str, Any]

MOST_TRIALS = 5
"""Trials of the search that are shown."""

SHOWN_PROVENANCE = ("git.", "dvc_lock.", "lock.", "code.", "data.", "version.", "machine.", "threads")
"""Keys of the provenance that are shown, in this order."""


def page(
    searched: SearchRecord, confirmed: ConfirmRecord, evaluated: Facts, lines: Sequence[tuple[str, str]] = ()
) -> str:
    """The page.

    Args:
        searched: What the stage `search` handed on.
        confirmed: What `confirm` did.
        evaluated: What `evaluate` did.
        lines: The commands that make it again, each with what it does.
    """
    sections = [
        f"# {markdown(confirmed.experiment)}",
        f"{markdown(evaluated['headline'])}\n\n{markdown(confirmed.headline)}",
        _tested(evaluated),
        _confirmed(confirmed),
        _searched(searched),
        _again(confirmed, evaluated, lines),
    ]
    return "\n\n".join(sections) + "\n"


def _tested(evaluated: Facts) -> str:
    rows = [
        {"metric": name, **{key: one[key] for key in ("mean", "low", "high", "std", "ensemble")}}
        for name, one in evaluated["test"].items()
    ]
    opened = evaluated["opened"]
    often = f" It has been opened for {opened} confirmed models of this experiment so far." if opened > 1 else ""
    return "\n\n".join(
        [
            "## On the test part",
            f"The model is the confirmed configuration, trained on all rows of the training part. The test part "
            f"({evaluated['rows']} rows) chose nothing.{often}",
            table(rows),
            "`low` and `high`: 95% interval of the mean over members (Student's); `std`: spread of the members; "
            "`ensemble`: the mean of their predictions.",
            *_decomposed(evaluated.get("bias_variance")),
        ]
    )


def _decomposed(found: Facts | None) -> list[str]:
    """Where the members' loss comes from: what they have in common, and what other seeds would change."""
    if not found:
        return []
    return [
        f"Over members, the expected loss (squared error, or error rate of classes) of {found['loss']:.4g} has a bias "
        f"of {found['bias']:.4g}, which all have in common, and a variance of {found['variance']:.4g} between seeds."
    ]


def _confirmed(confirmed: ConfirmRecord) -> str:
    rows = [
        {
            "configuration": one.name,
            "mean": one.status if one.estimate is None else one.estimate.mean,
            "low": one.known.low,
            "high": one.known.high,
            "std": one.known.std,
            "the search said": one.found_by_search,
            "optimism": one.optimism,
            "searched values": ", ".join(f"{key}={value}" for key, value in one.values.items()),
        }
        for one in confirmed.configurations
    ]
    sentences = [f"- {markdown(sentence)}" for sentence in verdicts(confirmed.configurations)]
    return "\n\n".join(
        [
            "## Confirmed on fresh members",
            f"{confirmed.metric} over members whose seeds the search never saw. The best value of a search is too "
            "good by chance: `optimism` is what came off. `baseline` is the experiment's own configuration.",
            table(rows),
            *(["\n".join(sentences)] if sentences else []),
        ]
    )


def _searched(searched: SearchRecord) -> str:
    counts = ", ".join(f"{count} {status}" for status, count in searched.trials.items())
    rows = [{"trial": one.trial, searched.metric: one.value, **one.values} for one in searched.ranked[:MOST_TRIALS]]
    return "\n\n".join(
        [
            "## The search",
            f"Study `{searched.study}`: {counts}; {searched.members} per trial. Plots: `search/plots/`.",
            table(rows),
        ]
    )


def _again(confirmed: ConfirmRecord, evaluated: Facts, lines: Sequence[tuple[str, str]]) -> str:
    studies = ", ".join(f"`{name}`" for name in confirmed.studies.values())
    registered = confirmed.registered
    model = (
        f"In MLflow it is `{registered.name}`, version {registered.version} ({registered.alias}: "
        f"{markdown(registered.why)})."
        if registered
        else "It is not registered: nothing was tracked."
    )
    return "\n\n".join(
        [
            "## How to reproduce it",
            f"- Studies: {studies}.\n"
            f"{_REPRODUCE if in_checkout() else ''}"
            f"- The model: `confirm/model/` beside this page. {model}",
            *([_shell(lines)] if lines else []),
            "Where the numbers come from:",
            table([{"what": key, "value": value} for key, value in shown(evaluated["provenance"])]),
        ]
    )


_REPRODUCE = "- `make reproduce RUN=<id of a run in MLflow>` trains any recorded run again and compares bit for bit.\n"


def _shell(lines: Sequence[tuple[str, str]]) -> str:
    """Commands as a block of code, whatever stands in them."""
    text = "\n".join(f"{command}  # {says}" for command, says in lines)
    fence = "`" * max([3, *(len(run) + 1 for run in re.findall("`+", text))])
    place = "at the commit below and after `make setup`" if in_checkout() else "with the versions below"
    return f"In the project's root, {place}:\n\n{fence}bash\n{text}\n{fence}"


def shown(provenance: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    """Provenance as a page shows it, see `SHOWN_PROVENANCE`."""
    for start in SHOWN_PROVENANCE:
        yield from sorted((key, value) for key, value in provenance.items() if key.startswith(start))


def verdicts(configurations: Sequence[Configuration]) -> list[str]:
    """Verdicts of each configuration against the baseline and against the best, every pair once."""
    to_baseline = [one.versus_baseline for one in configurations]
    to_best = [one.versus_best for one in configurations if one.name != "baseline"]  # the best was compared with it
    return list(dict.fromkeys(known.in_words for known in [*to_baseline, *to_best] if known is not None))
