"""Spools as nobody wrote them: each one value of a small study changed, with checksums that hold."""

import copy
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from eksplora.events.spool import encode

Events = list[tuple[str, dict[str, Any]]]

ABSENT = object()
"""In place of a value: the key is left out."""


def small_study(name: str) -> Events:
    """Every kind of event, once."""
    origin = {"git.commit": "c0ffee", "threads": "1"}
    training = [[0, 0], [0, 1]]
    curves = {"val/mae": [2.0, 1.5], "train/mae": [1.0, 0.5]}
    result = {"status": "finished", "value": 1.5, "best_epoch": 2, "epochs": 2, "step": 26, "seconds": 0.1}
    member = {**result, "curves": curves, "weights": "w", "weights_sha256": "ab", "device": "cpu", "engine": "fused"}
    files = {"summary/trials.csv": "summary/trials.csv", "spool.jsonl": "spool.jsonl"}
    return [
        (
            "study",
            {
                "id": f"id-{name}", "name": name, "experiment": "wine_mlp", "metric": "val/mae",
                "direction": "minimize", "members": "2 seeds", "params": {"study.seed": 0, "a.b": [1, "x"]},
                "tags": {"sampler": "tpe"}, "provenance": origin, "texts": {"space.yaml": "lr: 1\n"},
                "definition": {"model.width": 3}, "parent": ["exploration-1", "exploration"],
                "dataset": {"name": "wine", "digest": "0123", "rows": 100},
            },
        ),
        ("start", {"pid": 1, "workers": 2, "threads": 1}),
        (
            "trial",
            {
                "trial": 0, "params": {"optimizer.lr": 0.1}, "searched": {"optimizer.lr": 0.1},
                "resolved": {"optimizer": {"lr": 0.1}}, "config": "optimizer: {lr: 0.1}\n", "key": "k",
                "members": [{"index": 0, "seed": 1, "fold": 0}, {"index": 1, "seed": 2, "fold": 0}],
                "tags": {"sampler": "tpe"}, "repeats": None,
            },
        ),
        ("packed", {"populations": [{"population": 0, "trainings": training}], "replaced": [], "reason": "why"}),
        ("population", {"population": 0, "trainings": training}),
        ("epochs", {"trial": 0, "member": 0, "first": 1, "curves": curves, "times": [5, 6]}),
        ("judged", {"verdicts": [[0, 1, 2.0, False]]}),
        ("member", {"trial": 0, "member": 0, **member, "message": "", "test": {"test/mae": 1.0}}),
        ("member", {"trial": 0, "member": 1, **member, "message": "", "test": {}}),
        ("population_end", {"population": 0}),
        (
            "trial_end",
            {
                "trial": 0, "status": "finished", "value": 1.5, "metrics": {"seconds": 0.1}, "message": "",
                "curves": {"val/mae": [2.0], "val/mae_std": [0.1]}, "artifacts": {},
            },
        ),
        (
            "stop",
            {
                "status": "finished", "message": "", "metrics": {"best_value": 1.5}, "tags": {"best_trial": "0"},
                "artifacts": files, "best_trial": 0,
                "best_artifacts": {"model/config.yaml": "summary/best/config.yaml"},
            },
        ),
        (
            "evaluation",
            {
                "trial": 0, "metrics": {"test/mae": 1.0}, "members": [{"test/mae": 1.0}, {"test/mae": 2.0}],
                "artifacts": {"evaluation/evaluate.json": "evaluation/evaluate.json"}, "sha256": {},
            },
        ),
        ("report", {"trial": 0, "artifacts": {"report/report.html": "report/report.html"}, "sha256": {}}),
    ]  # fmt: skip


def write(folder: Path, events: Events) -> Path:
    """Write a study's folder, with the files that its events name; returns its spool."""
    for name in ("summary/trials.csv", "summary/best/config.yaml", "evaluation/evaluate.json", "report/report.html"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("content\n")
    (folder / "spool.jsonl").write_bytes(
        b"".join(encode(kind, 1000 + at, data) for at, (kind, data) in enumerate(events))
    )
    return folder / "spool.jsonl"


def mutations(name: str, outside: Path, *, count: int, seed: int) -> Iterator[tuple[str, Events]]:
    """So many changed studies, each with what was changed: a place in an event, and what stands there instead."""
    places = [place for place in _places(small_study(name)) if place[1:] != (1, "experiment")]
    values = [
        ABSENT, None, True, -1, 2**70, 1.5, float("nan"), "", "x" * 300, "\ud800", "a\0b", [], {}, [[1, 2]], "running",
        "../outside", "../../../outside/secret", str(outside / "secret"), str(outside / "new"), f"file://{outside}/new",
    ]  # fmt: skip
    draw = random.Random(seed)
    for index in range(count):
        place, value, is_key = draw.choice(places), draw.choice(values), draw.random() < 0.25
        events = small_study(f"{name}-{index}")
        _change(events, place, value, is_key)
        yield f"{place} -> {value!r}{' as the key' if is_key else ''}", events


def _places(value: Any) -> Iterator[tuple[Any, ...]]:
    """The way to every value inside of a value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list | tuple) else ()
    for key, inner in items:
        if not (isinstance(value, tuple) and key == 0):  # the kind
            yield from ((key, *rest) for rest in ((), *_places(inner)))


def _change(events: Events, place: tuple[Any, ...], value: Any, is_key: bool) -> None:
    """Put a value, or a key, at a place; a whole event, or its particulars, may be left out or replaced."""
    if len(place) == 1:
        del events[place[0]]
        return
    container: Any = [list(event) for event in copy.deepcopy(events)]
    whole = container
    for key in place[:-1]:
        container = container[key]
    last = place[-1]
    if is_key and isinstance(container, dict) and isinstance(value, str):
        container[value] = container.pop(last)
    elif value is ABSENT and len(place) != 2:
        del container[last]
    else:
        container[last] = {} if value is ABSENT else value
    events[:] = [tuple(event) for event in whole]
