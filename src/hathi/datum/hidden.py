"""Which of the host's files the process runtime's sandbox shows.

The system's folders are shown, but for secrets. Home folders are not: they appear empty, with only the programs
that PATH finds there, the Python that we run with, and what the operator names with `--show`. /tmp and
/var/tmp are the sandbox's own, but for what is named.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import pwd
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

SECRETS = (
    ".aws",
    ".azure",
    ".bash_history",
    ".boto",
    ".bundle/config",
    ".cache/huggingface/token",
    ".cargo/credentials",
    ".cargo/credentials.toml",
    ".composer/auth.json",
    ".databrickscfg",
    ".docker",
    ".dockercfg",
    ".gem/credentials",
    ".git-credentials",
    ".gnupg",
    ".gradle/gradle.properties",
    ".huggingface",
    ".kaggle",
    ".kube",
    ".m2/settings-security.xml",
    ".m2/settings.xml",
    ".mozilla",
    ".my.cnf",
    ".mylogin.cnf",
    ".netrc",
    ".npmrc",
    ".pachyderm",
    ".password-store",
    ".pgpass",
    ".pip",
    ".pypirc",
    ".python_history",
    ".s3cfg",
    ".ssh",
    ".terraform.d",
    ".terraformrc",
    ".vault-token",
    ".zsh_history",
    ".config/composer/auth.json",
    ".config/containers",
    ".config/doctl",
    ".config/gcloud",
    ".config/gh",
    ".config/git/credentials",
    ".config/heroku",
    ".config/hub",
    ".config/op",
    ".config/pip",
    ".config/rclone",
    ".local/share/keyrings",
)
"""Where programs keep credentials, relative to a home folder: hidden also where that is shown."""

SYSTEM_SECRETS = (
    "/etc/gshadow",
    "/etc/krb5.keytab",
    "/etc/kubernetes",
    "/etc/shadow",
    "/etc/ssh",
    "/etc/ssl/private",
    "/run/containerd",
    "/run/docker.sock",
    "/run/podman",
    "/run/secrets",
    "/run/user",
    "/var/lib/containerd",
    "/var/lib/docker",
    "/var/lib/kubelet",
    "/var/run/secrets",
)
"""Secrets of the machine, and the ways to its container engines, which are as good as root."""

PREFIX_SECRETS = (".condarc", ".env", ".netrc", ".npmrc", ".pypirc", "etc/npmrc", "pip.conf")
"""What may hold credentials in a folder that is shown for the programs in it."""

SYSTEM = ("bin", "boot", "dev", "etc", "lib", "lib32", "lib64", "libx32", "proc", "sbin", "sys", "tmp", "usr")
"""Top-level folders of which nothing is anybody's home, whatever /etc/passwd says."""

PROGRAMS = ("bin", "condabin", "sbin", "shims")
"""How folders of programs are called, beside which lies what the programs need."""

INSTALLED = ("bin", "include", "lib", "lib64", "libexec", "sbin")
"""What is shown of a folder that holds programs and much else, as ~/.local does."""

SHARED = (".local",)
"""Names of such folders, though they look like others."""

COMPANIONS = {".cargo": ".rustup"}
"""Where a folder's programs have what they need, when that is beside the folder."""

HOMES = 256
"""Homes in /home, and links in a folder of programs, that are looked at: a bound where a network makes them up."""

FIRST_USER, LAST_USER = 1000, 60000
"""Ids of users who are people, as Linux distributions give them out."""


@dataclass(frozen=True, slots=True)
class HostView:
    """What a sandbox shows of the host, as the shim takes it: no path has links in it.

    hide: shown as nothing. cover: folders shown as if they were empty. own: empty folders that a cover has in it. show:
    what is seen in a cover nevertheless, and entries of /tmp.
    """

    hide: tuple[Path, ...] = ()
    cover: tuple[Path, ...] = ()
    own: tuple[Path, ...] = ()
    show: tuple[Path, ...] = ()

    def options(self) -> list[str]:
        """Return it as options of the shim, which are those of a worker as well."""
        named = (("--hide", self.hide), ("--cover", self.cover), ("--own", self.own), ("--show", self.show))
        return [word for option, paths in named for path in paths for word in (option, str(path))]


def host_view(own: Iterable[Path] = (), show: Iterable[Path] = (), path: str | None = None) -> HostView:
    """Return what a sandbox shows of this machine.

    own: our folders, which no user code may see. show: what is to be seen though it lies in a home folder or in /tmp.
    path: where programs are looked for; our own PATH when None.
    """
    me = os.geteuid()
    people = [*_own_home(), *_passwd_homes(FIRST_USER, LAST_USER), *_passwd_homes(me, me)]
    everyone = [*people, *_passwd_homes(0, LAST_USER)]
    programs = os.environ.get("PATH", "") if path is None else path
    return view_of(own, show, programs.split(os.pathsep), people, everyone)


def view_of(
    own: Iterable[Path],
    show: Iterable[Path],
    programs: Iterable[str],
    people: Iterable[Path],
    everyone: Iterable[Path] = (),
    common: Sequence[Path] = (Path("/root"), Path("/home"), Path("/var/tmp")),
) -> HostView:
    """Return what a sandbox shows, given folders of programs and home folders.

    people: whose homes are hidden. everyone: in whose homes secrets are looked for as well. common: other folders to
    be found empty, such as those that have homes in them.
    """
    wanted = _real(show)
    homes = _real([*people, *(home for folder in common for home in _folders(folder))])
    covers = _outermost(path for path in _real([*common, *homes]) if _is_home(path) and not _within_any(path, wanted))
    roots = [path for path in homes if path not in wanted]
    tools = _tools(programs, [*covers, *roots])
    tools += _prefix(Path(sys.prefix) / "bin", roots) + _prefix(Path(sys.base_prefix) / "bin", roots)
    seen = _outermost(path for path in _real([*wanted, *tools]) if _within_any(path, covers))
    secrets = [Path(path) for path in SYSTEM_SECRETS]
    secrets += [home / name for home in _real([*homes, *everyone]) for name in SECRETS]
    secrets += [folder / name for folder in tools for name in PREFIX_SECRETS]
    secrets = [path for path in _real(filter(_exists, secrets)) if not any(_within(each, path) for each in wanted)]
    hide = [path for path in secrets if not _within_any(path, covers) or _within_any(path, seen)]
    return HostView(
        hide=tuple(sorted({*_real(own), *hide})),
        cover=tuple(covers),
        own=tuple(sorted(path for path in homes if path not in [*covers, *seen] and _within_any(path, covers))),
        show=(*seen, *_entries_of_tmp([*wanted, *_real(tools), *_real([Path(sys.prefix)])])),
    )


def _tools(programs: Iterable[str], homes: Sequence[Path]) -> list[Path]:
    """Return what is to be shown of homes for the programs in some folders, and those that they are links to."""
    pending = [path for path in _real(each for each in map(Path, programs) if each.is_absolute()) if _is_folder(path)]
    looked: set[Path] = set()
    found: list[Path] = []
    while pending:
        folder = pending.pop()
        if folder in looked or not _within_any(folder, homes) or folder in homes:
            continue
        looked.add(folder)
        found += _prefix(folder, homes)
        for target in _real(_links(folder)):
            if target.parent in homes:
                found.append(target)
            elif _exists(target):
                pending.append(target.parent)
    return found


def _prefix(programs: Path, homes: Sequence[Path]) -> list[Path]:
    """Return what is to be shown for a folder of programs to work."""
    parent = programs.parent
    if programs.name not in PROGRAMS or parent in homes:
        return [programs]
    companion = parent.parent / COMPANIONS.get(parent.name, ".")
    more = [companion] if parent.name in COMPANIONS and _is_folder(companion) else []
    if parent.name in SHARED or not _stands_alone(parent):
        return [*(parent / name for name in INSTALLED if _is_folder(parent / name)), *more]
    return [parent, *more]


def _stands_alone(folder: Path) -> bool:
    """Return whether a folder holds an installation and nothing else: a Python environment, say."""
    if any(_exists(folder / name) for name in ("pyvenv.cfg", "conda-meta", "shims", "versions")):
        return True
    return _is_folder(folder / "lib") and any(_is_folder(folder / name) for name in ("include", "share", "pkg", "conf"))


def _entries_of_tmp(wanted: Iterable[Path]) -> list[Path]:
    """Return the entries of /tmp below which paths lie."""
    parts = [path.parts for path in wanted]
    return sorted({Path(*each[:3]) for each in parts if each[1:2] == ("tmp",) and len(each) > 2})


def _is_home(path: Path) -> bool:
    return _is_folder(path) and len(path.parts) > 1 and path.parts[1] not in SYSTEM and len(path.parts) > _least(path)


def _least(path: Path) -> int:
    """Return how many parts no path of a home has: /var is none, /root is."""
    return 2 if path.parts[1] in ("media", "mnt", "opt", "run", "srv", "var") else 1


def _own_home() -> list[Path]:
    """Return the home of whoever runs us. A container may know neither its user nor a home, or say that it is /."""
    with contextlib.suppress(RuntimeError):
        if (home := Path.home()) != Path("/"):
            return [home]
    return []


def _passwd_homes(first: int, last: int) -> list[Path]:
    found = [Path(user.pw_dir) for user in itertools.islice(pwd.getpwall(), HOMES) if first <= user.pw_uid <= last]
    return [home for home in dict.fromkeys(found) if home.is_absolute() and home != Path("/") and _is_folder(home)]


def _folders(folder: Path) -> Iterator[Path]:
    """Yield the folders in a folder that holds homes; one that is a home itself has none."""
    if folder.name != "home":
        return
    try:
        with os.scandir(folder) as entries:
            yield from (Path(entry.path) for entry in itertools.islice(entries, HOMES) if entry.is_dir())
    except OSError:
        return


def _links(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            links = (Path(entry.path) for entry in entries if entry.is_symlink())
            return list(itertools.islice(links, HOMES))
    except OSError:
        return []


def _real(paths: Iterable[Path]) -> list[Path]:
    return list(dict.fromkeys(Path(os.path.realpath(path)) for path in paths))


def _within(path: Path, folder: Path) -> bool:
    return path == folder or path.is_relative_to(folder)


def _within_any(path: Path, folders: Iterable[Path]) -> bool:
    return any(_within(path, folder) for folder in folders)


def _outermost(paths: Iterable[Path]) -> list[Path]:
    """Return the paths that lie below no other one, sorted."""
    found: list[Path] = []
    for path in sorted(set(paths)):
        if not _within_any(path, found):
            found.append(path)
    return found


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # below a folder that we may not enter
        return False


def _exists(path: Path) -> bool:
    try:
        path.lstat()
    except OSError:  # also where we may not look: user code may not either
        return False
    return True
