from __future__ import annotations

from pathlib import Path

from hathi.datum.hidden import hidden, shown


def test_existing_secrets_of_every_home_and_our_own_folders_are_hidden(tmp_path: Path) -> None:
    (tmp_path / "home" / ".ssh").mkdir(parents=True)
    (tmp_path / "home" / ".config" / "gcloud").mkdir(parents=True)
    (tmp_path / "root").mkdir()
    found = hidden([tmp_path / "root"], [tmp_path / "home"])
    ours = [path for path in found if path.is_relative_to(tmp_path)]
    assert ours == [tmp_path / "home/.config/gcloud", tmp_path / "home/.ssh", tmp_path / "root"]


def test_a_secret_behind_a_link_is_hidden_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "vault").mkdir()
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / ".aws").symlink_to(tmp_path / "vault")
    assert tmp_path / "vault" in hidden([], [tmp_path / "home"])


def test_only_entries_of_tmp_need_showing(tmp_path: Path) -> None:
    """All else of the host is shown anyway; a folder deep in /tmp is shown with the entry it lies below."""
    wanted = [Path("/tmp/clone/.venv"), Path("/tmp/clone/examples"), Path("/usr/lib"), Path("/tmp"), Path("/tmp/other")]
    assert shown(wanted) == [Path("/tmp/clone"), Path("/tmp/other")]
