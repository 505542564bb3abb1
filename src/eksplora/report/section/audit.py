"""Section on the search as a whole: what it chooses, on rows that nothing chose by."""

from collections.abc import Sequence

from eksplora.errors import command_line
from eksplora.records.audit import AuditRecord, OuterSplit
from eksplora.records.estimate import Estimate
from eksplora.records.results import Results
from eksplora.report.block import Block, Headline, Note, Points, Section, TableBlock, between, code
from eksplora.report.number import number, settings, share


def section(facts: Results) -> Section:
    """The outer splits of an audit; how to run one where there was none."""
    known = facts.audited
    return Section(
        key="audit",
        title="Whether the search can be trusted",
        says=(
            "The search and its confirmation, run again with part of the training rows held out, part after part. What "
            "they chose is measured on the rows that were held out: nothing learned from them or chose by them."
        ),
        blocks=_absent(facts.confirmed.experiment) if known is None else _blocks(known),
    )


def _absent(experiment: str) -> list[Block]:
    return [Note(f"This was not tried. `{command_line('audit', experiment=experiment)}` does: it takes many searches.")]


def _blocks(known: AuditRecord) -> list[Block]:
    return [Headline(known.headline), _estimates(known), Points(_points(known)), _splits(known.splits, known.metric)]


def _estimates(known: AuditRecord) -> TableBlock:
    rows = {
        "what the search yields": known.yields,
        "the experiment's own configuration": known.own,
        "optimism of the search's best value": known.search_optimism,
        "optimism of the value of confirm": known.confirm_optimism,
    }
    return TableBlock(
        f"{known.metric} on data like these",
        [{"": name, "mean": one.mean, "95% interval": between(one.low, one.high)} for name, one in rows.items()],
        "Intervals allow for the rows that the outer splits have in common. Optimism is how much better a value was "
        "than that of the outer rows; below zero it was worse.",
        is_tall=False,
    )


def _points(known: AuditRecord) -> list[str]:
    count = len(known.splits)
    by = "" if known.worse_by is None else f", by {number(known.worse_by)} on average"
    return [
        f"{known.versus_own.in_words}.",
        f"The choice was worse than the experiment's own configuration in {known.worse} of {count} outer splits "
        f"({_shares(known.worse_share)}){by}.",
    ]


def _shares(known: Estimate) -> str:
    """A share in per cent, with its interval."""
    interval = "" if known.low is None else f", 95% interval {share(known.low)} to {share(known.high)}"
    return f"{share(known.mean)}{interval}"


def _splits(splits: Sequence[OuterSplit], metric: str) -> TableBlock:
    return TableBlock(
        f"{metric} of each outer split",
        [
            {
                "outer split": one.number,
                "outer rows": one.rows,
                "chosen": code(one.chosen),
                "value in the search": one.found,
                "value in confirm": one.confirmed,
                "outer rows say": one.outer,
                "the experiment's own": one.own,
                "searched values": code(settings(one.values)) if one.values else "the experiment's own",
            }
            for one in splits
        ],
        "Each configuration is trained on all other rows and measured on the outer ones, mean over its members.",
    )
