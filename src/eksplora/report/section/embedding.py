"""Section on the last hidden layer."""

from collections.abc import Mapping, Sequence

from eksplora.drawing.plot.embedding import by_class, by_number
from eksplora.records.details import DetailsRecord
from eksplora.records.explain import EmbeddingsRecord
from eksplora.records.measure import Measure
from eksplora.records.results import Results
from eksplora.report.block import Beside, Block, Note, Plot, Section, TableBlock, between
from eksplora.report.number import counted, share
from eksplora.report.section.attribution import absent

MAPS = {
    "pca": (
        "PCA",
        "Straight projection on the two directions of largest spread: distances are true, as far as it goes.",
    ),
    "tsne": ("t-SNE", "Neighbours stay neighbours; distances between clusters and their sizes mean nothing."),
    "umap": ("UMAP", "Neighbours stay neighbours, the layout of clusters is kept a little better than by t-SNE."),
}

SCORES = {
    "adjusted_rand": ("adjusted Rand", "1: the clusters that k-means finds are the classes; 0: as by chance"),
    "mutual_information": ("adjusted mutual information", "1: the clusters are the classes; 0: as by chance"),
    "homogeneity": ("homogeneity", "1: each cluster has rows of one class only"),
    "v_measure": ("V-measure", "1: that, and each class lies in one cluster"),
    "silhouette": ("silhouette", "1: classes lie apart; 0: they touch; below: they mix"),
    "davies_bouldin": ("Davies-Bouldin", "0 is best: classes are narrow and far apart"),
    "calinski_harabasz": ("Calinski-Harabasz", "the larger, the further classes are apart for their width"),
}


def section(facts: Results) -> Section:
    """The last hidden layer as maps, and how well it separates classes."""
    return Section(
        key="embedding",
        title="Embeddings",
        says=(
            "What the last hidden layer makes of the test rows, flattened to a plane: rows that the network takes for "
            "alike lie together. Classes that overlap here are those that it confuses."
        ),
        blocks=absent(facts) if facts.explained is None else _blocks(facts.explained.embeddings, facts.test_part),
    )


def _blocks(found: EmbeddingsRecord | None, details: DetailsRecord) -> list[Block]:
    if not found or not found.maps:
        return [Note("There are no embeddings: the network has no hidden layer.")]
    plots = [_plot(name, points, found, details) for name, points in found.maps.items()]
    notes = list(found.notes)
    if "umap" not in found.maps and not any("UMAP" in sentence or "umap" in sentence for sentence in notes):
        notes.append("There is no map by UMAP: umap-learn is not installed.")
    return [
        *map(Note, notes),
        Beside(plots),
        *_scores(found.scores),
    ]


def _plot(name: str, points: Sequence[Sequence[float]], found: EmbeddingsRecord, details: DetailsRecord) -> Plot:
    title, says = MAPS[name]
    shares = [one for one in found.explained if one is not None]  # None where all rows look the same
    if name == "pca" and shares:
        says = f"{says} The two directions hold {share(sum(shares))} of the spread."
    if details.kind == "classes":
        figure = by_class(points, [int(number) for number in found.colour], found.row, details.classes)
    else:
        figure = by_number(points, found.colour, found.row, "target")
    colour = "class" if details.kind == "classes" else "target"
    label = f"{counted(len(points), 'row')}, {found.of} ({counted(found.units, 'unit')}), coloured by {colour}"
    return Plot(f"map-{name}", title, f"{title} of {label}", figure, says, height=360)


def _scores(scores: Mapping[str, Measure] | None) -> list[Block]:
    if not scores:
        return [Note("Clustering scores need classes: there are none where a number is predicted.")]
    rows = [
        {
            "score": SCORES.get(name, (name, ""))[0],
            "mean over members": one.over_members.mean,
            "95% interval": between(one.over_members.low, one.over_members.high),
            "how to read it": SCORES.get(name, (name, ""))[1],
        }
        for name, one in scores.items()
    ]
    says = "Measured in the hidden layer itself, not in its maps. A dash: not defined."
    return [TableBlock("Separation of the classes", rows, says, is_tall=False)]
