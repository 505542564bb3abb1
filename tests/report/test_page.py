import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest
from jinja2 import UndefinedError

from eksplora.report.page import FOLDER, render

ROOT = Path(__file__).parents[2]


def test_every_file_of_a_page_is_shipped() -> None:
    setup = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    patterns = setup["package-data"]["eksplora.report"]
    files = [path.relative_to(FOLDER.parent).as_posix() for path in FOLDER.rglob("*") if path.is_file()]
    assert len(files) > 4 and all(any(fnmatch(file, one) for one in patterns) for file in files)


def test_what_a_template_misses_is_an_error_and_no_gap() -> None:
    with pytest.raises(UndefinedError, match="'title' is undefined"):
        render("index.html")
