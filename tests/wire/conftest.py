"""The facts that the published clients know, and ours in the same form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from hathi.wire.gen import admin_pb2, auth_pb2, pfs_pb2, pps_pb2, taskapi_pb2, transaction_pb2, version_pb2

GOLDEN = Path(__file__).parent.parent / "golden" / "wire"
MODULES = (admin_pb2, auth_pb2, pfs_pb2, pps_pb2, taskapi_pb2, transaction_pb2, version_pb2)
STREAMS = {(False, False): "unary", (False, True): "server", (True, False): "client", (True, True): "bidi"}
SCALARS = {
    value: name.removeprefix("TYPE_").lower() for name, value in vars(FieldDescriptor).items() if name[:5] == "TYPE_"
}

Facts = dict[str, Any]


def _type(field: FieldDescriptor) -> str:
    if field.message_type is not None:
        if field.message_type.GetOptions().map_entry:
            key, value = (_type(field.message_type.fields_by_name[name]) for name in ("key", "value"))
            return f"map<{key},{value}>"
        return field.message_type.full_name
    if field.enum_type is not None:
        return field.enum_type.full_name
    return SCALARS[field.type]


def _field(field: FieldDescriptor) -> Facts:
    facts: Facts = {"name": field.name, "type": _type(field)}
    if field.is_repeated and not facts["type"].startswith("map<"):
        facts["repeated"] = True
    if field.containing_oneof is not None:
        facts["oneof"] = field.containing_oneof.name
    return facts


def _add_enum(facts: Facts, enum: EnumDescriptor) -> None:
    facts["enums"][enum.full_name] = {value.name: value.number for value in enum.values}


def _add_message(facts: Facts, message: Descriptor) -> None:
    fields = sorted(message.fields, key=lambda field: field.number)
    facts["messages"][message.full_name] = {str(field.number): _field(field) for field in fields}
    for enum in message.enum_types:
        _add_enum(facts, enum)
    for nested in message.nested_types:
        if not nested.GetOptions().map_entry:
            _add_message(facts, nested)


@pytest.fixture(scope="session")
def ours() -> Facts:
    """What our descriptors say."""
    facts: Facts = {"services": {}, "messages": {}, "enums": {}}
    for module in MODULES:
        file = module.DESCRIPTOR
        for service in file.services_by_name.values():
            facts["services"][service.full_name] = {
                method.name: [
                    method.input_type.full_name,
                    method.output_type.full_name,
                    STREAMS[method.client_streaming, method.server_streaming],
                ]
                for method in service.methods
            }
        for enum in file.enum_types_by_name.values():
            _add_enum(facts, enum)
        for message in file.message_types_by_name.values():
            _add_message(facts, message)
    return facts


@pytest.fixture(scope="session")
def sdk() -> Facts:
    """What pachyderm-sdk 2.12.2 says: the release we speak, under Python's names."""
    return dict(json.loads((GOLDEN / "pachyderm_sdk.json").read_text()))


@pytest.fixture(scope="session")
def older() -> Facts:
    """What python-pachyderm 7.6.0 says: an older release, under the protocol's own names."""
    return dict(json.loads((GOLDEN / "python_pachyderm.json").read_text()))
