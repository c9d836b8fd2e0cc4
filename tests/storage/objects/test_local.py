"""A folder of objects survives what processes and machines do."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hathi.storage.objects.interface import ObjectExists, ObjectMissing, StorageRefused, StorageUnavailable
from hathi.storage.objects.local import LocalStore


@pytest.fixture
def syncs(monkeypatch):
    """The paths synced so far, relative to nothing, in order; links stand between them as (old, new)."""
    seen = []
    fsync, link = os.fsync, os.link

    def noted_fsync(descriptor):
        seen.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        fsync(descriptor)

    def noted_link(old, new):
        seen.append((str(old), str(new)))
        link(old, new)

    monkeypatch.setattr("os.fsync", noted_fsync)
    monkeypatch.setattr("os.link", noted_link)
    return seen


def test_a_put_syncs_the_bytes_then_names_them_then_syncs_the_name(tmp_path, syncs):
    store = LocalStore(tmp_path)
    store.put("packs/a", b"bytes")
    syncs.clear()
    store.put("packs/b", b"bytes")
    temporary, rename, folder = syncs
    assert rename == (temporary, str(tmp_path / "packs/b"))
    assert folder == str(tmp_path / "packs")


def test_new_folders_are_synced_into_their_parents_before_the_object_is_named(tmp_path, syncs):
    LocalStore(tmp_path).put("x/y/a", b"bytes")
    rename = next(place for place, step in enumerate(syncs) if isinstance(step, tuple))
    assert {str(tmp_path), str(tmp_path / "x")} <= {step for step in syncs[:rename] if isinstance(step, str)}
    assert syncs[-1] == str(tmp_path / "x/y")


def test_a_folder_made_by_another_process_is_synced_once_here(tmp_path, syncs):
    store = LocalStore(tmp_path)
    (tmp_path / "packs").mkdir()
    store.put("packs/a", b"")
    assert syncs.count(str(tmp_path)) >= 1
    syncs.clear()
    store.put("packs/b", b"")
    assert str(tmp_path) not in syncs


def test_where_files_have_one_name_only_nothing_is_overwritten_either(tmp_path, monkeypatch):
    def refuse(old, new):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr("os.link", refuse)
    store = LocalStore(tmp_path)
    store.put("a", b"old")
    store.put("a", b"old")
    with pytest.raises(ObjectExists):
        store.put("a", b"new")
    assert store.get("a") == b"old"
    assert list((tmp_path / ".temporary").iterdir()) == []


def test_litter_of_a_dead_writer_is_removed_at_open(tmp_path):
    LocalStore(tmp_path)
    litter = tmp_path / ".temporary" / "left-behind"
    litter.write_bytes(b"half a pack")
    store = LocalStore(tmp_path)
    assert not litter.exists()
    assert list(store.list()) == []


def test_opening_leaves_what_a_living_writer_is_writing(tmp_path):
    store = LocalStore(tmp_path)

    def parts():
        yield b"one "
        LocalStore(tmp_path)
        yield b"two"

    store.put("a", parts())
    assert store.get("a") == b"one two"


def test_a_writer_killed_half_way_leaves_nothing_visible(tmp_path):
    program = (
        "import os, signal, sys; from pathlib import Path; from hathi.storage.objects.local import LocalStore\n"
        "def parts():\n"
        "    yield b'x' * (2 << 20)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "LocalStore(Path(sys.argv[1])).put('a', parts())\n"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False)
    assert len(list((tmp_path / ".temporary").iterdir())) == 1
    store = LocalStore(tmp_path)
    assert list(store.list()) == []
    assert list((tmp_path / ".temporary").iterdir()) == []
    with pytest.raises(ObjectMissing):
        store.get("a")


@pytest.mark.parametrize(
    ("code", "raised"),
    [
        (errno.ENOSPC, StorageRefused),
        (errno.EROFS, StorageRefused),
        (errno.EACCES, StorageRefused),
        (errno.EIO, StorageUnavailable),
        (errno.EMFILE, StorageUnavailable),
    ],
)
def test_what_the_disk_says_is_told_in_our_words_and_leaves_nothing(tmp_path, monkeypatch, code, raised):
    store = LocalStore(tmp_path)

    def refuse(_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("os.fsync", refuse)
    with pytest.raises(raised, match="packs/a.*" + os.strerror(code)):
        store.put("packs/a", b"bytes")
    assert list(store.list()) == []
    assert list((tmp_path / ".temporary").iterdir()) == []


def test_a_folder_that_cannot_be_made_is_refused_with_the_reason(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageRefused, match="Not a directory"):
        LocalStore(tmp_path / "file" / "objects")
