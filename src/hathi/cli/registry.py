"""The table of contents of `pachctl`: every command, where it lives, and its one-line summary.

The problem: a command line with a hundred commands must start fast, so nothing may be imported before it is asked for;
yet help, completion and the reference need all names. Hence the rule: names and summaries stand here, code stands in
`hathi.cli.commands`, where `list_repo` runs `list repo`. This module imports nothing heavy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

VERBS = {
    "auth": "Who am I, and what may I do.",
    "completion": "Print a script that completes commands in a shell.",
    "config": "Read and change the configuration of pachctl.",
    "copy": "Copy a resource.",
    "create": "Make a new resource.",
    "delete": "Delete a resource.",
    "edit": "Edit a resource in an editor.",
    "find": "Search the history.",
    "finish": "Finish what was started.",
    "flush": "Wait for everything that commits cause (the 1.x form of wait).",
    "get": "Read the bytes of a resource.",
    "glob": "List what a pattern matches.",
    "inspect": "Show one resource in detail.",
    "list": "List resources.",
    "put": "Write the bytes of a resource.",
    "rerun": "Run something again.",
    "restart": "Restart something that runs.",
    "resume": "Take up again what was stopped.",
    "run": "Run something now.",
    "squash": "Fold commits into their children.",
    "start": "Start something.",
    "stop": "Stop something.",
    "subscribe": "Follow new resources as they appear.",
    "update": "Change a resource.",
    "validate": "Check something without running it.",
    "wait": "Wait until something is done.",
}
"""The first words that are followed by more words, with what they do."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One command.

    words: how it is called, e.g. `("list", "repo")`.
    module: module below `hathi.cli.commands` that holds its function.
    summary: one line for lists of commands and the top of its help.
    plural: another spelling of the last word, or "".
    hidden: left out of the lists.
    """

    words: tuple[str, ...]
    module: str
    summary: str
    plural: str = ""
    hidden: bool = False

    @property
    def name(self) -> str:
        """The command as it is typed, without `pachctl`."""
        return " ".join(self.words)

    @property
    def function(self) -> str:
        """The name of the click command in its module."""
        return "_".join(self.words).replace("-", "_").lower()


_PLURALS = {"branch": "branches", "all": "", "cluster": "", "transaction": "", "commitV2": ""}


def _group(module: str, *commands: tuple[str, str], plural: bool = True, hidden: bool = False) -> Iterator[Entry]:
    for name, summary in commands:
        words = tuple(name.split())
        many = _PLURALS.get(words[-1], words[-1] + "s") if plural and len(words) == 2 else ""
        yield Entry(words, module, summary, many, hidden)


COMMANDS: tuple[Entry, ...] = (
    *_group(
        "projects",
        ("create project", "Create a project."),
        ("update project", "Change a project's description."),
        ("inspect project", "Show a project."),
        ("list project", "List the projects."),
        ("delete project", "Delete a project with everything in it."),
    ),
    *_group(
        "repos",
        ("create repo", "Create a repo."),
        ("update repo", "Change a repo's description."),
        ("inspect repo", "Show a repo."),
        ("list repo", "List the repos of a project."),
        ("delete repo", "Delete a repo."),
    ),
    *_group(
        "branches",
        ("create branch", "Create a branch, or change its head, provenance or trigger."),
        ("inspect branch", "Show a branch."),
        ("list branch", "List the branches of a repo."),
        ("delete branch", "Delete a branch; its commits stay."),
    ),
    *_group(
        "commits",
        ("start commit", "Start a commit."),
        ("finish commit", "Finish a commit."),
        ("inspect commit", "Show a commit."),
        ("list commit", "List commit sets, the commits of one set, or the commits of a repo."),
        ("wait commit", "Wait until a commit is finished, and show it."),
        ("subscribe commit", "Print commits of a repo as they appear."),
    ),
    *_group(
        "history",
        ("squash commit", "Fold a commit set into its children."),
        ("delete commit", "Delete a commit set with its data."),
        ("squash commitV2", "Fold one commit into its children."),
        ("delete commitV2", "Delete one commit with its data."),
        ("find commit", "Find the commits that changed a file."),
    ),
    *_group(
        "put_file",
        ("put file", "Put files, folders or standard input into a repo."),
    ),
    *_group(
        "get_file",
        ("get file", "Get a file or a directory out of a repo."),
    ),
    *_group(
        "files",
        ("copy file", "Copy files between or within repos."),
        ("inspect file", "Show a file."),
        ("list file", "List the files of a directory."),
        ("glob file", "List the files that a pattern matches."),
        ("delete file", "Delete a file or a directory."),
    ),
    *_group(
        "submit",
        ("create pipeline", "Create pipelines from a specification."),
        ("update pipeline", "Change pipelines, or create those that are missing."),
        ("edit pipeline", "Edit a pipeline's specification in an editor."),
        ("validate pipeline", "Check a specification without sending it."),
    ),
    *_group(
        "pipelines",
        ("inspect pipeline", "Show a pipeline."),
        ("list pipeline", "List the pipelines of a project."),
        ("delete pipeline", "Delete a pipeline."),
        ("start pipeline", "Start a stopped pipeline."),
        ("stop pipeline", "Stop a pipeline."),
        ("run cron", "Make every cron input of a pipeline tick now."),
    ),
    *_group(
        "pipelines",
        ("rerun pipeline", "Run a pipeline again with its present specification."),
        plural=False,
    ),
    *_group(
        "jobs",
        ("inspect job", "Show a job."),
        ("wait job", "Wait until a job or a job set has ended, and show it."),
        ("list job", "List job sets, or jobs."),
        ("delete job", "Delete a job."),
        ("stop job", "Stop a job."),
    ),
    *_group(
        "datums",
        ("list datum", "List the datums of a job."),
        ("inspect datum", "Show a datum."),
        ("restart datum", "Make a running datum start again."),
    ),
    *_group("ci", ("ci", "Roll out the pipelines of a Git repository, or try those of a pull request."), plural=False),
    *_group("dev", ("dev", "Run the code at hand on the pipeline's data, again after each save."), plural=False),
    *_group("run_datum", ("run datum", "Run a datum of a job on this machine, and commit nothing."), plural=False),
    *_group(
        "flush",
        ("flush commit", "Wait for everything that commits cause, and list it."),
        ("flush job", "Wait for the jobs that commits cause, and list them."),
        hidden=True,
    ),
    *_group("logs", ("logs", "Print the logs of a pipeline or a job.")),
    *_group(
        "transactions",
        ("start transaction", "Start a transaction: commands are queued until it is finished."),
        ("stop transaction", "Leave the active transaction without finishing it."),
        ("resume transaction", "Make a transaction the active one again."),
        ("finish transaction", "Run all commands of a transaction at once."),
        ("delete transaction", "Drop a transaction."),
        ("inspect transaction", "Show a transaction."),
        ("list transaction", "List the open transactions."),
    ),
    *_group(
        "contexts",
        ("connect", "Connect pachctl to a server by making a context for it."),
        ("config get metrics", "Print whether metrics are on."),
        ("config set metrics", "Switch metrics on or off."),
        ("config get active-context", "Print the name of the active context."),
        ("config set active-context", "Make a context the active one."),
        ("config get active-enterprise-context", "Print the name of the active enterprise context."),
        ("config set active-enterprise-context", "Make a context the active enterprise one."),
        ("config get context", "Print a context."),
        ("config set context", "Write a context from JSON on standard input."),
        ("config update context", "Change fields of a context."),
        ("config delete context", "Delete a context."),
        ("config list context", "List the contexts."),
    ),
    *_group(
        "cluster",
        ("inspect cluster", "Show what the server says of itself."),
        ("gc", "Delete stored data that nothing refers to any more."),
        ("delete all", "Delete everything."),
        ("auth whoami", "Print who the server thinks you are."),
        plural=False,
    ),
    *_group("version", ("version", "Print the versions of pachctl and of the server."), plural=False),
    *_group(
        "completion",
        ("completion bash", "Print or install the completion script for bash."),
        ("completion zsh", "Print or install the completion script for zsh."),
        plural=False,
    ),
)

_ABSENT = """
buildinfo, check, config import-kube, create defaults, create secret, create snapshot, debug, delete defaults,
delete secret, delete snapshot, diff, draw, edit metadata, enterprise, fsck, idp, inspect defaults, inspect secret,
inspect snapshot, kube-events, license, list secret, list snapshot, list task, logs2, loki, misc, mount, next,
port-forward, restart cluster, run pfs-load-test, run pps-load-test, shell, unmount, update defaults,
auth activate, auth check, auth deactivate, auth get, auth get-config, auth get-groups, auth get-robot-token,
auth login, auth logout, auth revoke, auth roles-for-permission, auth rotate-root-token, auth set, auth set-config,
auth use-auth-token, deploy, undeploy, extract, restore, garbage-collect, update-dash
"""
ABSENT = frozenset(tuple(name.split()) for name in _ABSENT.replace("\n", " ").split(","))
"""The beginnings of commands that the original has, or had, and that are not here."""

_BY_WORDS = {entry.words: entry for entry in COMMANDS}
_BY_WORDS |= {(*entry.words[:-1], entry.plural): entry for entry in COMMANDS if entry.plural}


def find(words: tuple[str, ...]) -> Entry | None:
    """Return the command with exactly these words (last word singular or plural), or None."""
    return _BY_WORDS.get(words)


def children(prefix: tuple[str, ...], *, hidden: bool = False) -> list[str]:
    """Return the words that may follow `prefix`, sorted; hidden ones on request."""
    depth = len(prefix)
    return sorted(
        {
            entry.words[depth]
            for entry in COMMANDS
            if len(entry.words) > depth and entry.words[:depth] == prefix and (hidden or not entry.hidden)
        }
    )


def is_absent(words: tuple[str, ...]) -> bool:
    """Return whether the original has a command that begins so and that is not here."""
    return words in ABSENT or (*words[:-1], words[-1].removesuffix("s")) in ABSENT


def nouns() -> dict[str, list[Entry]]:
    """Return resource -> the commands that end with it, for the pages of help by resource."""
    found: dict[str, list[Entry]] = {}
    for entry in COMMANDS:
        if len(entry.words) == 2 and not entry.hidden and entry.words[0] not in ("auth", "completion"):
            found.setdefault(entry.words[1], []).append(entry)
    return {noun: entries for noun, entries in sorted(found.items()) if noun not in ("all", "commitV2")}
