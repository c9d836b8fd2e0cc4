"""The hyphenated commands of 1.x: which command each stands for now, and how its arguments are rewritten.

Before 1.9 a command was one word (`put-file`) and named a commit by several arguments (`put-file REPO BRANCH PATH`), or
by `REPO/COMMIT`. Arguments in today's form (they hold an `@`) are left alone, so half-converted scripts work.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import click

_SAME_WORDS = """
create-repo update-repo inspect-repo list-repo delete-repo list-branch inspect-job delete-job stop-job list-job
restart-datum list-datum inspect-datum create-pipeline update-pipeline inspect-pipeline edit-pipeline list-pipeline
delete-pipeline start-pipeline stop-pipeline inspect-cluster delete-all start-commit finish-commit inspect-commit
subscribe-commit list-commit delete-commit create-branch delete-branch flush-job flush-commit put-file copy-file
get-file inspect-file list-file glob-file delete-file
"""
LEGACY = {word: word.replace("-", " ", 1) for word in _SAME_WORDS.split()}
LEGACY |= {"get-logs": "logs", "set-branch": "create branch"}
"""1.x word -> today's words."""


def _at(words: list[str]) -> list[str]:
    """`REPO [REF]` -> `REPO@REF`."""
    return [f"{words[0]}@{words[1]}", *words[2:]] if len(words) > 1 else words


def _at_path(words: list[str]) -> list[str]:
    """`REPO REF [PATH]` -> `REPO@REF:PATH`."""
    if len(words) < 2:
        return words
    return [f"{words[0]}@{words[1]}" + (f":{words[2]}" if len(words) > 2 else ""), *words[3:]]


def _two_files(words: list[str]) -> list[str]:
    """`REPO REF PATH REPO REF PATH` -> two files."""
    return [*_at_path(words[:3]), *_at_path(words[3:])]


def _slash(words: list[str]) -> list[str]:
    """`REPO/COMMIT …` -> `REPO@COMMIT …`."""
    return [word.replace("/", "@", 1) for word in words]


def _branches(words: list[str]) -> list[str]:
    """`REPO BRANCH [HEAD]` -> the branch and, where given, its head."""
    if len(words) < 2:
        return words
    return [f"{words[0]}@{words[1]}", *(["--head", words[2]] if len(words) > 2 else [])]


def _moved(words: list[str]) -> list[str]:
    """`REPO HEAD BRANCH` -> the branch and its head."""
    return [f"{words[0]}@{words[2]}", "--head", words[1]] if len(words) == 3 else words


_COMMIT = ("start-commit", "finish-commit", "inspect-commit", "subscribe-commit", "list-commit", "delete-commit")
_FILE = ("put-file", "get-file", "inspect-file", "list-file", "glob-file", "delete-file")
_REWRITE: dict[str, Callable[[list[str]], list[str]]] = {
    **dict.fromkeys((*_COMMIT, "delete-branch"), _at),
    **dict.fromkeys(_FILE, _at_path),
    "flush-job": _slash,
    "flush-commit": _slash,
    "copy-file": _two_files,
    "create-branch": _branches,
    "set-branch": _moved,
}


def translate(word: str, args: Sequence[str], options: Sequence[click.Option]) -> list[str]:
    """Return today's arguments for those of a 1.x command. `options` are those of today's command."""
    flags, words = _apart(args, options)
    if word == "list-job":
        flags = [flag.replace("/", "@", 1) if before in ("-i", "--input") else flag for before, flag in _pairs(flags)]
    rewrite = _REWRITE.get(word)
    if rewrite is None or any("@" in each for each in words):
        return [*flags, *words]
    return [*flags, *rewrite(words)]


def _pairs(flags: list[str]) -> list[tuple[str, str]]:
    return list(zip(["", *flags], flags, strict=False))


def _apart(args: Sequence[str], options: Sequence[click.Option]) -> tuple[list[str], list[str]]:
    """Part flags, with their values, from positional arguments."""
    valued = {name for option in options if not option.is_flag and not option.count for name in option.opts}
    flags: list[str] = []
    words: list[str] = []
    left = iter(args)
    for arg in left:
        if arg == "--":
            words += left
        elif arg.startswith("-") and arg != "-":
            flags.append(arg)
            if arg in valued:
                flags += [value for value in [next(left, None)] if value is not None]
        else:
            words.append(arg)
    return flags, words
