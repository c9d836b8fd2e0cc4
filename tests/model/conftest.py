"""Helpers that the tests of the model share."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def reference_globs() -> ModuleType:
    """The reference matcher for globs."""
    place = Path(__file__).parent / "globs_reference.py"
    spec = importlib.util.spec_from_file_location("globs_reference", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
