"""References are cut at the first @, then :, then =, and what is no branch name points at a commit."""

import pytest

from hathi.model.errors import InvalidError
from hathi.model.parse import Ancestry, FileSpec, parse_ancestry, parse_branch, parse_commit, parse_file, parse_job
from hathi.model.parse import parse_repo as repo
from hathi.model.references import Branch, CommitSpec, Job, Pipeline, Repo

ID = "0123456789ab4def8123456789abcdef"
IMAGES = Repo("default", "images")


def test_repos_may_carry_their_type() -> None:
    assert repo("images") == IMAGES
    assert repo("edges.meta", "work") == Repo("work", "edges", "meta")


@pytest.mark.parametrize(
    ("text", "branch", "id"),
    [
        ("images@master", "master", ""),
        (f"images@{ID}", "", ID),
        (f"images@master={ID}", "master", ID),
        ("images@master=master^2", "master", "master^2"),
        ("images@master^2", "", "master^2"),
        ("images@master.1", "", "master.1"),
        (f"images@{ID}~", "", f"{ID}~"),
    ],
)
def test_commits(text: str, branch: str, id: str) -> None:
    assert parse_commit(text) == CommitSpec(IMAGES, branch, id)
    assert parse_file(text + ":/a:b=c@d") == FileSpec(CommitSpec(IMAGES, branch, id), "/a:b=c@d")
    assert parse_file(text).path == ""


def test_a_bare_repo_is_a_commit_only_where_that_is_said() -> None:
    assert parse_commit("images", bare=True) == CommitSpec(IMAGES)
    with pytest.raises(InvalidError, match="no branch or commit given"):
        parse_commit("images")


def test_branches_and_jobs() -> None:
    assert parse_branch("images@master") == Branch(IMAGES, "master")
    assert parse_job(f"edges@{ID}", "work") == Job(Pipeline("work", "edges"), ID)


@pytest.mark.parametrize(
    ("parser", "text", "message"),
    [
        (repo, "", 'invalid format "": repo cannot be empty'),
        (repo, "a@b", "expected only a repo"),
        (repo, "a.b", 'invalid repo type "b"'),
        (parse_commit, "@master", 'invalid format "@master": repo cannot be empty'),
        (parse_commit, "images@", "no branch or commit given"),
        (parse_commit, "images@master=", "expected repo@branch=commit"),
        (parse_commit, "images@master:/a", "a commit has no path"),
        (parse_commit, "images@a b", r"name \(a b\) invalid"),
        (parse_commit, "images@master^~", r"cannot mix \^ and ~ characters"),
        (parse_branch, "images", "branch cannot be empty"),
        (parse_branch, f"images@{ID}", "expected a branch, not a commit"),
        (parse_branch, f"images@master={ID}", "expected a branch, not a commit"),
        (parse_branch, "images@master^", "expected a branch, not a commit"),
        (parse_branch, "images@a b", r"invalid branch name: name \(a b\) invalid"),
        (parse_branch, "images@master:/a", "a branch has no path"),
        (parse_file, "images:/a", r"name \(images:/a\) invalid"),
        (parse_job, "edges", "expected pipeline@job"),
        (parse_job, "edges@1234", "is not a job id"),
    ],
)
def test_each_mistake_is_named(parser, text, message) -> None:
    with pytest.raises(InvalidError, match=message):
        parser(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("master", Ancestry("master")),
        ("master^", Ancestry("master", 1)),
        ("master^^^", Ancestry("master", 3)),
        ("master~12", Ancestry("master", 12)),
        ("master^0", Ancestry("master", 0)),
        ("master.3", Ancestry("master", root=3)),
        (f"{ID}^2", Ancestry(ID, 2)),
    ],
)
def test_ancestry(text: str, expected: Ancestry) -> None:
    assert parse_ancestry(text) == expected


@pytest.mark.parametrize("text", ["^", "a^x", "a.", "a^1^", "a^~", "a.1^", "a^²"])
def test_broken_ancestry_is_refused(text: str) -> None:
    with pytest.raises(InvalidError, match="invalid ancestry syntax"):
        parse_ancestry(text)


@pytest.mark.parametrize("mark", ["^", "~", "."])
def test_a_number_of_very_many_digits_is_refused(mark: str) -> None:
    with pytest.raises(InvalidError, match="may have 9 digits") as error:
        parse_ancestry("master" + mark + "9" * 5_000)
    assert len(str(error.value)) < 400


@pytest.mark.parametrize("parse", [repo, parse_branch, parse_commit, parse_file, parse_job])
@pytest.mark.parametrize(
    "text", ["a" * 100_000, "@" * 100_000, "a@" + ":" * 100_000, "a@" + "^" * 50_000 + "x", "\n\x1b" * 90]
)
def test_a_message_about_a_reference_is_short_and_printable(parse, text: str) -> None:
    try:
        parse(text)
    except InvalidError as error:
        assert len(str(error)) < 900
        assert str(error).isprintable()
