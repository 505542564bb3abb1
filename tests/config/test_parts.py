import itertools
import shutil
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import save_file

from eksplora.config import check_recorded, compose_request, compose_root, folders, own_places, part, parts, plain
from eksplora.config.parts import allowed_targets
from eksplora.errors import ConfigError, DataError
from eksplora.inference import load_network
from eksplora.installation import CONF
from eksplora.model.scaled import Scaled

MLP = {
    "_target_": "eksplora.model.mlp.MLP",
    "input_shape": [3],
    "num_outputs": 1,
    "widths": [4],
    "activation": "relu",
    "output_activation": "identity",
    "dropout": 0.0,
}


@pytest.mark.parametrize(
    ("key", "node"),
    [
        ("model", {"_target_": "os.system", "command": "touch made"}),
        ("model", {"_target_": "builtins.eval", "_args_": ["open('made', 'w')"]}),
        ("model", {"_target_": "torch.optim.Adam"}),
        ("loss", {"_target_": "eksplora.model.mlp.MLP"}),
        ("model", {"widths": [4]}),
        ("model", MLP | {"widths": {"_target_": "os.system", "command": "touch made"}}),
        ("model", MLP | {"widths": [{"deeper": {"_target_": "pathlib.Path.touch", "self": "made"}}]}),
        ("model", MLP | {"_args_": [{"_target_": "os.system", "command": "touch made"}]}),
    ],
)
def test_code_that_the_groups_own_files_do_not_name_is_refused_and_not_run(
    key: str, node: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=rf"^{key}\.[\w.]+: ('.*' is no part that|no file of) conf/{key}/ "):
        part({key: node}, key)
    assert list(tmp_path.iterdir()) == []


def test_every_target_in_conf_is_allowed_in_its_own_group() -> None:
    targets = [(path.parent.name, yaml.safe_load(path.read_text())) for path in CONF.glob("*/*.yaml")]
    stated = [(group, values["_target_"]) for group, values in targets if (values or {}).get("_target_")]
    assert len(stated) > 30
    assert all(target in allowed_targets(group) for group, target in stated)


def test_a_value_that_a_part_refuses_is_an_error_that_names_part_and_folder() -> None:
    with pytest.raises(
        ConfigError, match=r"^metric: torchmetrics\.R2Score refuses its values: .*multioutput.*conf/metric/"
    ):
        part({"metric": {"_target_": "torchmetrics.R2Score", "multioutput": "sum"}}, "metric")


def test_a_parts_own_error_is_not_wrapped() -> None:
    with pytest.raises(ConfigError, match=r"^model\.") as caught:
        part({"model": MLP | {"activation": "rleu"}}, "model")
    assert "'relu'" in str(caught.value)


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """A recorded network of one layer of four units, as a study leaves it."""
    network = part({"model": MLP}, "model")
    model = Scaled(network=network, shift=torch.tensor([1.0, 2.0, 3.0]), scale=torch.tensor([1.0, 10.0, 100.0]))
    save_file(model.state_dict(), tmp_path / "member-0.safetensors")
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"model": MLP, "data": {"root": "data"}}))
    return tmp_path


def test_a_recorded_network_takes_raw_features(recorded: Path) -> None:
    model = load_network(recorded)
    rows = torch.tensor([[1.0, 2.0, 3.0], [2.0, 12.0, 103.0]])
    scaled = (rows - torch.tensor([1.0, 2.0, 3.0])) / torch.tensor([1.0, 10.0, 100.0])
    torch.testing.assert_close(model(rows), model.network(scaled))
    assert not model.training


@pytest.mark.parametrize("target", ["os.system", "builtins.eval", "pytorch_lightning.Trainer"])
def test_a_recorded_configuration_cannot_name_new_code(recorded: Path, target: str) -> None:
    config = yaml.safe_load((recorded / "config.yaml").read_text())
    config["model"]["_target_"] = target
    (recorded / "config.yaml").write_text(yaml.safe_dump(config))
    with pytest.raises(
        ConfigError, match=rf"config\.yaml: model\._target_: '{target}' is no part that conf/model/ names\."
    ):
        load_network(recorded)


def test_a_recorded_configuration_resolves_nothing_of_this_machine(
    recorded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "relu")
    config = yaml.safe_load((recorded / "config.yaml").read_text())
    config["model"]["activation"] = "${oc.env:SECRET}"
    (recorded / "config.yaml").write_text(yaml.safe_dump(config))
    with pytest.raises(ConfigError, match=r"config\.yaml: model\.activation: a reference"):
        load_network(recorded)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("config.yaml", None),
        ("config.yaml", b"model: [unclosed"),
        ("config.yaml", b"data: {}"),
        ("config.yaml", b"- 1"),
        ("member-0.safetensors", None),
        ("member-0.safetensors", b"cut off"),
    ],
)
def test_a_folder_without_a_readable_network_is_refused_by_file(
    recorded: Path, file: str, content: bytes | None
) -> None:
    (recorded / file).unlink() if content is None else (recorded / file).write_bytes(content)
    with pytest.raises(DataError, match=rf"{file} .*Give a folder that holds a study's best network\.$"):
        load_network(recorded)


def test_a_missing_member_is_refused_by_name(recorded: Path) -> None:
    shutil.copyfile(recorded / "member-0.safetensors", recorded / "member-1.safetensors")
    load_network(recorded, member=1)
    with pytest.raises(DataError, match=r"member-2\.safetensors"):
        load_network(recorded, member=2)


ORDERS = [
    {"_target_": "pathlib.Path.touch", "self": "made"},
    "${oc.create:{_target_: pathlib.Path.touch, self: made}}",
    "\\${oc.create:{_target_: pathlib.Path.touch, self: made}}",
    "${oc.env:HOME}",
    {"_args_": ["made"]},
    {"_convert_": "all"},
]
"""What Hydra or OmegaConf would act on."""


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place of a configuration, at any depth."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*path, key))


def with_order(config: dict[str, Any], path: tuple[Any, ...], order: Any, *, as_key: bool) -> dict[str, Any]:
    """A configuration in which something else stands at a place, or is a key there."""
    changed = deepcopy(config)
    node: Any = changed
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = {order: 1} if as_key and isinstance(order, str) else order
    return changed


def test_orders_in_a_recorded_configuration_are_refused_wherever_they_stand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config = dict(compose_request("search", ["experiment=wine_mlp"]).config)
    check_recorded(config)
    paths = [path for path in places(config) if path and path[-1] != "_target_"]
    assert len(paths) > 100
    for path, (order, as_key) in zip(paths, itertools.cycle(itertools.product(ORDERS, (False, True))), strict=False):
        with pytest.raises(ConfigError, match=r"\w"):
            check_recorded(with_order(config, path, order, as_key=as_key))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("order", ORDERS)
def test_orders_in_a_part_are_refused_and_not_run(order: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = {"model": MLP}
    for path in places(config):
        if len(path) > 1 and path[-1] != "_target_":
            with pytest.raises(ConfigError, match=r"^model\."):
                part(with_order(config, path, order, as_key=False), "model")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("change", [{"_partial_": True}, {"_recursive_": False}, {"_convert_": "none"}])
def test_a_part_is_built_as_its_file_says_or_not_at_all(change: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"^model\._\w+_: no file of conf/model/ builds"):
        part({"model": MLP | change}, "model")


@pytest.mark.parametrize("config", [{}, {"model": None}, {"model": "mlp"}, {"model": [1]}, {"model": {"_target_": {}}}])
def test_what_is_no_part_is_refused(config: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"^model"):
        part(config, "model")


@pytest.mark.parametrize("name", ["../x", "/x", "team/wine", "", "x" * 101])
def test_a_recorded_experiment_is_a_name(name: str) -> None:
    with pytest.raises(ConfigError, match=r"^experiment: .* is no name"):
        check_recorded({"experiment": name})


def test_where_data_lie_is_not_for_a_record_to_say() -> None:
    recorded = plain(compose_root("search", ["experiment=fashion_mnist_cnn"]))["data"]
    recorded |= {"root": "/elsewhere", "source_dir": "/etc", "url": "http://elsewhere"}
    own = own_places(recorded, "here")
    assert (own["root"], own["source_dir"]) == ("here", None)
    assert own["url"].startswith("https://github.com/")
    assert {key for key in own if own[key] != recorded[key]} == {"root", "source_dir", "url"}


def test_a_file_that_cannot_be_read_allows_nothing_and_stops_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "loss").mkdir()
    (tmp_path / "loss/bad.yaml").write_bytes(b"\xff\t{: &a")
    (tmp_path / "loss/comment.yaml").write_text("text: |\n  _target_: os.system\n# _target_: os.system\n")
    (tmp_path / "loss/good.yaml").write_text('"_target_": torch.nn.L1Loss\n')
    monkeypatch.setattr(folders, "folders", lambda: (tmp_path,))
    for kept in (allowed_targets, parts._stated):
        kept.cache_clear()
    try:
        assert allowed_targets("loss") == {"torch.nn.L1Loss"}
    finally:
        for kept in (allowed_targets, parts._stated):
            kept.cache_clear()
