"""A small table of houses for tests: numbers, categories, dates, flags, with cells that are missing."""

import numpy as np
import pandas as pd


def houses(rows=200, seed=0):
    """Rows of which the price depends on the area and the city."""
    draw = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "id": np.arange(rows),
            "city": draw.choice(["Paris", "Rome", "Oslo"], rows),
            "area": draw.normal(100, 30, rows).round(1),
            "built": pd.to_datetime("1990-01-01") + pd.to_timedelta(draw.integers(0, 9000, rows), "D"),
            "garden": draw.choice(["yes", "no"], rows),
        }
    )
    table["price"] = (table["area"] * 20 + (table["city"] == "Paris") * 500 + draw.normal(0, 100, rows)).round(0)
    table.loc[draw.choice(rows, rows // 10, replace=False), "area"] = np.nan
    table.loc[draw.choice(rows, rows // 10, replace=False), "city"] = None
    return table
