"""A working folder whose data set a test makes of arrays: what our own data sets lack (groups, weights, codes, ...)."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import own_folder
from numpy.typing import NDArray

from eksplora.config import composition, configurator, parts

MODULE = """
import json
from pathlib import Path

import numpy as np

from eksplora.data.card import RawData
from eksplora.data.dataset import Dataset

FOLDER = Path(__file__).parent


class Made(Dataset):
    name = "made"
    source = "made by a test"
    licence = "none"

    def from_source(self):
        content = {name: np.array(array) for name, array in np.load(FOLDER / "made.npz").items()}
        return RawData(content, **json.loads((FOLDER / "made.json").read_text()))
"""
DATA = """# made.py
_target_: made.Made
root: ${{paths.data}} # folder of raw and prepared data
batch_size: {batch_size} # rows of a step
scaling: standard # of features
target_scaling: none # of targets
input_shape: {input_shape} # of a row
excluded: [] # features that the network does not see
num_classes: {num_classes} # classes
num_targets: {num_targets} # numbers to predict
stratified: {stratified} # whether parts keep the proportions of classes
test_fraction: 0.25 # of all rows
split_seed: 0 # decides which
"""
EXPERIMENT = """# @package _global_
# Made by a test.
defaults:
  - override /data: made
  - override /task: {task}
  - override /model: mlp
  - override /loss: {loss}
  - override /objective: {objective}

experiment: made
trainer:
  max_epochs: 2
"""


def make(
    folder: Path,
    arrays: Mapping[str, NDArray[Any]],
    *,
    classes: Sequence[str] | None = None,
    parts: Mapping[str, str],
    **names: Any,
) -> None:
    """Write the data set and its experiment.

    Args:
        folder: The working folder.
        arrays: What its raw form holds: `features` (rows, columns), `targets`, and whatever else there may be.
        classes: Names of the classes.
        parts: `task`, `loss` and `objective` of the experiment.
        names: What else its source says, see `RawData`.
    """
    features, targets = arrays["features"], arrays["targets"]
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "made.npz", **arrays)
    said = {"feature_names": [f"x{number}" for number in range(features.shape[1])], "classes": classes} | names
    (folder / "made.json").write_text(json.dumps(said))
    own_folder.write(folder / "made.py", MODULE)
    is_one_class = classes is not None and targets.ndim == 1
    stated = DATA.format(
        batch_size=16,
        input_shape=list(features.shape[1:]),
        num_classes="null" if classes is None else len(classes),
        num_targets="null" if classes is not None else targets.shape[1],
        stratified=str(is_one_class).lower(),
    )
    own_folder.write(folder / "conf/data/made.yaml", stated)
    own_folder.write(folder / "conf/experiment/made.yaml", EXPERIMENT.format(**parts))


@contextmanager
def inside(folder: Path, monkeypatch: Any) -> Iterator[None]:
    """Work in such a folder, as a process that was started there."""
    forget()
    with chdir(folder), monkeypatch.context() as patched:
        patched.syspath_prepend(str(folder))
        yield
    forget()


def forget() -> None:
    """Empty what is kept of folders: a command works in one working folder, tests in several."""
    import sys

    sys.modules.pop("made", None)
    for module in (composition, configurator, parts):
        for kept in vars(module).values():
            getattr(kept, "cache_clear", lambda: None)()
    composition._kept.clear()
