"""The worktree of a recorded commit, and the small contract with the sources in it; sources of a few lines stand in."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from recording import ROOT, git
from waiting import until

from eksplora import provenance
from eksplora.errors import EksploraError, PreconditionError
from eksplora.events.event import MemberEvent, StudyEvent, TrialEvent, TrialMember
from eksplora.reproduction import retraining
from eksplora.reproduction.patch import FileChange
from eksplora.reproduction.record import Recorded
from eksplora.reproduction.retraining import train_again, worktree
from eksplora.types import Status

# --- the worktree ------------------------------------------------------------------------------------------------


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A repository of one commit; afterwards no other worktree is known to it and no temporary folder is left."""
    root, temporary = tmp_path / "project", tmp_path / "temporary"
    root.mkdir()
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    for name, content in {
        "kept.py": "kept = 1\n",
        "changed.py": "changed = 1\n",
        "deleted.py": "deleted = 1\n",
    }.items():
        (root / name).write_text(content)
    git(root, "init", "--quiet", "--initial-branch=main")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message=first")
    yield root
    assert git(root, "worktree", "list").count("\n") == 0 and not (root / ".git/worktrees").exists()
    assert list(temporary.iterdir()) == []


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file() and path.name != ".git"}


def head(root: Path) -> str:
    return git(root, "rev-parse", "HEAD")


def test_files_are_those_of_the_commit_with_the_changes_whatever_the_user_does_meanwhile(repository: Path) -> None:
    (repository / "changed.py").write_text("changed = 2\n")
    (repository / "deleted.py").unlink()
    (repository / "new.bin").write_bytes(bytes(range(256)))
    recorded, commit, patch = content(repository), head(repository), provenance.diff(repository)
    (repository / "kept.py").write_text("kept = 3\n")
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "--message=later")
    (repository / "changed.py").write_text("staged\n")
    git(repository, "add", ".")
    (repository / "changed.py").write_text("not staged\n")
    before = content(repository), (repository / ".git/index").read_bytes(), head(repository)
    with worktree(repository, commit, patch) as tree:
        assert content(tree) == recorded
        (tree / "changed.py").write_text("a training may write")
    assert not tree.exists()
    assert (content(repository), (repository / ".git/index").read_bytes(), head(repository)) == before
    assert git(repository, "branch", "--all") == "* main"


def test_no_changes_are_no_patch_even_if_large_files_are_named(repository: Path) -> None:
    for patch in ("", "Untracked: large.bin\n"):
        with worktree(repository, head(repository), patch) as tree:
            assert content(tree) == content(repository)


def test_the_users_hooks_do_not_run(repository: Path) -> None:
    hook = repository / ".git/hooks/post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch '{repository}/hooked'\nexit 1\n")
    hook.chmod(0o755)
    with worktree(repository, head(repository), "") as tree:
        assert content(tree) == content(repository)
    assert not (repository / "hooked").exists()


def test_git_variables_of_a_hook_do_not_lead_elsewhere(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = head(repository)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_DIR", str(repository / "elsewhere"))
        patch.setenv("GIT_INDEX_FILE", str(repository / "index"))
        with worktree(repository, commit, "") as tree:
            assert (tree / "kept.py").exists()
    assert not (repository / "index").exists()


def test_other_worktrees_of_the_user_stay(repository: Path, tmp_path: Path) -> None:
    git(repository, "worktree", "add", "--quiet", "--detach", str(tmp_path / "away"))
    shutil.move(tmp_path / "away", tmp_path / "unplugged")  # on a disk that comes back
    with worktree(repository, head(repository), ""):
        pass
    assert str(tmp_path / "away") in git(repository, "worktree", "list")
    git(repository, "worktree", "remove", "--force", str(tmp_path / "away"))


HEAD = "<the commit>"
OTHER = "diff --git a/kept.py b/kept.py\n--- a/kept.py\n+++ b/kept.py\n@@ -1 +1 @@\n-kept = 7\n+kept = 8\n"


@pytest.mark.parametrize(
    ("commit", "patch", "expected"),
    [
        (
            "f" * 40,
            "",
            r"^commit ffffffffffff cannot be checked out \(fatal: .*\)\. Fetch it: git fetch --all --tags\.$",
        ),
        (
            HEAD,
            OTHER,
            r"^the recorded changes\.diff does not fit commit \w{12} \(error: kept\.py: patch does not apply\)",
        ),
        (
            "unknown",
            "",
            r"^the commit was not recorded: git did not know the project .* Make a run in a repository of your own",
        ),
        (HEAD, "unknown", "^the commit was not recorded"),
    ],
    ids=["missing commit", "other patch", "unknown commit", "unknown patch"],
)
def test_what_the_repository_does_not_give_is_a_precondition(
    repository: Path, commit: str, patch: str, expected: str
) -> None:
    commit = head(repository) if commit == HEAD else commit
    with pytest.raises(PreconditionError, match=expected) as raised, worktree(repository, commit, patch):
        pass
    assert raised.value.exit_code == 2 and "\n" not in str(raised.value)


def test_no_git_is_a_precondition(repository: Path) -> None:
    with (
        pytest.MonkeyPatch.context() as patch,
        pytest.raises(PreconditionError, match=r"cannot be checked out: git cannot be asked \(No such file"),
    ):
        patch.setenv("PATH", str(repository))
        with worktree(repository, "f" * 40, ""):
            pass


@pytest.mark.parametrize(
    "commit",
    [
        "--lock",
        "--help",
        "-f",
        "HEAD",
        "main",
        "HEAD~0",
        "",
        " ",
        "c0ffee",
        "F" * 40,
        "f" * 41,
        "f" * 40 + "\n",
        "é" * 10,
    ],
)
def test_a_record_cannot_choose_an_option_or_a_name_of_gits(repository: Path, commit: str) -> None:
    git(repository, "tag", "f" * 41)
    with (
        pytest.raises(PreconditionError, match=r"^the recorded commit is '.*', which is no commit\. The record was"),
        worktree(repository, commit, ""),
    ):
        pass


def test_a_name_that_is_written_like_a_commit_does_not_stand_for_another(repository: Path) -> None:
    git(repository, "branch", "f" * 40)
    with (
        pytest.raises(PreconditionError, match=r"commit ffffffffffff|another commit than ffffffffffff"),
        worktree(repository, "f" * 40, ""),
    ):
        pass


def new_file(name: str, content: str = "1", mode: str = "100644") -> str:
    """A patch that makes a file."""
    head = f"diff --git a/{name} b/{name}\nnew file mode {mode}\n--- /dev/null\n+++ b/{name}\n"
    return f"{head}@@ -0,0 +1 @@\n+{content}\n"


LINK = new_file("link", "..", "120000").replace("+..\n", "+..\n\\ No newline at end of file\n")
MOVED = "diff --git a/kept.py b/{0}\nsimilarity index 100%\n{1} from kept.py\n{1} to {0}\n"


@pytest.mark.parametrize(
    "patch",
    [
        *(
            new_file(name)
            for name in ("../outside", "a/../../outside", "/outside", "./../outside", "src/../../outside")
        ),
        *(new_file(name) for name in (".git/hooks/post-checkout", ".GIT/config", "a/.git/config", ".git", "git~1/x")),
        *(MOVED.format(name, word) for name in ("../outside", ".git/config") for word in ("rename", "copy")),
        *(LINK, LINK + new_file("link/outside"), new_file("module", "Subproject commit " + "f" * 40, "160000")),
        "diff --git a/kept.py b/kept.py\nindex 12..89 120000\n--- a/kept.py\n+++ b/kept.py\n@@ -1 +1 @@\n-a\n+b\n",
        "diff --git a/kept.py b/kept.py\nold mode 100644\nnew mode 120000\n",
    ],
)
def test_a_patch_that_would_write_elsewhere_is_refused_whole(repository: Path, tmp_path: Path, patch: str) -> None:
    before = sorted(tmp_path.rglob("*"))
    for text in (patch, new_file("first.py") + patch):
        with pytest.raises(PreconditionError) as raised, worktree(repository, head(repository), text):
            pass
        assert "\n" not in str(raised.value) and "changes.diff" in str(raised.value)
        assert sorted(tmp_path.rglob("*")) == before


def test_what_a_patch_changes_is_said_before_it_is_applied(repository: Path) -> None:
    asked: list[list[str]] = []

    def refuse(found: list[FileChange]) -> None:
        (tree,) = Path(tempfile.gettempdir()).glob("*/tree")
        assert not (tree / "src").exists()
        asked.append([one.name for one in found])
        raise PreconditionError("refused")

    patch = new_file("src/sitecustomize.py") + new_file("größe.py")
    with (
        pytest.raises(PreconditionError, match=r"^refused$"),
        worktree(repository, head(repository), patch, permit=refuse),
    ):
        pass
    assert asked == [["src/sitecustomize.py", "größe.py"]]


def test_nothing_that_the_user_set_up_for_git_runs_by_a_recorded_patch(repository: Path, tmp_path: Path) -> None:
    """A filter that the user has (as of Git LFS) would be chosen by a recorded `.gitattributes`."""
    run = tmp_path / "ran"
    for key in (
        "filter.mine.clean",
        "filter.mine.smudge",
        "filter.mine.process",
        "core.fsmonitor",
        "diff.mine.textconv",
    ):
        git(repository, "config", key, f"touch '{run}'; cat")
    git(repository, "config", "filter.mine.required", "true")
    for name in ("post-index-change", "post-checkout", "applypatch-msg", "reference-transaction"):
        hook = repository / ".git/hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch '{run}'\n")
        hook.chmod(0o755)
    commit = (repository / ".git/refs/heads/main").read_text().strip()
    patch = new_file(".gitattributes", "* filter=mine diff=mine") + new_file("filtered.py")
    with worktree(repository, commit, patch) as tree:
        assert (tree / "filtered.py").read_text() == "1\n"
        assert (tree / "kept.py").read_text() == "kept = 1\n"
    assert not run.exists()


def test_a_project_without_a_repository_says_so_and_how_to_get_one(tmp_path: Path) -> None:
    with (
        pytest.raises(PreconditionError, match=rf"{tmp_path} is no git repository .* Get the project by git clone\.$"),
        worktree(tmp_path, "f" * 40, ""),
    ):
        pass


def test_an_error_inside_leaves_nothing(repository: Path) -> None:
    with pytest.raises(KeyError, match="inside"), worktree(repository, head(repository), "") as tree:
        (tree / "kept.py").chmod(0o400)
        raise KeyError("inside")


INTERRUPTED = """
import sys; from pathlib import Path
from eksplora.cli.command import ended_by_signals
from eksplora.reproduction.retraining import worktree
with ended_by_signals(), worktree(Path(sys.argv[1]), sys.argv[2], "") as tree:
    print("there", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("slow", ["worktree add", "reset", "-"], ids=["adds", "fills", "is done"])
def test_sigterm_leaves_nothing_whatever_git_is_doing(
    slow: str, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A git in front of the real one, which does what it is asked and is then slow to come back."""
    wrapper, real = tmp_path / "bin/git", shutil.which("git")
    wrapper.parent.mkdir()
    wrapper.write_text(
        f'#!/bin/sh\n"{real}" "$@"\ncode=$?\n'
        f'case "$*" in *" {slow} "*) touch "{tmp_path}/reached"; exec sleep 9999 ;; esac\nexit $code\n'
    )
    wrapper.chmod(0o755)
    words = [sys.executable, "-c", INTERRUPTED, str(repository), head(repository)]
    monkeypatch.setenv("PATH", f"{wrapper.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"))
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        if slow == "-":
            assert process.stdout is not None and process.stdout.readline() == b"there\n"
        else:
            until((tmp_path / "reached").exists)
        assert git(repository, "worktree", "list").count("\n") == 1
        process.terminate()
        _, said = process.communicate()
    assert process.returncode == 128 + signal.SIGTERM
    assert said == b"error: stopped; the same command goes on where it was left\n"


# --- the sources in it -------------------------------------------------------------------------------------------

WORK = """
import json, sys
from eksplora.types import Decision, EpochReport, MemberResult, Status

def run(kind, job, report):
    root = job.trainings[0].config["data"]["root"]
    facts = json.dumps({"kind": kind, "threads": job.threads, "root": root, "path": [sys.path[0], sys.path[-1]]})
    if "split" in job.trainings[0].config:
        report.split(1, "memory holds 1 members")
        return
    for training in job.trainings:
        key, epoch, answer = (training.trial, training.member.index), 0, Decision.GO_ON
        while epoch < 4 and answer is Decision.GO_ON:
            epoch += 1
            (answer,) = report.epochs([EpochReport(*key, epoch, {})])
        status = Status.PRUNED if answer is Decision.PRUNE else Status.FINISHED
        if "silent" not in training.config:
            report.member(MemberResult(*key, status, None, 0, epoch, 0, 0.0, message=facts))
"""


@pytest.fixture(params=["work", "stage"])
def tree(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """Sources that keep the contract: a work that reports what it was asked for and trains nothing.

    Those of now, and those of a version that had the works in another room under another name.
    """
    package = tmp_path / "tree/src/eksplora"
    (package / request.param).mkdir(parents=True)
    for name in ("__init__.py", f"{request.param}/__init__.py"):
        (package / name).touch()
    shutil.copy(ROOT / "src/eksplora/types.py", package)
    (package / "provenance.py").write_text("def code_sha256(package): return 'c0de'\n")
    names = {"work": ("job", "baseline"), "stage": ("_job", "_baseline_job")}[request.param]
    for name, work in zip(names, ("job", "baseline"), strict=True):
        text = WORK.replace('{"kind"', f'{{"work": "{work}", "kind"')
        (package / f"{request.param}/{name}.py").write_text(text)
    return tmp_path / "tree"


def recorded(**config: Any) -> Recorded:
    """Two trials of two members in one population; a member of each was pruned after its second epoch."""
    people = [TrialMember(index, 100 + index) for index in (0, 1)]
    keys = [(trial, index) for trial in (0, 1) for index in (0, 1)]
    study = StudyEvent(
        "0123", "small", "small", "val/mae", "minimize", {}, {}, provenance={"code.sha256": "c0de"}, texts={}
    )
    resolved = {"data": {"root": "old"}} | config
    statuses = {key: Status.PRUNED if key[1] else Status.FINISHED for key in keys}
    return Recorded(
        study,
        trials={trial: TrialEvent(trial, {}, {}, "", people, {}, resolved) for trial in (0, 1)},
        results={key: MemberEvent(*key, status, None, 0, 2, 0, 0.0) for key, status in statuses.items()},
        together=dict.fromkeys(keys, keys),
        threads={key: [4, 3] for key in keys},
    )


def test_a_whole_population_is_trained_with_the_present_data_and_the_last_threads_and_what_was_asked_comes_back(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    known = recorded()
    results = train_again(tree, known, [(1, 0), (1, 1)], Path("data"))
    assert list(results) == [(1, 0), (1, 1)]
    facts = json.loads(results[1, 0]["message"])
    expected = {"kind": "job", "threads": 3, "root": str(tmp_path / "data"), "path": [str(tree / "src"), str(tree)]}
    assert facts == {"work": "job", **expected}
    assert known == recorded(), "the record is as it was"


def test_a_pruned_member_ends_after_the_recorded_epoch_and_others_go_on(tree: Path) -> None:
    results = train_again(tree, recorded(), [(0, 0), (0, 1), (1, 0), (1, 1)], Path("data"))
    assert {key: (one["status"], one["epochs"]) for key, one in results.items()} == {
        **{(trial, 0): ("finished", 4) for trial in (0, 1)},
        **{(trial, 1): ("pruned", 2) for trial in (0, 1)},
    }


def test_a_baseline_is_fitted_by_its_own_work(tree: Path) -> None:
    results = train_again(tree, recorded(baseline={}), [(0, 0)], Path("data"))
    assert json.loads(results[0, 0]["message"])["work"] == "baseline"


def test_other_sources_are_a_precondition_and_train_nothing(tree: Path, tmp_path: Path) -> None:
    (tree / "src/eksplora/provenance.py").write_text("def code_sha256(package): return 'another'\n")
    for work in tree.glob("src/eksplora/*/*job.py"):
        work.write_text(f"open({str(tmp_path / 'trained')!r}, 'w')\n")
    with pytest.raises(PreconditionError, match=r"^the sources of the recorded commit and diff are not those"):
        train_again(tree, recorded(), [(0, 0)], Path("data"))
    assert not (tmp_path / "trained").exists()


def test_a_population_that_does_not_fit_here_is_a_precondition(tree: Path) -> None:
    with pytest.raises(
        PreconditionError, match=r"^its population of 4 members does not fit this machine: memory holds 1"
    ):
        train_again(tree, recorded(split=True), [(0, 0)], Path("data"))


@pytest.mark.parametrize(
    "answer",
    ["", "[]", "{}", '{"code.sha256": "c0de"}', '{"code.sha256": "c0de", "results": [{}], "split": ""}', None],
)
def test_sources_that_answer_something_else_are_refused(tree: Path, answer: str | None) -> None:
    write = f"open(request['output'], 'w').write({answer!r})" if answer is not None else "pass"
    (tree / "src/eksplora/__init__.py").write_text(
        f"import json, os, sys\nrequest = json.load(open(sys.argv[1]))\n{write}\nos._exit(0)\n"
    )
    with pytest.raises(EksploraError) as raised:
        train_again(tree, recorded(), [(0, 0)], Path("data"))
    assert raised.value.exit_code == 2 and "\n" not in str(raised.value)


def test_a_training_without_a_result_is_said(tree: Path) -> None:
    with pytest.raises(EksploraError, match=r"^the training gave no result for member 1 of trial 1\.$"):
        train_again(tree, recorded(silent=True), [(1, 1)], Path("data"))


def test_what_git_ignores_is_named_where_the_sources_lack_it(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    next(tree.glob("src/eksplora/*/*job.py")).write_text("nowhere\n")
    project = tmp_path / "mine"
    (project / "conf/data").mkdir(parents=True)
    (project / "conf/data/rings.yaml").write_text("a: 1\n")
    (project / ".gitignore").write_text("data/\n")
    git(project, "init", "--quiet")
    monkeypatch.chdir(project)
    monkeypatch.setattr(retraining, "project", lambda: project)
    shown = r"cannot train it \(NameError: .* defined\): git ignores conf/data/rings\.yaml \(\.gitignore:1: data/\), so"
    with pytest.raises(PreconditionError, match=shown):
        train_again(tree, recorded(), [(0, 0)], Path("data"))


def test_what_the_sources_raise_is_one_line_and_all_of_it_where_it_is_asked_for(
    tree: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    next(tree.glob("src/eksplora/*/*job.py")).write_text("import sys\nsys.stderr.buffer.write(b'\\xff\\n')\nnowhere\n")
    shown = r"cannot train it here \(NameError: name 'nowhere' is not defined\)\. HYDRA_FULL_ERROR=1 shows all of it\.$"
    with pytest.raises(EksploraError, match=shown):
        train_again(tree, recorded(), [(0, 0)], Path("data"))
    assert capfd.readouterr().err == ""
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    with pytest.raises(EksploraError, match=shown):
        train_again(tree, recorded(), [(0, 0)], Path("data"))
    assert "Traceback (most recent call last)" in capfd.readouterr().err
