"""Filters that clients of the original may ask for and that are not served: refused, never silently ignored."""

from __future__ import annotations

from hathi.model.errors import UnimplementedError


def no_jq(filter: str) -> None:
    """Refuse a jq filter."""
    if filter:
        raise UnimplementedError("jqFilter is not served: ask without it and filter the answers")
