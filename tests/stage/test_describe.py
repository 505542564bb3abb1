"""A table's card on the terminal, and how a table differs from the one before."""

from pathlib import Path

import houses
import pytest
from PIL import Image
from quick_hydra import quicken

from eksplora.cli.arguments import with_file
from eksplora.config import compose_request
from eksplora.config.own_data import own_data
from eksplora.errors import UserError
from eksplora.stage.describe import describe
from eksplora.stage.prepare import prepare


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    quicken()
    monkeypatch.chdir(tmp_path)
    houses.houses().to_csv("houses.csv", index=False)


def shown(capsys, *words):
    describe(compose_request("describe", with_file("describe", words)))
    return capsys.readouterr().out


def test_the_card_shows_every_column_and_the_warnings(capsys):
    text = shown(capsys, "houses.csv", "target=price")
    assert text.startswith("houses: 200 rows, 6 columns (")
    lines = {line.split()[0]: line for line in text.splitlines() if line.startswith("  ")}
    assert "identifier" in lines["id"] and "category" in lines["city"] and "20 missing" in lines["area"]
    assert "1990-03-15 to 2014-08-05" in lines["built"] and "█" in lines["price"]
    assert "warning: Column 'built' holds dates" in text


def test_a_folder_of_images_is_described_too(capsys):
    for name in ("cat", "dog"):
        Path("photos", name).mkdir(parents=True)
        for number in range(4):
            Image.new("L", (8, 9), 20 * number).save(f"photos/{name}/{number}.png")
    text = shown(capsys, "photos")
    assert text.startswith("photos: 8 images (") and "binary (cat: 4, dog: 4)" in text
    assert "1x9x8 pixels" in text and "warning: The test part has about 2 images of 8" in text
    assert "changed" not in text
    Path("photos/dog/0.png").unlink()
    assert "  changed   1 gone (dog/0.png), since they were last looked at" in shown(capsys, "photos").splitlines()


def test_a_list_of_images_is_described_as_one_unless_a_table_is_asked_for(capsys):
    Path("scans").mkdir()
    lines = ["file,age,kind"]
    for number in range(40):
        Image.new("L", (8, 9), 6 * number).save(f"scans/{number}.png")
        lines.append(f"./scans/{number}.png,{number / 7:.2f},{'ab'[number % 2]}")
    Path("list.csv").write_text("\n".join(lines))
    text = shown(capsys, "list.csv", "target=age")
    assert text.startswith("list: 40 images (") and "regression" in text
    assert "list: 40 rows, 3 columns (" in shown(capsys, "list.csv", "target=age", "data=table")
    own = own_data("search", ["data.path=list.csv", "data.target=kind"])
    assert own is not None and own.card.task == "binary" and own.card.input_shape[1:] == (9, 8)


def test_a_kind_that_the_user_gives_is_marked(capsys):
    text = shown(capsys, "houses.csv", "target=price", "data.columns.area=category", "data.drop=[id]")
    assert "category (given)" in text and "names rows" not in text


def test_an_edited_file_is_said_to_be_another_data_set(capsys):
    shown(capsys, "houses.csv", "target=price")
    houses.houses().drop(columns="garden").head(190).to_csv("houses.csv", index=False)
    first = shown(capsys, "houses.csv", "target=price").splitlines()[0]
    assert first.startswith("houses is another data set than ")
    assert "190 rows instead of 200; column 'garden' is gone" in first


def test_preparing_a_table_says_what_changed_and_warns(capsys):
    words = ["data=table", "data.path=houses.csv", "data.target=price"]
    prepare(compose_request("prepare", words))
    table = houses.houses()
    table.loc[0, "area"] = 17.0
    table.to_csv("houses.csv", index=False)
    capsys.readouterr()
    prepare(compose_request("prepare", words))
    text = capsys.readouterr().out
    assert "values of area differ" in text and "warning: Column 'id' names rows" in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "file: has no value"),
        (["houses.csv"], "target: has no value. Name one of the columns: id, city, area, built, garden, price"),
        (["houses.csv", "target=prize"], "has no column 'prize'. Did you mean 'price'"),
        (["nowhere.csv", "target=price"], "nowhere.csv does not exist"),
        (["houses.csv", "target=price", "data.group=towns"], "data.group: houses.csv has no column 'towns'"),
        (["houses.csv", "target=price", "data.columns.area=[1]"], "data.columns.area"),
        (["houses.csv", "target=price", "data.one_hot=many"], "data.one_hot"),
    ],
)
def test_what_cannot_be_described_is_refused_in_one_line(words, message):
    with pytest.raises(UserError, match=message) as caught:
        describe(compose_request("describe", with_file("describe", words)))
    assert "\n" not in str(caught.value)
