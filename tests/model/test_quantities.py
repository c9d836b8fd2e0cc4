"""Amounts of memory and disk are read as Kubernetes reads them, and what is none is told."""

import pytest

from hathi.model.quantities import read_quantity


@pytest.mark.parametrize(
    ("text", "size"),
    [("0", 0), ("12", 12), ("256M", 256_000_000), ("1.5Gi", 3 << 29), (".5k", 500), ("1e3", 1000), (" 1Ki ", 1024)],
)
def test_quantities_are_read(text: str, size: int) -> None:
    assert read_quantity(text) == size


@pytest.mark.parametrize("text", ["", "lots", "1gb", "-1M", "1 M", "Gi", "1.2.3", "1e999", "9" * 400])
def test_anything_else_is_none(text: str) -> None:
    assert read_quantity(text) is None
