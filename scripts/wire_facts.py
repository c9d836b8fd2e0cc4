"""Write down what a published client of the original knows of the wire: names, numbers, types, streams. Facts, as
JSON.

Run it with the interpreter of an environment that holds the client (they exclude each other, so each needs its own):

    python -m venv /tmp/sdk && /tmp/sdk/bin/pip install pachyderm-sdk==2.12.2
    /tmp/sdk/bin/python scripts/wire_facts.py sdk > tests/golden/wire/pachyderm_sdk.json
    python -m venv /tmp/old && /tmp/old/bin/pip install python-pachyderm==7.6.0 'protobuf<3.21'
    /tmp/old/bin/python scripts/wire_facts.py descriptors > tests/golden/wire/python_pachyderm.json

The first is of the release we speak, but its names are Python's (flattened, recased); the second has the protocol's
own names, of an older release. Together they say everything; `tests/wire/test_protocol.py` compares our descriptors
with both.

The form: services {package.Service: {method: [request, response, stream]}}, messages {package.Message: {number:
field}} with field {name, type, repeated?, oneof?} where type is a scalar's name, a message's or an enum's full
name, or "map<key,value>", enums {package.Enum: {name: number}}. A null stands for what the client does not know.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import json
import os
import sys
import typing

PACKAGES = {
    "pfs": "pfs_v2",
    "pps": "pps_v2",
    "transaction": "transaction_v2",
    "version": "versionpb_v2",
    "admin": "admin_v2",
    "auth": "auth_v2",
    "taskapi": "taskapi",
}


def sdk() -> dict:
    """Read the classes of pachyderm-sdk, which betterproto generated."""
    import betterproto

    prefix = "pachyderm_sdk.api."
    modules = {name: importlib.import_module(prefix + name) for name in PACKAGES}

    def full_name(cls: type) -> str:
        if cls.__module__.startswith("datetime"):
            return {"datetime": "google.protobuf.Timestamp", "timedelta": "google.protobuf.Duration"}[cls.__name__]
        if cls.__module__.startswith("betterproto.lib"):
            return f"google.protobuf.{cls.__name__}"
        return f"{PACKAGES[cls.__module__.removeprefix(prefix)]}.{cls.__name__}"

    def type_name(kind: str, cls: type | None) -> str:
        return full_name(cls) if kind in ("message", "enum") and cls is not None else kind

    def field(message: betterproto.Message, entry: dataclasses.Field) -> tuple[str, dict]:
        meta = betterproto.FieldMetadata.get(entry)
        classes = message._betterproto.cls_by_field
        if meta.map_types:
            key, value = meta.map_types
            kind = f"map<{key},{type_name(value, classes.get(entry.name + '.value'))}>"
        elif meta.wraps:
            kind = f"google.protobuf.{meta.wraps.capitalize()}Value"
        else:
            kind = type_name(meta.proto_type, classes.get(entry.name))
        facts: dict = {"name": entry.name, "type": kind}
        if typing.get_origin(message._type_hint(entry.name)) is list:
            facts["repeated"] = True
        if meta.group:
            facts["oneof"] = meta.group
        return str(meta.number), facts

    found: dict = {"services": {}, "messages": {}, "enums": {}}
    for module in modules.values():
        for cls in vars(module).values():
            if not isinstance(cls, type) or cls.__module__ != module.__name__:
                continue
            if issubclass(cls, betterproto.Message):
                message = cls()
                facts = dict(field(message, entry) for entry in dataclasses.fields(cls))
                found["messages"][full_name(cls)] = dict(sorted(facts.items(), key=lambda item: int(item[0])))
            elif issubclass(cls, betterproto.Enum):
                found["enums"][full_name(cls)] = {member.name: member.value for member in cls}
            elif cls.__name__ == "ApiStub":
                for path, *method in _stub_methods(cls, full_name):
                    service, _, name = path.strip("/").partition("/")
                    found["services"].setdefault(service, {})[name] = method
    return found


def _stub_methods(stub: type, full_name: typing.Callable[[type], str]) -> list[list]:
    """Watch a stub ask its channel for callables, then call each method and watch what it sends."""
    methods: list[list] = []
    calling: list = []

    class Channel:
        def __getattr__(self, kind: str) -> typing.Callable:
            def register(path: str, request_serializer: object, response_deserializer: typing.Any) -> typing.Callable:
                stream = {"unary_unary": "unary", "unary_stream": "server", "stream_unary": "client"}.get(kind, "bidi")
                method = [path, None, full_name(response_deserializer.__self__), stream]
                methods.append(method)

                def call(request: object) -> list:
                    if stream in ("unary", "server"):
                        method[1] = full_name(type(request))
                    calling.append(path)
                    return []

                return call

            return register

    client = stub(Channel())
    for name, function in inspect.getmembers(stub, inspect.isfunction):
        if not name.startswith("_"):
            count = sum(
                parameter.default is parameter.empty and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
                for parameter in inspect.signature(function).parameters.values()
            )
            list(getattr(client, name)(*[None] * (count - 1)) or [])
    return methods


def descriptors() -> dict:
    """Read the descriptors of python-pachyderm, which protoc generated."""
    os.environ["PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION"] = "python"
    files = ("pfs.pfs", "pps.pps", "transaction.transaction", "version.versionpb.version", "admin.admin", "auth.auth")
    found: dict = {"services": {}, "messages": {}, "enums": {}, "reserved": {}}
    for file in (*files, "task.task"):
        module = importlib.import_module(f"python_pachyderm.proto.v2.{file}_pb2")
        for service in module.DESCRIPTOR.services_by_name.values():
            # Neither descriptors nor stubs of this age say which way a method streams.
            found["services"][service.full_name] = {
                method.name: [method.input_type.full_name, method.output_type.full_name, None]
                for method in service.methods
            }
        for enum in module.DESCRIPTOR.enum_types_by_name.values():
            _add_enum(found, enum)
        for message in module.DESCRIPTOR.message_types_by_name.values():
            _add_message(found, message)
    return found


def _add_enum(found: dict, enum: typing.Any) -> None:
    found["enums"][enum.full_name] = {value.name: value.number for value in enum.values}


def _add_message(found: dict, message: typing.Any) -> None:
    from google.protobuf import descriptor_pb2

    proto = descriptor_pb2.DescriptorProto()
    message.CopyToProto(proto)
    fields = {}
    for field in sorted(message.fields, key=lambda field: field.number):
        facts = {"name": field.name, "type": _type(field)}
        if field.label == field.LABEL_REPEATED and not facts["type"].startswith("map<"):
            facts["repeated"] = True
        if field.containing_oneof:
            facts["oneof"] = field.containing_oneof.name
        fields[str(field.number)] = facts
    found["messages"][message.full_name] = fields
    reserved = [number for span in proto.reserved_range for number in range(span.start, span.end)]
    if reserved:
        found["reserved"][message.full_name] = reserved
    for enum in message.enum_types:
        _add_enum(found, enum)
    for nested in message.nested_types:
        if not nested.GetOptions().map_entry:
            _add_message(found, nested)


def _type(field: typing.Any) -> str:
    if field.message_type is not None:
        if field.message_type.GetOptions().map_entry:
            key, value = (_type(field.message_type.fields_by_name[name]) for name in ("key", "value"))
            return f"map<{key},{value}>"
        return field.message_type.full_name
    if field.enum_type is not None:
        return field.enum_type.full_name
    names = {getattr(field, name): name for name in dir(field) if name.startswith("TYPE_")}
    return names[field.type].removeprefix("TYPE_").lower()


if __name__ == "__main__":
    facts = {"sdk": sdk, "descriptors": descriptors}[sys.argv[1]]()
    sys.stdout.write(json.dumps(facts, indent=1) + "\n")
