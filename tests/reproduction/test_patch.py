"""What is said of a recorded diff before it may run."""

import pytest

from eksplora.errors import PreconditionError
from eksplora.reproduction.patch import MOST_SHOWN, FileChange, changes, check_modes, described, is_patch


def numstat(*names: str) -> str:
    return "".join(f"2\t1\t{name}\0" for name in names)


def test_files_and_lines_are_counted() -> None:
    found = changes("3\t1\tsrc/eksplora/a.py\x000\t5\tconf/b.yaml\0-\t-\tc.bin\0", "it")
    assert found == [
        FileChange("src/eksplora/a.py", 3, 1),
        FileChange("conf/b.yaml", 0, 5),
        FileChange("c.bin", None, None),
    ]
    assert described(found) == [
        "its changes.diff changes 3 files, 3 lines added, 6 removed:",
        "  c.bin   binary",
        "  conf/b.yaml   +0 -5",
        "  src/eksplora/a.py   +3 -1",
    ]


@pytest.mark.parametrize(
    ("name", "warning"),
    [
        ("src/sitecustomize.py", "runs whenever Python starts"),
        ("sitecustomize.py", "runs whenever Python starts"),
        ("src/deep/usercustomize.py", "runs whenever Python starts"),
        ("src/x.pth", "runs whenever Python starts"),
        ("tests/conftest.py", "runs with the tests"),
        ("pyproject.toml", "says what runs when the package is built"),
        ("setup.py", "runs when the package is built"),
        ("Makefile", "runs with make"),
        ("dvc.yaml", "runs with dvc repro"),
        (".gitattributes", "says what git runs on files"),
        ("src/torch.py", "takes the place of an installed module of that name"),
        ("src/numpy/__init__.py", "takes the place of an installed module of that name"),
        ("src/eksplora/_fast.so", "compiled code"),
        ("src/eksplora/loss.py", ""),
        ("docs/guide.md", ""),
        ("conf/loss/huber.yaml", ""),
    ],
)
def test_what_runs_without_being_called_is_pointed_out_and_comes_first(name: str, warning: str) -> None:
    found = changes(numstat("a.py", name), "it")
    assert found[1].warning == warning
    assert (described(found)[1] == f"  {name}   +2 -1   ! {warning}") == bool(warning)


def test_names_show_as_they_are_and_are_no_commands_to_a_terminal() -> None:
    lines = described(changes(numstat("größe.py", "\x1b[2J\r.py"), "it"))
    assert "  größe.py   +2 -1" in lines
    assert all(line.isprintable() for line in lines)


def test_many_files_are_not_all_listed() -> None:
    lines = described(changes(numstat(*(f"{number}.py" for number in range(100))), "it"))
    assert len(lines) == MOST_SHOWN + 2 and lines[-1] == f"  and {100 - MOST_SHOWN} more"


@pytest.mark.parametrize(
    "name", ["../a", "/a", "a/../../b", "a//b", ".git/config", "a/.Git/x", ".git", ".git./x", "GIT~1/x"]
)
def test_no_name_leads_out_or_into_gits_own_folder(name: str) -> None:
    with pytest.raises(PreconditionError, match=r"^it would write .*\. It was altered: nothing of it is applied\.$"):
        changes(numstat("good.py", name), "it")


@pytest.mark.parametrize(
    "line", ["new file mode 120000", "new mode 120000", "index 12ab..34cd 120000", "new mode 160000"]
)
def test_links_and_repositories_are_refused_and_may_be_taken_away(line: str) -> None:
    with pytest.raises(PreconditionError, match=r"^it makes or changes (a symbolic link|another repository)"):
        check_modes(f"diff --git a/a b/a\n{line}\n", "it")
    check_modes("diff --git a/a b/a\ndeleted file mode 120000\nindex 12ab..0000\n+new mode 120000\n", "it")


def test_a_list_of_large_files_is_no_patch() -> None:
    assert not is_patch("") and not is_patch("Untracked: large.bin\n")
    assert is_patch("Untracked: large.bin\ndiff --git a/a b/a\n")
