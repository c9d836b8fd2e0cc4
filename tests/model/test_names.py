"""Names share one alphabet, and the refusals are the original's texts."""

import pytest

from hathi.model import names
from hathi.model.errors import InvalidError

ID = "0123456789ab4def8123456789abcdef"


@pytest.mark.parametrize("name", ["a", "A-b_9", "0", "x" * 51])
def test_ordinary_names_are_legal_everywhere(name: str) -> None:
    names.check_project(name)
    names.check_repo(name)
    names.check_branch(name)
    names.check_pipeline(name)


@pytest.mark.parametrize("name", ["a b", "a.b", "ä", "a/b", "a@b", "a^"])
def test_other_characters_are_refused_with_the_originals_text(name: str) -> None:
    for kind in ("project", "repo", "branch", "pipeline"):
        with pytest.raises(InvalidError) as refusal:
            getattr(names, f"check_{kind}")(name)
        assert str(refusal.value) == (
            f"invalid {kind} name: name ({name}) invalid: "
            "only alphanumeric characters, underscores, and dashes are allowed"
        )


def test_a_name_says_by_how_much_it_is_too_long() -> None:
    with pytest.raises(InvalidError, match=r'pipeline name "x{54}" is 3 characters longer than the 51 max'):
        names.check_pipeline("x" * 54)


def test_projects_and_pipelines_start_with_a_letter_or_digit_but_branches_need_not() -> None:
    names.check_branch("-x")
    for check in (names.check_project, names.check_pipeline):
        with pytest.raises(InvalidError, match="must start with an alphanumeric"):
            check("-x")


def test_the_name_of_the_workers_fits_a_kubernetes_label() -> None:
    names.check_pipeline("p" * 50, "default")
    with pytest.raises(
        InvalidError, match=r'Kubernetes name "long-name-p+-v99" is 2 characters longer than the 63 max'
    ):
        names.check_pipeline("P" * 51, "long_name")


def test_a_branch_cannot_be_mistaken_for_a_commit() -> None:
    assert not names.is_branch_name(ID)
    with pytest.raises(InvalidError, match="has the form of a commit id"):
        names.check_branch(ID)


def test_a_repo_has_one_of_three_types() -> None:
    names.check_repo("edges", "meta")
    with pytest.raises(InvalidError, match='invalid repo type "stats"'):
        names.check_repo("edges", "stats")
