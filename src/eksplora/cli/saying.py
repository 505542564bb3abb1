"""Lines of a command on data of one's own: at its beginning what follows from them, at its end what comes next."""

import shlex
from collections.abc import Sequence

from eksplora.config import Request, parse_override
from eksplora.config.own_data import OwnData
from eksplora.config.request import as_typed
from eksplora.images.card import ImagesCard
from eksplora.installation import in_checkout, stage_command

TRAINING = ("search", "train", "repro")
"""Commands that say what follows from the data; those after them go by the same."""

NEXT = {
    "prepare": ("search", "search over networks"),
    "train": ("search", "search over networks"),
    "report": ("predict", "predict for other rows"),
    "repro": ("predict", "predict for other rows"),
}
"""The stage after a command; after any other, all that are left up to the report."""


def found(own: OwnData) -> list[str]:
    """Lines on what follows from the data and why, and on what is to be known before anything is trained."""
    card = own.card
    lines = [f"{own.source}: {card.train_rows} rows to learn from, {card.test_rows} to test on"]
    shown = {one.key: one for one in own.derived if one.reason}
    width = max(map(len, shown), default=0)
    for key, one in shown.items():
        lines.append(f"  {key:<{width}}  {one.value}, {one.reason}")
    changed = next(iter(shown), "task")
    lines.append(f"  Each is changed by a word: {changed}=...")
    if isinstance(card, ImagesCard) and card.changes:  # of a table: `stage.describe.announce`
        lines.append(f"  other data than when they were last looked at: {card.changes}")
    notes = getattr(card, "notes", ())
    return [*lines, *(f"  note: {note}" for note in notes), *(f"  warning: {warning}" for warning in card.warnings)]


def ended(request: Request) -> list[str]:
    """Place of the results of a command on data of one's own, and the command that comes next."""
    name, output = (getattr(request.settings, key, None) for key in ("experiment", "output"))  # prepare has none
    stage, purpose = NEXT.get(request.root, ("repro", "all stages that are left, up to the report"))
    if stage == "predict":
        command = shlex.join([*stage_command("predict"), f"trained={output}/confirm/model", "input=<file>"])
    else:
        command = command_on(stage, as_typed(request.typed))
    return [*([f"  experiment {name}"] if name else []), f"  next     {command}   ({purpose})"]


def command_on(stage: str, typed: Sequence[str]) -> str:
    """The command of another stage on the same data.

    Args:
        stage: The stage.
        typed: The overrides of the first; in a checkout those that are no variables of make go into ARGS.
    """
    if not in_checkout():
        return shlex.join([*stage_command(stage), *typed])
    variables = {"data.path": "DATA", "data.target": "TARGET"}
    words, rest = [], []
    for text in typed:
        given = parse_override(text)
        value = given.value() if given.key_or_group in variables else None
        if isinstance(value, str) and ";" not in value:
            words.append(shlex.quote(f"{variables[given.key_or_group]}={value}"))
        else:
            rest.append(text)
    target = {"search": "sweep"}.get(stage, stage)
    return " ".join(["make", target, *words, *([f"ARGS={shlex.quote(shlex.join(rest))}"] if rest else [])])
