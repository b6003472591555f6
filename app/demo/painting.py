"""Draw the images of the demo. Photos would need a licence."""

from __future__ import annotations

from io import BytesIO

from PIL import Image, ImageDraw
from werkzeug.datastructures import FileStorage

SIZE = (960, 720)  # pixels
WALL, TABLE, PLATE, SHADE, CRUST, FLOUR = "#f3e4cf", "#8a5a3c", "#e9eef2", "#c3ccd4", "#b8702f", "#f1d3a4"
NIGHT, STAR, PLANET, STRIPE, RING = "#101a33", "#dfe6f5", "#e2c48d", "#c9a468", "#b9a27c"
BOX, GAP = "#a9794b", "#5d3f27"


def draw(name: str) -> FileStorage:
    """Return the image "loaf", "saturn", "tomatoes" or "lemons", as an uploaded file. It is the same on every call."""
    picture = Image.new("RGB", SIZE, WALL)
    brush = ImageDraw.Draw(picture)
    if name == "loaf":
        _loaf(brush)
    elif name == "saturn":
        _saturn(brush)
    else:
        _crate(brush, *(("#cf3b2b", "#4d7a34") if name == "tomatoes" else ("#efc93a", "#d9a520")))
    file = BytesIO()
    picture.save(file, "PNG")
    file.seek(0)
    return FileStorage(file, f"{name}.png", content_type="image/png")


def _loaf(brush: ImageDraw.ImageDraw) -> None:
    """Draw a loaf on a plate."""
    brush.rectangle((0, 400, 960, 720), fill=TABLE)
    brush.ellipse((150, 420, 810, 640), fill=SHADE)
    brush.ellipse((150, 405, 810, 620), fill=PLATE)
    brush.chord((240, 300, 720, 690), 180, 360, fill=CRUST)
    brush.ellipse((240, 465, 720, 540), fill=CRUST)
    for left in (330, 440, 550):
        brush.line((left, 420, left + 60, 345), fill=FLOUR, width=14)


def _saturn(brush: ImageDraw.ImageDraw) -> None:
    """Draw Saturn and some stars. The front half of the ring is before the planet."""
    brush.rectangle((0, 0, *SIZE), fill=NIGHT)
    for number in range(70):
        left, top, size = number * 397 % 960, number * 241 % 720, 2 + number % 3
        brush.ellipse((left, top, left + size, top + size), fill=STAR)
    ring = (230, 300, 730, 420)
    brush.arc(ring, 180, 360, fill=RING, width=22)
    brush.ellipse((350, 230, 610, 490), fill=PLANET)
    for top in (290, 385):
        brush.rectangle((368, top, 592, top + 18), fill=STRIPE)
    brush.arc(ring, 0, 180, fill=RING, width=22)


def _crate(brush: ImageDraw.ImageDraw, skin: str, stalk: str) -> None:
    """Draw a crate full of round fruit."""
    brush.rectangle((0, 470, 960, 720), fill=TABLE)
    for row in range(3):
        for column in range(6):
            left, top = 150 + column * 112 - row % 2 * 40, 180 + row * 85
            brush.ellipse((left, top, left + 130, top + 125), fill=skin, outline=GAP, width=3)
            brush.ellipse((left + 52, top + 8, left + 78, top + 26), fill=stalk)
    for top in (400, 490, 580):
        brush.rectangle((90, top, 870, top + 74), fill=BOX)
        brush.line((90, top + 76, 870, top + 76), fill=GAP, width=8)
