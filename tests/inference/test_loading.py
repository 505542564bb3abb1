"""Recorded models as they come back: whole, damaged, of an earlier version, and made up by somebody else."""

import hashlib
import json
import os
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from mutating import mutations
from safetensors.torch import load_file, save_file

from eksplora.config import part
from eksplora.data.card import sealed
from eksplora.errors import EksploraError, UserError
from eksplora.inference import load_ensemble, load_network, write_card
from eksplora.inference.served import _load_pyfunc

ROWS = np.random.default_rng(0).normal(size=(5, 3))
CONFIG = {
    "data": {"_target_": "eksplora.data.wine.Wine"},
    "model": {
        "_target_": "eksplora.model.mlp.MLP",
        "input_shape": [3],
        "num_outputs": 2,
        "widths": [4],
        "normalization": "batch",
        "activation": "relu",
        "output_activation": "identity",
        "dropout": 0.0,
    },
    "task": {"_target_": "eksplora.training.task.classification", "num_outputs": 2},
}
CARD = {
    "input_shape": [3],
    "feature_names": ["a", "b", "c"],
    "feature_ranges": [[0.0, 1.0]] * 3,
    "classes": ["no", "yes"],
    "name": "made up",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model of two members with everything that a confirmed one has."""
    path = tmp_path / "model"
    path.mkdir()
    (path / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    (path / "confirmation.json").write_text('{"comparable": {}}')
    for member in range(2):
        torch.manual_seed(member)
        network = part(CONFIG, "model")
        tensors = {f"network.{name}": value for name, value in network.state_dict().items()}
        scaling = {"shift": torch.ones(3).double(), "scale": torch.tensor([1.0, 2.0, torch.inf]).double()}
        save_file(tensors | scaling, path / f"member-{member}.safetensors")
    write_card(path, CARD)
    return path


def reseal(folder: Path) -> None:
    """Give the folder a card that fits whatever lies there: as somebody does who means harm, not as damage does."""
    write_card(folder, json.loads((folder / "card.json").read_text()))


def refused(load: Callable[[Path], Any], folder: Path) -> str:
    with pytest.raises(UserError) as raised:
        load(folder)
    message = str(raised.value)
    assert raised.value.exit_code == 2 and "\n" not in message and message.endswith(".")
    return message


LOADERS = (load_network, load_ensemble, _load_pyfunc)


def test_a_whole_model_is_loaded_without_a_word(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for load in LOADERS:
        load(folder)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("load", LOADERS)
def test_any_flipped_bit_in_any_file_is_refused_and_the_file_is_named(load: Any, folder: Path) -> None:
    draw = random.Random(0)
    for path in sorted(folder.iterdir()):
        content = path.read_bytes()
        for bit in draw.sample(range(8 * len(content)), 25):
            altered = bytearray(content)
            altered[bit // 8] ^= 1 << bit % 8
            path.write_bytes(altered)
            message = refused(load, folder)
            assert path.name in message or "is no part that conf/" in message
        path.write_bytes(content)
    load(folder)


@pytest.mark.parametrize("load", LOADERS)
@pytest.mark.parametrize("name", ["config.yaml", "confirmation.json", "member-1.safetensors"])
def test_a_file_that_is_gone_is_refused_by_name(load: Any, name: str, folder: Path) -> None:
    (folder / name).unlink()
    assert name in refused(load, folder)


def test_a_further_member_is_refused_by_name(folder: Path) -> None:
    shutil.copy(folder / "member-0.safetensors", folder / "member-2.safetensors")
    for load in LOADERS:
        assert "member-2.safetensors is no part of the model" in refused(load, folder)


def as_before(folder: Path) -> None:
    """Turn the folder into one of an earlier version: its card has no hashes."""
    (folder / "card.json").write_text(json.dumps(sealed(CARD)))


def test_a_model_of_an_earlier_version_is_loaded_and_said_to_carry_no_hashes(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    known = load_ensemble(folder).predict(ROWS)
    as_before(folder)
    assert load_ensemble(folder).predict(ROWS).equals(known)
    said = capfd.readouterr().err
    assert said == f"{folder} carries no hashes: whether its files are as they were recorded is unknown.\n"
    (folder / "card.json").unlink()
    load_network(folder, member=1)


@pytest.mark.parametrize("load", LOADERS)
@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_numbers_that_are_not_finite_are_refused_whatever_the_card_says(load: Any, value: float, folder: Path) -> None:
    whole = load_file(folder / "member-0.safetensors")
    for is_old in (False, True):
        for name, tensor in whole.items():
            if not tensor.is_floating_point() or (name == "scale" and value == torch.inf):
                continue  # a feature that is left out is divided by infinity
            altered = tensor.clone()
            altered.view(-1)[0] = value
            save_file(whole | {name: altered}, folder / "member-0.safetensors")
            as_before(folder) if is_old else reseal(folder)
            message = refused(load, folder)
            assert f"member-0.safetensors: the tensor '{name}' holds values that no training leaves" in message


def test_quantiles_of_features_are_taken_where_they_are_such(folder: Path) -> None:
    file, known = folder / "member-0.safetensors", torch.tensor([[0.0, 0, torch.nan], [1, 0, torch.nan]]).double()
    whole = load_file(file)
    save_file(whole | {"quantiles": known}, file)
    reseal(folder)
    torch.testing.assert_close(load_network(folder).quantiles, known, equal_nan=True)
    for wrong in (known.flip(0), known[:, :2], known[0], known.float(), known.clone().fill_(torch.inf), known[:0]):
        save_file(whole | {"quantiles": wrong.contiguous()}, file)
        reseal(folder)
        assert "the tensor 'quantiles'" in refused(load_network, folder)


def test_every_tensor_that_is_missing_too_many_of_another_shape_or_kind_is_refused_by_name(folder: Path) -> None:
    whole = load_file(folder / "member-0.safetensors")
    altered: dict[str, dict[str, torch.Tensor]] = {"network.more": whole | {"network.more": torch.ones(1)}}
    altered["more"] = whole | {"more": torch.ones(1)}
    cases = list(altered.items())
    for name, tensor in whole.items():
        cases.append((name, {key: value for key, value in whole.items() if key != name}))
        cases.append((name, whole | {name: torch.ones(*tensor.shape, 2, dtype=tensor.dtype)}))
        cases.append((name, whole | {name: torch.ones(7, dtype=tensor.dtype)}))
        cases.append((name, whole | {name: torch.ones(tensor.shape, dtype=torch.int32)}))
        if name.startswith("network."):
            cases.append((name, whole | {name: tensor.to(torch.float16)}))
    assert len(cases) > 40
    for name, tensors in cases:
        save_file(tensors, folder / "member-0.safetensors")
        reseal(folder)
        assert f"member-0.safetensors: the tensor '{name}'" in refused(load_ensemble, folder)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("model", {"widths": [10**7, 10**7]}, "the tensor 'network"),  # 400 TB: asked of nothing but shapes
        ("model", {"widths": "many"}, "config.yaml|model"),
        ("model", {"widths": None}, "config.yaml|model"),
        ("model", {"input_shape": [4]}, "model.input_shape is"),
        ("model", {"num_outputs": 3}, "model.num_outputs is 3"),
        ("model", {"surprise": 3}, "model: "),
        ("task", {"num_outputs": 5}, "num_outputs is"),
        ("task", {"_target_": "os.mkdir"}, "task._target_"),
        ("data", {"_target_": "os.mkdir"}, "data._target_"),
    ],
)
def test_a_configuration_that_does_not_fit_is_refused(key: str, value: Any, said: str, folder: Path) -> None:
    config = CONFIG | {key: CONFIG[key] | value}  # type: ignore[operator]
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    reseal(folder)
    message = refused(load_ensemble, folder)
    assert any(word in message for word in said.split("|"))


def test_whatever_a_card_says_it_is_read_or_refused_in_one_line(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Mutations of the card as damage leaves it, and the same with a seal that fits."""
    text, refusals, count = (folder / "card.json").read_text(), 0, 0
    for content in mutations(text, 120):
        for whole in (content, resealed(content)):
            (folder / "card.json").write_bytes(whole)
            count += 1
            try:
                load_ensemble(folder).predict(ROWS)
            except EksploraError as error:
                assert error.exit_code == 2 and "\n" not in str(error), error
                refusals += 1
    assert count > 240 and refusals > 120


def resealed(content: bytes) -> bytes:
    """The same content with a fingerprint that fits, where it is an object."""
    try:
        card = json.loads(content)
        return json.dumps(sealed({key: value for key, value in card.items() if key != "fingerprint"})).encode()
    except (ValueError, AttributeError, RecursionError):
        return content


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "a/b", "..", ""])
def test_no_file_outside_of_the_folder_is_read(name: str, folder: Path) -> None:
    card = json.loads((folder / "card.json").read_text())
    del card["fingerprint"]
    card["model_files"][name] = hashlib.sha256(b"").hexdigest()
    (folder / "card.json").write_text(json.dumps(sealed(card)))
    assert f"names the file {name!r}" in refused(load_ensemble, folder)


def test_a_card_seals_every_other_file_of_its_folder(folder: Path) -> None:
    card = json.loads((folder / "card.json").read_text())
    assert {key: card[key] for key in CARD} == CARD
    others = {path for path in folder.iterdir() if path.name != "card.json"}
    assert card["model_files"] == {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in others}


@pytest.mark.parametrize("load", LOADERS)
@pytest.mark.parametrize("name", ["config.yaml", "card.json", "member-0.safetensors"])
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_what_is_no_file_is_not_waited_for(load: Any, name: str, kind: str, folder: Path) -> None:
    (folder / name).unlink()
    if kind == "pipe":
        os.mkfifo(folder / name)
    else:
        (folder / name).symlink_to("/dev/zero")
    assert "a pipe or a device, not a file" in refused(load, folder)


@pytest.mark.parametrize("layers", [1_000, 10**12])
def test_a_network_of_more_layers_than_tensors_is_refused_before_it_is_built(layers: int, folder: Path) -> None:
    config = {**CONFIG, "model": {**CONFIG["model"], "_target_": "eksplora.model.mlp_uniform.mlp_uniform"}}
    config["model"].pop("widths")
    config["model"] |= {"layers": layers, "units": 4}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    reseal(folder)
    assert re.search(r"more layers than|model\.layers is", refused(load_network, folder))
