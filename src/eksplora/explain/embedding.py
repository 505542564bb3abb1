"""Embeddings of rows by networks, in two dimensions.

Shapes: features (rows, units) of one network's hidden layer; maps (rows, 2).
"""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

MOST_ROWS = 1500
_FEWEST_ROWS = {"tsne": 3, "umap": 5}
"""Fewest rows of a map: with fewer there are no neighbours to be near to."""

Map = NDArray[np.float64]


def evenly(count: int, most: int) -> NDArray[np.int64]:
    """Numbers from 0 to count - 1, at most so many, evenly spaced, first and last among them.

    Examples:
        >>> evenly(9, 5), evenly(3, 5)
        (array([0, 2, 4, 6, 8]), array([0, 1, 2]))
    """
    return np.linspace(0, count - 1, min(count, most)).round().astype(np.int64)


def maps(features: NDArray[Any], *, seed: int) -> tuple[dict[str, Map], list[float | None], list[str]]:
    """Maps of the rows by PCA, t-SNE and, where umap-learn is installed, UMAP.

    Source: Pearson, "On lines and planes of closest fit", 1901; van der Maaten and Hinton, "Visualizing data using
    t-SNE", JMLR 9, 2008, from the PCA map as Kobak and Berens, "The art of using t-SNE for single-cell
    transcriptomics", Nature Communications 10, 2019, advise; McInnes, Healy and Melville, "UMAP", arXiv:1802.03426.

    Args:
        features: (rows, units).
        seed: Of t-SNE and UMAP; one thread is used, as several would add in another order at every run.

    Returns:
        The maps by name; the share of the variance along each axis of the PCA map (None where there is none); sentences
        about what is missing.
    """
    features = np.asarray(features, dtype=np.float64)
    if np.ptp(features, axis=0).max() == 0:
        return {"pca": np.zeros((len(features), 2))}, [None, None], ["All rows look the same to the network: no map."]
    found, notes = dict[str, Map](), list[str]()
    found["pca"], explained = principal_components(features)
    with threadpool_limits(1):
        for name, draw in {"tsne": tsne, "umap": umap}.items():
            if len(features) < _FEWEST_ROWS[name]:
                notes.append(f"{len(features)} rows are too few for {_TITLES[name]}.")
                continue
            try:
                found[name] = draw(features, found["pca"], seed)
            except ImportError:
                notes.append(_NO_UMAP)
    return found, explained, notes


_TITLES = {"tsne": "t-SNE", "umap": "UMAP"}
_NO_UMAP = "No UMAP: umap-learn is not installed (pip install umap-learn)."


def principal_components(features: NDArray[np.float64]) -> tuple[Map, list[float | None]]:
    """The rows along the two directions in which they vary most, and each direction's share of the variance.

    With a single unit, or where rows lie on a line, the second is 0.
    """
    from sklearn.decomposition import PCA

    # "full": the randomized solver would differ in the last digits from run to run.
    pca = PCA(n_components=min(2, *features.shape), svd_solver="full")
    found = pca.fit_transform(features)
    missing = 2 - found.shape[1]
    shares = [float(share) for share in pca.explained_variance_ratio_]
    return np.pad(found, ((0, 0), (0, missing))), [*shares, *[0.0] * missing]


def tsne(features: NDArray[np.float64], pca: Map, seed: int) -> Map:
    """Neighbours stay neighbours; distances between groups mean little."""
    from sklearn.manifold import TSNE

    # 1e-4 is the spread that scikit-learn's own `init="pca"` gives, which needs two units or more
    start = (pca / pca[:, 0].std() * 1e-4).astype(np.float32)
    # About the number of neighbours: 30 is the usual one, which takes three times as many rows.
    perplexity = min(30.0, max(1.0, (len(features) - 1) / 3))
    found: Map = TSNE(init=start, perplexity=perplexity, random_state=seed).fit_transform(features)
    return found


def umap(features: NDArray[np.float64], pca: Map, seed: int) -> Map:
    """Neighbours stay neighbours, and more of the large structure than in t-SNE.

    Raises:
        ImportError: If umap-learn is not installed.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Tensorflow not installed", ImportWarning)  # for a part that is not used
        from umap import UMAP

    del pca
    found: Map = UMAP(n_neighbors=min(15, len(features) - 1), random_state=seed, n_jobs=1).fit_transform(features)
    return found
