from __future__ import annotations

import pwd
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from hathi.datum import hidden
from hathi.datum.hidden import HostView, host_view, view_of

View = Callable[..., HostView]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with the homes /home/ann and /home/bob below a folder, which is no system folder itself."""
    monkeypatch.setattr(hidden, "SYSTEM", ())
    monkeypatch.setattr(sys, "prefix", "/usr")
    monkeypatch.setattr(sys, "base_prefix", "/usr")
    for name in ("ann", "bob"):
        (tmp_path / "home" / name).mkdir(parents=True)
    return tmp_path


@pytest.fixture
def view(machine: Path) -> View:
    def view_(show: Iterable[Path] = (), programs: Iterable[Path] = (), own: Iterable[Path] = ()) -> HostView:
        people = [machine / "home" / "ann"]
        found = view_of(own, show, map(str, programs), people, people, [machine / "home"])
        below = [tuple(path for path in paths if path.is_relative_to(machine)) for paths in astuple(found)]
        return HostView(*below)

    return view_


def astuple(view: HostView) -> tuple[tuple[Path, ...], ...]:
    return (
        view.hide,
        view.cover,
        view.own,
        tuple(path for path in view.show if path.parts[1:2] != ("tmp",) or len(path.parts) > 3),
    )


def make(*files: Path) -> None:
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()


def test_homes_are_covered_and_in_them_each_user_has_an_empty_one(machine: Path, view: View) -> None:
    make(machine / "home/ann/.vault-token", machine / "home/ann/notes")
    found = view(own=[machine / "root"])
    assert found == HostView(
        hide=(machine / "root",),
        cover=(machine / "home",),
        own=(machine / "home/ann", machine / "home/bob"),
    )


@pytest.mark.parametrize(
    ("files", "path", "shown"),
    [
        (["bin/tool"], "bin", ["bin"]),
        ([".local/bin/tool", ".local/lib/x", ".local/share/keyrings/k"], ".local/bin", [".local/bin", ".local/lib"]),
        ([".cargo/bin/cargo", ".cargo/credentials", ".rustup/t"], ".cargo/bin", [".cargo/bin", ".rustup"]),
        ([".pyenv/shims/python", ".pyenv/versions/3/bin/python"], ".pyenv/shims", [".pyenv"]),
        (["work/.venv/bin/python", "work/.venv/pyvenv.cfg", "work/code"], "work/.venv/bin", ["work/.venv"]),
        ([".nvm/v/20/bin/node", ".nvm/v/20/lib/x", ".nvm/v/20/include/x"], ".nvm/v/20/bin", [".nvm/v/20"]),
        (["go/bin/tool", "go/src/code", "go/pkg/x"], "go/bin", ["go/bin"]),
        ([".dotnet/tools/tool"], ".dotnet/tools", [".dotnet/tools"]),
        (["notes"], ".", []),
    ],
)  # fmt: skip
def test_programs_on_the_path_are_shown_with_what_they_need_and_nothing_else(
    machine: Path, view: View, files: list[str], path: str, shown: list[str]
) -> None:
    home = machine / "home/ann"
    make(*(home / file for file in files))
    assert view(programs=[home / path]).show == tuple(home / name for name in shown)


def test_what_programs_on_the_path_are_links_to_is_shown_too(machine: Path, view: View) -> None:
    """pipx: a link to a program of an environment, whose Python is a link to that of pyenv."""
    home = machine / "home/ann"
    base, tool = home / ".pyenv/versions/3.12", home / ".local/share/pipx/venvs/black"
    make(base / "bin/python", base / "lib/os.py", base / "include/x", tool / "pyvenv.cfg", tool / "bin/black")
    (tool / "bin/python").symlink_to(base / "bin/python")
    (home / ".local/bin").mkdir()
    (home / ".local/bin/black").symlink_to(tool / "bin/black")
    assert view(programs=[home / ".local/bin"]).show == (home / ".local/bin", tool, base)


def test_folders_that_we_may_not_enter_are_no_folders_of_programs(machine: Path, view: View, monkeypatch: Any) -> None:
    def refuse(path: Path) -> bool:
        raise PermissionError(13, "denied")

    monkeypatch.setattr(hidden, "_is_home", lambda path: True)
    monkeypatch.setattr(Path, "is_dir", refuse)
    assert view(programs=[machine / "home/ann/bin"]).show == ()


def test_what_the_operator_names_is_shown_without_the_credentials_in_it(machine: Path, view: View) -> None:
    home = machine / "home/ann"
    make(home / "code/main.py", home / ".ssh/id", home / ".vault-token")
    assert view([home / "code"]).show == (home / "code",)
    assert view([home]) == HostView(
        hide=(home / ".ssh", home / ".vault-token"),
        cover=(machine / "home",),
        own=(machine / "home/bob",),
        show=(home,),
    )
    assert view([home, home / ".ssh"]).hide == (home / ".vault-token",), "what is named itself is meant"
    assert view([home / ".ssh"]).show == (home / ".ssh",)


def test_a_program_folder_is_shown_without_its_configuration_files(machine: Path, view: View) -> None:
    home = machine / "home/ann"
    make(home / "venv/pyvenv.cfg", home / "venv/bin/python", home / "venv/pip.conf")
    assert view(programs=[home / "venv/bin"]).hide == (home / "venv/pip.conf",)


def test_a_secret_behind_a_link_is_hidden_where_it_is(machine: Path, view: View) -> None:
    (machine / "vault").mkdir()
    (machine / "home/ann/.aws").symlink_to(machine / "vault")
    assert machine / "vault" in view().hide


@pytest.mark.parametrize(
    "home", ["/", "/bin", "/usr/games", "/dev", "/var", "/var/lib/../..", "/no/such/folder", "/opt"]
)
def test_what_the_system_needs_is_nobodys_home(home: str) -> None:
    assert view_of([], [], [], [Path(home)], common=[]).cover == ()


def test_only_entries_of_tmp_need_showing() -> None:
    """A folder deep in /tmp is shown with the entry it lies below."""
    wanted = [Path("/tmp/clone/.venv"), Path("/tmp/clone/examples"), Path("/usr/lib"), Path("/tmp"), Path("/tmp/other")]
    found = [path for path in view_of([], wanted, [], [], common=[]).show if path.name in ("clone", "other", "lib")]
    assert found == [Path("/tmp/clone"), Path("/tmp/other")]


@pytest.mark.parametrize("home", [None, "/"])
def test_a_user_whom_the_machine_does_not_know_needs_no_home(monkeypatch: pytest.MonkeyPatch, home: str | None) -> None:
    def nobody(number: int) -> Any:
        raise KeyError(f"getpwuid(): uid not found: {number}")

    monkeypatch.setattr(pwd, "getpwuid", nobody)
    monkeypatch.setattr(pwd, "getpwall", list)
    monkeypatch.delenv("HOME", raising=False)
    if home:
        monkeypatch.setenv("HOME", home)
    assert Path("/") not in (*host_view().cover, *host_view().hide)
