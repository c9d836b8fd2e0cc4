"""Whether a database, a root folder and its objects belong together: checked at each start, before anything is done.

The id of what is stored stands in the root folder and in the database. Where one of them is new, it gets the other's;
where they differ, or data of one is missing in the other, the server refuses to start instead of taking for new, or for
garbage, what is somebody's data.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from hathi.metadata.installation import Installation
from hathi.model.errors import PreconditionError

FILE = "cluster-id"
"""Name of the file in the root folder."""

_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Found:
    """What a start finds.

    root: the root folder.
    word: what its `cluster-id` holds; None when there is none.
    objects: where its objects are. has_objects: whether there are any.
    database: the database's name for people, without a password.
    beside: whether the database lies in the root folder and so moves with it.
    row: what the database knows. has_packs: whether it names any data.
    copy: the folder that the database has as the objects' location, when that still holds this very installation.
    """

    root: Path
    word: str | None
    objects: Path
    has_objects: bool
    database: str
    beside: bool
    row: Installation | None
    has_packs: bool = False
    copy: str = ""


def cluster_id(found: Found) -> str:
    """Return the id of what is stored here, drawn when everything is new. Raises PreconditionError."""
    row, path = found.row, found.root / FILE
    if found.word is not None and not _ID.fullmatch(found.word):
        what = f"holds {found.word[:40]!r}, which is no id" if found.word else "is empty"
        known = f"; the database {found.database} has the id {row.cluster_id}" if row else ""
        raise PreconditionError(f"the file {path} {what}: restore it from a backup, then start again{known}")
    if row is None:
        if found.has_objects:
            raise PreconditionError(
                f"the folder {found.objects} holds data, but the database {found.database} is empty: "
                "restore the database, or choose another folder with --root"
            )
        return found.word or uuid4().hex
    last = f"; it was last used by {row.owner}" if row.owner else ""
    where = f", whose objects are in {row.location}" if row.location else ""
    if found.word is None and not found.beside:
        raise PreconditionError(
            f"the database {found.database} belongs to the installation {row.cluster_id}{where}{last}; the root folder "
            f"{found.root} is not that of this installation: start with its --root, or with another --database"
        )
    if found.word is not None and found.word != row.cluster_id:
        raise PreconditionError(
            f"the database {found.database} belongs to the installation {row.cluster_id}{where}{last}, the root folder "
            f"{found.root} to {found.word}: start each with its own --root and --database"
        )
    if found.has_packs and not found.has_objects:
        raise PreconditionError(
            f"the database {found.database} has data whose objects are missing: the folder {found.objects} is empty. "
            "Restore it (is its disk mounted?), or choose another folder with --root"
        )
    if found.copy:
        raise PreconditionError(
            f"the root folder {found.root} is a copy of {found.copy}, with which the database {found.database} is "
            "used: start with that one, or remove it if it is to be used no more"
        )
    return row.cluster_id
