"""The notebooks and the tutorial of the Python interface: run from their first line to their last."""

import ast
import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest
from running_notebook import cells

import eksplora as ek
from eksplora.interface import compare, search

DOCS = Path(__file__).parents[2] / "docs"
RUNNER = Path(__file__).parents[1] / "running_notebook.py"
NOTEBOOKS = sorted(DOCS.glob("notebooks/*.ipynb"))
EXAMPLES = [*NOTEBOOKS, DOCS / "tutorial/from-python.md"]


@pytest.mark.slow
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs_from_its_first_line_to_its_last(path: Path, tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, str(RUNNER), str(path)], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "mlruns/studies").is_dir() and "Traceback" not in done.stderr


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_calls_what_there_is(path: Path) -> None:
    functions = {"search": search, "compare": compare}
    calls = 0
    for cell in cells(path):
        for node in ast.walk(ast.parse(cell)):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "ek":
                assert node.attr in ek.__all__
            if isinstance(node, ast.Call) and (function := functions.get(getattr(node.func, "attr", ""))) is not None:
                given = {str(keyword.arg): None for keyword in node.keywords}
                inspect.signature(function).bind(*node.args, **given)
                calls += 1
    assert calls


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_holds_no_outputs(path: Path) -> None:
    found = json.loads(path.read_text(encoding="utf-8"))
    code = [cell for cell in found["cells"] if cell["cell_type"] == "code"]
    assert code and not any(cell["outputs"] or cell["execution_count"] for cell in code)
    assert found["nbformat"] == 4 and path.stat().st_size < 10_000
