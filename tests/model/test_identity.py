"""Ids name files, hashes name content; both are the original's, bit by bit."""

import hashlib
from dataclasses import replace

from hathi.model.identity import datum_hash, datum_id
from hathi.model.pps import DatumInput
from hathi.model.references import Repo

ID = "0123456789ab4def8123456789abcdef"
INPUT = DatumInput("in", Repo("default", "images").commit(ID), "master", "/a.png", hash=b"\x01\x02")


def length(count: int) -> bytes:
    return count.to_bytes(8, "big")


def test_an_id_is_blake2b_over_each_field_and_its_length() -> None:
    expected = b"in" + length(2) + b"images" + length(6) + b"master" + length(6) + b"/a.png" + length(6)
    assert datum_id([INPUT]) == hashlib.blake2b(expected, digest_size=32).hexdigest()
    assert datum_id([INPUT]) == "eb5f6de01f25703e2bc082b0069ac1810b350a9209f253cf3e37d49af4c22668"


def test_a_hash_is_blake2b_over_id_contents_and_salt() -> None:
    id = datum_id([INPUT])
    assert datum_hash(id, [INPUT], "s") == hashlib.blake2b(id.encode() + b"\x01\x02s", digest_size=32).hexdigest()


def test_neither_project_nor_commit_nor_content_change_an_id() -> None:
    moved = replace(INPUT, commit=Repo("other", "images").commit(ID[::-1]), hash=b"x", size=9)
    assert datum_id([moved]) == datum_id([INPUT])


def test_name_repo_branch_path_and_order_change_an_id() -> None:
    other = replace(INPUT, name="other")
    variants = [
        [other],
        [replace(INPUT, commit=Repo("default", "pictures").commit(ID))],
        [replace(INPUT, branch="dev")],
        [replace(INPUT, path="/b.png")],
        [INPUT, other],
        [other, INPUT],
    ]
    assert len({datum_id(inputs) for inputs in [[INPUT], *variants]}) == len(variants) + 1


def test_content_and_salt_change_a_hash_unless_the_input_is_a_reference() -> None:
    id = datum_id([INPUT])
    changed, reference = replace(INPUT, hash=b"x"), replace(INPUT, hash=b"")
    hashes = [datum_hash(id, [source], salt) for source in (INPUT, changed, reference) for salt in ("", "s")]
    assert len(set(hashes)) == len(hashes)
