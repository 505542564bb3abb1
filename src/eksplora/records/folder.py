"""What a stage hands on: written beside its place, then put there whole."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from eksplora.errors import ConfigError, DataError, command_line
from eksplora.installation import or_repro
from eksplora.records.shapes import SHAPES
from eksplora.untrusted import parse_json, plain_cell, read_plain

if TYPE_CHECKING:
    from pandas import DataFrame


def as_csv(table: "DataFrame") -> str:
    """A table as the text of a file: numbers in full, what is missing empty, no text that a spreadsheet would run."""
    texts = [name for name in table.columns if table[name].dtype.kind not in "biuf"]
    plain = table.assign(**{name: table[name].map(plain_cell) for name in texts})
    return str(plain.rename(columns=plain_cell).to_csv(index=False))


def output_of(output: str | None) -> Path:
    """The folder of the experiment's results, as the key `output` has it.

    Raises:
        ConfigError: If none is given.
    """
    if not output:
        raise ConfigError("output: has no value. Name the folder of the experiment's results.")
    return Path(output)


def read_facts(output: Path, stage: str, *, experiment: str, name: str | None = None) -> dict[str, Any]:
    """The facts that an earlier stage handed on, `<output>/<stage>/<stage>.json` or another file `name` of it.

    Raises:
        DataError: If it has not handed them on; the message says which command does.
    """
    path = output / stage / f"{name or stage}.json"
    target = {"output": output} if stage == "search" else {}
    way_out = f"Run the stage before: {command_line(stage, experiment=experiment, **target)}{or_repro()}."
    try:
        content = read_plain(path)
    except FileNotFoundError:
        raise DataError(f"{path} is missing: the stage {stage} has not ended. {way_out}") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}). {way_out}") from None
    parse_json(content, SHAPES[name or stage], source=path, way_out=way_out)
    return parse_json(content, dict[str, Any], source=path, way_out=way_out)
