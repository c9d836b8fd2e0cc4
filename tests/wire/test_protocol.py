"""Our descriptors are the original's 2.12, no more and no less, as far as its published clients know them."""

from __future__ import annotations

import re
from typing import Any

import pytest

Facts = dict[str, Any]

RENAMED = {("pps_v2.PipelineInfo", "13"), ("admin_v2.ClusterInfo", "3"), ("admin_v2.ClusterInfo", "4")}
"""Fields that the older release knew under another name."""

GONE = {
    "pfs_v2.RunLoadTestRequest",
    "pfs_v2.RunLoadTestResponse",
    "pps_v2.CreatePipelineResponse",
}
"""Messages of the older release that 2.12 has no more."""

GONE_METHODS = {"pfs_v2.API/RunLoadTest", "pfs_v2.API/RunLoadTestDefault"}
CHANGED_METHODS = {"pfs_v2.API/DeleteRepo"}
"""It used to answer Empty."""


def plain(name: str) -> str:
    """A name without what Python's style changes: case, underscores, nesting. The package stays."""
    if entry := re.fullmatch(r"map<(.*),(.*)>", name):
        return f"map<{entry[1]},{plain(entry[2])}>"
    package, dot, rest = name.partition(".")
    if package == "google":
        return name
    return package + dot + rest.replace(".", "").lower() if dot else package.replace("_", "").lower()


def plain_field(field: Facts) -> Facts:
    return {**field, "name": plain(field["name"]), "type": plain(field["type"])}


def plain_messages(facts: Facts) -> Facts:
    return {
        plain(name): {number: plain_field(field) for number, field in fields.items()}
        for name, fields in facts["messages"].items()
    }


def test_the_same_services_methods_and_streams(ours: Facts, sdk: Facts) -> None:
    assert ours["services"].keys() == sdk["services"].keys()
    for service, methods in sdk["services"].items():
        assert ours["services"][service].keys() == methods.keys()
        for name, (request, response, stream) in methods.items():
            our_request, our_response, our_stream = ours["services"][service][name]
            assert (plain(our_response), our_stream) == (plain(response), stream), name
            if request is not None:
                assert plain(our_request) == plain(request), name


def test_the_same_messages(ours: Facts, sdk: Facts) -> None:
    assert plain_messages(ours).keys() == plain_messages(sdk).keys()


def test_the_same_fields_with_numbers_types_and_oneofs(ours: Facts, sdk: Facts) -> None:
    theirs = plain_messages(sdk)
    for name, fields in plain_messages(ours).items():
        assert fields == theirs[name], name


def test_the_same_enums(ours: Facts, sdk: Facts) -> None:
    mine = {plain(name): values for name, values in ours["enums"].items()}
    assert mine == {plain(name): values for name, values in sdk["enums"].items()}


def test_names_and_nesting_are_the_protocols_own(ours: Facts, older: Facts) -> None:
    assert older["messages"].keys() - ours["messages"].keys() == GONE
    assert older["enums"].keys() <= ours["enums"].keys()


def test_fields_that_both_releases_have_keep_their_exact_names(ours: Facts, older: Facts) -> None:
    for name in older["messages"].keys() - GONE:
        mine = ours["messages"][name]
        for number, field in older["messages"][name].items():
            if number in mine and (name, number) not in RENAMED:
                assert mine[number] == field, name


def test_numbers_that_a_release_gave_up_stay_reserved(ours: Facts, older: Facts, reserved: Any) -> None:
    for name in older["messages"].keys() - GONE:
        gone = older["messages"][name].keys() - ours["messages"][name].keys()
        assert {int(number) for number in gone} <= reserved(name), name
    for name, numbers in older["reserved"].items():
        assert set(numbers) <= reserved(name), name


def test_methods_of_the_older_release_are_there(ours: Facts, older: Facts) -> None:
    for service, methods in older["services"].items():
        for name, (request, response, _) in methods.items():
            path = f"{service}/{name}"
            if path in GONE_METHODS:
                assert name not in ours["services"][service]
            elif path not in CHANGED_METHODS:
                assert ours["services"][service][name][:2] == [request, response], path


@pytest.fixture
def reserved() -> Any:
    """The numbers that one of our messages reserves."""
    from google.protobuf import descriptor_pb2, descriptor_pool

    def of(name: str) -> set[int]:
        proto = descriptor_pb2.DescriptorProto()
        descriptor_pool.Default().FindMessageTypeByName(name).CopyToProto(proto)
        return {number for span in proto.reserved_range for number in range(span.start, span.end)}

    return of
