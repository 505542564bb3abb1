"""What users give to a model: tables, arrays and images as they come, and what is refused of them."""

import os
import re
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from eksplora.data.given import of_images, read_given
from eksplora.errors import DataError

TABLE = {"input_shape": [3], "feature_names": ["Größe", "age", "mass, kg"], "feature_ranges": [[0, 1]] * 3}
DIGITS = {"input_shape": [1, 8, 8], "feature_names": ["pixel"], "feature_ranges": [[0.0, 16.0]]}
CLOTHES = {"input_shape": [1, 2, 3], "feature_names": ["pixel"], "feature_ranges": [[0.0, 255.0]]}
HEAD = 'Größe,age,"mass, kg"\n'


# --- tables ------------------------------------------------------------------------------------------------------


def table(folder: Path, content: str | bytes) -> Path:
    path = folder / "given.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    "content",
    [
        HEAD + "1,2.5,-3e2\n0.1,4,5\n",
        'age,"mass, kg",Größe\n2.5,-3e2,1\n4,5,0.1\n',
        'note,age,"mass, kg",Größe,more\n"a, b",2.5,-3e2,1,x\n,4,5,0.1,\n',
        "\ufeff" + HEAD + "1,2.5,-3e2\n0.1,4,5\n",
        (HEAD + "1,2.5,-3e2\n0.1,4,5").replace("\n", "\r\n"),
        HEAD + "\n 1 ,+2.50,-300\n\n1e-1,4.,5\n",
        HEAD + '"1","2.5","-300"\n"0.1","4","5"\n',
    ],
    ids=["plain", "other order", "more columns", "byte order mark", "Windows", "spaces and empty lines", "quoted"],
)
def test_a_table_is_read_by_the_names_of_its_columns(content: str, tmp_path: Path) -> None:
    names, features = read_given(table(tmp_path, content), TABLE)
    assert names == ["0", "1"]
    assert features.dtype == np.float64 and features.tolist() == [[1.0, 2.5, -300.0], [0.1, 4.0, 5.0]]


def test_numbers_are_read_to_the_last_bit(tmp_path: Path) -> None:
    wanted = np.random.default_rng(0).normal(size=(50, 3)) * 10.0 ** np.arange(-8, 10, 6)
    lines = "".join(",".join(map(repr, row)) + "\n" for row in wanted.tolist())
    np.testing.assert_array_equal(read_given(table(tmp_path, HEAD + lines), TABLE)[1], wanted)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "has no column 'Größe'. Columns wanted: Größe, age, mass, kg."),
        ("Größe,age\n1,2\n", "has no column 'mass, kg'. Columns wanted: Größe, age, mass, kg."),
        ("Größe;age;mass\n1;2;3\n", "has no column 'Größe'."),
        ('Größe,age,"mass, kg",age\n1,2,3,4\n', "has 2 columns 'age'. Columns wanted: Größe, age, mass, kg."),
        (HEAD, "has no rows. Add a line for each prediction that is wanted."),
        (HEAD + "1,2,3\n1,two,3\n", "line 3, column 'age': 'two' is no number. Fix this cell."),
        (HEAD + "1,,3\n", "line 2, column 'age': '' is no number. Fix this cell."),
        (HEAD + "1,2\n", "line 2, column 'mass, kg': '' is no number. Fix this cell."),
        (HEAD + "1,5,2,3\n", "line 2 has more cells than the first line. Fix this line."),
        (HEAD + '"1,5",2,3\n', "line 2, column 'Größe': '1,5' is no number. Fix this cell."),
        (HEAD + "1,1_000,3\n", "line 2, column 'age': '1_000' is no number. Fix this cell."),
        (HEAD + "1,nan,3\n", "line 2, column 'age': 'nan' is no number. Fix this cell."),
        (HEAD + "1,-inf,3\n", "line 2, column 'age': '-inf' is no number. Fix this cell."),
        (HEAD + "1,1e999,3\n", "line 2, column 'age': '1e999' is no number. Fix this cell."),
        (HEAD + '1,"2\n3",3\n', r"line 3, column 'age': '2\n3' is no number. Fix this cell."),
        (HEAD.encode() + b"1,\x002,3\n", r"line 2, column 'age': '\x002' is no number. Fix this cell."),
        (HEAD.encode("latin-1") + b"1,2,3\n", "cannot be read ('utf-8' codec can't decode byte 0xf6 in position 2: "),
        (HEAD.encode("utf-16"), "cannot be read ('utf-8' codec can't decode byte 0xff in position 0: "),
        (
            HEAD + "1," + "2" * 200_000 + ",3\n",
            "cannot be read (field larger than field limit (131072)). Save it as CSV",
        ),
    ],
)
def test_a_table_that_cannot_be_meant_is_refused_with_line_and_column(
    content: str | bytes, message: str, tmp_path: Path
) -> None:
    path = table(tmp_path, content)
    with pytest.raises(DataError, match=rf"^input: {path}.*{re.escape(message)}") as raised:
        read_given(path, TABLE)
    assert "\n" not in str(raised.value)


# --- arrays ------------------------------------------------------------------------------------------------------


def arrays(folder: Path, **content: Any) -> Path:
    np.savez(folder / "given.npz", **content)
    return folder / "given.npz"


@pytest.mark.parametrize("kind", ["f8", "f4", "f2", ">f8", "g", "u1", "i1", "u2", "u4", "u8", ">i8"])
def test_numbers_of_every_kind_are_taken(kind: str, tmp_path: Path) -> None:
    """torch knows neither the other byte order nor all of numpy's kinds."""
    given = np.arange(12).reshape(4, 3).astype(kind)
    names, features = read_given(arrays(tmp_path, features=given, more=np.zeros(2)), TABLE)
    assert names == ["0", "1", "2", "3"]
    assert features.dtype == np.dtype("float64") and features.dtype.isnative
    np.testing.assert_array_equal(features, np.arange(12.0).reshape(4, 3))


def test_arrays_of_images_are_taken_in_the_data_sets_own_range(tmp_path: Path) -> None:
    given = np.arange(128, dtype=np.uint8).reshape(2, 1, 8, 8)
    np.testing.assert_array_equal(read_given(arrays(tmp_path, features=given), DIGITS)[1], given.astype(np.float64))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"rows": np.zeros((2, 3))}, "has no array `features`. Save it by numpy.savez(path, features=...)."),
        ({"features": np.zeros((2, 4))}, "holds float64 of shape [2, 4]. Give numbers of shape [rows, 3]."),
        ({"features": np.zeros(3)}, "holds float64 of shape [3]. Give"),
        ({"features": np.float64(1)}, "holds float64 of shape []. Give"),
        ({"features": np.zeros((0, 3))}, "holds float64 of shape [0, 3]. Give"),
        ({"features": np.zeros((2, 1, 3))}, "holds float64 of shape [2, 1, 3]. Give"),
        ({"features": np.zeros((2, 3), bool)}, "holds bool of shape [2, 3]. Give"),
        ({"features": np.zeros((2, 3), complex)}, "holds complex128 of shape [2, 3]. Give"),
        ({"features": np.full((2, 3), "1")}, "holds <U1 of shape [2, 3]. Give"),
        (
            {"features": np.full((2, 3), None)},
            "cannot be read (Object arrays cannot be loaded when allow_pickle=False).",
        ),
        ({"features": np.array([[1, np.nan, 3]])}, "holds values that are no numbers. Fix them first."),
        ({"features": np.array([[1, np.inf, 3]])}, "holds values that are no numbers. Fix them first."),
    ],
)
def test_arrays_that_cannot_be_meant_are_refused(content: dict[str, Any], message: str, tmp_path: Path) -> None:
    path = arrays(tmp_path, **content)
    with pytest.raises(DataError, match=rf"^input: {path} {re.escape(message)}"):
        read_given(path, TABLE)


class Bomb:
    """What runs when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (self.path,)


def test_no_pickle_is_opened(tmp_path: Path) -> None:
    path = arrays(tmp_path, features=np.array([[Bomb(tmp_path / "ran")] * 3]))
    with pytest.raises(DataError, match="allow_pickle=False"):
        read_given(path, TABLE)
    assert not (tmp_path / "ran").exists()


def header(shape: str) -> bytes:
    """The beginning of an array file that promises a shape."""
    text = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


@pytest.mark.parametrize("shape", ["(433000000, 3)", "(99999999999999, 3)", "(3, 99999999999999999999)"])
def test_an_array_that_promises_gigabytes_is_refused_before_memory_is_taken(shape: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "given.npz", "w") as archive:
        archive.writestr("features.npy", header(shape) + b"\0" * 240)
    with pytest.raises(
        DataError, match=r"holds \d.* GiB of features, more than 1 are not read\. Split it into smaller"
    ):
        read_given(tmp_path / "given.npz", TABLE)


def test_an_archive_that_unpacks_to_more_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eksplora.data.given.LARGEST_BYTES", 2**20)
    with zipfile.ZipFile(tmp_path / "given.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("features.npy", header("(1, 3)") + bytes(2**21))
    assert (tmp_path / "given.npz").stat().st_size < 2**14
    with pytest.raises(DataError, match=r"given\.npz holds .* GiB of features, more than"):
        read_given(tmp_path / "given.npz", TABLE)


def test_a_table_of_gigabytes_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with table(tmp_path, HEAD).open("r+b") as file:
        file.truncate(5 * 2**30)  # a file with a hole: it takes no room
    with pytest.raises(DataError, match=r"has 5\.0 GiB, more than 1 are not read\. Split it into smaller files\.$"):
        read_given(tmp_path / "given.csv", TABLE)


@pytest.mark.parametrize(
    "content", [b"", b"PK", b"no archive at all", "npy"], ids=["empty", "two bytes", "text", "npy"]
)
def test_a_file_that_is_no_archive_is_refused(content: bytes | str, tmp_path: Path) -> None:
    path = tmp_path / "given.npz"
    if content == "npy":
        with path.open("wb") as file:
            np.save(file, np.zeros((2, 3)))
    else:
        path.write_bytes(bytes(content))  # type: ignore[arg-type]
    with pytest.raises(DataError, match=rf"^input: {path} is no npz file\. Save it by numpy\.savez"):
        read_given(path, TABLE)


def test_an_archive_with_any_byte_altered_is_read_rightly_or_refused(tmp_path: Path) -> None:
    path, wanted = tmp_path / "given.npz", np.arange(30.0).reshape(10, 3)
    np.savez_compressed(path, features=wanted)
    content = path.read_bytes()
    draws, refused = np.random.default_rng(0), 0
    for place in range(len(content)):
        altered = bytearray(content)
        altered[place] ^= int(draws.integers(1, 256))
        path.write_bytes(altered)
        try:
            np.testing.assert_array_equal(read_given(path, TABLE)[1], wanted)
        except DataError:
            refused += 1
    assert refused > len(content) / 2
    for length in range(0, len(content), 7):
        path.write_bytes(content[:length])
        with pytest.raises(DataError, match=r"^input: .*given\.npz"):
            read_given(path, TABLE)


# --- images ------------------------------------------------------------------------------------------------------


def grey(values: Any) -> Image.Image:
    return Image.fromarray(np.asarray(values, dtype=np.uint8))


def test_pixels_are_brought_to_the_range_of_the_data_sets_own(tmp_path: Path) -> None:
    values = np.linspace(0, 255, 64).round().reshape(8, 8)
    grey(values).save(tmp_path / "seven.png")
    names, features = read_given(tmp_path / "seven.png", DIGITS)
    assert names == ["seven.png"] and features.shape == (1, 1, 8, 8)
    np.testing.assert_allclose(features[0, 0], values / 255 * 16, rtol=1e-12)
    assert (features.min(), features.max()) == (0.0, 16.0)


def test_rows_and_columns_stay_where_they_are(tmp_path: Path) -> None:
    values = [[0, 1, 2], [3, 4, 255]]
    grey(values).save(tmp_path / "shirt.png")
    assert read_given(tmp_path / "shirt.png", CLOTHES)[1].tolist() == [[values]]


def test_a_folder_is_read_in_the_order_of_its_names_and_other_files_are_passed_over(tmp_path: Path) -> None:
    for name, value in (("b.png", 2), ("a.PNG", 1), ("größe.bmp", 3)):
        grey(np.full((2, 3), value)).save(tmp_path / name)
    (tmp_path / "labels.txt").write_text("1 2 3")
    names, features = read_given(tmp_path, CLOTHES)
    assert names == ["a.PNG", "b.png", "größe.bmp"]
    assert features[:, 0, 0, 0].tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("kind", ["png", "bmp", "tif", "tiff"])
def test_kinds_that_lose_nothing_give_the_same(kind: str, tmp_path: Path) -> None:
    values = np.arange(64).reshape(8, 8)
    grey(values).save(tmp_path / f"seven.{kind}")
    np.testing.assert_allclose(read_given(tmp_path / f"seven.{kind}", DIGITS)[1][0, 0], values * 16 / 255, rtol=1e-12)


@pytest.mark.parametrize("kind", ["jpg", "jpeg", "webp"])
def test_kinds_that_lose_a_little_give_about_the_same(kind: str, tmp_path: Path) -> None:
    values = np.full((8, 8), 100)
    grey(values).save(tmp_path / f"seven.{kind}")
    np.testing.assert_allclose(
        read_given(tmp_path / f"seven.{kind}", CLOTHES | DIGITS)[1][0, 0], 100 * 16 / 255, atol=0.2
    )


def test_black_and_white_palettes_and_colours_count_by_their_luminance(tmp_path: Path) -> None:
    images = {
        "1": Image.new("1", (3, 2), 1),
        "P": Image.new("L", (3, 2), 255).convert("P"),
        "RGB": Image.new("RGB", (3, 2), (255, 255, 255)),
        "RGBA": Image.new("RGBA", (3, 2), (255, 255, 255, 255)),
        "LA": Image.new("LA", (3, 2), (255, 255)),
    }
    for mode, image in images.items():
        image.save(tmp_path / "image.png")
        assert read_given(tmp_path / "image.png", CLOTHES)[1].tolist() == [[[[255.0] * 3] * 2]], mode
    Image.new("RGB", (3, 2), (255, 0, 0)).save(tmp_path / "image.png")
    assert read_given(tmp_path / "image.png", CLOTHES)[1][0, 0, 0, 0] == 76  # 0.299 red, by ITU-R BT.601


@pytest.mark.parametrize(
    ("values", "suffix"), [(np.uint16(40_000), "png"), (np.int32(300), "tif"), (np.float32(0.5), "tif")]
)
def test_pixels_of_more_than_8_bits_are_refused_and_not_cut_off(values: Any, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"image.{suffix}"
    Image.fromarray(np.full((2, 3), values)).save(path)
    with pytest.raises(DataError, match=rf"^input: {path} has more than 8 bits a pixel, which would be cut off\. Save"):
        read_given(path, CLOTHES)


COLOURS = {"input_shape": [3, 2, 3], "feature_names": ["pixel"], "feature_ranges": [[0.0, 51.0]]}


def test_a_model_of_colours_is_given_colours(tmp_path: Path) -> None:
    Image.new("RGB", (3, 2), (255, 5, 50)).save(tmp_path / "image.png")
    pixels = read_given(tmp_path / "image.png", COLOURS)[1]
    assert pixels.shape == (1, 3, 2, 3)
    np.testing.assert_allclose(pixels[0, :, 1, 2], [51, 1, 10], rtol=1e-12)
    grey(np.full((2, 3), 255)).save(tmp_path / "image.png")
    assert read_given(tmp_path / "image.png", COLOURS)[1].min() == 51


def test_a_model_of_other_channels_wants_an_array(tmp_path: Path) -> None:
    grey(np.zeros((2, 3))).save(tmp_path / "image.png")
    with pytest.raises(DataError, match=r"the model takes 4 channels, an image has 1 or 3\. Give an npz file\.$"):
        read_given(tmp_path / "image.png", COLOURS | {"input_shape": [4, 2, 3]})


def transparent(mode: str) -> Image.Image:
    return {
        "RGBA": Image.new("RGBA", (3, 2), (255, 255, 255, 0)),
        "LA": Image.new("LA", (3, 2), (255, 254)),
        "P": Image.new("RGBA", (3, 2), (9, 9, 9, 0)).quantize(),
    }[mode]


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_shows_through_is_not_guessed(mode: str, tmp_path: Path) -> None:
    transparent(mode).save(tmp_path / "image.png")
    with pytest.raises(DataError, match=r"image\.png is transparent in places\. Save it on the background"):
        read_given(tmp_path / "image.png", CLOTHES)


@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
def test_of_a_sequence_no_image_is_picked(suffix: str, tmp_path: Path) -> None:
    frames = [grey(np.full((2, 3), value)) for value in (0, 255)]
    frames[0].save(tmp_path / f"image.{suffix}", save_all=True, append_images=frames[1:], lossless=True)
    with pytest.raises(DataError, match=r"is a sequence of 2 images\. Save the one that is meant\.$"):
        read_given(tmp_path / f"image.{suffix}", CLOTHES)


def chunk(kind: bytes, content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")


def png(width: int, height: int, depth: int, colour: int, rows: bytes) -> bytes:
    """A PNG by hand: Pillow writes no colours of 16 bits, and no size that is not there."""
    size = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([depth, colour, 0, 0, 0])
    packed = zlib.compress(rows)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def test_colours_of_16_bits_are_refused_and_not_cut_off(tmp_path: Path) -> None:
    (tmp_path / "image.png").write_bytes(png(3, 2, 16, 2, (b"\0" + bytes(range(18))) * 2))
    with pytest.raises(DataError, match="has more than 8 bits a pixel"):
        read_given(tmp_path / "image.png", CLOTHES)


@pytest.mark.parametrize("side", [13_000, 100_000, 2**31 - 1])
def test_a_giant_is_refused_by_its_size_before_it_is_decoded(
    side: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "image.png").write_bytes(png(side, side, 8, 0, b"\0" * 1000))
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda self: pytest.fail("it was decoded"))
    with pytest.raises(DataError, match=rf"has {side}x{side} pixels|has more pixels than are read"):
        read_given(tmp_path / "image.png", CLOTHES)


@pytest.mark.parametrize(
    "content", [b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 3 2\n(ran) = quit\n%%EOF\n", b"P5 3 2 255\n" + b"0" * 6]
)
def test_what_only_calls_itself_an_image_is_no_image(content: bytes, tmp_path: Path) -> None:
    """A PostScript file is a program, which Pillow would have run by another program."""
    (tmp_path / "image.png").write_bytes(content)
    with Image.open(tmp_path / "image.png") as opened:
        assert opened.format in ("EPS", "PPM"), "Pillow itself would take it"
    with pytest.raises(DataError, match=r"cannot be read \(it is none of these kinds\)\. Give a PNG, "):
        read_given(tmp_path / "image.png", CLOTHES)


@pytest.mark.parametrize("name", ["rows.csv", "rows.npz", "image.png"])
def test_a_pipe_is_said_to_be_one(name: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(DataError, match=rf"^input: {tmp_path / name} is a pipe or a device, not a file\. Give a CSV"):
        read_given(tmp_path / name, TABLE)


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "image.png")
    with pytest.raises(DataError, match=r"image\.png is no file\. Take it out of the folder\.$"):
        read_given(tmp_path, CLOTHES)


@pytest.mark.parametrize("shape", [(3, 2), (28, 28), (1, 1)])
def test_an_image_of_another_size_is_refused_by_name_and_size(shape: tuple[int, int], tmp_path: Path) -> None:
    grey(np.zeros((2, 3))).save(tmp_path / "a.png")
    grey(np.zeros(shape)).save(tmp_path / "b.png")
    message = rf"b\.png has {shape[1]}x{shape[0]} pixels, the model takes 3x2\. Resize it"
    with pytest.raises(DataError, match=message):
        read_given(tmp_path, CLOTHES)


def test_an_image_with_any_byte_altered_or_cut_off_is_read_or_refused(tmp_path: Path) -> None:
    """Pillow answers damage with errors of many kinds; none of them gets out."""
    for kind, step in (("png", 1), ("bmp", 9), ("tif", 9)):
        path = tmp_path / f"image.{kind}"
        grey(np.arange(6).reshape(2, 3)).save(path)
        content = path.read_bytes()
        for place in range(0, len(content), step):
            for altered in (content[:place], content[:place] + bytes([content[place] ^ 0x5F]) + content[place + 1 :]):
                path.write_bytes(altered)
                try:
                    assert read_given(path, CLOTHES)[1].shape == (1, 1, 2, 3)
                except DataError as error:
                    assert str(error).startswith(f"input: {path} ")


@pytest.mark.parametrize(
    ("name", "card", "message"),
    [
        ("absent.csv", TABLE, "does not exist. Give a CSV file, an npz file, an image, a folder or a list of images."),
        ("given.txt", TABLE, "is none of .csv, .npz, .png, .jpg, .jpeg, .jpe, .jfif, .bmp, .gif, "),
        ("given.csv", DIGITS, "has no lines of files. Give a first line of names and a line for each image."),
        ("given.png", TABLE, "holds images, but the model takes tables of 3 features. Give a CSV file."),
        ("given.png", DIGITS, "cannot be read (it is none of these kinds)."),
        ("folder", DIGITS, "holds no images (.png, "),
        ("folder", TABLE, "holds images, but the model takes tables of 3 features."),
    ],
)
def test_what_does_not_suit_the_model_is_refused(name: str, card: dict[str, Any], message: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for file in ("given.txt", "given.csv", "given.png"):
        (tmp_path / file).write_text("1,2,3\n")
    with pytest.raises(DataError, match=rf"^input: {tmp_path / name} {re.escape(message)}"):
        read_given(tmp_path / name, card)


# --- labels of images --------------------------------------------------------------------------------------------

PHOTOS = DIGITS | {
    "classes": ["cat", "dog"],
    "task": "classification",
    "images": {"height": 8, "width": 8, "channels": 1, "fit": "crop"},
}


def photos(folder: Path) -> Path:
    for name in ("cat/1.png", "dog/deep/2.png", "test/dog/3.png", "bird/4.png", "5.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8), 7).save(folder / name)
    return folder


def test_folders_of_classes_say_the_targets_of_images(tmp_path: Path) -> None:
    given = of_images(photos(tmp_path), PHOTOS, None)
    assert given.targets is not None
    assert dict(zip(given.names, given.targets.tolist(), strict=True)) == {
        "cat/1.png": 0,
        "dog/deep/2.png": 1,
        "test/dog/3.png": 1,
        "bird/4.png": -1,
        "5.png": -1,
    }
    assert of_images(tmp_path / "5.png", PHOTOS, None).targets is None
    assert of_images(tmp_path, PHOTOS | {"classes": None, "task": "regression"}, None).targets is None


def test_a_list_says_the_targets_of_images_by_the_columns_of_the_training(tmp_path: Path) -> None:
    path = photos(tmp_path) / "list.csv"
    path.write_text("file,animal,label,age\n5.png,dog,cat,3\ncat/1.png,,cow,x\n")
    kinds = [("animal", [1, -1]), (None, [0, -1]), ("breed", None)]
    for target, wanted in kinds:
        targets = of_images(path, PHOTOS, target).targets
        assert (None if targets is None else targets.tolist()) == wanted
    numbers = of_images(path, PHOTOS | {"classes": None, "task": "regression", "target_names": ["age"]}, None).targets
    np.testing.assert_array_equal(numbers, [[3], [np.nan]])
