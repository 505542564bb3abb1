"""Facts as the stages hand them on, random but plausible: a test of digits and one of house prices."""

import itertools
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.metrics import confusion_matrix, roc_curve

sys.path.insert(0, str(Path(__file__).parent))  # handed_on.py, for the tests here

Facts = dict[str, Any]

PROVENANCE = {
    "git.commit": "6e1ac151ca53d4cbec861be245f9ca499701b026",
    "git.dirty": "false",
    "code.sha256": "b18db2c70e5769121b22f046e6fe55229a71112e26c6482e5152c8b2b32bac7a",
    "data.train_features.sha256": "565ac11e0c8aa2273b3f62fa0534eb1b8604d91f8236cb81ee6eff119921a92f",
    "version.torch": "2.13.0",
    "machine.cpu": "Some <CPU>",
    "threads": "1",
}


@pytest.fixture
def digits() -> Facts:
    """Ten classes of images, eight members."""
    return classes_facts()


@pytest.fixture
def boston() -> Facts:
    """Numbers, eight members."""
    return numbers_facts()


def summary(mean: float, members: int, spread: float = 0.01, seed: int = 0) -> Facts:
    """A value known per member."""
    values = (mean + spread * np.random.default_rng(seed).standard_normal(members)).tolist()
    wide = spread if members > 1 else None
    return {
        "mean": float(np.mean(values)),
        "std": wide,
        "low": None if wide is None else mean - wide,
        "high": None if wide is None else mean + wide,
        "members": values,
        "ensemble": mean + spread / 2,
        "rows_low": mean - 2 * spread,
        "rows_high": mean + 2 * spread,
    }


def classes_facts(names: Sequence[str] = tuple("0123456789"), members: int = 8) -> Facts:
    """All facts of a test of classes, on images of digits."""
    rng, images = np.random.default_rng(0), load_digits().images
    rows, count = 360, len(names)
    actual = rng.integers(count, size=rows)
    logits = 1.6 * rng.standard_normal((rows, count)) + 4.5 * np.eye(count)[actual]
    probability = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    predicted, sure = probability.argmax(1), probability.max(1)
    right = predicted == actual
    shown = {int(row): (images[row % len(images)] * 15.9).astype(int).tolist() for row in range(rows)}
    counts = confusion_matrix(actual, predicted, labels=range(count))
    rates = (counts / np.maximum(counts.sum(1, keepdims=True), 1)).tolist()
    off = counts - np.diag(np.diag(counts))
    pairs = [divmod(int(place), count) for place in off.ravel().argsort()[::-1][:4]]
    confused = [
        {
            "actual": names[a],
            "predicted": names[b],
            "count": int(off[a, b]),
            "share": float(off[a, b] / counts[a].sum()),
            "rows": [int(row) for row in np.flatnonzero((actual == a) & (predicted == b))[:8]],
        }
        for a, b in pairs
        if off[a, b]
    ]
    worst = [int(row) for row in np.argsort(np.where(right, -1, sure))[::-1][:12] if not right[row]]
    best = [int(row) for row in np.argsort(np.where(right, sure, -1))[::-1][:12]]
    order, edges = np.argsort(-sure), np.linspace(0, 1, 16)
    bins = [(low, high, (sure >= low) & (sure < high)) for low, high in itertools.pairwise(edges)]
    needed = {*worst, *best, *(row for pair in confused for row in pair["rows"])}
    details = {
        "kind": "classes",
        "classes": list(names),
        "rows": rows,
        "members": members,
        "measures": {
            name: summary(value, members, seed=place)
            for place, (name, value) in enumerate(
                {
                    "accuracy": float(right.mean()),
                    "balanced_accuracy": 0.931,
                    "recall": 0.931,
                    "precision": 0.9337,
                    "f1": 0.9312,
                    "mcc": 0.92,
                    "log_loss": 0.2412,
                    "brier": 0.1034,
                    "calibration_error": 0.0312,
                    "auroc": 0.9951,
                }.items()
            )
        },
        "per_class": [
            {
                "class": name,
                "rows": int((actual == place).sum()),
                **{
                    key: summary(0.93, members, 0.02, 7 * place)
                    for key in ("recall", "precision", "specificity", "f1", "auroc", "average_precision")
                },
            }
            for place, name in enumerate(names)
        ],
        "confusion": {"counts": counts.tolist(), "rates": rates},
        "confused": confused,
        "curves": {
            "roc": [_curve(name, actual == place, probability[:, place]) for place, name in enumerate(names)],
            "precision_recall": [
                {"class": name, "x": [0.0, 0.5, 0.9, 1.0], "y": [1.0, 0.98, 0.9, 0.1], "area": 0.95} for name in names
            ],
            "calibration": [
                {
                    "low": float(low),
                    "high": float(high),
                    "confidence": float(sure[own].mean()),
                    "accuracy": float(right[own].mean()),
                    "rows": int(own.sum()),
                }
                for low, high, own in bins
                if own.any()
            ],
            "selective": {
                "share": [(n + 1) / rows for n in range(rows - 1, 20, -5)],
                "accuracy": [float(right[order[: n + 1]].mean()) for n in range(rows - 1, 20, -5)],
            },
        },
        "examples": {"worst": worst, "best": best},
        "rows_table": [
            {
                "row": row,
                "actual": names[actual[row]],
                "predicted": names[predicted[row]],
                "probability": float(sure[row]),
            }
            for row in [*worst, *best]
        ],
        "images": {str(row): shown[row] for row in needed},
        "intervals": [
            {
                "name": name,
                "says": f"By {name}.",
                "accuracy": 0.94,
                "calibration_error": 0.02,
                "log_loss": 0.21,
                "mutual_information": 0.04,
            }
            for name in ("ensemble", "dropout")
        ],
        "notes": [],
    }
    overlays = [
        {
            "row": row,
            "actual": names[actual[row]],
            "predicted": names[predicted[row]],
            "probability": float(sure[row]),
            "image": (np.array(shown[row]) / 255).tolist(),
            "gradients": (rng.uniform(-1, 1, (8, 8)) ** 3).tolist(),
            "occlusion": np.kron(rng.uniform(-1, 1, (4, 4)), np.ones((2, 2))).tolist(),
            "occlusion_window": 2,
        }
        for row in [*worst[:4], *best[:4]]
    ]
    centres = 9 * rng.standard_normal((count, 2))
    maps = {
        name: (centres[actual] + spread * rng.standard_normal((rows, 2))).tolist()
        for name, spread in (("pca", 4.0), ("tsne", 1.5), ("umap", 1.0))
    }
    layers = [
        layer("blocks.0.conv", "Conv2d", "32 x 8 x 8", 320, 18432, "3 x 3"),
        layer("blocks.0.act", "ReLU", "32 x 8 x 8", 0, 0, "3 x 3"),
        layer("blocks.0.pool", "MaxPool2d", "32 x 4 x 4", 0, 0, "4 x 4"),
        layer("dense.0", "Linear", "64", 32832, 32768, ""),
        layer("dense.1", "ReLU", "64", 0, 0, ""),
        layer("head", "Linear", "10", 650, 640, ""),
    ]
    explained = {
        "studies": {"final": "x"},
        "experiment": "digits_cnn",
        "kind": "classes",
        "members": members,
        "rows": rows,
        "features": None,
        "overlays": overlays,
        "embeddings": {
            "of": "last hidden layer of member 0",
            "units": 64,
            "colour": actual.tolist(),
            "row": list(range(rows)),
            "maps": maps,
            "explained": [0.41, 0.22],
            "scores": {
                name: {key: summary(value, members)[key] for key in ("mean", "std", "low", "high", "members")}
                for name, value in {"adjusted_rand": 0.81, "silhouette": 0.42, "davies_bouldin": 0.9}.items()
            },
            "notes": [],
        },
        "architecture": {"layers": layers, "parameters": 33802, "multiply_adds": 51840, "input": "1 x 8 x 8"},
        "notes": [],
    }
    return together("digits_cnn", "accuracy", "maximize", details, explained)


def numbers_facts(features: Sequence[str] = (), members: int = 8) -> Facts:
    """All facts of a test of numbers, of house prices."""
    names = list(
        features or ["CRIM", "ZN", "INDUS", "CHAS", "NOX", "RM", "AGE", "DIS", "RAD", "TAX", "PTRATIO", "B", "LSTAT"]
    )
    rng, rows = np.random.default_rng(1), 102
    actual = np.clip(22.5 + 9 * rng.standard_normal(rows), 5, 50)
    residual = 3.0 * rng.standard_t(4, rows)
    order = np.argsort(-abs(residual))
    worst, best = order[:10].tolist(), order[::-1][:10].tolist()
    std = rng.uniform(0.3, 2, rows)
    details = {
        "kind": "numbers",
        "rows": rows,
        "members": members,
        "measures": {
            name: summary(value, members, 0.1) if value else dict.fromkeys(summary(1.0, 2)) | {"members": []}
            for name, value in {
                "mae": 2.36,
                "mse": 11.2,
                "rmse": 3.35,
                "r2": 0.86,
                "max_error": 14.2,
                "msle": 0,
            }.items()
        },
        "residuals": {
            "predicted": (actual - residual).tolist(),
            "actual": actual.tolist(),
            "residual": residual.tolist(),
            "std": std.tolist(),
        },
        "quantiles": {
            "normal": np.sort(rng.standard_normal(rows)).tolist(),
            "residual": np.sort(residual).tolist(),
        },
        "examples": {"worst": worst, "best": best},
        "rows_table": [
            {
                "row": row,
                "actual": float(actual[row]),
                "predicted": float(actual[row] - residual[row]),
                "difference": float(residual[row]),
                "std": float(std[row]) if members > 1 else None,
            }
            for row in [*worst, *best]
        ],
        "intervals": [
            {
                "name": name,
                "says": f"By {name}.",
                "level": 0.9,
                "coverage": coverage,
                "coverage_low": coverage - 0.07,
                "coverage_high": coverage + 0.06,
                "width": 6.2,
            }
            for name, coverage in (("ensemble", 0.61), ("dropout", 0.78), ("quantiles", 0.89))
        ],
        "notes": [] if members > 1 else ["One member: no interval over members can be given."],
    }
    tables = {
        method: {
            "says": "Rise of the mean absolute error when the column is shuffled.",
            "rows": sorted(
                (
                    {
                        "feature": name,
                        "mean": float(value),
                        "low": float(value - 0.08) if members > 1 else None,
                        "high": float(value + 0.08) if members > 1 else None,
                        "first": 0.0,
                        "rank": float(place + 1),
                    }
                    for place, (name, value) in enumerate(zip(names, rng.exponential(0.6, len(names)), strict=True))
                ),
                key=lambda row: -row["mean"],
            ),
        }
        for method in ("permutation", "shap", "integrated_gradients", "ablation")
    }
    for found in tables.values():
        found["rows"][0]["first"], found["rows"][1]["first"] = 0.5, 0.375
    for row in tables["ablation"]["rows"]:
        row |= {"verdict": "worse", "in_words": "without it is worse: 0.21 [0.1, 0.3], p = 0.0469, 8 members"}
    shown = [row["feature"] for row in tables["shap"]["rows"][:10]]
    swarm = rng.uniform(0, 1, (len(shown), 100))
    signs = rng.choice([-1, 1], len(shown))[:, None] * np.linspace(5, 0.3, len(shown))[:, None]
    shap = signs * (swarm - 0.5) + 0.2 * rng.standard_normal(swarm.shape)
    explained = {
        "studies": {"final": "x"},
        "experiment": "boston_mlp",
        "kind": "numbers",
        "members": members,
        "rows": rows,
        "features": {
            "names": names,
            "methods": tables,
            "agreement": [
                {"a": "permutation", "b": "shap", "spearman": 0.93},
                {"a": "permutation", "b": "ablation", "spearman": None},
            ],
            "beeswarm": {"feature": shown, "value": swarm.tolist(), "shap": shap.tolist()},
        },
        "overlays": None,
        "embeddings": {
            "of": "last hidden layer of member 0",
            "units": 128,
            "colour": actual.tolist(),
            "row": list(range(rows)),
            "maps": {"pca": rng.standard_normal((rows, 2)).tolist(), "tsne": rng.standard_normal((rows, 2)).tolist()},
            "explained": [0.7, 0.2],
            "scores": None,
            "notes": [],
        },
        "architecture": {
            "layers": [
                layer("layers.0", "Linear", "128", 1792, 1664, ""),
                layer("layers.1", "ReLU", "128", 0, 0, ""),
                layer("layers.2", "Linear", "128", 16512, 16384, ""),
                layer("layers.3", "ReLU", "128", 0, 0, ""),
                layer("head", "Linear", "1", 129, 128, ""),
            ],
            "parameters": 18433,
            "multiply_adds": 18176,
            "input": "13",
        },
        "notes": [],
    }
    return together("boston_mlp", "mae", "minimize", details, explained)


def layer(name: str, kind: str, output: str, parameters: int, work: int, field: str) -> Facts:
    return {
        "name": name,
        "kind": kind,
        "output": output,
        "parameters": parameters,
        "multiply_adds": work,
        "receptive_field": field,
    }


def together(name: str, metric: str, direction: str, details: Facts, explained: Facts) -> Facts:
    """The facts of all stages."""
    members = details["members"]
    one = details["measures"][metric]
    ends = "" if one["low"] is None else f" [{one['low']:.4g}, {one['high']:.4g}]"
    evaluated = {
        "experiment": name,
        "headline": f"Test {metric} {one['mean']:.4g}{ends} over {members} members on {details['rows']} test rows; "
        f"the ensemble of the members {one['ensemble']:.4g}.",
        "metric": metric,
        "rows": details["rows"],
        "test": {metric: one},
        "bias_variance": {"loss": 0.071, "bias": 0.055, "variance": 0.021} if members > 1 else None,
        "opened": 1,
        "studies": {"final": "x"},
        "data": {"name": "some_data", "source": "a library", "rows": {"train": 404, "test": 102}},
        "provenance": PROVENANCE,
    }
    searched = search_facts(name, metric, direction)
    return {
        "searched": searched,
        "confirmed": confirm_facts(name, metric, direction, members, searched),
        "evaluated": evaluated,
        "details": details,
        "explained": explained,
        "curves": curves(metric, members),
    }


def search_facts(name: str, metric: str, direction: str) -> Facts:
    rng, trials = np.random.default_rng(3), []
    sign, base, spread = (1, 2.0, 0.3) if direction == "minimize" else (-1, 0.96, 0.02)
    for number in range(30):
        lr = float(10 ** rng.uniform(-4, -1))
        loss = spread * (np.log10(lr) + 2.5) ** 2 + spread * 0.3 * rng.random()
        members = (base + sign * loss + 0.1 * spread * rng.standard_normal(3)).tolist()
        values = {
            "optimizer": str(rng.choice(["adam", "sgd"])),
            "optimizer.lr": lr,
            "data.batch_size": int(rng.choice([16, 32, 64])),
            "model.widths": [[64, 64], [128, 128], [128, 128, 128, 128]][int(rng.integers(3))],
        } | ({"optimizer.momentum": float(rng.random())} if number % 2 else {})
        pruned = number in (11, 17, 23)
        trials.append(
            {
                "trial": number,
                "status": "pruned" if pruned else "finished",
                "value": None if pruned else float(np.mean(members)),
                "std": None if pruned else float(np.std(members, ddof=1)),
                "members": [] if pruned else members,
                "epochs": 12 if pruned else 40,
                "seconds": 3.2,
                "repeats": None,
                "values": values,
            }
        )
    ranked = sorted((one for one in trials if one["members"]), key=lambda one: sign * one["value"])
    return {
        "study": f"{name}-tpe-3c1bad68",
        "experiment": name,
        "metric": f"val/{metric}",
        "direction": direction,
        "members": "3 seeds",
        "trials": {"finished": 27, "pruned": 3},
        "ranked": [{"key": "", **{key: one[key] for key in ("trial", "value", "values")}} for one in ranked],
        "all_trials": trials,
        "importance": {"optimizer.lr": 0.71, "model.widths": 0.16, "data.batch_size": 0.08, "optimizer": 0.05},
        "max_epochs": 40,
        "pruned": {"trials": 3, "epochs_saved": 252, "seconds_saved": 21.3},
        "verdicts": [{"in_words": "trial-3 is not distinguishable from trial-7: 0.01 [-0.02, 0.04], p = 0.5"}],
        "data": {"data.train_features.sha256": PROVENANCE["data.train_features.sha256"]},
        "provenance": PROVENANCE,
    }


def confirm_facts(name: str, metric: str, direction: str, members: int, searched: Facts) -> Facts:
    rng = np.random.default_rng(4)
    sign, spread = (1, 0.12) if direction == "minimize" else (-1, 0.008)
    rows: list[Facts] = []
    for place, trial in enumerate(searched["ranked"][:3]):
        values = (trial["value"] + sign * spread * (place + 0.5) + spread * rng.standard_normal(members)).tolist()
        rows.append(candidate(f"trial-{trial['trial']}", values, trial["values"]))
        rows[-1] |= {"found_by_search": trial["value"], "too_good_by": sign * (rows[-1]["mean"] - trial["value"])}
    rows.append(candidate("baseline", (rows[0]["mean"] + sign * 2 * spread + np.zeros(members)).tolist(), {}))
    words = "is better than baseline: -0.20 [-0.31, -0.09], p = 0.0469 (Holm, 3 comparisons), 8 members"
    rows[0]["versus_baseline"] = {"verdict": "better", "in_words": f"{rows[0]['name']} {words}"}
    rows.append(
        {
            "name": "trial-99",
            "status": "diverged",
            "key": "",
            "values": {"optimizer.lr": 9.0},
            "members": [],
            "message": "nan",
        }
    )
    return {
        "experiment": name,
        "headline": f"Chosen: {rows[0]['name']}, val/{metric} {rows[0]['mean']:.4g} over {members} members.",
        "metric": f"val/{metric}",
        "direction": direction,
        "alpha": 0.05,
        "chosen": rows[0]["name"],
        "configurations": rows,
        "studies": {"confirm": f"{name}-confirm-01", "final": f"{name}-final-02"},
        "final": {"key": "", "weights_sha256": []},
        "provenance": PROVENANCE,
        "registered": {
            "name": f"eksplora-{name}",
            "version": "3",
            "alias": "champion",
            "why": "it is better",
            "run": "9675d89bfc754bd5893496e180114cc8",
        },
    }


def candidate(name: str, values: list[float], settings: Facts) -> Facts:
    mean, std = float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else None
    return {
        "name": name,
        "status": "finished",
        "key": "",
        "values": settings,
        "members": values,
        "mean": mean,
        "std": std,
        "interval": None if std is None else [mean - 0.84 * std, mean + 0.84 * std],
    }


def curves(metric: str, members: int) -> dict[str, list[float]]:
    epochs = np.arange(1, 41)
    found: dict[str, list[float]] = {"epoch": epochs.astype(float).tolist()}
    for split, floor in (("train", 0.2), ("val", 0.5)):
        for name in ("loss", metric):
            values = floor + 3 * np.exp(-epochs / 8) + (0.004 * epochs if split == "val" else 0)
            found[f"{split}/{name}"] = values.tolist()
            if members > 1:
                found[f"{split}/{name}_std"] = (0.1 * values).tolist()
    return found


def _curve(name: str, is_own: Any, score: Any) -> Facts:
    if not is_own.any():
        return {"class": name, "x": [], "y": [], "area": None}
    x, y, _ = roc_curve(is_own, score)
    return {"class": name, "x": x.tolist(), "y": y.tolist(), "area": float(np.trapezoid(y, x))}
