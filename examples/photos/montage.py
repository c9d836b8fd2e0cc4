"""Put every photograph above its edges in one large picture: reads /pfs/photos and /pfs/edges, writes /pfs/out."""

from pathlib import Path

from PIL import Image, ImageOps

CELL = (240, 180)

photos = sorted(path for path in Path("/pfs/photos").rglob("*") if path.is_file())
columns = 4
rows = -(-len(photos) // columns)
sheet = Image.new("RGB", (columns * CELL[0], rows * 2 * CELL[1]), "white")
for number, photo in enumerate(photos):
    for below, path in enumerate((photo, Path("/pfs/edges") / f"{photo.stem}.png")):
        with Image.open(path) as picture:
            cell = ImageOps.fit(picture.convert("RGB"), CELL)
        sheet.paste(cell, (number % columns * CELL[0], (number // columns * 2 + below) * CELL[1]))
sheet.save("/pfs/out/montage.png")
print(f"{len(photos)} photographs, {sheet.width} x {sheet.height}")
