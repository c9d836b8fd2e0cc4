"""Documentation is a tested artefact: generated pages are current, and what users need is mentioned."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generator", ROOT / "scripts" / "docs.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_pages_are_current() -> None:
    for path, text in generator().pages().items():
        assert path.read_text() == text, f"{path} is not current: run `make docs`"


@pytest.mark.parametrize("page", sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]), ids=lambda path: path.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_make_target_has_a_line_of_help() -> None:
    for line in (ROOT / "Makefile").read_text().splitlines():
        if re.match(r"^[a-z-]+:", line) and not line.startswith("."):
            assert "## " in line, line


def test_every_package_is_in_the_architecture() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    for package in (ROOT / "src" / "hathi").iterdir():
        if package.is_dir() and not package.name.startswith("_"):
            assert f"`{package.name}`" in text, package.name


def test_every_test_that_the_seed_table_names_exists() -> None:
    for path, name in re.findall(r"`(tests/[\w/.]+)(?:::(\w+))?`", (ROOT / "docs" / "seeds.md").read_text()):
        assert (ROOT / path).exists(), path
        if name:
            assert f"def {name}(" in (ROOT / path).read_text(), f"{path}::{name}"
