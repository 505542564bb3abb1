"""The numbers of a report as tables for papers and programs."""

from eksplora.records.confirm import ConfirmRecord
from eksplora.records.details import DetailsRecord
from eksplora.records.explain import ExplanationRecord
from eksplora.records.results import Results
from eksplora.records.table import rows_as_csv
from eksplora.report.table import TableRows, latex, table


def tables(facts: Results) -> dict[str, str]:
    """Each table that there is as Markdown, LaTeX and CSV, by path: `tables/<name>.md`, `.tex`, `.csv`.

    Args:
        facts: As `eksplora.report.document.document` takes them.
    """
    details = facts.details
    made = {
        "measures": (
            [] if details is None else measures(details),
            "Test part of {}: ensemble with 95% interval for new rows, trained on these; its members' mean and spread.",
        ),
        "per_class": (
            [] if details is None else per_class(details),
            "Test part of {}, class by class: ensemble of the members.",
        ),
        "confirmation": (confirmation(facts.confirmed), "Configurations of {} on fresh members."),
        "importance": (importance(facts.explained), "Features of {}: mean importance over members."),
    }
    found = {}
    for name, (rows, caption) in made.items():
        if rows:
            found[f"tables/{name}.md"] = table(rows) + "\n"
            found[f"tables/{name}.tex"] = latex(rows, caption=caption.format(facts.confirmed.experiment))
            found[f"tables/{name}.csv"] = rows_as_csv(rows)
    return found


def measures(details: DetailsRecord) -> TableRows:
    """Measures, a line each."""
    return [{"measure": name, **one.columns} for name, one in details.measures.items()]


def per_class(details: DetailsRecord) -> TableRows:
    """Classes, a line each; none where a number is predicted."""
    return [
        {"class": one.name, "rows": one.rows, **{key: known.ensemble.mean for key, known in one.measures.items()}}
        for one in details.per_class
    ]


def confirmation(confirmed: ConfirmRecord) -> TableRows:
    """Configurations, a line each."""
    return [
        {
            "configuration": one.name,
            "status": one.status,
            "mean": one.known.mean,
            "low": one.known.low,
            "high": one.known.high,
            "std": one.known.std,
            "members": len(one.members),
            "found by search": one.found_by_search,
            "optimism": one.optimism and one.optimism.mean,
            "against baseline": one.versus_baseline and one.versus_baseline.verdict,
        }
        for one in confirmed.configurations
    ]


def importance(explained: ExplanationRecord | None) -> TableRows:
    """Features by method, a line each; none where they were not explained."""
    if explained is None or explained.features is None:
        return []
    return [
        {
            "method": method,
            "feature": row.feature,
            "mean": row.importance.mean,
            "low": row.importance.low,
            "high": row.importance.high,
            "first": row.first,
            "rank": row.rank,
        }
        for method, found in explained.features.methods.items()
        for row in found.rows
    ]
