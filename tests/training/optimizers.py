"""Every optimizer of conf/optimizer, in the variants whose arithmetic differs."""

import importlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
import yaml

CONF = Path(__file__).parents[2] / "conf" / "optimizer"
NAMES = sorted(path.stem for path in CONF.glob("*.yaml"))
VARIANTS: list[tuple[str, dict[str, Any]]] = [(name, {}) for name in NAMES] + [
    ("sgd", {"momentum": 0.9}),
    ("sgd", {"momentum": 0.9, "nesterov": True}),
    ("rmsprop", {"momentum": 0.5}),
    ("adam", {"fused": False}),
]
OTHERS: list[tuple[str, dict[str, Any]]] = [("AdamW", {}), ("RAdam", {}), ("NAdam", {"decoupled_weight_decay": True})]
"""Element-wise ones of torch that a user may write a file for."""
DECAYING: list[tuple[str, dict[str, Any]]] = [(name, {"weight_decay": 0.01}) for name in NAMES]


def optimizer(name: str, **changes: Any) -> Callable[..., torch.optim.Optimizer]:
    """As its file builds it, with some values changed; or one of torch's classes."""
    if hasattr(torch.optim, name):
        return partial(getattr(torch.optim, name), **changes)
    settings = yaml.safe_load((CONF / f"{name}.yaml").read_text())
    module, _, attribute = settings["_target_"].rpartition(".")
    values = {key: value for key, value in settings.items() if not key.startswith("_")} | changes
    return partial(getattr(importlib.import_module(module), attribute), **values)
