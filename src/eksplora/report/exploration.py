"""The pages and tables of an exploration: our numbers beside the reported ones, and what stands of the claims."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from eksplora.records.exploration import ClaimRecord, Decidable, ExplorationRecord, RowRecord
from eksplora.records.table import as_csv
from eksplora.report import table as tabular
from eksplora.report.table import Markdown, markdown, table

MARKS = {"replicated": "yes", "not replicated": "no", "not distinguishable": "open"}


_SCOPES = {
    "data like these": "`data like these` varies all rows, and seeds.",
    "new rows, trained on these": "`new rows, trained on these` varies the rows that are judged on, and seeds; what "
    "other training rows would change is not in it.",
    "new rows, for these networks": "`new rows, for these networks` varies the rows that are judged on; what other "
    "seeds or training rows would change is not in it.",
    "these rows": "`these rows` varies seeds alone, paired by member.",
}


def scopes_of(facts: ExplorationRecord) -> list[str]:
    """Scopes of the sentences of an exploration's page, the widest first."""
    claimed = [scope for claim in facts.claims.values() for scope in claim.scopes]
    compared = [
        one.scope
        for study in facts.studies.values()
        for row in study.comparisons.get("test", {}).values()
        for one in row.values()
    ]
    return [scope for scope in _SCOPES if scope in (*claimed, *compared)]


def page(facts: ExplorationRecord) -> str:
    """The page of an exploration."""
    budget = facts.budget
    direction = "lower" if facts.direction == "minimize" else "higher"
    introduction = [
        f"{facts.metric} ({direction} is better), mean over {budget.members} members with its 95% interval for "
        f"{_intervals(facts)}, beside the reported numbers.",
        f"Budget `{budget.name}`: {budget.note}. What a study hands to the next: {_carried(facts)}.",
        "Test columns are for reporting only, never for selection. Each sentence says what it is about: "
        f"{' '.join(_SCOPES[scope] for scope in scopes_of(facts))} All pairs of a study's rows are tested together, so "
        "the best row may be chosen by these values.",
        "A verdict on a claim is at the level of that claim; `all claims together` corrects for their number (Holm).",
    ]
    head = [
        f"# {facts.title}",
        _threads(facts),
        _warning(facts),
        " ".join(introduction),
        "## Claims",
        claims_table(facts),
        *(_evidence(facts)),
    ]
    studies = [part for name in facts.studies for part in _study(facts, name)]
    return "\n\n".join(part for part in [*head, *studies, _provenance(facts)] if part) + "\n"


def claims_page(explorations: Sequence[ExplorationRecord]) -> str:
    """All claims of all explorations that were run, on one page."""
    meant = [facts for facts in explorations if not _warning(facts)]
    judged = [claim.finding for facts in meant for claim in facts.claims.values()]
    counts = ", ".join(f"{judged.count(finding)} {finding}" for finding in MARKS)
    introduction = f"{len(judged)} claims of the reference explorations, judged on our own members: {counts}."
    others = "" if len(meant) == len(explorations) else "What is marked below as no result is not counted."
    parts = ["# Which claims stand", " ".join(part for part in (introduction if judged else "", others) if part)]
    for facts in explorations:
        budget = facts.budget
        parts += [
            f"## {facts.title}",
            _warning(facts),
            f"Budget `{budget.name}`: {budget.note}. Numbers: [{facts.exploration}]({facts.exploration}/README.md).",
            claims_table(facts),
        ]
    return "\n\n".join(part for part in parts if part) + "\n"


def claims_table(facts: ExplorationRecord) -> str:
    """The claims of an exploration with their verdicts."""
    return table(
        [
            {
                "claim": name,
                "the reference says": claim.says,
                "verdict": Markdown(f"**{markdown(claim.finding)}**"),
                "all claims together": claim.jointly,
                "about": "; ".join(claim.scopes),
                "could be decided": _could_be_decided(claim.decidable),
                "would settle it": _would_settle(claim),
            }
            for name, claim in facts.claims.items()
        ]
    )


def _would_settle(claim: ClaimRecord) -> str:
    """Members or rows that would decide a claim.

    Examples:
        >>> _would_settle(ClaimRecord(says="", finding="not distinguishable", members_needed=12, rows_needed=900))
        'about 12 members or 900 rows'
    """
    known = {"members": claim.members_needed, "rows": claim.rows_needed}
    words = [f"{number} {what}" for what, number in known.items() if number is not None]
    return f"about {' or '.join(words)}" if words else ""


def _could_be_decided(known: Decidable | None) -> str:
    """Whether so many members can show a claim whatever they say; nothing of an earlier version.

    Examples:
        >>> _could_be_decided(Decidable(least_p=0.125, alone=False, jointly=False, members=9))
        'no (least p 0.125): 9 members can'
    """
    if known is None:
        return ""
    if known.jointly:
        return "yes"
    more = "more than 50 members" if known.members is None else f"{known.members} members"
    return f"{'alone' if known.alone else 'no'} (least p {known.least_p:.3g}): {more} can"


HOW_IT_RUNS = ("study.workers=", "study.threads=")
"""Overrides that share out a machine: what is computed stays the budget's, to the last digits, which threads decide."""

SMOKE = "SMOKE RUN: the numbers mean nothing."


def warning(budget: str, changes: Sequence[str]) -> str:
    """Reason for which the numbers of a budget are not what it says; empty if they are.

    Args:
        budget: Its name.
        changes: What was set by hand, as overrides.
    """
    said = [SMOKE] if budget == "smoke" else []
    changed = [one for one in changes if not one.startswith(HOW_IT_RUNS)]
    if changed:
        said.append(f"CHANGED BY HAND: {', '.join(changed)}. These are not the budget's numbers.")
    return " ".join(said)


def warning_of(facts: ExplorationRecord) -> str:
    """The same of an exploration."""
    return warning(facts.budget.name, facts.set)


def _warning(facts: ExplorationRecord) -> str:
    """The same, to be seen."""
    return f"**{said}**" if (said := warning_of(facts)) else ""


def _threads(facts: ExplorationRecord) -> str:
    """The threads that were asked for; by themselves the cores are divided among the workers."""
    asked = facts.threads
    return f"Asked for: {asked} threads of one training (study.threads), which decide its last digits." if asked else ""


def _carried(facts: ExplorationRecord) -> str:
    return "its best row on validation data" if facts.carry == "validation" else "the row that the reference carried"


def _evidence(facts: ExplorationRecord) -> Iterator[str]:
    for name, claim in facts.claims.items():
        lines = "\n".join(f"  - {sentence}" for sentence in claim.evidence)
        yield f"- **{name}**, {claim.finding}:\n{lines}"


def _study(facts: ExplorationRecord, name: str) -> Iterator[str]:
    study = facts.studies[name]
    yield f"## {name}: {study.says}"
    yield table(rows(facts, name))
    yield f"![{name}](plots/{name}.png)"
    winner = study.winner
    chosen = [
        f"Best mean on validation data: **{winner['val']}**; on the test part: {winner['test']}; the reference carried "
        f"{study.carried_by_reference}; handed on: {study.handed_on}.",
        *(f"One member alone would have chosen, by {_COLUMNS[on]}: {_counts(study.choices[on])}." for on in _COLUMNS),
    ]
    yield " ".join(chosen)
    words = [one.in_words for known in study.comparisons["test"].values() for one in known.values()]
    if words:
        yield "On the test part:\n\n" + "\n".join(f"- {sentence}" for sentence in dict.fromkeys(words))


_COLUMNS = {"val": "validation", "test": "test"}


def _counts(choices: Mapping[str, int]) -> str:
    return ", ".join(f"{row} ({count})" for row, count in sorted(choices.items(), key=lambda item: -item[1]))


def _intervals(facts: ExplorationRecord) -> str:
    """Scopes of the intervals of the columns, in words."""
    others = "other members on these rows (Student's)"
    summaries = [row.summary for study in facts.studies.values() for row in study.rows.values()]
    said = {}
    for column, word in (("val", "validation"), ("test", "test")):
        known = {one[column].scope for one in summaries if column in one}
        said[word] = [scope for scope in _SCOPES if scope in known]
    named = [f"{' or '.join(scopes)} ({word})" for word, scopes in said.items() if scopes]
    return ", ".join([*named, f"{others} in the other columns"]) if named else others


def rows(facts: ExplorationRecord, name: str) -> list[dict[str, Any]]:
    """The rows of a study as the page shows them."""
    study, digits = facts.studies[name], facts.digits
    has_seconds = any("seconds" in row.reported for row in study.rows.values())
    found = []
    for key, row in study.rows.items():
        shown: dict[str, Any] = {study.says: key}
        for column in ("train", "test"):
            reported = row.reported.get(column)
            shown[f"reported {column}"] = "" if reported is None else f"{reported:.{digits}f}"
            shown[column] = _cell(row, column, digits + 1)
        shown["validation"] = _cell(row, "val", digits + 1)
        if has_seconds:
            shown["reported seconds"] = row.reported.get("seconds")
            shown["seconds"] = _cell(row, "seconds", 2)
        shown["n"] = row.summary["val"].n if row.summary else 0
        against = study.comparisons["test"].get(key, {}).get("best")
        shown["test, against the best"] = (
            "best" if key == study.winner["test"] else "" if against is None else against.verdict
        )
        shown["run"] = Markdown(f"`{row.run[:8]}`") if row.run else ""
        found.append(shown)
    return found


def _cell(row: RowRecord, column: str, digits: int) -> str:
    if not row.summary:
        return row.status
    one = row.summary[column]
    mean = f"{one.value:.{digits}f}"
    return mean if one.low is None or one.high is None else f"{mean} [{one.low:.{digits}f}, {one.high:.{digits}f}]"


def _provenance(facts: ExplorationRecord) -> str:
    shown = sorted(facts.provenance.items())
    return "## Where the numbers come from\n\n" + table([{"what": key, "value": value} for key, value in shown])


# --- tables for papers and programs ------------------------------------------------------------------------------


def tables(facts: ExplorationRecord) -> dict[str, str]:
    """Every study's table as Markdown, LaTeX and CSV, by path."""
    found = {}
    for name in facts.studies:
        found[f"tables/{name}.md"] = "\n\n".join(filter(None, (_warning(facts), table(rows(facts, name))))) + "\n"
        found[f"tables/{name}.tex"] = latex(facts, name)
        found[f"tables/{name}.csv"] = numbers(facts, name)
    return found


def latex(facts: ExplorationRecord, name: str) -> str:
    """A study's table for LaTeX with the package booktabs; the runs behind each line stand in a comment."""
    study = facts.studies[name]
    # As they are reported: "14.0" is not "14".
    content = [
        {key: None if value is None else str(value) for key, value in row.items() if key != "run"}
        for row in rows(facts, name)
    ]
    return tabular.latex(
        content,
        caption=f"{facts.title}: {study.says}. Budget: {facts.budget.note}. {warning_of(facts)}".rstrip(),
        comments=[f"runs: {' '.join([row.run, *row.member_runs])}" for row in study.rows.values()],
    )


def numbers(facts: ExplorationRecord, name: str) -> str:
    """A study's numbers in full, a row and column a line, with MLflow's runs behind each."""
    lines = []
    head = ["budget", "study", "row", "column", "reported", "mean", "low", "high", "std", "n", "run", "member_runs"]
    for key, row in facts.studies[name].rows.items():
        for column, one in row.summary.items():
            values = [row.reported.get(column), one.mean, one.low, one.high, one.std, one.n]
            runs = [row.run, " ".join(row.member_runs)]
            lines.append([facts.budget.name, name, key, column, *values, *runs])
    return as_csv(head, lines)
