"""From a spec's resources to the limits of what runs its commands: as numbers, and in a container engine's own words.

Limits are enforced; requests are shares, which count when the machine is busy. Memory cannot be exceeded by swapping.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hathi.model.errors import InvalidError
from hathi.model.quantities import read_quantity

_SHARES = 1024
"""What the engine counts for one processor."""


MAX_PROCESSES = 4096
"""Processes and threads that the commands of one worker may have at a time, unless the server is told otherwise."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the commands of one worker may use; 0 is no bound.

    memory, memory_share: bytes. cpu, cpu_share: processors. The shares are what it gets on a busy machine.
    """

    memory: int = 0
    memory_share: int = 0
    cpu: float = 0.0
    cpu_share: float = 0.0
    gpus: int = 0
    processes: int = 0


def bounds(resources: Mapping[str, Any], processes: int = 0) -> Bounds:
    """Return what `resource_limits` and `resource_requests` ask for, and a bound on processes.

    Raises InvalidError naming the field that makes no sense.
    """
    limits = resources.get("resource_limits") or {}
    requests = resources.get("resource_requests") or {}
    return Bounds(
        memory=memory("resource_limits", limits["memory"]) if limits.get("memory") else 0,
        memory_share=memory("resource_requests", requests["memory"]) if requests.get("memory") else 0,
        cpu=float(limits.get("cpu") or 0),
        cpu_share=float(requests.get("cpu") or 0),
        gpus=int((limits.get("gpu") or {}).get("number") or 0),
        processes=processes,
    )


def host_config(resources: Mapping[str, Any], processes: int = MAX_PROCESSES) -> dict[str, Any]:
    """Return the arguments for `create_host_config` that give a container its bounds."""
    wanted = bounds(resources, processes)
    config: dict[str, Any] = {}
    if wanted.cpu:
        config["nano_cpus"] = round(wanted.cpu * 1e9)
    if wanted.memory:
        config["mem_limit"] = config["memswap_limit"] = wanted.memory
    if wanted.cpu_share:
        config["cpu_shares"] = max(2, round(wanted.cpu_share * _SHARES))
    if wanted.memory_share:
        config["mem_reservation"] = wanted.memory_share
    if wanted.gpus:
        config["device_requests"] = [{"Count": wanted.gpus, "Capabilities": [["gpu"]]}]
    if wanted.processes:
        config["pids_limit"] = wanted.processes
    return config


def memory(field: str, text: str) -> int:
    """Return the bytes that a quantity such as "256M" or "1.5Gi" stands for."""
    amount = read_quantity(text)
    if amount is None:
        raise InvalidError(f'{field}.memory: "{text}" is not a quantity such as "256M" or "1Gi"')
    return amount
