"""The configuration file of pachctl, in the original's format.

One file is read by the original's pachctl, by the Python clients and by us, so whatever it holds that we do not know
is kept and written back as it was. Hence the rule: the parsed JSON is the value; contexts are views of parts of it.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from hathi.cli.errors import CliError
from hathi.model.errors import InvalidError
from hathi.model.quoting import excerpt
from hathi.model.spec import load_json

JsonObject = dict[str, Any]

MOST = 1 << 20
"""Bytes of a configuration."""

SOURCE_V1 = 1
SOURCE_IMPORTED = 3


def path_of(env: Mapping[str, str]) -> Path:
    """Return where the file is: `PACH_CONFIG`, else below the home folder."""
    if given := env.get("PACH_CONFIG"):
        return Path(given)
    return Path(env.get("HOME") or Path.home()) / ".pachyderm" / "config.json"


_TEXTS = ("pachd_address", "server_cas", "session_token", "project", "cluster_deployment_id", "active_transaction")
"""Fields of a context that this program uses."""


class Context:
    """A named server, seen through the JSON object that describes it; changes go into that object."""

    def __init__(self, name: str, data: JsonObject) -> None:
        self.name = name
        self.data = data

    def get(self, field: str) -> str:
        """Return a text field, "" when it is missing."""
        value = self.data.get(field)
        return value if isinstance(value, str) else ""

    def set(self, field: str, value: str) -> None:
        """Change a text field; "" removes it."""
        if value:
            self.data[field] = value
        else:
            self.data.pop(field, None)

    @property
    def forwarded_port(self) -> int:
        """The local port that a running `port-forward` recorded for pachd, or 0."""
        ports = self.data.get("port_forwarders")
        port = ports.get("pachd") if isinstance(ports, dict) else None
        return port if isinstance(port, int) and 0 < port < 1 << 16 else 0


class Config:
    """The whole file. `data` is its JSON; `write` puts it back atomically, readable by its owner only."""

    def __init__(self, path: Path, data: JsonObject) -> None:
        self.path = path
        self.data = data

    @classmethod
    def read(cls, path: Path) -> Config:
        """Read the file; a missing one is an empty configuration, a 1.x one is migrated in memory."""
        try:
            with path.open("rb") as file:
                content = file.read(MOST + 1)
        except FileNotFoundError:
            return cls(path, {})
        except OSError as error:
            raise CliError(f"cannot read the configuration {path}: {error.strerror}") from error
        if len(content) > MOST:
            raise CliError(f"the configuration {path} is longer than {MOST >> 20} MiB; is it the right file?")
        try:
            text = content.decode()
        except UnicodeDecodeError as error:
            raise CliError(
                f"the configuration {path} is not text in UTF-8: {error.reason} at byte {error.start}"
            ) from error
        try:
            data = load_json(text) if text.strip() else {}
        except InvalidError as error:
            raise CliError(f"the configuration {path} cannot be used: {error}") from error
        if not isinstance(data, dict):
            raise CliError(f"the configuration {path} is not a JSON object")
        data = _migrated(data)
        if wrong := _wrong_type(data):
            raise CliError(f"the configuration {path} is malformed: {wrong}")
        return cls(path, data)

    def write(self) -> None:
        """Write the file."""
        self.data.setdefault("user_id", uuid.uuid4().hex)
        temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            temporary.touch(mode=0o600)
            temporary.write_text(json.dumps(self.data, indent=2) + "\n")
            temporary.replace(self.path)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise CliError(f"cannot write the configuration {self.path}: {error.strerror}") from error

    @property
    def _v2(self) -> JsonObject:
        return cast(JsonObject, self.data.setdefault("v2", {"active_context": "", "contexts": {}, "metrics": True}))

    @property
    def contexts(self) -> JsonObject:
        """Name -> JSON of each context."""
        return cast(JsonObject, self._v2.setdefault("contexts", {}))

    @property
    def active(self) -> str:
        """Name of the active context, "" when there is none."""
        return str(self._v2.get("active_context") or "")

    @active.setter
    def active(self, name: str) -> None:
        self.require(name)
        self._v2["active_context"] = name

    @property
    def active_enterprise(self) -> str:
        """Name of the active enterprise context, "" when there is none."""
        return str(self._v2.get("active_enterprise_context") or "")

    @active_enterprise.setter
    def active_enterprise(self, name: str) -> None:
        self.require(name)
        self._v2["active_enterprise_context"] = name

    @property
    def metrics(self) -> bool:
        """Whether the original's pachctl sends metrics; ours never does."""
        return bool(self._v2.get("metrics", False))

    @metrics.setter
    def metrics(self, on: bool) -> None:
        self._v2["metrics"] = on

    def require(self, name: str) -> Context:
        """Return the context of that name, or raise CliError."""
        found = self.contexts.get(name)
        if not isinstance(found, dict):
            raise CliError(f"context does not exist: {excerpt(name)}")
        return Context(name, found)

    def current(self, env: Mapping[str, str]) -> Context:
        """Return the context that `PACH_CONTEXT` or the file chooses; an empty one when there is none."""
        if chosen := env.get("PACH_CONTEXT"):
            found = self.contexts.get(chosen)
            if not isinstance(found, dict):
                raise CliError(f'PACH_CONTEXT names the context "{excerpt(chosen)}", which is not in {self.path}')
            return Context(chosen, found)
        name = self.active
        found = self.contexts.get(name or "default")
        return Context(name or "default", found if isinstance(found, dict) else {})

    def save(self, context: Context) -> None:
        """Put a context into the configuration, make it active if none is, and write the file."""
        self.contexts[context.name] = context.data
        if not self.active:
            self.active = context.name
        self.write()


def _wrong_type(data: JsonObject) -> str:
    """Return what is not as this program, or the original's, would write it; "" when all is well."""
    v2 = data.get("v2", {})
    if not isinstance(v2, dict):
        return "v2 must be an object"
    for key in ("active_context", "active_enterprise_context"):
        if not isinstance(v2.get(key, ""), str):
            return f"v2.{key} must be a string"
    contexts = v2.get("contexts", {})
    if not isinstance(contexts, dict):
        return "v2.contexts must be an object"
    for name, context in contexts.items():
        if not isinstance(context, dict):
            return f'the context "{excerpt(name)}" must be an object'
        for field in _TEXTS:
            if not isinstance(context.get(field, ""), str):
                return f'{field} of the context "{excerpt(name)}" must be a string'
    return ""


def _migrated(data: JsonObject) -> JsonObject:
    """Turn the one server of a 1.x file into a context."""
    old = data.get("v1")
    if not isinstance(old, dict) or "v2" in data:
        return data
    kept = {key: value for key, value in data.items() if key != "v1"}
    context = {"source": SOURCE_V1} | {key: value for key, value in old.items() if value}
    kept["v2"] = {"active_context": "default", "contexts": {"default": context}, "metrics": True}
    return kept
