"""A small Python package, as others would publish it."""

from __future__ import annotations

import zipfile
from pathlib import Path


def wheel(folder: Path, version: str, mark: str) -> None:
    """A package that shouts, as others would publish it."""
    info = f"shouting-{version}.dist-info"
    files = {
        "shouting.py": f"__version__ = '{version}'\ndef shout(text): return text.upper() + '{mark}'\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: shouting\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / f"shouting-{version}-py3-none-any.whl", "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
