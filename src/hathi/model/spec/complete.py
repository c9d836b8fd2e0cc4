"""What an effective spec leaves unsaid and Hathi fills in, so that nothing downstream asks "and if it is missing?".

Inputs get their names, projects, branches and clean globs; siblings are put in order of their names, so that the
order of a list in the spec never decides the identity of a datum.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hathi.model.inputs import COMBINATORS
from hathi.model.references import USER, Pipeline

Node = Mapping[str, Any]


def complete(spec: Node, pipeline: Pipeline) -> dict[str, Any]:
    """Return an effective spec in canonical form, structurally sound, with everything filled in that follows."""
    result = dict(spec)
    result["pipeline"] = {"name": pipeline.name, "project": {"name": pipeline.project}}
    if "input" in spec:
        result["input"] = _Inputs(pipeline).node(spec["input"])
    if "service" in spec:
        result["service"] = {"type": "NodePort", **spec["service"]}
    if not result.get("parallelism_spec", {}).get("constant"):
        result["parallelism_spec"] = {"constant": 1}
    return result


def input_name(node: Node) -> str:
    """Return the name that an input is sorted by: its own, or that of its first child; "" when there is none."""
    for kind, value in node.items():
        if kind in COMBINATORS and isinstance(value, list):
            return input_name(value[0]) if value else ""
        if isinstance(value, Mapping):
            return value.get("name") or value.get("repo") or ""
    return ""


class _Inputs:
    """Completes the inputs of one pipeline; counts the branches that triggers make."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._triggers = 0

    def node(self, node: Node) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for kind, value in node.items():
            if kind in COMBINATORS:
                result[kind] = sorted((self.node(child) for child in value), key=input_name)
            else:
                result[kind] = self._pfs(value) if kind == "pfs" else self._cron(value)
        return result

    def _pfs(self, leaf: Node) -> dict[str, Any]:
        branch = leaf.get("branch")
        trigger = leaf.get("trigger")
        if trigger is not None:
            self._triggers += 1
            branch = branch or f"{self._pipeline.name}-trigger-{self._triggers}"
            trigger = {**trigger, "branch": trigger.get("branch") or "master"}
        filled = {
            "project": leaf.get("project") or self._pipeline.project,
            "name": leaf.get("name") or leaf.get("repo", ""),
            "repo": leaf.get("repo", ""),
            "repo_type": leaf.get("repo_type") or USER,
            "branch": branch or "master",
        }
        if leaf.get("glob"):
            filled["glob"] = "/" + leaf["glob"].strip("/")
        if trigger is not None:
            filled["trigger"] = trigger
        return {**leaf, **filled}

    def _cron(self, leaf: Node) -> dict[str, Any]:
        name = leaf.get("name", "")
        return {
            **leaf,
            "name": name,
            "project": leaf.get("project") or self._pipeline.project,
            "repo": leaf.get("repo") or f"{self._pipeline.name}_{name}",
        }
