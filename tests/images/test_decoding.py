"""Single images: what is refused before it is decoded, and the pixels that a rule makes of the others."""

import io
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from picturing import picture
from PIL import Image

from eksplora.images.card import PixelRule
from eksplora.images.decoding import UnusableError, check_header, decode, is_grey, opened, upright_size

RULE = PixelRule(height=12, width=16, channels=3, fit="crop")


def encoded(image: Image.Image, kind: str, **options: object) -> io.BytesIO:
    stream = io.BytesIO()
    image.save(stream, kind, **options)  # type: ignore[arg-type]
    stream.seek(0)
    return stream


def decoded(image: NDArray[np.uint8], rule: PixelRule, kind: str = "PNG") -> NDArray[np.uint8]:
    return decode(encoded(Image.fromarray(image), kind), rule)


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "WEBP"])
def test_an_image_of_the_right_size_is_as_it_is(kind: str) -> None:
    image = picture(0)
    lossless = {"lossless": True} if kind == "WEBP" else {}
    found = decode(encoded(Image.fromarray(image), kind, **lossless), RULE)
    assert found.shape == (3, 12, 16) and found.dtype == np.uint8
    np.testing.assert_array_equal(found, image.transpose(2, 0, 1))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "YCbCr"])
def test_modes_become_colours_or_grey(mode: str) -> None:
    image = Image.fromarray(picture(0)).convert(mode)
    stream = encoded(image, "TIFF" if mode in ("CMYK", "YCbCr") else "PNG")
    colours = decode(stream, RULE)
    np.testing.assert_array_equal(colours, np.asarray(image.convert("RGB")).transpose(2, 0, 1))
    grey = decode(stream, PixelRule(height=12, width=16, channels=1, fit="crop"))
    np.testing.assert_array_equal(grey[0], np.asarray(image.convert("L")))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_a_photo_is_turned_as_its_camera_was_held(kind: str, orientation: int) -> None:
    """The same picture, stored in each of the eight ways, is the same again."""
    from PIL import ImageOps

    way_back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Image.Transpose that undoes each
    upright = Image.fromarray(picture(0, 32, 48))
    stored = upright if orientation == 1 else upright.transpose(Image.Transpose(way_back[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    stream = encoded(stored, kind, exif=exif)
    with Image.open(stream) as image:
        np.testing.assert_allclose(ImageOps.exif_transpose(image).convert("RGB"), upright, atol=40)
    stream.seek(0)
    found = decode(stream, PixelRule(height=32, width=48, channels=3, fit="crop"))
    np.testing.assert_allclose(found, np.asarray(upright).transpose(2, 0, 1), atol=40)
    stream.seek(0)
    with opened(stream) as image:
        assert kind == "PNG" or upright_size(image) == (48, 32)


def test_crop_takes_the_middle_pad_adds_black_and_stretch_keeps_everything() -> None:
    image = np.zeros((10, 20, 3), dtype=np.uint8)
    image[:, 5:15] = 200  # the middle half
    square = {
        fit: decoded(image, PixelRule(height=10, width=10, channels=3, fit=fit)) for fit in ("crop", "pad", "stretch")
    }
    assert (square["crop"] == 200).all()
    assert (square["pad"][:, [0, 1, 8, 9]] == 0).all() and (square["pad"][:, 3:7, 4:6] == 200).all()
    assert (square["stretch"][:, :, [0, 9]] == 0).all() and (square["stretch"][:, :, 4:6] == 200).all()


def test_what_is_made_smaller_is_averaged() -> None:
    board = (np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)
    found = decoded(board, PixelRule(height=8, width=8, channels=1, fit="stretch"))
    assert abs(found.astype(int) - 127).max() <= 2


def test_a_large_photo_is_decoded_at_a_fraction_of_its_size() -> None:
    photo = Image.fromarray(picture(0, 1600, 2400))
    stream = encoded(photo, "JPEG", quality=95)
    with opened(stream) as image:
        size = image.size
        check_header(image)
        image.draft(None, (24, 24))
        assert image.size == (size[0] // 8, size[1] // 8)
    stream.seek(0)
    found = decode(stream, PixelRule(height=16, width=24, channels=3, fit="crop")).transpose(1, 2, 0)
    wanted = np.asarray(photo.resize((24, 16), Image.Resampling.BOX))
    assert abs(found.astype(int) - wanted).mean() < 6


def test_grey_is_known_by_the_header() -> None:
    grey, colours = Image.fromarray(picture(0)).convert("L"), Image.fromarray(picture(0))
    assert [is_grey(image) for image in (grey, grey.convert("P"), grey.convert("LA"), grey.convert("1"))] == [True] * 4
    assert not is_grey(colours) and not is_grey(colours.convert("P", palette=Image.Palette.ADAPTIVE))


def frames(kind: str) -> io.BytesIO:
    images = [Image.fromarray(picture(seed)) for seed in range(3)]
    return encoded(images[0], kind, save_all=True, append_images=images[1:])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (frames("GIF"), "is a sequence of 3 images. Save the one that is meant"),
        (frames("TIFF"), "is a sequence of 3 images"),
        (encoded(Image.fromarray(picture(0)[:, :, 0].astype(np.uint16) * 256), "PNG"), "has more than 8 bits a pixel"),
        (encoded(Image.new("RGBA", (16, 12), (9, 9, 9, 128)), "PNG"), "is transparent in places"),
        (io.BytesIO(b"no image"), "cannot be read (it is none of these kinds). Give a PNG, JPEG, BMP, GIF"),
        (io.BytesIO(encoded(Image.fromarray(picture(0, 99, 99)), "PNG").getvalue()[:900]), "cannot be read ("),
        (io.BytesIO(encoded(Image.fromarray(picture(0, 99, 99)), "JPEG").getvalue()[:900]), "cannot be read ("),
        (encoded(Image.new("1", (9000, 9000)), "PNG"), "has 9000x9000 pixels, more than are read. Make it smaller"),
        (encoded(Image.new("1", (20_000, 20_000)), "PNG"), "has more pixels than are read. Make it smaller"),
    ],
)
def test_what_is_not_read_is_refused_with_the_reason(content: io.BytesIO, message: str) -> None:
    content.seek(0)
    with pytest.raises(UnusableError) as raised:
        decode(content, RULE)
    assert message in str(raised.value)


def test_one_frame_of_a_gif_is_an_image(tmp_path: Path) -> None:
    image = Image.fromarray(picture(0)).convert("P", palette=Image.Palette.ADAPTIVE)
    image.save(tmp_path / "one.gif")
    np.testing.assert_array_equal(
        decode(tmp_path / "one.gif", RULE), np.asarray(image.convert("RGB")).transpose(2, 0, 1)
    )


def test_a_photo_with_its_preview_in_one_file_is_the_photo(tmp_path: Path) -> None:
    """Many cameras write such files (MPO) as .jpg."""
    photo, preview = Image.fromarray(picture(0, 96, 128)), Image.fromarray(picture(1, 12, 16))
    photo.save(tmp_path / "photo.jpg", "MPO", save_all=True, append_images=[preview], quality=95)
    found = decode(tmp_path / "photo.jpg", PixelRule(height=96, width=128, channels=3, fit="crop"))
    assert abs(found.astype(int) - np.asarray(photo).transpose(2, 0, 1)).mean() < 3


def test_a_giant_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = encoded(Image.new("1", (9000, 9000)), "PNG")
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda self: pytest.fail("it was decoded"))
    with pytest.raises(UnusableError, match="more than are read"):
        decode(stream, RULE)
