"""Lists of images: columns that are found, and lines that are refused."""

from pathlib import Path

import pytest
from picturing import save

from eksplora.errors import ConfigError, DataError
from eksplora.images.card import ImageOptions
from eksplora.images.list_file import read_list


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for name in ("a.png", "b.png", "sub/c.png"):
        save(tmp_path / name, 0)
    return tmp_path


def listed(folder: Path, text: str, **options: str) -> list[tuple[str, tuple[str, ...], str, str]]:
    (folder / "list.csv").write_text(text, encoding="utf-8-sig")
    listing = read_list(ImageOptions(path=str(folder / "list.csv"), **options))  # type: ignore[arg-type]
    return [(entry.name, entry.label, entry.part, entry.group) for entry in listing.entries]


@pytest.mark.parametrize(
    "text",
    [
        "file,label\na.png,x\nsub/c.png,y\n",
        "label;note;Path\nx;1,2;./a.png\ny;;sub/c.png\n",
        "weight\tpicture\tclass\n1\ta.png\tx\n2\tsub/c.png\ty\n\n",
    ],
    ids=["commas", "semicolons, another order", "tabs, by the first cell"],
)
def test_columns_are_found(text: str, photos: Path) -> None:
    assert listed(photos, text) == [("a.png", ("x",), "", ""), ("sub/c.png", ("y",), "", "")]


def test_columns_can_be_named_and_parts_and_groups_are_read(photos: Path) -> None:
    text = "label,file,who,split,age,length\nx,a.png,Ann,train,3,1.5\ny,b.png,Bo,Test,4,2\nz,sub/c.png,Ann,val,5,1\n"
    assert listed(photos, text, target="age", group="who") == [
        ("a.png", ("3",), "train", "Ann"),
        ("b.png", ("4",), "test", "Bo"),
        ("sub/c.png", ("5",), "train", "Ann"),
    ]


def test_lines_without_a_value_are_left_out_and_counted(photos: Path) -> None:
    (photos / "list.csv").write_text("file,label\na.png,x\nb.png,\nsub/c.png,y\n")
    listing = read_list(ImageOptions(path=str(photos / "list.csv")))
    assert [entry.name for entry in listing.entries] == ["a.png", "sub/c.png"]
    assert listing.notes == ["1 lines have no value of label: they are left out."]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no lines of files. Give a first line of names and a line for each image."),
        ("file,label\n", "has no lines of files."),
        ("x,label\n1,2\n", "has no column of image files (x, label). Name it: data.file=..."),
        ("file,a,b\na.png,1,2\n", "is to be predicted (a, b)? Name it: data.target=..."),
        ("file\na.png\n", "is to be predicted (none is left)? Name it"),
        ("file,label\na.png,x\nd.png,x\ne.png,x\n", "2 of 3 files are not there: d.png, e.png. Correct the list."),
        ("file,label\na.png,x\na.png,y\n", "1 of 2 files are listed twice: a.png. Correct the list."),
        ("file,label\na.png,x\nlist.csv,y\n", "1 of 2 files are no images by their names: list.csv."),
        ("file,label\na.png\n", "line 2 has fewer cells than the first line. Fix this line."),
        ("file,label\na.png,x,y\n", "line 2 has more cells than the first line. Fix this line."),
        ("file,label\na.png, \n", "has no line with a value of 'label'. Fill it in."),
        ("file,label,part\na.png,x,later\n", "the part 'later' is neither train nor test."),
    ],
)
def test_lists_that_cannot_be_meant_are_refused(text: str, message: str, photos: Path) -> None:
    with pytest.raises(DataError) as raised:
        listed(photos, text)
    assert message in str(raised.value)


@pytest.mark.parametrize("name", ["../secret.png", "/etc/secret.png", "sub/../../secret.png", "sub\\c.png", ""])
def test_files_elsewhere_are_refused(name: str, photos: Path) -> None:
    with pytest.raises(DataError, match=r"which is no relative path inside .*\. Write paths relative to the list's"):
        listed(photos, f"file,label\n{name},x\n")


@pytest.mark.parametrize("name", ["link.png", "linked/c.png"])
def test_links_are_refused(name: str, photos: Path) -> None:
    (photos / "link.png").symlink_to(photos / "a.png")
    (photos / "linked").symlink_to(photos / "sub")
    with pytest.raises(DataError, match="is a symbolic link"):
        listed(photos, f"file,label\n{name},x\n")


def test_columns_that_are_not_there_are_refused_with_the_nearest(photos: Path) -> None:
    text = "file,label\na.png,x\n"
    with pytest.raises(ConfigError, match=r"^data\.target: .* has no column 'lable'\. Did you mean 'label'\?$"):
        listed(photos, text, target="lable")
    with pytest.raises(ConfigError, match=r"^data\.target: 'file' of .* has another role\."):
        listed(photos, text, target="file")
