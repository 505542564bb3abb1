"""Fashion-MNIST: 70 000 grey images of 28 x 28 pixels, ten kinds of clothing."""

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from eksplora.data._fetch import DownloadFailed, download
from eksplora.data._idx import Payload, read_idx
from eksplora.data._store import download_folder
from eksplora.data.card import RawData, Rows
from eksplora.data.dataset import Dataset
from eksplora.errors import ConfigError, DataError

NUM_TRAIN = 60_000
DEBIAN_FOLDER = Path("/usr/share/datasets/fashion-mnist")  # where the package dataset-fashion-mnist puts the files
CLASSES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
# Sizes and hashes of the decompressed files, from Debian's package dataset-fashion-mnist.
FILES = {
    "train-images-idx3-ubyte.gz": Payload(
        47_040_016, "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"
    ),
    "train-labels-idx1-ubyte.gz": Payload(60_008, "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"),
    "t10k-images-idx3-ubyte.gz": Payload(7_840_016, "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"),
    "t10k-labels-idx1-ubyte.gz": Payload(10_008, "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"),
}


class FashionMnist(Dataset):
    """Zalando's article images in their official split.

    Args:
        root: See `Dataset`.
        source_dir: Folder with the four gzip files, looked into first; None: look elsewhere only.
        url: Folder on the web that holds the four gzip files, asked last.
        batch_size: See `Dataset`.
        scaling: See `Dataset`.
        input_shape: See `Dataset`.
        num_classes: See `Dataset`.
        num_targets: See `Dataset`.
        stratified: See `Dataset`.
    """

    name = "fashion_mnist"
    source = "https://github.com/zalandoresearch/fashion-mnist (Xiao, Rasul and Vollgraf 2017)"
    licence = "MIT"
    fixed_split = "official: 60 000 training and 10 000 test images"

    def __init__(
        self,
        *,
        root: str,
        source_dir: str | None,
        url: str,
        batch_size: int | str,
        scaling: str,
        input_shape: Sequence[int],
        num_classes: int | None,
        num_targets: int | None,
        stratified: bool,
    ) -> None:
        super().__init__(
            root=root,
            batch_size=batch_size,
            scaling=scaling,
            input_shape=input_shape,
            num_classes=num_classes,
            num_targets=num_targets,
            stratified=stratified,
        )
        if not str(url).startswith(("https://", "http://")):
            raise ConfigError(f"data.url must begin with https:// or http://, got {url}. Leave it out for the default.")
        self.source_dir = None if source_dir is None else Path(source_dir)
        self.url = url.rstrip("/")

    def from_source(self) -> RawData:
        """The four files as they are, once their payloads have the known hashes."""
        folder = self._folder()
        for name, payload in FILES.items():
            read_idx(folder / name, payload)
        return RawData({name: (folder / name).read_bytes() for name in FILES}, feature_names=["pixel"], classes=CLASSES)

    def source_files(self) -> Sequence[Path]:
        """The four files of `source_dir`, where they are there: those of a package or of the web are not edited."""
        files = [self.source_dir / name for name in FILES] if self.source_dir is not None else []
        return files if all(file.is_file() for file in files) else []

    def read(self) -> Rows:
        """Images (rows, 1, 28, 28) uint8 from 0 to 255 and classes (rows,) int64; training rows first."""
        train_images, train_labels, test_images, test_labels = (
            read_idx(self.raw_folder / name, payload) for name, payload in FILES.items()
        )
        images, labels = np.concatenate([train_images, test_images]), np.concatenate([train_labels, test_labels])
        return Rows(images[:, np.newaxis], labels.astype(np.int64))

    def cut(self, rows: Rows) -> tuple[Rows, Rows]:
        """The official training and test rows."""
        return rows.take(slice(NUM_TRAIN)), rows.take(slice(NUM_TRAIN, None))

    def _folder(self) -> Path:
        """The first folder that has all four files; at last one that they are downloaded to."""
        # An earlier version downloaded to the raw folder itself, without a card.
        for folder in filter(None, (self.source_dir, DEBIAN_FOLDER, self.raw_folder)):
            if not (missing := [name for name in FILES if not (folder / name).is_file()]):
                return folder
            if folder == self.source_dir:
                print(f"data.source_dir={folder} has no {missing[0]}: looking elsewhere", file=sys.stderr)
        return self._downloaded()

    def _downloaded(self) -> Path:
        folder = download_folder(self.raw_folder)
        try:
            for name, payload in FILES.items():
                if not (folder / name).is_file():
                    download(f"{self.url}/{name}", folder / name, verify=partial(read_idx, payload=payload))
        except DownloadFailed as error:
            raise DataError(
                f"Fashion-MNIST is not in data.source_dir={self.source_dir}, not in {DEBIAN_FOLDER}, and "
                f"{error}. Set data.source_dir=<folder with the four gz files>, or "
                "`apt install dataset-fashion-mnist`, or run again with https access to data.url."
            ) from None
        return folder
