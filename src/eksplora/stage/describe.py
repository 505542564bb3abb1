"""Describe a table or a folder of images: columns or classes, task, test part, warnings, before anything is trained."""

from pathlib import Path
from typing import Any

from eksplora.config import Request, part
from eksplora.config.schema import DescribeConfig
from eksplora.data.table import Table
from eksplora.errors import ConfigError, command_line


def describe(request: Request) -> None:
    """Print the card of a table, or of a folder or a list of images.

    Raises:
        UserError: If the file is no table or nothing can be learned from it.
    """
    settings: DescribeConfig = request.settings
    if not settings.file:
        raise ConfigError(f"file: has no value. Give a table: {command_line('describe')} houses.csv target=price.")
    from eksplora.images.list_file import is_list

    path = Path(settings.file)
    if path.is_dir() or (is_list(path) and "data" not in map(_key, request.typed)):
        print("\n".join(_of_images(path, settings.target, Path(request.config["data"]["root"]))))
        return
    from eksplora.table.reading import read_frame

    if not settings.target:
        names = ", ".join(read_frame(Path(settings.file), key="file").columns)
        raise ConfigError(f"target: has no value. Name one of the columns: {names}.")
    dataset = part(request.config, "data")
    from eksplora.table.lines import lines_of

    card = dataset.examine()
    print("\n".join([*differences(dataset), *lines_of(card)]))


def _key(word: str) -> str:
    return word.lstrip("+").partition("=")[0]


def _of_images(path: Path, target: Any, root: Path) -> list[str]:
    """Lines on a folder or a list of images, read as `data=images` reads it."""
    from eksplora.images import ImageOptions, examine
    from eksplora.images.lines import lines_of

    columns = target if target is None or isinstance(target, str) else tuple(target)
    return lines_of(examine(ImageOptions(path=str(path), target=columns), root=root))


def announce(dataset: Any) -> None:
    """Say, before a user's own table is prepared anew, how it differs from the one before; of other data nothing."""
    if isinstance(dataset, Table) and not dataset.folder.exists():
        print("".join(f"{line}\n" for line in differences(dataset)), end="", flush=True)


def differences(dataset: Table) -> list[str]:
    """Differences between a table and the one that was examined under this name before; empty if none was."""
    from eksplora.table.examination import earlier
    from eksplora.table.lines import changes

    card = dataset.examine()
    before = earlier(card, dataset.root)
    if before is None:
        return []
    return [f"{card.name} is another data set than {before.fingerprint[:12]} was: {'; '.join(changes(before, card))}."]
