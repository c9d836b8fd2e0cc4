from __future__ import annotations

import pytest

from hathi.datum.limits import MAX_PROCESSES, host_config, memory
from hathi.model.errors import InvalidError


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("1024", 1024),
        ("256M", 256_000_000),
        ("64Mi", 64 << 20),
        ("1.5Gi", 3 << 29),
        (".5G", 500_000_000),
        ("1e3", 1000),
        ("128k", 128_000),
        ("128K", 128_000),
        ("1Ti", 1 << 40),
    ],
)
def test_quantities_are_those_of_kubernetes(text: str, size: int) -> None:
    assert memory("resource_limits", text) == size


@pytest.mark.parametrize("text", ["", "M", "1 Gi b", "-1", "1KiB", "much", "1Bi", "٣"])
def test_what_is_no_quantity_is_named_with_its_field(text: str) -> None:
    with pytest.raises(InvalidError, match=r"resource_limits\.memory"):
        memory("resource_limits", text)


def test_limits_are_enforced_and_requests_are_shares() -> None:
    resources = {
        "resource_limits": {"cpu": 1.5, "memory": "64Mi", "gpu": {"type": "nvidia.com/gpu", "number": 2}},
        "resource_requests": {"cpu": 0.25, "memory": "1k"},
    }
    assert host_config(resources) == {
        "nano_cpus": 1_500_000_000,
        "mem_limit": 64 << 20,
        "memswap_limit": 64 << 20,
        "cpu_shares": 256,
        "mem_reservation": 1000,
        "device_requests": [{"Count": 2, "Capabilities": [["gpu"]]}],
        "pids_limit": MAX_PROCESSES,
    }


def test_without_resources_there_are_no_limits() -> None:
    assert host_config({}, processes=0) == {}
    assert host_config({"resource_limits": {"cpu": 0, "memory": "", "gpu": None}}, processes=0) == {}


def test_a_container_may_not_have_any_number_of_processes() -> None:
    assert host_config({}) == {"pids_limit": MAX_PROCESSES}
