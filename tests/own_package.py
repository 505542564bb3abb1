"""A package of a user's own outside of the project: a part of each kind, a LightningModule and functions."""

from pathlib import Path

from own_folder import write

from eksplora.installation import CONF

PARTS = '''
"""Parts that know nothing of eksplora but its base class of data sets."""
import random
import numpy as np
import torch
import torchmetrics
from optuna.samplers import RandomSampler
from torch import nn

from eksplora.data.card import RawData
from eksplora.data.dataset import Dataset
from eksplora.scheduler import Schedule

class Rings(Dataset):
    """Two rings in a plane."""
    name, source, licence = "rings", "computed", "CC0"
    def from_source(self):
        random = np.random.default_rng(1)
        classes = random.integers(0, 2, 120)
        angle, radius = random.uniform(0, 6.28, 120), 1 + classes + random.normal(0, 0.1, 120)
        features = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
        return RawData({"features": features, "targets": classes}, feature_names=["x", "y"], classes=["in", "out"])

class Net(nn.Module):
    def __init__(self, input_shape, num_outputs, units):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(input_shape[0], units), nn.BatchNorm1d(units), nn.ReLU(),
                                    nn.Dropout(0.1), nn.Linear(units, num_outputs))
    def forward(self, x):
        return self.layers(x.flatten(1))

class Hinge(nn.Module):
    tasks = ("classification",)
    def __init__(self, margin):
        super().__init__()
        self.margin = margin
    def forward(self, outputs, targets):
        return nn.functional.multi_margin_loss(outputs, targets, margin=self.margin)

class Hits(torchmetrics.Metric):
    tasks = "classification"
    def __init__(self):
        super().__init__()
        self.add_state("hits", torch.tensor(0.0), dist_reduce_fx="sum")
        self.add_state("rows", torch.tensor(0.0), dist_reduce_fx="sum")
    def update(self, predictions, targets):
        self.hits += (predictions.argmax(1) == targets).sum()
        self.rows += len(targets)
    def compute(self):
        return self.hits / self.rows

class Signs(torch.optim.Optimizer):
    elementwise = True
    def __init__(self, params, lr):
        super().__init__(params, {"lr": lr})
    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for part in group["params"]:
                part.sub_(part.grad.sign(), alpha=group["lr"])

class Halves(Schedule):
    def __call__(self, step, total, history):
        return 1.0 if step < total / 2 else 0.5

class Jitter:
    def __init__(self, deviation):
        self.deviation = deviation
    def __call__(self, features, generator):
        return features + self.deviation * torch.randn(features.shape, generator=generator)

class Own(RandomSampler):
    """Draws as Optuna's does."""
'''
MODULE = """
import pytorch_lightning as pl
import torch
from torch import nn

class Module(pl.LightningModule):
    def __init__(self, input_shape, num_outputs, units, lr, logs):
        super().__init__()
        self.save_hyperparameters()
        self.first, self.last = nn.Linear(input_shape[0], units), nn.Linear(units, num_outputs)
        self.drop = nn.Dropout(0.3)
        self.norm = nn.BatchNorm1d(units)
    def forward(self, x):
        return self.last(self.drop(torch.relu(self.norm(self.first(x)))))
    def training_step(self, batch, index):
        loss = nn.functional.cross_entropy(self(batch[0]), batch[1])
        self.log("train/loss", loss, on_step=False, on_epoch=True)
        return loss
    def validation_step(self, batch, index):
        if self.hparams.logs:
            self.log(self.hparams.logs, nn.functional.cross_entropy(self(batch[0]), batch[1]))
    def configure_optimizers(self):
        optimizer = torch.optim.Adam(self.parameters(), lr=self.hparams.lr)
        return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)]

class Silent(Module):
    def forward(self, x):
        return super().forward(x), x
    def training_step(self, batch, index):
        return nn.functional.cross_entropy(self(batch[0])[0], batch[1])
    def validation_step(self, batch, index):
        pass
"""
FUNCTIONS = '''
import numpy as np
import torch

def nearest(config, seed, split, report):
    """The nearest centre of a class, which moves by steps."""
    train, validation = split.train, split.validation
    classes = range(split.num_classes)
    centres = np.random.default_rng(seed).normal(size=(split.num_classes, train.features.shape[1]))
    for epoch in range(1, config["epochs"] + 1):
        for k in classes:
            centres[k] += config["rate"] * (train.features[train.targets == k].mean(0) - centres[k])
        chosen = ((validation.features[:, None] - centres) ** 2).sum(2).argmin(1)
        report(epoch, (chosen == validation.targets).mean())
    return float((chosen == validation.targets).mean()), chosen

def nothing(config, seed, split, report):
    return None

def words(config, seed, split, report):
    return "good"

def undefined(config, seed, split, report):
    return float("nan")

def raises(config, seed, split, report):
    return {}["missing"]

def leaves(config, seed, split, report):
    raise SystemExit(3)

def boasts(config, seed, split, report):
    return 1.0, np.zeros(len(split.validation.targets), int)

def flat(config, seed, split, report):
    return None, np.zeros(3)

def takes_one(config):
    return 1.0

class Class:
    pass
'''
FILES = {
    "model/net": "_target_: {p}.parts.Net\ninput_shape: ${{data.input_shape}} # of a row\n"
    "num_outputs: ${{task.num_outputs}} # of a row\nunits: 6 # hidden\n",
    "model/module": "_target_: {p}.module.Module\ninput_shape: ${{data.input_shape}} # of a row\n"
    "num_outputs: ${{task.num_outputs}} # of a row\nunits: 6 # hidden\nlr: 0.05 # rate\n"
    "logs: val/loss # what is logged\n",
    "model/silent": "_target_: {p}.module.Silent\ninput_shape: ${{data.input_shape}} # of a row\n"
    "num_outputs: ${{task.num_outputs}} # of a row\nunits: 6 # hidden\nlr: 0.05 # rate\nlogs: '' # nothing\n",
    "loss/hinge": "_target_: {p}.parts.Hinge\nmargin: 1.0 # of the scores\n",
    "metric/hits": "_target_: {p}.parts.Hits\n",
    "metric/broken": "_target_: {p}.nowhere.Metric\n",
    "objective/hits": "defaults:\n  - /metric@_global_.metric: hits\n  - _self_\n\nmetric: hits # share\n"
    "direction: maximize # is better\n",
    "optimizer/signs": "_target_: {p}.parts.Signs\n_partial_: true\nlr: 0.01 # of each weight\n",
    "scheduler/halves": "_target_: {p}.parts.Halves\n",
    "augmentation/jitter": "_target_: {p}.parts.Jitter\ndeviation: 0.05 # of the noise\n",
    "sampler/own": "_target_: {p}.parts.Own\n_partial_: true\n",
    "function/nearest": "_target_: {p}.functions.nearest\nrate: 0.5 # of a step\nepochs: 3 # steps\n",
    "experiment/rings": "# @package _global_\n# Rings, by own parts.\ndefaults:\n  - override /data: rings\n"
    "  - override /task: classification\n  - override /model: net\n  - override /loss: hinge\n"
    "  - override /objective: hits\n  - override /optimizer: signs\n  - override /scheduler: halves\n"
    "  - override /augmentation: jitter\n  - override /sampler: own\n\nexperiment: rings\ntrainer:\n  max_epochs: 3\n",
    "experiment/near": "# @package _global_\n# Rings, by a function.\ndefaults:\n  - override /data: rings\n"
    "  - override /task: classification\n  - override /loss: cross_entropy\n  - override /objective: accuracy\n"
    "  - override /function: nearest\n\nexperiment: near\n",
    "experiment/lit": "# @package _global_\n# Rings, by a LightningModule.\ndefaults:\n  - override /data: rings\n"
    "  - override /task: classification\n  - override /model: module\n  - override /loss: cross_entropy\n"
    "  - override /objective: accuracy\n\nexperiment: lit\ntrainer:\n  max_epochs: 3\n",
}
OTHERS = ("nothing", "words", "undefined", "raises", "leaves", "boasts", "flat", "takes_one", "Class")
"""Functions that are at fault."""


def make(folder: Path, package: str) -> None:
    """Write the package and its configurations; `package` is a name that no other test imports."""
    write(folder / package / "__init__.py", "")
    for name, text in {"parts": PARTS, "module": MODULE, "functions": FUNCTIONS}.items():
        write(folder / package / f"{name}.py", text)
    data = (CONF / "data/wine.yaml").read_text().replace("eksplora.data.wine.Wine", f"{package}.parts.Rings")
    data = data.replace("input_shape: [13]", "input_shape: [2]").replace("num_classes: 3", "num_classes: 2")
    write(folder / "conf/data/rings.yaml", data.replace("batch_size: 32", "batch_size: 16"))
    own = {f"function/{name.lower()}": f"_target_: {{p}}.functions.{name}\n" for name in OTHERS}
    for name, text in (FILES | own).items():
        write(folder / f"conf/{name}.yaml", ("" if text.startswith("# @") else "# mine\n") + text.format(p=package))
