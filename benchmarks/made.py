"""Tables for `benchmarks.own_tables`: those that scikit-learn ships, and made ones with what real tables have."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn import datasets


@dataclass(frozen=True)
class Made:
    """A table.

    Attributes:
        frame: Its columns.
        target: The column to predict, or several.
        options: Words for eksplora besides.
    """

    frame: pd.DataFrame
    target: tuple[str, ...]
    options: tuple[str, ...] = ()


def shipped(name: str) -> Made:
    """A data set of scikit-learn, classes by their names."""
    raw = getattr(datasets, f"load_{name}")(as_frame=True)
    frame = raw.frame.copy()
    targets = tuple(map(str, raw.target_names)) if name == "linnerud" else ("target",)
    if name in ("wine", "breast_cancer", "iris"):
        frame["target"] = [str(raw.target_names[number]) for number in raw.target]
    return Made(frame, targets)


def mixed(draw: np.random.Generator, rows: int = 1500) -> Made:
    """Numbers, categories and switches, a tenth of the cells missing; a regression."""
    area, rooms, quality = draw.uniform(30, 200, rows), draw.integers(1, 7, rows), draw.normal(size=rows)
    city = draw.choice(["Paris", "Lyon", "Nice", "Lille", "Brest"], rows)
    garden = draw.choice(["yes", "no"], rows)
    factor = pd.Series(city).map({"Paris": 2.0, "Lyon": 1.3, "Nice": 1.5, "Lille": 0.9, "Brest": 0.8}).to_numpy()
    price = 1000 * area * factor + 15_000 * rooms * (garden == "yes") + 20_000 * np.sin(2 * quality)
    columns = {"area": area.round(1), "rooms": rooms.astype(float), "quality": quality.round(3), "city": city}
    frame = pd.DataFrame(columns | {"garden": garden})
    frame = frame.mask(draw.random(frame.shape) < 0.1)
    frame["price"] = (price + draw.normal(0, 15_000, rows)).round()
    return Made(frame, ("price",))


def categories(draw: np.random.Generator, rows: int = 3000) -> Made:
    """Two columns of many categories, whose effects add; a regression."""
    shop, product = draw.integers(0, 120, rows), draw.integers(0, 60, rows)
    effects = draw.normal(0, 2, 120), draw.normal(0, 1, 60)
    weekday = draw.choice(["Mon", "Tue", "Wed", "Thu", "Fri", "Sat"], rows)
    sold = effects[0][shop] + effects[1][product] + (weekday == "Sat") + draw.normal(0, 0.7, rows)
    columns = {"shop": [f"shop {one}" for one in shop], "product": [f"p{one}" for one in product], "weekday": weekday}
    return Made(pd.DataFrame(columns | {"sold": sold.round(3)}), ("sold",))


def skewed(draw: np.random.Generator, rows: int = 2000) -> Made:
    """A target that is positive, and whose logarithm has noise alike everywhere."""
    features = draw.normal(size=(rows, 8))
    claim = np.exp(7 + features[:, 0] + 0.5 * features[:, 1] * features[:, 2] + draw.normal(0, 0.4, rows))
    frame = pd.DataFrame(features.round(4), columns=[f"x{number}" for number in range(8)])
    return Made(frame.assign(claim=claim.round(2)), ("claim",))


def imbalanced(draw: np.random.Generator, rows: int = 4000) -> Made:
    """Two classes, one of a twentieth of the rows."""
    features = draw.normal(size=(rows, 10))
    score = features[:, 0] + features[:, 1] * features[:, 2] + 0.7 * np.abs(features[:, 3]) + draw.normal(0, 0.5, rows)
    fraud = np.where(score > np.quantile(score, 0.95), "fraud", "fine")
    frame = pd.DataFrame(features.round(4), columns=[f"x{number}" for number in range(10)])
    return Made(frame.assign(country=draw.choice(["a", "b", "c"], rows), outcome=fraud), ("outcome",))


def dates(draw: np.random.Generator, rows: int = 2000) -> Made:
    """Demand by the day, with a season, a week and a trend."""
    day = pd.Timestamp("2019-01-01") + pd.to_timedelta(draw.integers(0, 1400, rows), unit="D")
    number = (day - pd.Timestamp("2019-01-01")).days.to_numpy()
    heat = draw.normal(15, 6, rows)
    season, week = 12 * np.sin(2 * np.pi * number / 365.25), 8 * (day.day_of_week.to_numpy() >= 5)
    demand = 60 + season + week + 0.01 * number + 0.5 * heat + draw.normal(0, 3, rows)
    frame = pd.DataFrame({"day": day.strftime("%Y-%m-%d"), "heat": heat.round(1), "demand": demand.round(2)})
    return Made(frame, ("demand",))


def groups(draw: np.random.Generator, rows: int = 2000) -> Made:
    """Several rows a patient, who has an offset of his own; whole patients are the test part."""
    patient = draw.integers(0, 200, rows)
    features = draw.normal(size=(rows, 6)) + draw.normal(size=(200, 6))[patient]
    offset = draw.normal(0, 0.5, 200)[patient]
    score = features[:, 0] + np.tanh(2 * features[:, 1]) - 0.5 * features[:, 2] ** 2 + offset
    stage = pd.cut(score + draw.normal(0, 0.4, rows), [-np.inf, -1, 0.5, np.inf], labels=["mild", "severe", "grave"])
    frame = pd.DataFrame(features.round(4), columns=[f"x{number}" for number in range(6)])
    frame = frame.assign(patient=[f"patient {one}" for one in patient], stage=stage.astype(str))
    return Made(frame, ("stage",), ("data.group=patient",))


SHIPPED = ("diabetes", "wine", "breast_cancer", "iris", "linnerud")
MADE: Mapping[str, Callable[[np.random.Generator], Made]] = {
    "mixed": mixed,
    "categories": categories,
    "skewed": skewed,
    "imbalanced": imbalanced,
    "dates": dates,
    "groups": groups,
}
NAMES = (*SHIPPED, *MADE)


def from_file(folder: Path, word: str, seed: int = 0) -> Made:
    """The table that a word such as `wage:wage:logwage` says: file, target, columns that are left out."""
    name, target, *left_out = word.split(":")
    dropped = [column for text in left_out for column in text.split(",")]
    frame = pd.read_csv(folder / f"{name}.csv").drop(columns=dropped).dropna(subset=target)
    return parted(Made(frame, (target,)), seed, np.random.default_rng(seed))


def table(name: str, seed: int = 0) -> Made:
    """A table of ours by its name, see `parted`."""
    draw = np.random.default_rng(seed)
    return parted(shipped(name) if name in SHIPPED else MADE[name](draw), seed, draw)


def parted(found: Made, seed: int, draw: np.random.Generator) -> Made:
    """A table in an order of its seed, with a column `part` that says which fifth of the rows are test rows."""
    frame = found.frame.sample(frac=1, random_state=seed).reset_index(drop=True)
    return Made(frame.assign(part=np.where(tested(frame, found, draw), "test", "train")), found.target, found.options)


def tested(frame: pd.DataFrame, made: Made, draw: np.random.Generator) -> NDArray[np.bool_]:
    """Which rows are test rows: a fifth of them, or of the groups; of the classes in their order alike."""
    if made.options:
        column = frame[made.options[0].partition("=")[2]]
        chosen = draw.permutation(column.unique())[: column.nunique() // 5]
        return np.asarray(column.isin(chosen), dtype=np.bool_)
    if not pd.api.types.is_numeric_dtype(frame[made.target[0]]):
        order = frame.groupby(made.target[0]).cumcount().to_numpy()
        return np.asarray(order % 5 == 0, dtype=np.bool_)
    return np.asarray(np.arange(len(frame)) % 5 == 0, dtype=np.bool_)
