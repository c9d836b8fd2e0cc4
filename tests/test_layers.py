"""Imports point one way: the table of docs/architecture.md, checked against every module."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SRC = Path(__file__).parent.parent / "src" / "hathi"

ALLOWED: dict[str, set[str]] = {
    "model": set(),
    "engine": {"model"},
    "wire": {"model"},
    "storage": {"model"},
    "supervision": {"model"},
    "metadata": {"supervision", "model"},
    "versioning": {"supervision", "storage", "metadata", "model"},
    "datum": {"storage", "wire", "model"},
    "runtimes": {"supervision", "engine", "datum", "model"},
    "worker": {"supervision", "datum", "wire", "storage", "model"},
    "pipelines": {"supervision", "versioning", "storage", "metadata", "runtimes.interface", "model"},
    "images": {"engine", "wire", "model"},
    "server": {
        "model", "supervision", "wire", "storage", "metadata", "versioning", "pipelines", "datum", "runtimes", "engine",
    },
    "cli": {"wire", "storage", "datum", "images", "engine", "model"},
}  # fmt: skip

# Inside storage the floors stand on one another, never the other way round.
FLOORS = ["objects", "chunks", "filesets", "garbage"]


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(SRC.rglob("*.py")):
        parts = path.relative_to(SRC).parts
        if len(parts) > 1 and "gen" not in parts:
            yield parts[0], path


def imports(path: Path) -> Iterator[str]:
    """Yield the dotted name of everything that a module imports, wherever in the module it does so."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            assert node.module
            for alias in node.names:
                yield f"{node.module}.{alias.name}"


def inside(name: str, allowed: str) -> bool:
    return name == allowed or name.startswith(allowed + ".")


@pytest.mark.parametrize(("package", "path"), list(modules()), ids=lambda value: str(value).split("hathi/")[-1])
def test_a_module_imports_only_what_its_package_may(package: str, path: Path) -> None:
    may = ALLOWED[package] | {package}
    for name in imports(path):
        if name == "hathi" or name == "hathi.__version__" or not name.startswith("hathi."):
            continue
        assert any(inside(name.removeprefix("hathi."), allowed) for allowed in may), f"{path} imports {name}"


# Globs come from users: matching them in linear time needs an engine that the standard library does not have. It is
# pure computation, as the rest of the model.
MODEL_ALLOWED = {"globs/regex.py": {"re2"}}


def test_the_model_needs_nothing_but_the_standard_library_and_a_linear_time_matcher() -> None:
    for package, path in modules():
        if package == "model":
            allowed = MODEL_ALLOWED.get(str(path.relative_to(SRC / "model")), set())
            for name in imports(path):
                top = name.split(".")[0]
                assert top == "hathi" or top in sys.stdlib_module_names or top in allowed, f"{path} imports {name}"


def test_the_floors_of_storage_stand_on_one_another() -> None:
    for package, path in modules():
        parts = path.relative_to(SRC).parts
        if package != "storage" or parts[1] not in FLOORS:
            continue
        above = FLOORS[FLOORS.index(parts[1]) + 1 :]
        for name in imports(path):
            assert not any(inside(name, f"hathi.storage.{floor}") for floor in above), f"{path} imports {name}"


def test_every_package_is_in_the_table() -> None:
    assert {package for package, _ in modules()} <= set(ALLOWED)
