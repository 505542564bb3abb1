from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from once import once, shared


@pytest.fixture
def factory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.TempPathFactory:
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw0")
    (tmp_path / "gw0").mkdir()
    return pytest.TempPathFactory(tmp_path / "gw0", 3, "all", lambda *words: None, tmp_path / "gw0", _ispytest=True)


def test_whoever_comes_second_waits_and_finds_it_whole(factory: pytest.TempPathFactory, tmp_path: Path) -> None:
    built = []

    def build(folder: Path) -> None:
        built.append(folder)
        for number in range(50):
            (folder / str(number)).write_text("x")

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: sorted(once(factory, "a", build).iterdir()), range(8)))
    assert built == [tmp_path / "once/a"] and {len(files) for files in found} == {50}


def test_what_failed_half_built_is_built_anew(factory: pytest.TempPathFactory) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise ValueError("half")

    with pytest.raises(ValueError, match="half"):
        once(factory, "a", fail)
    (file,) = once(factory, "a", lambda folder: (folder / "whole").touch()).iterdir()
    assert file.name == "whole"


def test_without_xdist_the_folder_is_this_process_s(
    factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert shared(factory) == tmp_path
    monkeypatch.delenv("PYTEST_XDIST_WORKER")
    assert shared(factory) == tmp_path / "gw0"
