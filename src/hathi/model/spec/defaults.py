"""How a user's spec and the defaults become the effective spec.

Defaults come in layers: built-in, cluster's, project's, then the user's spec. Each is laid over what is there by the
rules of a JSON merge patch (RFC 7396): mappings merge, everything else replaces, null removes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hathi.model.spec.canonical import without_nulls

BUILT_IN: Mapping[str, Any] = {
    "transform": {"image": "ubuntu:20.04"},
    "output_branch": "master",
    "datum_tries": 3,
    "reprocess_spec": "until_success",
}


def effective(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the layers, weakest first and in canonical form, amount to on top of the built-in defaults."""
    result: Any = BUILT_IN
    for layer in layers:
        result = merge(result, layer)
    cleaned: dict[str, Any] = without_nulls(result)
    return cleaned


def merge(target: Any, patch: Any) -> Any:
    """Return `target` after the JSON merge patch `patch`; neither is changed."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(target) if isinstance(target, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result
