"""Which commit of the Git repository is at hand, and why: what a CI service says of it, else Git itself."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from hathi.cli.errors import CliError

PULL_REQUEST = "pull_request"
PUSH = "push"
_NOT_MERGED = (PULL_REQUEST, "merge_group")
"""How the names of events begin whose commit is not in the branch yet."""

_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")


def event(given: str, env: Mapping[str, str]) -> str:
    """Return `pull_request`, or `push` for everything that is rolled out (a push, a tag, a start by hand).

    given: from the command line, "" for none. CliError when it is neither: a slip must not roll out a pull request.
    """
    if given not in ("", PUSH, PULL_REQUEST):
        raise CliError(f'unknown event "{given}": --event is {PUSH} or {PULL_REQUEST}')
    found = given or env.get("GITHUB_EVENT_NAME", PUSH)
    return PULL_REQUEST if found.startswith(_NOT_MERGED) else PUSH


def revision(env: Mapping[str, str], folder: Path) -> str:
    """Return the id of the commit, "" when the folder is in no Git repository."""
    if sha := env.get("GITHUB_SHA"):
        return sha
    command = ["git", "-C", str(folder), "rev-parse", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return "" if done.returncode else done.stdout.strip()


def checked_tag(tag: str) -> str:
    """Return a tag that an image may have, or "" for none; else raise CliError."""
    if tag and not _TAG.fullmatch(tag):
        raise CliError(f'"{tag}" cannot be the tag of an image: letters, digits, `_`, `.` and `-`, 128 at most')
    return tag
