"""From a spec's resources to the limits of a container, in the engine's own words.

Limits are enforced; requests are shares, which count when the machine is busy. Memory cannot be exceeded by swapping.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hathi.model.errors import InvalidError
from hathi.model.quantities import read_quantity

_SHARES = 1024
"""What the engine counts for one processor."""


def host_config(resources: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments for `create_host_config` that `resource_limits` and `resource_requests` ask for.

    Raises InvalidError naming the field that makes no sense.
    """
    limits = resources.get("resource_limits") or {}
    requests = resources.get("resource_requests") or {}
    config: dict[str, Any] = {}
    if limits.get("cpu"):
        config["nano_cpus"] = round(float(limits["cpu"]) * 1e9)
    if limits.get("memory"):
        config["mem_limit"] = config["memswap_limit"] = memory("resource_limits", limits["memory"])
    if requests.get("cpu"):
        config["cpu_shares"] = max(2, round(float(requests["cpu"]) * _SHARES))
    if requests.get("memory"):
        config["mem_reservation"] = memory("resource_requests", requests["memory"])
    gpus = int((limits.get("gpu") or {}).get("number") or 0)
    if gpus:
        config["device_requests"] = [{"Count": gpus, "Capabilities": [["gpu"]]}]
    return config


def memory(field: str, text: str) -> int:
    """Return the bytes that a quantity such as "256M" or "1.5Gi" stands for."""
    amount = read_quantity(text)
    if amount is None:
        raise InvalidError(f'{field}.memory: "{text}" is not a quantity such as "256M" or "1Gi"')
    return amount
