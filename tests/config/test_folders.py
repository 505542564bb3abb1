import sys
from collections.abc import Iterator
from pathlib import Path

import own_folder
import pytest
import yaml
from own_folder import EXPERIMENT, MODEL, NODE, write

import eksplora.model
from eksplora.cli.help import help_text
from eksplora.config import (
    check_recorded,
    choices,
    compose_request,
    explain,
    folders,
    forget,
)
from eksplora.config.composition import is_group
from eksplora.config.parts import allowed_targets, part
from eksplora.errors import ConfigError, DataError
from eksplora.installation import CONF, CONFIG_DIRS


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A user's own folder of configurations in the working folder."""
    own_folder.make(tmp_path)
    monkeypatch.chdir(tmp_path)
    forget()
    yield tmp_path / "conf"
    monkeypatch.undo()
    forget()


def test_the_folder_of_a_checkout_is_searched_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CONF.parent)
    assert folders.folders() == (CONF,) and folders.own_folder() is None


def test_a_working_folder_without_conf_has_no_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert folders.folders() == (CONF,)
    (tmp_path / "conf").symlink_to(CONF)
    assert folders.folders() == (CONF,)


def test_files_of_both_folders_add_up_and_are_composed_together(own: Path) -> None:
    request = compose_request("search", ["experiment=mine", "activation=tanh"])
    assert request.config["model"] == NODE
    assert request.config["trainer"]["max_epochs"] == 2
    assert request.config["data"]["_target_"] == "eksplora.data.wine.Wine"


def test_of_two_files_of_one_name_the_users_own_counts(own: Path) -> None:
    values = yaml.safe_load((CONF / "optimizer/adam.yaml").read_text())
    write(own / "optimizer/adam.yaml", yaml.safe_dump(values | {"lr": 0.125}))
    write(own / "search.yaml", (CONF / "search.yaml").read_text().replace("n_trials: 20", "n_trials: 21"))
    config = compose_request("search", ["experiment=mine", "optimizer=adam"]).config
    assert (config["optimizer"]["lr"], config["study"]["n_trials"]) == (0.125, 21)
    assert folders.find("optimizer/adam.yaml") == own / "optimizer/adam.yaml"
    assert folders.files("optimizer")["adam"] == own / "optimizer/adam.yaml"


def test_choices_help_and_errors_know_the_files_of_both_folders(own: Path) -> None:
    assert choices("model") == sorted(["mine", *(path.stem for path in (CONF / "model").glob("*.yaml"))])
    write(own / "model/no word.yaml", MODEL)
    assert "no word" not in choices("model")
    text = help_text("search", "purpose")
    assert "|mine|" in text and "  mine                Wine, by a network of my own." in text
    with pytest.raises(ConfigError, match=r"^model=\[\]: no such file in conf/model/\. Valid: .*, mine, mlp, "):
        compose_request("search", ["model=[]"])
    with pytest.raises(Exception, match="mime") as caught:
        compose_request("search", ["model=mime"])
    assert explain(caught.value, "search") == "model=mime: no such file in conf/model/. Did you mean 'mine'?"


def test_a_group_that_only_the_users_own_folder_has_is_one(own: Path) -> None:
    write(own / "team/a.yaml", "size: 3 # people\n")
    assert is_group("team") and not is_group("temm")
    assert set(folders.groups()) == {"team", *(path.name for path in CONF.iterdir() if path.is_dir())}


def test_the_users_own_files_name_parts_and_a_record_from_elsewhere_names_no_other(own: Path) -> None:
    assert allowed_targets("model", "mine") == {"mine.Net"} < allowed_targets("model")
    assert {"eksplora.model.mlp.MLP"} < allowed_targets("model")
    check_recorded({"model": NODE})
    with pytest.raises(ConfigError, match=r"^model\._target_: 'mine\.Other' is no part that conf/model/ names"):
        check_recorded({"model": NODE | {"_target_": "mine.Other"}})
    with pytest.raises(ConfigError, match=r"^loss\._target_: 'mine\.Net' is no part that conf/loss/ names"):
        check_recorded({"loss": NODE})


def test_a_part_that_another_folder_named_is_refused_without_it(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    forget()
    with pytest.raises(ConfigError, match=r"^model\._target_: 'mine\.Net' is no part"):
        part({"model": NODE}, "model")


def test_a_file_that_replaces_another_does_not_forbid_what_was_recorded_with_that(own: Path) -> None:
    write(own / "model/mlp.yaml", MODEL)
    assert allowed_targets("model", "mlp") == {"mine.Net", "eksplora.model.mlp.MLP"}


def test_own_files_are_held_to_the_same_rules(own: Path) -> None:
    write(own / "model/mine.yaml", "a: &b 1\n")
    with pytest.raises(DataError, match=r"^conf/model/mine\.yaml cannot be read \(line 1: 'b' is an anchor"):
        compose_request("search", ["experiment=mine"])
    write(own / "experiment/mine.yaml", EXPERIMENT + "output: /tmp/x\n")
    with pytest.raises(ConfigError, match=r"^conf/experiment/mine\.yaml: output says where files or runs lie"):
        compose_request("search", ["experiment=mine"])


def test_parts_beside_the_users_own_folder_can_be_imported_but_shadow_nothing(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "mine", raising=False)  # another test's
    (own.parent / "mine.py").write_text("def Net(**values): return values\n")
    (own.parent / "yaml.py").write_text("raise RuntimeError\n")
    before = [path for path in sys.path if not Path(path, "mine.py").exists()]  # another test's
    monkeypatch.setattr("sys.path", before)
    folders.import_own_parts()
    assert before[-1] == str(own.parent)
    assert part({"model": NODE}, "model") == {key: NODE[key] for key in ("input_shape", "num_outputs", "units")}


def test_folders_that_are_asked_for_come_before_the_users_own(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CONFIG_DIRS, "")  # what is set below is taken back after the test
    write(tmp_path / "team/settings/optimizer/adam.yaml", (CONF / "optimizer/adam.yaml").read_text() + "# ours\n")
    folders.ask_for(["team/settings"])
    forget()
    assert folders.folders() == (tmp_path / "team/settings", own, CONF)
    assert folders.find("optimizer/adam.yaml") == tmp_path / "team/settings/optimizer/adam.yaml"
    assert compose_request("search", ["experiment=mine", "optimizer=adam"]).command.environment == {
        CONFIG_DIRS: "team/settings"
    }
    with pytest.raises(ConfigError, match=r"^--config-dir, hydra\.searchpath: .*/nowhere is no folder\. Give one"):
        folders.ask_for(["nowhere"])


@pytest.mark.parametrize(
    ("places", "message"),
    [
        ("team/settings", "names no folders"),
        ("[]", "names no folders"),
        ("[a", "names no folders"),
        ("[http://x]", "http://x is no folder and no package"),
        ("[file://]", "file:// is no folder and no package"),
        ("[pkg://eksplora.nothing]", "no folder of an installed package"),
        ("[pkg://no_such_package.conf]", "no folder of an installed package"),
    ],
)
def test_hydras_search_path_names_folders_of_disks_and_packages(places: str, message: str) -> None:
    assert folders.search_path("hydra.searchpath=[file://team/conf, 'file:///a b', pkg://eksplora.model]") == [
        "team/conf",
        "/a b",
        str(Path(eksplora.model.__file__).parent),
    ]
    with pytest.raises(ConfigError, match=message):
        folders.search_path(f"hydra.searchpath={places}")


def test_an_installed_package_brings_its_folder_of_configurations_unimported(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    site = tmp_path / "site"
    write(site / "teampack/__init__.py", "raise RuntimeError\n")
    write(site / "teampack/conf/model/theirs.yaml", MODEL.replace("mine.Net", "teampack.net.Net"))
    named = "[eksplora.conf]\nteampack = teampack.conf\nlost = teampack.lost\n"
    write(site / "teampack-1.dist-info/entry_points.txt", named)
    write(site / "teampack-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: teampack\nVersion: 1\n")
    monkeypatch.syspath_prepend(site)
    forget()
    assert folders.folders() == (own, site / "teampack/conf", CONF)
    assert "theirs" in choices("model") and allowed_targets("model", "theirs") == {"teampack.net.Net"}
    said = "the package lost has no folder teampack.lost, which it names for eksplora.conf: left out\n"
    assert capsys.readouterr().err == said


def test_a_command_whose_file_has_no_schema_is_refused(own: Path) -> None:
    write(own / "prepare.yaml", "output: choice(a\n")
    with pytest.raises(ConfigError, match=r"^conf/prepare\.yaml does not begin with its schema\. Add `- prepare_sch"):
        compose_request("prepare", [])
