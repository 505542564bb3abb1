"""One small study from Python, searched and confirmed once for all tests of this room."""

import pickle
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest
from once import once

import eksplora as ek

ASKED: dict[str, Any] = {
    "experiment": "wine_mlp",
    "trials": 3,
    "members": 2,
    "workers": 1,
    "space": {"lr": ek.log(1e-3, 1e-1), "widths": [[4], [8]]},
}


def settings(folder: Path) -> dict[str, Any]:
    return {"epochs": 2, "tracker": "off", "sampler": "random", "paths.data": str(folder / "data")}


@pytest.fixture(scope="session")
def asked(place: Path) -> dict[str, Any]:
    """The arguments that the study was searched with."""
    return {**ASKED, "settings": settings(place)}


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder where a study was run and confirmed from Python."""
    import surviving

    def build(folder: Path) -> None:
        surviving.warm_up()
        with chdir(folder), surviving.without_plots():
            study = ek.search(**ASKED, settings=settings(folder))
            found = study, study.confirm(members=2, best=1)
        (folder / "found.pickle").write_bytes(pickle.dumps(found))

    return once(tmp_path_factory, "interface", build)


@pytest.fixture
def found(place: Path) -> Iterator[tuple[Any, Any]]:
    """The study and its confirmation; the folder is the working one."""
    with chdir(place):
        yield pickle.loads((place / "found.pickle").read_bytes())


@pytest.fixture
def study(found: tuple[Any, Any]) -> Any:
    return found[0]
