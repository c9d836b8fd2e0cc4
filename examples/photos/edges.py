"""Draw the edges of every picture: reads /pfs/photos, writes /pfs/out. Knows nothing of Hathi."""

from pathlib import Path

from PIL import Image, ImageFilter, ImageOps

for source in sorted(Path("/pfs/photos").rglob("*")):
    if source.is_file():
        with Image.open(source) as picture:
            grey = ImageOps.autocontrast(picture.convert("L").filter(ImageFilter.GaussianBlur(1)))
            edges = ImageOps.invert(ImageOps.autocontrast(grey.filter(ImageFilter.FIND_EDGES)))
        edges.save(Path("/pfs/out") / f"{source.stem}.png")
        print(f"{source.name}: {edges.width} x {edges.height}")
