"""What an input may not be, beyond the types of its fields.

The texts are the original's where clients may know them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from hathi.model.errors import InvalidError
from hathi.model.globs import GlobError, compile_glob
from hathi.model.inputs import COMBINATORS, KINDS
from hathi.model.names import MAX_COMPONENT, check_branch, check_project, check_repo, is_free_variable
from hathi.model.quoting import excerpt
from hathi.model.spec.problems import Note, Path, Problem

Node = Mapping[str, Any]

_RESERVED = {"out": "as pachyderm already creates /pfs/out to collect job output", ".env": "as /pfs/.env is taken"}
_CRON_NAMES = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly", "@never")
_CRON_FIELDS = re.compile(r"([0-9A-Za-z*/,?-]+\s+){4}[0-9A-Za-z*/,?-]+")
_CRON_EVERY = re.compile(r"@every\s+(\d+(\.\d+)?(ns|us|ms|s|m|h))+")


def problems(node: Node, path: Path) -> Iterator[Problem]:
    """Yield what is wrong with the input `node` of an effective spec; `path` is its place."""
    yield from _node(node, path, ())
    yield from _clashes(node, path)


def notes(node: Node, path: Path) -> Iterator[Note]:
    """Yield what the user should know of a sound input."""
    for kind, value in node.items():
        if kind in COMBINATORS:
            for index, child in enumerate(value):
                yield from notes(child, (*path, kind, index))
        elif not is_free_variable(name := value.get("name") or value.get("repo", "")):
            text = f'no variable "{excerpt(name)}" tells its path, since programs need the one of that name'
            yield Note((*path, kind), f"{text}; read it in /pfs/{excerpt(name)}, or give the input another name")


def is_cron(spec: str) -> bool:
    """Return whether `spec` has the form of a cron expression: five fields, `@daily` and the like, `@every 10m`."""
    text = spec.strip()
    return text in _CRON_NAMES or bool(_CRON_FIELDS.fullmatch(text) or _CRON_EVERY.fullmatch(text))


def _node(node: Node, path: Path, above: tuple[str, ...]) -> Iterator[Problem]:
    """Yield the problems of a node and those below it; `above` are the combinators it stands in, outermost first."""
    kinds = [kind for kind in KINDS if node.get(kind) is not None]
    if not kinds:
        yield Problem(path, "no input set")
    elif len(kinds) > 1:
        yield Problem(path, f"multiple input types set ({', '.join(kinds)})")
    else:
        [kind] = kinds
        value, place = node[kind], (*path, kind)
        if kind == "pfs":
            yield from _pfs(value, place, above)
        elif kind == "cron":
            yield from _cron(value, place)
        elif not value:
            yield Problem(place, "no input set")
        else:
            for index, child in enumerate(value):
                yield from _node(child, (*place, index), (*above, kind))


def _pfs(leaf: Node, path: Path, above: tuple[str, ...]) -> Iterator[Problem]:
    repo, name = leaf.get("repo", ""), leaf.get("name", "")
    if not repo:
        yield Problem(path, "input must specify a repo")
    elif repo == "out" and not name:
        reason = "inputs based on repos named \"out\" must have 'name' set, "
        yield Problem(path, reason + _RESERVED["out"])
    else:
        yield from _refusal(lambda: check_repo(repo, leaf.get("repo_type") or "user"), (*path, "repo"))
    yield from _name(name, path)
    if leaf.get("project"):
        yield from _refusal(lambda: check_project(leaf["project"]), (*path, "project"))
    if leaf.get("branch"):
        yield from _refusal(lambda: check_branch(leaf["branch"]), (*path, "branch"))
    if leaf.get("commit"):
        yield Problem(path, "input cannot come from a commit; use a branch with head pointing to the commit")
    yield from _glob(leaf, path)
    if leaf.get("s3"):
        yield from _s3(leaf, path, above)
    if leaf.get("lazy") and leaf.get("empty_files"):
        yield Problem(path, "input cannot specify both 'lazy' and 'empty_files': an empty file is never fetched")


def _glob(leaf: Node, path: Path) -> Iterator[Problem]:
    glob = leaf.get("glob", "")
    if not glob:
        if not leaf.get("s3"):
            yield Problem(path, "input must specify a glob")
        return
    try:
        compile_glob(glob)
    except GlobError as error:
        yield Problem((*path, "glob"), str(error))


def _s3(leaf: Node, path: Path, above: tuple[str, ...]) -> Iterator[Problem]:
    for kind in ("join", "group", "union"):
        if kind in above:
            yield Problem((*path, "s3"), f"S3 inputs in {kind} expressions are not supported")
    for key in ("lazy", "empty_files"):
        if leaf.get(key):
            yield Problem((*path, key), f"input cannot specify both 's3' and '{key}'")
    if leaf.get("glob", "/").strip("/"):
        yield Problem((*path, "glob"), "inputs that set 's3' to 'true' must also set 'glob', to \"/\"")


def _cron(leaf: Node, path: Path) -> Iterator[Problem]:
    name = leaf.get("name", "")
    if not name:
        yield Problem(path, "input must specify a name")
    yield from _name(name, path)
    if not leaf.get("spec"):
        yield Problem(path, "input must specify a cron spec")
    elif not is_cron(leaf["spec"]):
        yield Problem((*path, "spec"), f'error parsing cron-spec "{excerpt(leaf["spec"])}"')
    if leaf.get("repo"):
        yield from _refusal(lambda: check_repo(leaf["repo"]), (*path, "repo"))


def _name(name: str, path: Path) -> Iterator[Problem]:
    if name in _RESERVED:
        yield Problem((*path, "name"), f'input cannot be named "{name}", {_RESERVED[name]}')
    elif "/" in name or not name.isprintable() or name in (".", ".."):
        yield Problem((*path, "name"), f'input cannot be named "{excerpt(name)}", as it names a folder in /pfs')
    elif len(name.encode()) > MAX_COMPONENT:
        yield Problem((*path, "name"), f'input name "{excerpt(name)}" is longer than the {MAX_COMPONENT} bytes max')


def _clashes(node: Node, path: Path) -> Iterator[Problem]:
    seen: dict[str, Path] = {}
    for name, place in _names(node, path):
        if name in seen:
            yield Problem(place, f'name "{excerpt(name)}" was used more than once')
        seen[name] = place


def _names(node: Node, path: Path) -> Iterator[tuple[str, Path]]:
    """Yield the names that a datum of `node` can meet together: those of a union's children count once."""
    for kind, value in node.items() if len(node) == 1 else ():
        if kind not in COMBINATORS:
            if name := value.get("name") or value.get("repo"):
                yield name, (*path, kind, "name")
            continue
        each = [list(_names(child, (*path, kind, index))) for index, child in enumerate(value or ())]
        if kind == "union":
            yield from {name: (name, place) for names in each for name, place in names}.values()
        else:
            for names in each:
                yield from names


def _refusal(check: Any, path: Path) -> Iterator[Problem]:
    try:
        check()
    except InvalidError as error:
        yield Problem(path, str(error))
