"""Specs of Pachyderm 1.x, translated.

Ten years of specs name fields that are gone. Where the meaning lives on under another name, it is carried over with a
note; where the field only tuned machinery that no longer exists, it is left out with a note; where the meaning is
gone, it is refused with the reason, because running something else than was asked for is worse than not running.

Translation happens before anything is checked, so it touches only what it understands and leaves the rest as it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from hathi.model.inputs import COMBINATORS
from hathi.model.quoting import excerpt
from hathi.model.spec.kinds import Float, camel
from hathi.model.spec.limits import MAX_DIGITS, check
from hathi.model.spec.problems import Note, Path, Problem, SpecError
from hathi.model.spec.rules import RESOURCES

Node = dict[str, Any]

WITHOUT_EFFECT: Mapping[str, str] = {
    "cache_size": "workers no longer keep a cache of their own",
    "enable_stats": "statistics are always kept",
    "max_queue_size": "the next datum is always staged while one runs",
    "hashtree_spec": "file trees are no longer cut into a fixed number of shards",
    "gc_policy": "workers leave nothing behind to collect",
    "no_archive": "nothing is archived",
    "batch": "workers always take datums in sets",
    "scale_down_threshold": "use autoscaling",
}
"""Fields that tuned what no longer exists, and why they are not missed."""

_PARTITIONS: Mapping[str, str] = {"block": "/*", "file": "/*", "repo": "/"}
"""How an input could be cut before there were globs, and the glob that comes nearest."""

_STRATEGIES = ("CONSTANT", "COEFFICIENT", 0, 1)
"""How workers could be counted, by name or number."""

_METHODS: Mapping[str, Node] = {
    "map": {"partition": "block", "incremental": True},
    "reduce": {"partition": "file", "incremental": False},
    "incremental_reduce": {"partition": "file", "incremental": True},
    "global": {"partition": "repo", "incremental": False},
}
"""Names that such ways had before that."""


def translate(spec: Mapping[str, Any]) -> tuple[Node, list[Note]]:
    """Return `spec` with its 1.x forms replaced, and a note for each; raise SpecError for those that have no equal."""
    result, notes, _ = trace(spec)
    return result, notes


def trace(spec: Mapping[str, Any]) -> tuple[Node, list[Note], Callable[[Path], Path]]:
    """Translate, and also return what tells where a place of the result stood before, as the user wrote it."""
    check(spec)
    translation = _Translation()
    result = translation.spec(_copy(spec))
    if translation.problems:
        raise SpecError(translation.problems)
    return result, translation.notes, translation.origin


class _Translation:
    """One spec's translation: collects notes and problems while it rewrites its own copy."""

    def __init__(self) -> None:
        self.notes: list[Note] = []
        self.problems: list[Problem] = []
        self._moved: dict[Path, Path] = {}

    def origin(self, path: Path) -> Path:
        """Return where something stood before it was moved."""
        for length in range(len(path), 0, -1):
            if path[:length] in self._moved:
                return (*self._moved[path[:length]], *path[length:])
        return path

    def spec(self, spec: Node) -> Node:
        for name, reason in WITHOUT_EFFECT.items():
            if _take(spec, name) is not None:
                self._note((name,), f"has no effect: {reason}")
        self._rename(spec, "chunk_spec", "datum_set_spec")
        self._rename(spec, "standby", "autoscaling")
        self._parallelism(spec)
        self._resources(spec)
        self._incremental(spec)
        self._spout(spec)
        if "TFJob" in spec:
            spec["tf_job"] = spec.pop("TFJob")
            self._moved[("tf_job",)] = ("TFJob",)
        self._build(spec)
        self._flat_inputs(spec)
        if isinstance(spec.get("input"), dict):
            self._input(spec["input"], ("input",))
        return spec

    def _rename(self, node: Node, old: str, new: str, path: Path = ()) -> None:
        value = _take(node, old)
        if value is None:
            return
        if _has(node, new):
            self._refuse((*path, old), f"given beside {new}, which replaced it")
        else:
            node[new] = value
            self._moved[(*path, new)] = (*path, old)
            self._note((*path, old), f"read as {new}, its present name")

    def _parallelism(self, spec: Node) -> None:
        workers = _take(spec, "parallelism")
        if workers is not None and _has(spec, "parallelism_spec"):
            self._refuse(("parallelism",), "given beside parallelism_spec, which replaced it")
        elif workers is not None:
            spec["parallelism_spec"] = workers if isinstance(workers, dict) else {"constant": workers}
            self._moved[("parallelism_spec",)] = ("parallelism",)
            self._moved[("parallelism_spec", "constant")] = ("parallelism",)
            self._note(("parallelism",), "read as parallelism_spec.constant")
        node = _find(spec, "parallelism_spec")
        if not isinstance(node, dict):
            return
        strategy = _take(node, "strategy")
        if strategy is not None and strategy not in _STRATEGIES:
            text = f'unknown strategy "{excerpt(str(strategy))}" (known were CONSTANT and COEFFICIENT)'
            self._refuse(("parallelism_spec", "strategy"), text)
        elif strategy is not None:
            text = "has no effect: whichever of constant and coefficient is given says it"
            self._note(("parallelism_spec", "strategy"), text)
        self._coefficient(node)

    def _coefficient(self, node: Node) -> None:
        path: Path = ("parallelism_spec", "coefficient")
        given = _take(node, "coefficient")
        if given is None:
            return
        wrong: list[Problem] = []
        coefficient = Float().read(given, path, wrong.append)
        self.problems += wrong
        if wrong or coefficient == 0:
            return
        if coefficient < 0:
            self._refuse(path, "cannot be negative")
        elif node.get("constant"):
            self._note(path, "has no effect: constant says it all")
        else:
            node["constant"] = max(1, math.ceil(coefficient))
            self._moved[("parallelism_spec", "constant")] = path
            self._note(path, f"workers are no longer counted by node: read as constant {node['constant']}")

    def _resources(self, spec: Node) -> None:
        self._rename(spec, "resource_spec", "resource_requests")
        for name in RESOURCES:
            node = _find(spec, name)
            gpus = node.get("gpu") if isinstance(node, dict) else None
            if isinstance(gpus, str) and gpus.isdecimal() and len(gpus) <= MAX_DIGITS:
                gpus = int(gpus)
            if not isinstance(node, dict) or isinstance(gpus, bool) or not isinstance(gpus, int):
                continue
            place = self.origin((name, "gpu"))
            if gpus < 0:
                self._refuse(place, "cannot be negative")
            elif gpus == 0:
                del node["gpu"]
                self._note(place, "has no effect: no GPU is what a worker gets anyway")
            else:
                node["gpu"] = {"type": "nvidia.com/gpu", "number": gpus}
                self._note(place, f"read as {gpus} of type nvidia.com/gpu")

    def _incremental(self, spec: Node) -> None:
        if _take(spec, "incremental"):
            self._refuse(
                ("incremental",),
                "/pfs/out no longer starts with earlier output; unchanged datums are skipped, and a pipeline may read "
                "its own input's history instead",
            )

    def _spout(self, spec: Node) -> None:
        spout = spec.get("spout")
        for name in ("marker", "overwrite"):
            if isinstance(spout, dict) and _take(spout, name):
                self._refuse(("spout", name), "spouts no longer write to a pipe; they put files by pachctl or the API")

    def _build(self, spec: Node) -> None:
        transform = spec.get("transform")
        if isinstance(transform, dict) and _take(transform, "build") is not None:
            self._refuse(("transform", "build"), "only pachctl can build, since the code stands beside the spec")

    def _flat_inputs(self, spec: Node) -> None:
        flat = spec.get("inputs")
        if not isinstance(flat, list):
            return
        if "input" in spec:
            self._refuse(("inputs",), "given beside input, which replaced it")
            del spec["inputs"]
            return
        del spec["inputs"]
        children = [{"pfs": self._flat_input(node, ("inputs", index))} for index, node in enumerate(flat)]
        spec["input"] = children[0] if len(children) == 1 else {"cross": children}
        self._moved[("input",)] = ("inputs",)
        self._moved[("input", "cross")] = ("inputs",)
        for index in range(len(children)):
            self._moved[("input", "pfs") if len(children) == 1 else ("input", "cross", index, "pfs")] = (
                "inputs",
                index,
            )
        self._note(("inputs",), "read as input, " + ("a pfs input" if len(children) == 1 else "a cross of pfs inputs"))

    def _flat_input(self, node: Any, path: Path) -> Any:
        if not isinstance(node, dict):
            return node
        if isinstance(node.get("repo"), dict):
            node["repo"] = node["repo"].get("name", "")
        method = node.pop("method", None)
        if isinstance(method, str):
            method = _METHODS.get(method.lower(), {"partition": method})
        if isinstance(method, dict):
            self._method(node, method, (*path, "method"))
        elif method is not None:
            self._refuse((*path, "method"), "expected the name of a method, or its partition and incremental")
        if node.pop("run_empty", None) is not None or _take(node, "runEmpty") is not None:
            self._note((*path, "run_empty"), "has no effect: a glob without matches makes no datum")
        self._start_of_history(node, path)
        return node

    def _method(self, node: Node, method: Node, path: Path) -> None:
        """Translate how an input was cut into parts, before there were globs."""
        partition = str(method.get("partition", "file")).lower()
        glob = _PARTITIONS.get(partition)
        if glob is None:
            self._refuse(path, f'unknown partition "{excerpt(partition)}" (known were {", ".join(_PARTITIONS)})')
        elif "glob" not in node:
            node["glob"] = glob
            self._note(path, f'partition "{partition}" read as glob "{glob}"')
        incremental = method.get("incremental")
        incremental = incremental.lower() if isinstance(incremental, str) else incremental
        if incremental == "diff":
            self._refuse((*path, "incremental"), "a changed file is always read whole, not only what was added to it")
        elif incremental not in (None, False, "none"):
            self._note((*path, "incremental"), "has no effect: unchanged datums are always skipped")

    def _input(self, node: Node, path: Path) -> None:
        if "git" in node:
            self._refuse((*path, "git"), "git inputs are gone; put the repository's files into a repo instead")
            del node["git"]
        atom = node.get("atom")
        if isinstance(atom, dict) and "pfs" in node:
            del node["atom"]
            self._refuse((*path, "atom"), "given beside pfs, which replaced it")
        elif isinstance(atom, dict):
            node["pfs"] = node.pop("atom")
            self._moved[(*path, "pfs")] = (*path, "atom")
            self._note((*path, "atom"), "read as pfs, its present name")
            self._start_of_history(atom, (*path, "atom"))
        for kind in COMBINATORS:
            children = node.get(kind)
            for index, child in enumerate(children if isinstance(children, list) else ()):
                if isinstance(child, dict):
                    self._input(child, (*path, kind, index))

    def _start_of_history(self, leaf: Node, path: Path) -> None:
        for name in ("from_commit", "from"):
            if _take(leaf, name) is not None:
                self._note((*path, name), "has no effect: a job reads its input commit as a whole")

    def _note(self, path: Path, message: str) -> None:
        self.notes.append(Note(path, message))

    def _refuse(self, path: Path, message: str) -> None:
        self.problems.append(Problem(path, message))


def _spelling(node: Node, name: str) -> str:
    return name if name in node else camel(name)


def _has(node: Node, name: str) -> bool:
    return _spelling(node, name) in node


def _find(node: Node, name: str) -> Any:
    return node.get(_spelling(node, name))


def _take(node: Node, name: str) -> Any:
    """Remove the field `name`, however it is spelt, and return what it held."""
    return node.pop(_spelling(node, name), None)


def _copy(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list | tuple) else value
