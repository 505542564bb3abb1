from pathlib import Path

import pytest
from omegaconf import OmegaConf

from eksplora.config.files import HANDED_ON, read_file
from eksplora.errors import ConfigError
from eksplora.installation import CONF

PLACES = (
    "output: /tmp/x",
    "paths: {results: /tmp/x}",
    "paths.mlruns: ../x",
    "data: {root: /tmp/x}",
    "data: {source_dir: /tmp/x}",
    "data: {url: 'http://127.0.0.1/'}",
    "tracker: {uri: 'http://127.0.0.1/'}",
    "tracker: {artifacts: ../x}",
    "params: {data.root: 'choice(/tmp/x, /tmp/y)'}",
    "space: {params: {data.root: 'choice(/tmp/x, /tmp/y)'}}",
    "base: [paths.results=/tmp/x]",
    "studies: {a: {rows: {b: {set: ['++output=/tmp/x']}}}}",
    "study: {name: 'x${oc.env:HOME}'}",
    "trainer: {x: [{y: '${${z}:HOME}'}]}",
    "study: {name: '${oc.decode:1}'}",
)


@pytest.mark.parametrize("group", HANDED_ON)
@pytest.mark.parametrize("content", PLACES)
def test_files_that_people_give_each_other_say_nothing_of_this_machine(
    group: str, content: str, tmp_path: Path
) -> None:
    path = tmp_path / "conf" / group / "x.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(f"{content}\n")
    with pytest.raises(
        ConfigError, match=rf"^conf/{group}/x.yaml: .*(lie, which no file of|more than another key).*\.$"
    ):
        read_file(path)


def test_nor_does_any_other_file_that_sets_what_is_not_its_groups(tmp_path: Path) -> None:
    path = tmp_path / "conf/model/x.yaml"
    path.parent.mkdir(parents=True)
    path.write_text("# @package _global_\noutput: /tmp/x\n")
    with pytest.raises(ConfigError, match=r"output says where files or runs lie"):
        read_file(path)


def test_all_of_the_projects_own_files_are_read() -> None:
    paths = list(CONF.glob("*/*.yaml"))
    assert len(paths) > 100
    for path in paths:
        values, _ = read_file(path)
        assert values == OmegaConf.to_container(OmegaConf.load(path)), f"{path} is read as Hydra reads it"


def test_an_experiment_without_its_first_line_is_refused_with_the_line(tmp_path: Path) -> None:
    path = tmp_path / "conf/experiment/x.yaml"
    path.parent.mkdir(parents=True)
    path.write_text("trainer: {max_epochs: 1}\n")
    with pytest.raises(ConfigError, match=r"^conf/experiment/x.yaml: .*Begin its file with the line '# @package _gl"):
        read_file(path)
