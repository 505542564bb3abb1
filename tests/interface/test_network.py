"""Networks that a script or notebook defines, as modules that workers can import."""

import linecache
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import preloaded
import pytest
import yaml

from eksplora.errors import ConfigError
from eksplora.interface.network import named
from eksplora.interface.source import source_of

NETWORK = """
import math
import pandas as pd
from torch import nn as layers, Tensor

EXTRA = 3
TABLE = pd.DataFrame({"a": [1]})

def units(width):
    return width + EXTRA

class Block(layers.Module):
    def __init__(self, size):
        super().__init__()
        self.map = layers.Linear(size, size)

    def forward(self, x):
        return self.map(x)

class MyNet(layers.Module):
    def __init__(self, *, input_shape, num_outputs, width=8):
        super().__init__()
        inside = units(width)
        self.net = layers.Sequential(layers.Linear(math.prod(input_shape), inside), Block(inside))
        self.out = layers.Linear(inside, num_outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.net(x))

class Needs(MyNet):
    def __init__(self, *, input_shape, num_outputs, depth):
        super().__init__(input_shape=input_shape, num_outputs=num_outputs)

class Reads(MyNet):
    def forward(self, x):
        return super().forward(x) * len(TABLE)
"""

Session = Callable[[str], ModuleType]


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    """Runs a cell of a notebook: its text is known to `linecache` under a name that is no file."""

    def run(text: str) -> ModuleType:
        module, file = ModuleType("__main__"), f"<cell {len(text)}>"
        linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
        monkeypatch.setitem(sys.modules, "__main__", module)
        exec(compile(text, file, "exec"), vars(module))
        return module

    yield run
    for file in [file for file in linecache.cache if file.startswith("<cell ")]:
        del linecache.cache[file]


def test_source_has_what_the_class_refers_to_and_nothing_else(session: Session) -> None:
    text = source_of(session(NETWORK).MyNet)
    again: dict[str, Any] = {"__name__": "again"}
    exec(compile(text, "again", "exec"), again)
    network = again["MyNet"](input_shape=[2, 3], num_outputs=2)
    assert network.out.in_features == 11
    assert "TABLE" not in text and "class Needs" not in text and "import torch.nn as layers" in text


def test_what_lives_in_the_session_only_is_one_line(session: Session) -> None:
    with pytest.raises(ConfigError, match="network: Reads uses 'TABLE', a DataFrame of this session, which workers"):
        source_of(session(NETWORK).Reads)


def test_files_of_a_network_name_it_by_its_source(session: Session, tmp_path: Path) -> None:
    first = named(session(NETWORK).MyNet, {}, tmp_path)
    same = named(session(NETWORK).MyNet, {}, tmp_path)
    changed = named(session(NETWORK.replace("EXTRA = 3", "EXTRA = 4")).MyNet, {}, tmp_path)
    assert first == same and re.fullmatch("my_net_[0-9a-f]{8}", first.name) and changed.name != first.name
    file = tmp_path / "networks" / first.name / "conf/model" / f"{first.name}.yaml"
    assert yaml.safe_load(file.read_text()) == {
        "_target_": f"network_{first.name}.MyNet",
        "input_shape": "${data.input_shape}",
        "num_outputs": "${task.num_outputs}",
        "width": 8,
    }


@pytest.mark.parametrize("name", ["conf/data/wine.yaml", "torch.py", "deep/er.py", "linked", "conf/model/linked.yaml"])
def test_a_folder_that_brings_more_than_the_network_is_refused(name: str, session: Session, tmp_path: Path) -> None:
    network = session(NETWORK).MyNet
    found = named(network, {}, tmp_path)
    place = tmp_path / "networks" / found.name
    compiled = place / "__pycache__" / "network.pyc"
    compiled.parent.mkdir()
    compiled.write_bytes(b"of somebody else")
    assert named(network, {}, tmp_path) == found and not compiled.exists()
    more = place / name
    more.parent.mkdir(parents=True, exist_ok=True)
    more.symlink_to("/") if "linked" in name else more.write_text("_target_: os.mkdir\n")
    with pytest.raises(ConfigError, match=rf"^network: {more} is not of this network\. Look at it, then remove"):
        named(network, {}, tmp_path)


def test_a_parameter_without_a_default_takes_its_value_or_is_one_line(session: Session, tmp_path: Path) -> None:
    network = session(NETWORK).Needs
    with pytest.raises(ConfigError, match=r"network: Needs needs 'depth', which has no default\. Give it one"):
        named(network, {}, tmp_path)
    assert not any(tmp_path.iterdir())
    found = named(network, {"depth": 3}, tmp_path)
    assert "depth: 3 " in (tmp_path / "networks" / found.name / "conf/model" / f"{found.name}.yaml").read_text()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("MyNet(input_shape=[1], num_outputs=1)", "an object of MyNet is given. Give its class"),
        ("TABLE", "is no class of torch.nn.Module"),
    ],
)
def test_what_is_no_class_of_networks_is_one_line(session: Session, text: str, message: str, tmp_path: Path) -> None:
    given = eval(text, vars(session(NETWORK)))
    with pytest.raises(ConfigError, match=re.escape(message)) as caught:
        named(given, {}, tmp_path)
    assert not any(tmp_path.iterdir()) and str(caught.value).startswith("network: ")


SCRIPT = """
import eksplora as ek
from torch import nn

class Small(nn.Module):
    def __init__(self, *, input_shape, num_outputs, width=4):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(input_shape[0], width), nn.Tanh(), nn.Linear(width, num_outputs))

    def forward(self, x):
        return self.net(x)

print("begun")
study = ek.search(
    experiment="wine_mlp", network=Small, trials=2, workers=1, space={"width": ek.integers(2, 5)},
    settings={"epochs": 1, "tracker": "off", "sampler": "random", "paths.data": DATA},
)
print(study.name.rpartition("_")[0])
print(sorted(study.trials["model.width"]) == sorted(t.values["model.width"] for t in study._record.all_trials))
"""


def test_a_script_without_a_main_guard_searches_with_a_network_of_its_own(place: Path, tmp_path: Path) -> None:
    script = tmp_path / "study.py"
    script.write_text(SCRIPT.replace("DATA", repr(str(place / "data"))))
    done = preloaded.run([sys.executable, str(script)], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "begun\nwine_mlp-random-small\nTrue\n"
