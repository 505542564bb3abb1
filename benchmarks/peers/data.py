"""Our prepared data as a file that any library reads: same rows, same split, same scaling for every side."""

from pathlib import Path

import numpy as np

from eksplora.config import Configurator, part
from eksplora.data import _scaling


def export(overrides: list[str], file: Path) -> None:
    """Write `x_train`, `y_train`, `x_validation` and `y_validation` of an experiment as an npz file.

    Features are scaled float32, images (rows, channels, height, width) as ours; targets are classes (rows,) int64 or
    numbers (rows, targets) float32.

    Args:
        overrides: The experiment, as overrides of the root `train`.
        file: Where to; replaced if it is there.

    Raises:
        DataError: If the raw data cannot be found.
    """
    config = Configurator("train", overrides)({})
    dataset = part(config, "data")
    dataset.prepare()
    features, targets = dataset.open("train")
    split = part(config, "protocol")(targets=targets)[0]
    scaling = _scaling.fit(dataset.scaling, features[split.train])
    x = _scaling.apply(scaling, features)
    y = np.array(targets, dtype=np.int64 if targets.dtype.kind == "i" else np.float32)
    rows = {"train": split.train, "validation": split.validation}
    parts = {f"{name}_{on}": values[chosen] for on, chosen in rows.items() for name, values in (("x", x), ("y", y))}
    np.savez(file, allow_pickle=False, **parts)
