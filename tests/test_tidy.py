"""Habits that a machine can check: no module grows into the place where every change lands, and the like."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted(path for path in (ROOT / "src").rglob("*.py") if "gen" not in path.parts)

LONGEST_MODULE = 500
LONGEST_FUNCTION = 100


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_fits_in_one_sitting(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST_MODULE


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_function_fits_on_a_screen_or_two(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.lineno < LONGEST_FUNCTION, f"{path}:{node.lineno} {node.name}"


def test_no_reminders_are_left_in_the_sources() -> None:
    reminder = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
    for path in SOURCES:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            assert not reminder.search(line), f"{path}:{number}: {line.strip()}"


def test_nothing_sleeps_for_real_in_the_tests() -> None:
    """Tests wait for a condition or an event; `time.sleep` stands only in code that user programs stand for."""
    for path in sorted((ROOT / "tests").rglob("*.py")):
        if path != Path(__file__) and "programs" not in path.parts:
            assert "time.sleep(" not in path.read_text(), path
