"""Write the snapshot of pachctl's commands (tests/golden) and its reference page (docs/reference)."""

from __future__ import annotations

from pathlib import Path

from hathi.cli import describe

ROOT = Path(__file__).parent.parent
SURFACE = ROOT / "tests" / "golden" / "cli.txt"
REFERENCE = ROOT / "docs" / "reference" / "pachctl.md"


def main() -> None:
    """Write both files."""
    for path, text in ((SURFACE, describe.surface()), (REFERENCE, describe.reference())):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


if __name__ == "__main__":
    main()
