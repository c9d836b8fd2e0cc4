"""The command surface is a reviewed snapshot, and its documentation is made from it (`make docs`)."""

from __future__ import annotations

from pathlib import Path

from hathi.cli import describe

ROOT = Path(__file__).parent.parent.parent


def test_the_command_surface_is_what_was_reviewed() -> None:
    assert (ROOT / "tests/golden/cli.txt").read_text() == describe.surface()


def test_the_reference_page_is_current() -> None:
    assert (ROOT / "docs/reference/pachctl.md").read_text() == describe.reference()
