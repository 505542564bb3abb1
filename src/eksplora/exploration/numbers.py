"""An exploration in numbers: pure functions of what its members gave, so that a check can make the same of MLflow's."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from statistics import fmean, stdev
from typing import Any

from eksplora.errors import WorkerError
from eksplora.exploration.chain import Exploration
from eksplora.statistics.claim import Finding, Judge, Judgement, distinct, judged_together, least_p
from eksplora.statistics.interval import t_interval
from eksplora.statistics.verdict import compare_rows, in_words

RowResult = dict[str, Any]
"""Result of a row: `trial`, `status`, `message`, and `columns`: its members' values by column, if finished."""

COMPARED = ("val", "test")
"""Columns in which rows are compared: that which chooses, and that which the reference reported."""


def columns_of(members: Sequence[Mapping[str, float]], direction: str) -> dict[str, list[float]]:
    """The columns of a row from what each member gave (`train`, `val`, `test`, `seconds`).

    `gap` is how much worse the test part is than the rows learned from, both with the kept weights and dropout off.
    """
    sign = 1 if direction == "minimize" else -1
    columns = {name: [member[name] for member in members] for name in ("train", "val", "test", "seconds")}
    return columns | {"gap": [sign * (member["test"] - member["train"]) for member in members]}


def winners(rows: Mapping[str, RowResult], direction: str) -> dict[str, str]:
    """The row with the best mean, on validation data and on the test part; the first of equal ones."""
    better = min if direction == "minimize" else max
    known = {name: row["columns"] for name, row in rows.items() if row["columns"]}
    if not known:
        raise WorkerError("no row finished, so none can be handed on. See the messages of its trials in MLflow.")
    return {on: better(known, key=lambda name: fmean(known[name][on])) for on in COMPARED}


def choices(rows: Mapping[str, RowResult], direction: str, on: str) -> dict[str, int]:
    """How often each row would have been chosen, had there been one member only: once for each member."""
    better = min if direction == "minimize" else max
    known = {name: row["columns"][on] for name, row in rows.items() if row["columns"]}
    count = min(map(len, known.values()), default=0)
    return dict(Counter(better(known, key=lambda name: known[name][member]) for member in range(count)))


def summarized(
    exploration: Exploration,
    studies: Mapping[str, Mapping[str, Any]],
    runs: Mapping[str, Mapping[str, str]],
    *,
    carry: str,
    alpha: float,
) -> dict[str, Any]:
    """All numbers of an exploration's pages.

    Args:
        exploration: What was asked.
        studies: Per one-factor study: `study`, `id`, `base`, `rows`, `winner`, `handed_on`, `metric`, `direction`,
            `provenance`.
        runs: Per study, MLflow's run ids by ours.
        carry: What a study handed to the next.
        alpha: Level of significance.
    """
    first = next(iter(studies.values()))
    direction = first["direction"]
    described = {
        study.name: {
            "says": study.says,
            **{key: studies[study.name][key] for key in ("study", "id", "base", "winner", "handed_on")},
            "carried_by_reference": study.carried,
            "choices": {on: choices(studies[study.name]["rows"], direction, on) for on in COMPARED},
            "rows": {
                name: _row(found, study.rows[name].reported, studies[study.name]["id"], runs[study.name])
                for name, found in studies[study.name]["rows"].items()
            },
            "comparisons": {on: _comparisons(studies[study.name], direction, alpha, on) for on in COMPARED},
        }
        for study in exploration.studies
    }
    return {
        "exploration": exploration.name,
        "title": exploration.title,
        "experiment": exploration.experiment,
        "budget": asdict(exploration.budget),
        "carry": carry,
        "alpha": alpha,
        "metric": first["metric"],
        "direction": direction,
        "digits": exploration.digits,
        "studies": described,
        "claims": _claims(exploration, studies, direction, alpha),
        "provenance": first["provenance"],
    }


def _row(found: RowResult, reported: Mapping[str, float], study: str, runs: Mapping[str, str]) -> dict[str, Any]:
    """A row: what was reported, and what its members gave, with the runs behind it."""
    key = f"{study}/{found['trial']}"
    columns: Mapping[str, Sequence[float]] = found["columns"]
    members = [runs.get(f"{key}/{member}", runs.get(key, "")) for member in range(len(columns.get("val", ())))]
    return {
        "reported": dict(reported),
        "status": found["status"],
        "message": found["message"],
        "trial": found["trial"],
        "run": runs.get(key, ""),
        "member_runs": members,
        "members": {name: list(values) for name, values in columns.items()},
        "summary": {
            name: _summary(distinct(values) if name == "seconds" else values) for name, values in columns.items()
        },
    }


def _summary(values: Sequence[float]) -> dict[str, Any]:
    interval = t_interval(values)
    return {
        "mean": fmean(values),
        "std": stdev(values) if len(values) > 1 else None,
        "interval": None if interval is None else [interval.low, interval.high],
        "n": len(values),
    }


def _comparisons(study: Mapping[str, Any], direction: str, alpha: float, on: str) -> dict[str, dict[str, Any]]:
    """Each row against the best of its column, and each against the base; all pairs of rows judged together."""
    known = {name: found["columns"][on] for name, found in study["rows"].items() if found["columns"]}
    found: dict[str, dict[str, Any]] = {}
    for word, other in {"best": study["winner"][on], "base": study["base"]}.items():
        others = [name for name in known if name != other and other in known]
        places = {name: place for place, name in enumerate(known)}
        pairs = [(places[name], places[other]) for name in others]
        compared = compare_rows(list(known.values()), pairs, direction=direction, alpha=alpha)
        for name, one in zip(others, compared, strict=True):
            words = in_words(one, name=name, reference=other)
            found.setdefault(name, {})[word] = {**asdict(one), "verdict": str(one.verdict), "in_words": words}
    return found


# --- claims ------------------------------------------------------------------------------------------------------


def _claims(
    exploration: Exploration, studies: Mapping[str, Mapping[str, Any]], direction: str, alpha: float
) -> dict[str, dict[str, Any]]:
    """Every claim with what is found of it by itself and of all of them together, and whether it could be decided."""
    judged = {name: _judged(exploration, studies, name, direction, alpha) for name in exploration.claims}
    together = judged_together(list(judged.values()), alpha)
    return {
        name: {
            **{key: exploration.claims[name][key] for key in ("study", "says")},
            "finding": str(one.finding),
            "jointly": str(jointly),
            "p": one.p,
            "evidence": list(one.evidence),
            "members_needed": one.members_needed,
            "decidable": _decidable(exploration, name, alpha),
        }
        for (name, one), jointly in zip(judged.items(), together, strict=True)
    }


def _decidable(exploration: Exploration, name: str, alpha: float) -> dict[str, Any]:
    """Whether so many members can show a claim, alone and with the others, and how many can.

    Attributes of the answer: `least_p`, that such members can reach; `alone` and `jointly`, whether it is small enough
    at `alpha` and at that level over the claims; `members`, which would be enough for the latter, None above 50.
    """
    claim, count = exploration.claims[name], len(exploration.claims)
    rows = len(next(study for study in exploration.studies if study.name == claim["study"]).rows)

    def least(members: int) -> float:
        return least_p(claim["holds"], rows=rows, members=members)[0]

    own = least(exploration.budget.members)
    enough = next((members for members in range(2, 51) if least(members) <= alpha / count), None)
    return {"least_p": own, "alone": own <= alpha, "jointly": own <= alpha / count, "members": enough}


def _judged(
    exploration: Exploration, studies: Mapping[str, Mapping[str, Any]], name: str, direction: str, alpha: float
) -> Judgement:
    """Judge a claim; one about a row that did not finish stays open."""
    claim = exploration.claims[name]
    columns = {study: _columns_of(known["rows"]) for study, known in studies.items()}
    others = {f"{study}/{row}": values for study, rows in columns.items() for row, values in rows.items()}
    own = columns[claim["study"]]
    rivals = studies[claim["study"]]["rows"] if _has_form(claim["holds"], "best") else ()
    lacking = [row for row in dict.fromkeys([*_rows_named(claim["holds"]), *rivals]) if row not in own | others]
    known_rows = {
        **studies[claim["study"]]["rows"],
        **{f"{s}/{r}": t for s, k in studies.items() for r, t in k["rows"].items()},
    }
    if lacking and all(row in known_rows for row in lacking):
        said = tuple(f"{row} ended as {known_rows[row]['status']}: {known_rows[row]['message']}" for row in lacking)
        return Judgement(Finding.NOT_DISTINGUISHABLE, said)
    return Judge(columns[claim["study"]], _directions(direction), alpha, others)(claim["holds"])


def _columns_of(rows: Mapping[str, RowResult]) -> dict[str, Mapping[str, Sequence[float]]]:
    return {name: found["columns"] for name, found in rows.items() if found["columns"]}


def _directions(direction: str) -> dict[str, str]:
    return {"train": direction, "val": direction, "test": direction, "gap": "minimize", "seconds": "minimize"}


def _has_form(holds: Mapping[str, Any], form: str) -> bool:
    """Whether a claim, or one that it joins, has a form."""
    return form in holds or any(_has_form(part, form) for part in holds.get("all", ()))


def _rows_named(holds: Any) -> list[str]:
    """The rows that a claim names, in any of its forms."""
    if isinstance(holds, Mapping):
        own = [value for key, value in holds.items() if key in ("row", "of")]
        lists = [item for key in ("rows", "than") for item in holds.get(key, ())]
        return [*own, *lists, *(row for value in holds.values() for row in _rows_named(value))]
    return [row for part in holds for row in _rows_named(part)] if isinstance(holds, list) else []
