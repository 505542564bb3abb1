"""A confirmed model: its weights, configuration and data are those that were confirmed."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eksplora.counter import fingerprint
from eksplora.errors import DataError, command_line
from eksplora.inference.ensemble import Ensemble
from eksplora.inference.loading import load_ensemble
from eksplora.installation import in_checkout, or_repro
from eksplora.records.confirm import ConfirmRecord
from eksplora.untrusted import sha256

_OTHER_HASH = (
    "its sha256 is not that in confirm.json. "
    f"Run the stage before again: {command_line('confirm')}{or_repro(' --force on it')}."
)


def confirmed_model(model: Path, confirmed: ConfirmRecord, dataset: Any) -> Ensemble:
    """The confirmed model in a folder, if it and its data set are those that were confirmed.

    Raises:
        DataError: If weights, configuration or data are not those that were confirmed.
    """
    check_weights(model, confirmed.final.weights_sha256)
    ensemble = load_ensemble(model)
    check_config(ensemble.config, confirmed.final.key, model)
    check_data(dataset.card()["arrays"], confirmed.provenance)
    return ensemble


def check_weights(model: Path, known: Sequence[str]) -> None:
    """Refuse weights that are not those that were trained, and those of further members.

    Raises:
        DataError: Naming the file.
    """
    wanted = {f"member-{member}.safetensors": digest for member, digest in enumerate(known)}
    found = {path.name: sha256(path) for path in model.glob("member-*.safetensors")}
    for name in sorted(wanted.keys() | found.keys()):
        if found.get(name) != wanted.get(name):
            raise DataError(f"{model / name} is not what was confirmed: {_OTHER_HASH}")


def check_config(config: Mapping[str, Any], key: str, model: Path) -> None:
    """Refuse another configuration than that which the model was trained with.

    Raises:
        DataError: Naming the file.
    """
    if fingerprint(config) != key:
        raise DataError(f"{model / 'config.yaml'} is not what was confirmed: {_OTHER_HASH}")


def check_data(arrays: Mapping[str, Mapping[str, Any]], provenance: Mapping[str, str]) -> None:
    """Refuse other data than those that the model was confirmed with.

    Raises:
        DataError: Naming the array.
    """
    for name, entry in arrays.items():
        known = provenance.get(f"data.{name}.sha256")
        if entry["sha256"] != known:
            raise DataError(
                f"data.{name}: the prepared array is not the one that the model was confirmed with. "
                f"Bring that one back{' (dvc checkout)' if in_checkout() else ''}, or search and confirm again."
            )
