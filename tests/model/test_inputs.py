"""A spec's input becomes an algebra whose leaves come in the order of the spec."""

from hathi.model.infos import Trigger
from hathi.model.inputs import Cron, Cross, Pfs, Union, from_spec, leaves, sources, walk
from hathi.model.references import Branch, Repo


def pfs(repo: str, **more: object) -> dict[str, object]:
    return {"pfs": {"repo": repo, "glob": "/*", **more}}


def test_a_leaf_fills_in_what_the_pipeline_says() -> None:
    assert from_spec(pfs("images"), "work") == Pfs("images", Repo("work", "images"), "master", "/*")


def test_a_leaf_keeps_what_it_says_itself() -> None:
    spec = pfs(
        "edges",
        name="stats",
        project="other",
        repo_type="meta",
        branch="dev",
        lazy=True,
        reference=True,
        propagation_spec={"never": True},
        trigger={"branch": "staging", "size": "1M"},
    )
    assert from_spec(spec, "work") == Pfs(
        "stats",
        Repo("other", "edges", "meta"),
        "dev",
        "/*",
        lazy=True,
        reference=True,
        never=True,
        trigger=Trigger("staging", size="1M"),
    )


def test_a_cron_has_a_repo_named_after_the_pipeline() -> None:
    cron = from_spec({"cron": {"name": "tick", "spec": "@daily"}}, "work", "report")
    assert cron == Cron("tick", Repo("work", "report_tick"), "@daily")


def test_combinators_nest_and_each_branch_is_a_source_once() -> None:
    root = from_spec({"cross": [{"union": [pfs("a"), pfs("b")]}, pfs("a", name="again"), pfs("a", branch="dev")]}, "p")
    assert isinstance(root, Cross)
    assert isinstance(root.children[0], Union)
    assert [leaf.name for leaf in leaves(root)] == ["a", "b", "again", "a"]
    a, b = Repo("p", "a"), Repo("p", "b")
    assert sources(root) == [Branch(a, "master"), Branch(b, "master"), Branch(a, "dev")]
    assert len(list(walk(root))) == 6


def test_a_pipeline_without_input_has_no_leaves() -> None:
    assert leaves(None) == ()
