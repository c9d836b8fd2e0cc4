"""Files of a datum are given back the names of their inputs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hathi.model.errors import InvalidError
from hathi.model.identity import datum_id
from hathi.model.ids import CommitSetId
from hathi.model.inputs import Cross, Group, Input, Pfs, Union
from hathi.model.pps import DatumInput
from hathi.model.recall import Seen, recall
from hathi.model.references import Repo

REPO = Repo("default", "data")
COMMIT = REPO.commit(CommitSetId("0123456789ab4cdef0123456789abcde"))


def leaf(name: str, glob: str = "/*", **more: str) -> Pfs:
    return Pfs(name, REPO, "master", glob, **more)


def entry(name: str, path: str, **more: str) -> DatumInput:
    return DatumInput(name, COMMIT, "master", path, **more)


def recalled(root: Input, *inputs: DatumInput) -> tuple[DatumInput, ...]:
    """Forget the names and recall them."""
    return recall(root, [Seen(each.commit, each.path, each.hash, each.size) for each in inputs], datum_id(inputs))


def test_one_input_names_its_file() -> None:
    assert recalled(leaf("photos"), entry("photos", "/a")) == (entry("photos", "/a"),)


def test_two_inputs_over_one_repo_are_told_apart_by_the_id() -> None:
    root = Cross((leaf("left"), leaf("right")))
    given = (entry("left", "/b"), entry("right", "/a"))
    assert recalled(root, *given) == given
    assert recalled(Union((leaf("left"), leaf("right"))), entry("right", "/a")) == (entry("right", "/a"),)


def test_a_group_holds_several_files_of_one_input_with_their_key() -> None:
    root = Group((leaf("r", "/(*)-*", group_by="$1"),))
    given = (entry("r", "/x-1", group_by="x"), entry("r", "/x-2", group_by="x"))
    assert recalled(root, *given) == given


def test_a_datum_without_inputs_has_none() -> None:
    assert recall(None, [], datum_id([])) == ()


@pytest.mark.parametrize("change", [{"path": "/deep/a"}, {"commit": Repo("default", "other").commit(COMMIT.id)}])
def test_files_that_no_input_matches_are_refused(change: dict[str, object]) -> None:
    file = replace(Seen(COMMIT, "/a"), **change)
    with pytest.raises(InvalidError, match="do not come from the inputs"):
        recall(leaf("photos"), [file], "0" * 64)
