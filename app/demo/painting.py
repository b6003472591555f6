"""Draw the only image of the demo, a loaf of bread. A photo would need a licence."""

from __future__ import annotations

from io import BytesIO

from PIL import Image, ImageDraw
from werkzeug.datastructures import FileStorage

SIZE = (960, 720)  # pixels
WALL, TABLE, PLATE, SHADE, CRUST, FLOUR = "#f3e4cf", "#8a5a3c", "#e9eef2", "#c3ccd4", "#b8702f", "#f1d3a4"


def loaf() -> FileStorage:
    """Return the image of a loaf on a plate, as an uploaded file."""
    picture = Image.new("RGB", SIZE, WALL)
    brush = ImageDraw.Draw(picture)
    brush.rectangle((0, 400, 960, 720), fill=TABLE)
    brush.ellipse((150, 420, 810, 640), fill=SHADE)
    brush.ellipse((150, 405, 810, 620), fill=PLATE)
    brush.chord((240, 300, 720, 690), 180, 360, fill=CRUST)
    brush.ellipse((240, 465, 720, 540), fill=CRUST)
    for left in (330, 440, 550):
        brush.line((left, 420, left + 60, 345), fill=FLOUR, width=14)
    file = BytesIO()
    picture.save(file, "PNG")
    file.seek(0)
    return FileStorage(file, "loaf.png", content_type="image/png")
