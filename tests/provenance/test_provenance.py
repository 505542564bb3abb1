import hashlib
import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from eksplora import provenance
from eksplora.provenance import (
    _code,
    _machine,
    _outside,
    code_sha256,
    collect,
    diff,
    ignored,
    outside_code,
    outside_files,
    outside_versions,
    reach,
    version_of,
    without_git,
)

IDENTITY = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")


def git(root: Path, *arguments: str) -> str:
    command = ["git", *IDENTITY, *arguments]
    return subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    git(root, "init", "--quiet", "--initial-branch=main")
    (root / "constraints.txt").write_text("torch==2.13.0\n")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message=first")
    return root


def test_commit_and_branch_are_gits_own(repository: Path) -> None:
    found = collect(repository)
    assert found["git.commit"] == git(repository, "rev-parse", "HEAD")
    assert found["git.branch"] == "main"


def test_a_clean_tree_is_not_dirty_and_has_no_diff(repository: Path) -> None:
    assert collect(repository)["git.dirty"] == "false"
    assert diff(repository) == ""


def test_a_changed_tracked_file_is_dirty_and_its_diff_restores_it(repository: Path) -> None:
    lock = repository / "constraints.txt"
    lock.write_text("torch==2.14.0\n")
    (repository / "new file.txt").write_text("new\n")
    assert collect(repository)["git.dirty"] == "true"
    patch = diff(repository)
    lock.write_text("torch==2.13.0\n")
    (repository / "new file.txt").unlink()
    subprocess.run(["git", "apply"], cwd=repository, input=patch, text=True, check=True)
    assert lock.read_text() == "torch==2.14.0\n"


def test_a_staged_change_is_in_the_diff(repository: Path) -> None:
    (repository / "constraints.txt").write_text("torch==2.14.0\n")
    git(repository, "add", ".")
    assert "+torch==2.14.0" in diff(repository)


def test_an_untracked_file_is_dirty_and_named_but_an_ignored_one_is_neither(repository: Path) -> None:
    (repository / ".git" / "info" / "exclude").write_text("data/\n")
    (repository / "data").mkdir()
    (repository / "data" / "rows.npy").write_text("x")
    assert collect(repository)["git.dirty"] == "false"
    (repository / "new file.yaml").write_text("x: 1\n")
    assert collect(repository)["git.dirty"] == "true"
    assert "+x: 1" in diff(repository)
    assert "rows.npy" not in diff(repository)


@pytest.mark.parametrize("is_committed", [True, False])
def test_what_dvc_notes_of_the_stages_is_in_the_diff_but_not_dirty(repository: Path, is_committed: bool) -> None:
    (repository / "dvc.lock").write_text("schema: '2.0'\n")
    if is_committed:
        git(repository, "add", ".")
        git(repository, "commit", "--quiet", "--message=results")
    (repository / "dvc.lock").write_text("schema: '2.0'\nstages: {}\n")
    assert collect(repository)["git.dirty"] == "false"
    assert "+stages: {}" in diff(repository)
    (repository / "constraints.txt").write_text("torch==2.14.0\n")
    assert collect(repository)["git.dirty"] == "true"


def test_an_ignored_file_is_named_with_its_rule_unless_git_holds_it_or_it_lies_elsewhere(repository: Path) -> None:
    (repository / ".gitignore").write_text("\ndata/\n*.log\n!kept.log\n")
    for name in ("conf/data/ä b.yaml", "conf/data/held.yaml", "conf/model/net.yaml", "kept.log"):
        (repository / name).parent.mkdir(parents=True, exist_ok=True)
        (repository / name).touch()
    git(repository, "add", "-f", "conf/data/held.yaml")
    files = [path for path in repository.rglob("*") if path.is_file() and ".git" not in path.parts]
    assert ignored(repository, [*files, repository.parent / "a.log"]) == {"conf/data/ä b.yaml": ".gitignore:2: data/"}
    assert ignored(repository, []) == {} == ignored(repository.parent, files)


def test_the_diff_restores_untracked_files_byte_for_byte_and_leaves_the_users_index_alone(repository: Path) -> None:
    contents = {"new file.yaml": b"x: 1\r\n", "latin.txt": "f\xfcr\n".encode("latin-1"), "[a]*.bin": bytes(range(256))}
    for name, content in contents.items():
        (repository / name).write_bytes(content)
    (repository / "link").symlink_to("constraints.txt")
    before = git(repository, "status", "--porcelain"), len(list((repository / ".git/objects").rglob("*")))
    patch = diff(repository)
    assert (git(repository, "status", "--porcelain"), len(list((repository / ".git/objects").rglob("*")))) == before
    git(repository, "clean", "--force", "--quiet")
    given = patch.encode(errors="surrogateescape")
    subprocess.run(["git", "apply"], cwd=repository, input=given, check=True)
    assert {name: (repository / name).read_bytes() for name in contents} == contents
    assert (repository / "link").readlink() == Path("constraints.txt")


def test_a_large_untracked_file_is_named_only(repository: Path) -> None:
    (repository / "large.bin").write_bytes(b"x" * 2**21)
    (repository / "small.txt").write_text("small\n")
    patch = diff(repository)
    assert patch.startswith("Untracked: large.bin\ndiff --git ")
    assert "+small" in patch
    assert len(patch) < 1000


def test_the_diff_is_plain_whatever_the_users_git_settings_are(repository: Path) -> None:
    git(repository, "config", "color.ui", "always")
    git(repository, "config", "diff.external", "false")
    git(repository, "config", "diff.noprefix", "true")
    git(repository, "config", "diff.context", "0")
    (repository / "constraints.txt").write_text("torch==2.14.0\n")
    patch = diff(repository)
    assert patch.startswith("diff --git a/constraints.txt b/constraints.txt\n")
    git(repository, "checkout", "--quiet", "constraints.txt")
    subprocess.run(["git", "apply"], cwd=repository, input=patch, text=True, check=True)
    assert (repository / "constraints.txt").read_text() == "torch==2.14.0\n"


def test_no_repository_is_unknown(tmp_path: Path) -> None:
    found = collect(tmp_path)
    assert {found[f"git.{key}"] for key in ("commit", "branch", "dirty")} == {"unknown"}
    assert diff(tmp_path) == "unknown"


def test_a_repository_around_the_project_is_not_the_projects(repository: Path) -> None:
    inner = repository / "unpacked"
    inner.mkdir()
    assert collect(inner)["git.commit"] == "unknown"
    assert diff(inner) == "unknown"


def test_git_variables_of_a_hook_do_not_lead_elsewhere(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    assert collect(repository)["git.branch"] == "main"


def test_no_git_is_unknown(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repository))
    assert collect(repository)["git.commit"] == "unknown"
    assert diff(repository) == "unknown"


def test_a_repository_without_a_commit_has_no_commit(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    found = collect(tmp_path)
    assert found["git.commit"] == "unknown"
    assert found["git.branch"] == "main"
    assert diff(tmp_path) == "unknown"


def test_lock_hash_is_the_sha256_of_constraints(repository: Path) -> None:
    assert collect(repository)["lock.sha256"] == hashlib.sha256(b"torch==2.13.0\n").hexdigest()
    (repository / "constraints.txt").unlink()
    assert collect(repository)["lock.sha256"] == "unknown"


def test_versions_are_those_of_the_installed_packages(tmp_path: Path) -> None:
    found = collect(tmp_path)
    assert found["version.python"] == platform.python_version()
    for package in ("torch", "pytorch-lightning", "hydra-core", "optuna", "mlflow", "numpy", "scikit-learn"):
        assert found[f"version.{package}"] == metadata.version(package)


def test_a_package_that_is_not_installed_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_machine, "PACKAGES", ("eksplora-is-not-this",))
    assert collect(tmp_path)["version.eksplora-is-not-this"] == "unknown"


def test_the_machine_is_described_without_its_name(tmp_path: Path) -> None:
    found = {key: value for key, value in collect(tmp_path).items() if key.startswith("machine.")}
    assert set(found) == {f"machine.{key}" for key in ("cpu", "cores", "memory_gib", "system", "arch")}
    assert 1 <= int(found["machine.cores"]) <= (os.cpu_count() or 1)
    assert float(found["machine.memory_gib"]) > 0.1
    assert platform.node() not in found.values()


def test_every_value_is_a_string_of_one_line(repository: Path) -> None:
    for key, value in collect(repository).items():
        assert isinstance(value, str), key
        assert value, key
        assert "\n" not in value, key


SOURCES = {
    "__init__.py": "",
    "counter.py": "x = 1",
    "model/__init__.py": "from eksplora.model.cnn import CNN\nfrom eksplora.model.mlp import MLP as Perceptron",
    "model/cnn.py": "def CNN():\n    from eksplora.counter import x",
    "model/mlp.py": "MLP = 1",
    "training/__init__.py": "",
    "training/deep/__init__.py": "",
    "training/deep/loop.py": "import eksplora.model.mlp",
    "work.py": "from eksplora.training.deep import loop\nfrom eksplora.model import CNN",
    "report.py": "import eksplora.work",
}


@pytest.fixture
def package(tmp_path: Path) -> Path:
    for name, text in SOURCES.items():
        file = tmp_path / "eksplora" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{text}\n")
    return tmp_path / "eksplora"


@pytest.mark.parametrize("name", [name for name in SOURCES if name != "report.py"])
def test_code_hash_changes_with_what_a_name_can_reach(package: Path, name: str) -> None:
    before = code_sha256(package, ["eksplora.work"])
    (package / name).write_text(f"{SOURCES[name]}\n# another text\n")
    clear_sources()
    assert code_sha256(package, ["eksplora.work"]) != before


def test_a_package_that_defines_a_name_is_followed_also_when_another_name_passed_through_it(package: Path) -> None:
    (package / "draws").mkdir()
    (package / "draws/__init__.py").write_text("from eksplora.counter import x\nclass Draws: y = x\n")
    (package / "draws/own.py").write_text("class Own: pass\n")
    for names in (
        ["eksplora.draws.Draws", "eksplora.draws.own.Own"],
        ["eksplora.draws.own.Own", "eksplora.draws.Draws"],
    ):
        assert package / "counter.py" in reach(package, names)


@pytest.mark.parametrize("name", ["report.py", "model/notes.txt", "model/mlp_residual.py"])
def test_code_hash_is_deaf_to_the_rest(package: Path, name: str) -> None:
    before = code_sha256(package, ["eksplora.work"])
    (package / name).write_text("x = 2\n")
    clear_sources()
    assert code_sha256(package, ["eksplora.work"]) == before


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("eksplora.model.cnn.CNN", {"model/cnn.py", "counter.py"}),
        ("eksplora.model.CNN", {"model/cnn.py", "counter.py"}),
        ("eksplora.model.Perceptron", {"model/mlp.py"}),
        ("eksplora.model", set()),
        ("torch.nn.Linear", None),
        ("eksplora./etc/passwd", None),
        ("eksplora.model/../../secret", None),
    ],
)
def test_what_a_package_hands_on_is_followed_by_name(package: Path, name: str, files: set[str] | None) -> None:
    on_the_way = {"__init__.py", "model/__init__.py"}
    found = {file.relative_to(package).as_posix() for file in reach(package, [name])}
    assert found == (set() if files is None else files | on_the_way)


def test_code_hash_sees_a_renamed_file_but_not_where_the_package_lies(package: Path, tmp_path: Path) -> None:
    before = code_sha256(package, ["eksplora.work"])
    (tmp_path / "moved").mkdir()
    moved = package.rename(tmp_path / "moved/eksplora")
    assert code_sha256(moved, ["eksplora.work"]) == before
    (moved / "training/deep/loop.py").rename(moved / "training/deep/loops.py")
    (moved / "work.py").write_text("from eksplora.training.deep import loops\nfrom eksplora.model import CNN\n")
    clear_sources()
    assert code_sha256(moved, ["eksplora.work"]) != before


def clear_sources() -> None:
    """Forget files that were read: a command reads each once."""
    for kept in (_code._imports, _code._handed_on):
        kept.cache_clear()


def test_collect_imports_no_heavy_package_and_asks_git_once(repository: Path) -> None:
    program = (
        "import subprocess, sys; from pathlib import Path; from eksplora.provenance import collect; started = []; "
        "sys.addaudithook(lambda event, _: started.append(event) if event == 'subprocess.Popen' else None); "
        f"collect(Path({str(repository)!r})); print(sorted({{'torch', 'mlflow', 'optuna'}} & set(sys.modules))); "
        "print(len(started))"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(provenance.__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    heavy, started = done.stdout.split("\n", 1)
    assert heavy == "[]"
    assert int(started) == 1


# --- where git says nothing --------------------------------------------------------------------------------------


def test_a_repository_says_what_it_is_asked(repository: Path) -> None:
    assert without_git(repository) == ""


def test_without_a_repository_all_is_unknown_and_the_reason_is_said(tmp_path: Path) -> None:
    found = collect(tmp_path)
    assert [found[f"git.{key}"] for key in ("commit", "branch", "dirty")] == ["unknown"] * 3 and diff(
        tmp_path
    ) == "unknown"
    assert without_git(tmp_path) == (
        f"{tmp_path} is no git repository (a download without history?). Get the project by git clone."
    )


def test_without_git_all_is_unknown_and_the_reason_is_said(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repository))
    assert collect(repository)["git.commit"] == diff(repository) == "unknown"
    assert without_git(repository) == "git cannot be asked (No such file or directory). Install git."


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files to others")
@pytest.mark.parametrize("language", ["C", "de_DE.UTF-8"])
def test_a_repository_of_another_user_is_unknown_and_the_way_out_is_said(
    repository: Path, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(repository.parent))  # where nothing is trusted
    monkeypatch.setenv("LC_ALL", language)
    for path in [repository, *repository.rglob("*")]:
        os.chown(path, 4711, 4711)
    assert collect(repository)["git.commit"] == diff(repository) == "unknown"
    assert without_git(repository) == (
        f"the repository {repository} belongs to another user. Trust it: git config --global --add safe.directory "
        f"{repository}"
    )


def test_a_broken_repository_is_unknown_and_named(repository: Path) -> None:
    (repository / ".git/config").write_text("[broken")
    assert collect(repository)["git.commit"] == "unknown"
    assert without_git(repository).endswith(f". Repair the repository {repository}.")


def test_outside_code_is_hashed_by_its_source_files_and_not_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    package = tmp_path / "outside_package"
    (package / "inner").mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('imported')\n")
    (package / "inner/net.py").write_text("a = 1\n")
    (tmp_path / "outside_module.py").write_text("b = 1\n")
    targets = ["outside_package.inner.net.Net", "outside_module.Net", "torch.nn.L1Loss", "eksplora.loss.focal"]
    before = outside_code(targets)
    assert set(before) == {"code.outside_package.sha256", "code.outside_module.sha256"}
    (package / "inner/net.py").write_text("a = 2\n")
    after = outside_code(targets)
    assert {key for key in before if before[key] != after[key]} == {"code.outside_package.sha256"}
    assert outside_code(["no_such_module_at_all.x"]) == {"code.no_such_module_at_all.sha256": "unknown"}
    assert outside_code(targets, outside_of=tmp_path) == {}
    files = {"outside_module.py", "outside_package/__init__.py", "outside_package/inner/net.py"}
    assert {file.relative_to(tmp_path).as_posix() for file in outside_files(targets)} == files


def test_outside_code_holds_what_it_imports_from_files_that_a_person_edits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "site-packages").mkdir()
    for folder in (tmp_path, tmp_path / "site-packages"):
        monkeypatch.syspath_prepend(str(folder))
    (tmp_path / "outside_net.py").write_text("def net():\n    import outside_block\n")
    (tmp_path / "outside_block").mkdir()
    (tmp_path / "outside_block/__init__.py").write_text("from . import x\nfrom outside_ring.y import z\n")
    (tmp_path / "outside_ring.py").write_text("import outside_net, outside_installed, json, torch, no_such_module\n")
    (tmp_path / "site-packages/outside_installed.py").write_text("a = 1\n")
    before = outside_code(["outside_net.net"])
    assert set(before) == {f"code.outside_{name}.sha256" for name in ("net", "block", "ring")}
    (tmp_path / "outside_ring.py").write_text("import outside_net\n")
    after = outside_code(["outside_net.net"])
    assert {key for key in before if before[key] != after[key]} == {"code.outside_ring.sha256"}


def test_versions_of_what_outside_code_imports_are_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in (tmp_path, tmp_path / "site-packages"):
        monkeypatch.syspath_prepend(str(folder))
    (tmp_path / "outside_net.py").write_text("import json, outside_side, eksplora.loss\nfrom sklearn.svm import SVC\n")
    (tmp_path / "outside_side.py").write_text("def f():\n    import outside_lib.inner\n")
    install(tmp_path / "site-packages", "Outside_Lib", "1.2", requires="numpy>=1\nRequires-Dist: torch; extra == 'x'")
    _outside._packages.cache_clear()
    sklearn = {"version.scikit-learn": version_of("scikit-learn")}
    assert outside_versions(["outside_net.Net"]) == sklearn | {"version.outside-lib": "1.2"}
    own = outside_versions(["outside_lib.Net"])
    assert own == {"version.outside-lib": "1.2", "version.numpy": version_of("numpy")}, (
        "an installed one says it itself"
    )
    assert outside_versions(["torch.optim.Adam", "eksplora.loss.focal", "sklearn.svm.SVC"]) == {}
    assert version_of("") == version_of("no-such-package-at-all") == "unknown"
    _outside._packages.cache_clear()


def install(folder: Path, name: str, version: str, *, requires: str) -> None:
    """A package of one module, as a package manager leaves it."""
    (folder / name.lower()).mkdir(parents=True)
    (folder / name.lower() / "__init__.py").write_text("")
    facts = folder / f"{name}-{version}.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nRequires-Dist: {requires}\n"
    )
    (facts / "top_level.txt").write_text(name.lower())
