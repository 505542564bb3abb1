"""Runs the cells of a notebook, or the Python blocks of a page: `python running_notebook.py FILE`.

It stands for IPython: cells are known to `linecache` by names that are no files. What a cell ends with is shown.
"""

import ast
import json
import linecache
import re
import sys
from pathlib import Path


def cells(path: Path) -> list[str]:
    """The code of each cell."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        return re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return ["".join(cell["source"]) for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]


def run(text: str, name: str) -> None:
    """Run a cell in the main module, and show its last value as a notebook would."""
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    session, nodes = vars(sys.modules["__main__"]), ast.parse(text).body
    last = nodes.pop() if isinstance(nodes[-1], ast.Expr) else None
    exec(compile(ast.Module(nodes, []), name, "exec"), session)
    if isinstance(last, ast.Expr):
        value = eval(compile(ast.Expression(last.value), name, "eval"), session)
        shown = value._repr_html_() if hasattr(value, "_repr_html_") else repr(value)
        print(f"{name} shows {type(value).__name__}, {len(shown)} characters: {repr(value)[:2000]}")


if __name__ == "__main__":
    for number, code in enumerate(cells(Path(sys.argv[1]))):
        run(code, f"<cell {number}>")
