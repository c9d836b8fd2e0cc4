"""What makes a datum the same datum, and what makes it need to run again.

A datum's id says which files it is about: the names, repos, branches and paths of its inputs, neither project nor
commit nor content, so that it stays the same from job to job. Its hash says what those files held and how they were
to be processed. Same id and same hash: the result of an earlier run is still right. Both are those of the original,
bit by bit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from hathi.model.pps import DatumInput

_DIGEST_BYTES = 32


def datum_id(inputs: Iterable[DatumInput]) -> str:
    """Return the id of the datum with these inputs, in their order: 64 lower-case hex digits.

    Each field is followed by its length, so that no two lists of fields run into the same bytes.
    """
    digest = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    for source in inputs:
        for field in (source.name, source.commit.repo.name, source.branch, source.path):
            data = field.encode()
            digest.update(data + len(data).to_bytes(8, "big"))
    return digest.hexdigest()


def datum_hash(id: str, inputs: Iterable[DatumInput], salt: str) -> str:
    """Return the hash of the datum `id` with these inputs under a pipeline's `salt`: 64 lower-case hex digits.

    An input whose content does not count (`reference`) carries an empty content hash and so adds nothing.
    """
    digest = hashlib.blake2b(id.encode(), digest_size=_DIGEST_BYTES)
    for source in inputs:
        digest.update(source.hash)
    digest.update(salt.encode())
    return digest.hexdigest()
