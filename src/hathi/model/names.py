"""Which names are legal.

Names of projects, repos, branches and pipelines become folder names, environment variables, DNS labels and parts of
references like `images@master:/a.png`, so they share one narrow alphabet and may never be mistaken for a commit id. The
texts are the original's: its clients and scripts match on them.
"""

from __future__ import annotations

import re

from hathi.model import ids
from hathi.model.errors import InvalidError
from hathi.model.quoting import excerpt
from hathi.model.references import META, SPEC, USER

MAX_NAME = 51
"""Longest project or pipeline name: a Kubernetes label (63) less room for a version (8) and for separators (4)."""

MAX_COMPONENT = 255
"""Longest name of anything: each may become the name of a folder."""

MAX_LABEL = 63
"""Longest name Kubernetes takes for what it runs on behalf of a pipeline."""

REPO_TYPES = (USER, SPEC, META)

_NAME = re.compile(r"[A-Za-z0-9_-]+")
_VARIABLE = re.compile(r"[^=\0]+")
_RESERVED_VARIABLE = re.compile(
    r"PATH|HOME|SHELL|USER|LOGNAME|PWD|OLDPWD|TMPDIR|TMP|TEMP|TZ|TZDIR|TERM|HOSTNAME|LANG|LANGUAGE|LC_[A-Z]+"
    r"|IFS|ENV|CDPATH|PS4|SHELLOPTS|BASHOPTS|BASH_[A-Z]+|PROMPT_COMMAND"
    r"|(LD|DYLD|MALLOC)_[A-Z0-9_]+|GLIBC_TUNABLES|GCONV_PATH|LOCPATH|NLSPATH|HOSTALIASES|RES_OPTIONS|LOCALDOMAIN"
    r"|PYTHON[A-Z]+|PERL5?(LIB|OPT|DB)|RUBY(LIB|OPT)|(R|GEM|NODE|JAVA|LUA)_[A-Z_]+|CLASSPATH|_JAVA_OPTIONS"
    r"|(https?|ftp|all|no)_proxy|(HTTPS?|FTP|ALL|NO)_PROXY|(PACH|PPS)_.*|FILESET_ID"
)
"""Variables by which programs find what they need, or which the worker sets."""
_LEADING = re.compile(r"[A-Za-z0-9]")


def is_name(text: str) -> bool:
    """Return whether `text` uses the characters that every name is made of, and at least one."""
    return _NAME.fullmatch(text) is not None


def is_variable(name: str) -> bool:
    """Return whether there can be a variable of this name."""
    return _VARIABLE.fullmatch(name) is not None


def is_free_variable(name: str) -> bool:
    """Return whether an input of this name may set the variable of that name without breaking the programs it runs."""
    return is_variable(name) and _RESERVED_VARIABLE.fullmatch(name) is None


def is_branch_name(text: str) -> bool:
    """Return whether a branch may have this name: a legal name that cannot be read as a commit id."""
    return is_name(text) and not ids.is_id(text)


def check_project(name: str) -> None:
    """Raise InvalidError unless a project may have this name."""
    if not name:
        raise InvalidError("project name cannot be empty")
    _check_characters(name, "project")
    _check_length(name, "project")
    _check_leading(name, "project")


def check_repo(name: str, kind: str = USER) -> None:
    """Raise InvalidError unless a repo may have this name and type."""
    if not name:
        raise InvalidError("repo name cannot be empty")
    _check_characters(name, "repo")
    _check_length(name, "repo", MAX_COMPONENT)
    if kind not in REPO_TYPES:
        raise InvalidError(f'invalid repo type "{excerpt(kind)}": expected one of {", ".join(REPO_TYPES)}')


def check_branch(name: str) -> None:
    """Raise InvalidError unless a branch may have this name."""
    if not name:
        raise InvalidError("branch name cannot be empty")
    _check_characters(name, "branch")
    _check_length(name, "branch", MAX_COMPONENT)
    if ids.is_id(name):
        raise InvalidError(f'invalid branch name: "{name}" has the form of a commit id')


def check_pipeline(name: str, project: str = "") -> None:
    """Raise InvalidError unless a pipeline of `project` may have this name.

    With a project given, the name under which Kubernetes would run version 99 must fit a label as well, so that a
    spec which works on a laptop works in a cluster.
    """
    if not name:
        raise InvalidError("Pipeline.Name cannot be empty")
    _check_characters(name, "pipeline")
    _check_length(name, "pipeline")
    _check_leading(name, "pipeline")
    if project:
        label = f"{project}-{name}-v99".replace("_", "-").lower()
        if len(label) > MAX_LABEL:
            excess = len(label) - MAX_LABEL
            raise InvalidError(f'Kubernetes name "{label}" is {excess} characters longer than the {MAX_LABEL} max')


def _check_characters(name: str, what: str) -> None:
    if not is_name(name):
        raise InvalidError(
            f"invalid {what} name: name ({excerpt(name)}) invalid: "
            "only alphanumeric characters, underscores, and dashes are allowed"
        )


def _check_length(name: str, what: str, most: int = MAX_NAME) -> None:
    if len(name) > most:
        raise InvalidError(f'{what} name "{excerpt(name)}" is {len(name) - most} characters longer than the {most} max')


def _check_leading(name: str, what: str) -> None:
    if not _LEADING.match(name):
        raise InvalidError(f'{what} name "{excerpt(name)}" must start with an alphanumeric character')
