"""A table as words name it: the experiment that follows, and what counts before it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from picturing import folder_of, save
from PIL import Image

from eksplora.config import Configurator, Request, compose_request
from eksplora.errors import ConfigError, DataError
from eksplora.installation import CONF
from eksplora.stage.confirm import ON_ALL_ROWS
from eksplora.stage.spec import own_experiment

LINES = [f"{n % 7},{'red' if n % 3 else 'blue'},{n % 7 * 2 + (n % 3) + n / 100}" for n in range(120)]
NUMBERS = ["data=table", "data.path=houses.csv", "data.target=price"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working folder with a table of numbers and a category, and one with classes."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "houses.csv").write_text("\n".join(["rooms,paint,price", *LINES]))
    yield tmp_path


def compose(*words: str, root: str = "search") -> Request:
    return compose_request(root, words)


def test_shapes_task_and_name_follow_from_the_file() -> None:
    request = compose(*NUMBERS)
    config = request.config
    assert request.own_data is not None
    card = request.own_data.card
    assert config["experiment"] == f"houses-price-{card.fingerprint[:6]}" == request.settings.experiment
    assert config["data"]["input_shape"] == config["model"]["input_shape"] == list(card.input_shape)
    assert (config["data"]["num_targets"], config["model"]["num_outputs"]) == (1, 1)
    assert config["task"]["_target_"].endswith(".regression") and config["data"]["fingerprint"] == card.fingerprint
    assert config["output"] == f"results/{config['experiment']}"


def test_the_same_words_give_the_same_in_every_stage() -> None:
    known = compose(*NUMBERS).config
    for root in ("train", "confirm", "audit", "evaluate", "explain", "report", "repro"):
        config = compose(*NUMBERS, root=root).config
        assert {key: config[key] for key in ("experiment", "data", "model", "loss", "trainer", "objective")} == {
            key: known[key] for key in ("experiment", "data", "model", "loss", "trainer", "objective")
        }
    assert compose(*NUMBERS, root="baseline").config["data"] == known["data"]
    assert compose(*NUMBERS, root="prepare").config["data"] == known["data"] | {
        key: compose(*NUMBERS, root="prepare").config["data"][key] for key in ("root",)
    }


def test_a_path_alone_says_that_it_is_a_table() -> None:
    assert compose(*NUMBERS[1:]).config == compose(*NUMBERS).config


def test_words_count_before_what_follows() -> None:
    words = ["model.widths=[8]", "loss=huber", "trainer.max_epochs=3", "data.batch_size=16", "study.n_seeds=1"]
    request = compose(*NUMBERS, *words)
    assert request.own_data is not None
    assert {"loss", "trainer.max_epochs", "study.n_seeds"}.isdisjoint(one.key for one in request.own_data.derived)
    config = request.config
    assert (config["model"]["widths"], config["trainer"]["max_epochs"], config["data"]["batch_size"]) == ([8], 3, 16)
    assert config["loss"]["_target_"] == "torch.nn.HuberLoss" and config["study"]["n_seeds"] == 1


def test_a_task_that_is_typed_says_how_the_target_is_read() -> None:
    config = compose("data.path=houses.csv", "data.target=rooms", "task=classification").config
    assert (config["data"]["num_classes"], config["data"]["task"]) == (7, "classification")
    assert config["loss"]["_target_"] == "torch.nn.CrossEntropyLoss"


def test_an_experiment_of_ones_own_counts_before_what_follows(folder: Path) -> None:
    (folder / "conf/experiment").mkdir(parents=True)
    text = "# @package _global_\n# Mine.\ndefaults:\n  - override /data: table\n  - override /loss: huber\n\n"
    (folder / "conf/experiment/mine.yaml").write_text(f"{text}experiment: mine\ntrainer:\n  max_epochs: 4\n")
    for words in (["experiment=mine", *NUMBERS[1:]], ["experiment=mine", *NUMBERS]):
        config = compose(*words).config
        assert (config["experiment"], config["trainer"]["max_epochs"]) == ("mine", 4)
        assert config["loss"]["_target_"] == "torch.nn.HuberLoss"
        assert config["task"]["_target_"].endswith(".regression") and config["optimizer"]["weight_decay"] > 0


def test_columns_of_codes_go_to_the_network_that_takes_them(folder: Path) -> None:
    lines = [f"{n % 7},street {n % 40},{n % 7 * 2 + n / 1000}" for n in range(1000)]
    (folder / "streets.csv").write_text("\n".join(["rooms,street,price", *lines]))
    words = ["data.path=streets.csv", "data.target=price"]
    request = compose(*words)
    assert request.own_data is not None
    codes = [list(pair) for pair in request.own_data.card.codes]
    assert codes and request.config["model"]["cardinalities"] == codes
    assert "cardinalities" not in compose(*words, "model=mlp_uniform").config["model"]


def test_a_network_of_another_kind_gets_a_space_that_it_has() -> None:
    for model, has_widths in {"mlp_residual": True, "mlp_uniform": False}.items():
        space = compose(*NUMBERS, f"model={model}").config["space"]["params"]
        assert "optimizer.lr" in space and ("model.widths" in space) is has_widths


def test_a_folder_of_images_gets_a_network_of_its_shape(folder: Path) -> None:
    for number in range(40):
        picture = Image.new("RGB", (12, 12), (number * 6, 200 * (number % 2), 0))
        name = folder / "photos" / ("cat" if number % 2 else "dog") / f"{number}.png"
        name.parent.mkdir(parents=True, exist_ok=True)
        picture.save(name)
    config = compose("data.path=photos").config
    assert config["experiment"].startswith("photos-")
    assert config["data"]["input_shape"] == config["model"]["input_shape"] == [3, 12, 12]
    assert config["model"]["filters"] == [16, 32, 64] and "model.filters" in config["space"]["params"]
    assert (config["data"]["num_classes"], config["objective"]["metric"]) == (2, "accuracy")


def test_a_name_that_is_given_is_taken() -> None:
    assert compose("experiment=villas", *NUMBERS).config["experiment"] == "villas"


def test_an_edited_file_and_another_target_are_other_experiments(folder: Path) -> None:
    before = compose(*NUMBERS).config["experiment"]
    assert compose(*NUMBERS[:2], "data.target=rooms").config["experiment"].startswith("houses-rooms-")
    (folder / "houses.csv").write_text("\n".join(["rooms,paint,price", *LINES[:-1]]))
    assert compose(*NUMBERS).config["experiment"] != before
    (folder / "other").mkdir()
    (folder / "other/houses.csv").write_text("\n".join(["rooms,paint,price", *LINES]))
    assert compose(NUMBERS[0], "data.path=other/houses.csv", NUMBERS[2]).config["experiment"] == before


def test_a_trial_is_composed_with_what_follows() -> None:
    request = compose(*NUMBERS)
    configure = Configurator(request.root, request.overrides)
    trial = configure({"optimizer.lr": 0.5, "model.widths": [4]})
    assert trial["data"] == request.config["data"] and trial["model"]["widths"] == [4]
    assert configure.without_values()({})["task"] == request.config["task"]
    on_all_rows = Configurator("confirm", [own_experiment(compose(*NUMBERS, root="confirm")), *ON_ALL_ROWS])({})
    assert on_all_rows["early_stopping"]["patience"] is None


def test_the_recorded_command_is_what_was_typed() -> None:
    words = [*NUMBERS, "study.n_trials=3"]
    request = compose(*words)
    assert request.command.overrides == words
    again = compose_request("search", request.command.overrides)
    assert again.config == request.config


def test_other_data_are_left_alone() -> None:
    assert compose("experiment=wine_mlp").own_data is None
    assert compose(root="sync").own_data is None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["data=table"], r"^data\.path: has no value\. Give the file"),
        (["data.path=hauses.csv", "data.target=price"], r"hauses\.csv"),
        (["data.path=houses.csv"], r"^data\.target: .* one of rooms, paint, price\.$"),
        (["data.path=houses.csv", "data.target=prize"], r"price"),
    ],
)
def test_what_is_missing_is_named_in_one_line(words: list[str], message: str, folder: Path) -> None:
    with pytest.raises((ConfigError, DataError), match=message) as caught:
        compose(*words)
    assert "\n" not in str(caught.value)
    assert sorted(path.name for path in folder.iterdir()) == ["houses.csv"]


def test_a_folder_of_images_is_an_experiment(folder: Path) -> None:
    folder_of(folder / "photos", {"cat": 12, "dog": 12}, height=16)
    request = compose("data.path=photos")
    config = request.config
    assert request.own_data is not None and config["experiment"].startswith("photos-class-")
    assert config["data"]["input_shape"] == config["model"]["input_shape"] == [3, 16, 16]
    assert config["task"]["_target_"].endswith(".binary") and "model.filters" in config["space"]["params"]
    residual = compose("data.path=photos", "model=cnn_residual").config
    assert "model.filters" not in residual["space"]["params"]
    save(folder / "photos/cat/000.png", 99, height=16)
    edited = compose("data.path=photos")
    assert edited.config["experiment"] != config["experiment"]
    assert edited.own_data is not None and edited.own_data.card.changes == "1 edited (cat/000.png)"


@pytest.mark.parametrize("kind", ["table", "images"])
def test_a_file_of_data_that_names_no_class_is_refused(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / f"conf/data/{kind}.yaml"
    file.parent.mkdir(parents=True)
    lines = (CONF / f"data/{kind}.yaml").read_text().splitlines(keepends=True)
    file.write_text("".join(line for line in lines if not line.startswith("_target_")))
    with pytest.raises(ConfigError, match=r"^data\._target_: 'None' is no part that conf/data/ names"):
        compose_request("search", [f"data={kind}", "data.path=rows", "data.target=y"])
