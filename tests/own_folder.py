"""A user's own working folder: a network, and the configuration files that name it."""

from pathlib import Path

NETWORK = """
from torch import nn

class Net(nn.Sequential):
    def __init__(self, *, input_shape, num_outputs, units):
        super().__init__(nn.Linear(input_shape[0], units), nn.Tanh(), nn.Linear(units, num_outputs))
"""
MODEL = """# mine.py
_target_: mine.Net
input_shape: ${data.input_shape} # of a row
num_outputs: ${task.num_outputs} # numbers that come out
units: 7 # of the hidden layer
"""
EXPERIMENT = """# @package _global_
# Wine, by a network of my own.
defaults:
  - override /data: wine
  - override /task: classification
  - override /model: mine
  - override /loss: cross_entropy
  - override /objective: accuracy

experiment: mine
trainer:
  max_epochs: 2
"""
NODE = {"_target_": "mine.Net", "input_shape": [13], "num_outputs": 3, "units": 7}
"""The network as the experiment resolves it."""


def make(folder: Path) -> None:
    """Write the network and its two files."""
    write(folder / "mine.py", NETWORK)
    write(folder / "conf/model/mine.yaml", MODEL)
    write(folder / "conf/experiment/mine.yaml", EXPERIMENT)


def write(file: Path, text: str) -> None:
    """Write a file, and the folders that lead to it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
