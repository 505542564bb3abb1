"""Lines of a command on data of one's own."""

from pathlib import Path

import pytest
from picturing import folder_of, save

from eksplora.cli.saying import ended, found
from eksplora.config import compose_request


@pytest.fixture(autouse=True)
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return folder_of(tmp_path / "photos", {"cat": 12, "dog": 12}, height=16)


def test_a_command_without_an_experiment_names_the_next_one() -> None:
    (line,) = ended(compose_request("prepare", ["data.path=photos"]))
    assert line == "  next     make sweep DATA=photos   (search over networks)"


def test_what_changed_in_a_folder_is_said(photos: Path) -> None:
    first = compose_request("search", ["data.path=photos"]).own_data
    save(photos / "dog/new.png", 99, height=16)
    second = compose_request("search", ["data.path=photos"]).own_data
    assert first is not None and second is not None
    line = "  other data than when they were last looked at: 1 new (dog/new.png)"
    assert line not in found(first) and line in found(second)
    assert "  note: Images are 16x16 pixels, in colours." in found(second)
