"""The same pipelines in another project."""

from __future__ import annotations

from typing import Any

from hathi.cli.ci.rehoming import home_for, in_order, outside
from hathi.cli.specs import Spec
from hathi.model.references import Branch, Repo


def spec(name: str, input: dict[str, Any], **more: Any) -> Spec:
    data = {
        "pipeline": {"name": name, "project": {"name": "main"}},
        "transform": {"cmd": ["true"], "image": "i:1"},
        "input": input,
        **more,
    }
    return Spec("spec.json", data, {"update": True})


def pfs(repo: str, **more: Any) -> dict[str, Any]:
    return {"pfs": {"repo": repo, "glob": "/*", **more}}


def test_a_pipeline_reads_in_the_new_project_what_it_read_in_its_own() -> None:
    one, two = spec("one", pfs("data", branch="dev")), spec("two", pfs("one"))
    home = home_for([one, two], "trial")
    moved = home.move(one).data
    assert moved["pipeline"] == {"name": "one", "project": {"name": "trial"}}
    assert (moved["input"]["pfs"]["project"], moved["input"]["pfs"]["repo"]) == ("trial", "data")
    assert moved["input"]["pfs"]["branch"] == "dev"
    assert home.move(two).data["input"]["pfs"]["repo"] == "one"
    assert home.move(one).modes == {}
    assert [leaf.repo.name for leaf in outside([one, two], one)] == ["data"]
    assert outside([one, two], two) == []


def test_repos_of_one_name_from_two_projects_stay_apart_and_keep_their_input_names() -> None:
    both = spec("p", {"cross": [pfs("data", name="a"), pfs("data", name="b", project="other")]})
    home = home_for([both], "trial")
    leaves = [leaf["pfs"] for leaf in home.move(both).data["input"]["cross"]]
    assert [(leaf["name"], leaf["repo"]) for leaf in leaves] == [("a", "main-data-user"), ("b", "other-data-user")]
    there = home.branch(Branch(Repo("other", "data"), "dev"))
    assert there == Branch(Repo("trial", "other-data-user"), "dev")


def test_what_acts_outside_is_left_out() -> None:
    leaving = spec("p", pfs("data", trigger={"branch": "master", "size": "1M"}), egress={"URL": "s3://b"})
    moved = home_for([leaving], "trial").move(leaving).data
    assert "egress" not in moved
    assert "trigger" not in moved["input"]["pfs"]


def test_a_clock_becomes_the_ticks_it_made() -> None:
    ticking = spec("p", {"cron": {"name": "tick", "spec": "@daily"}})
    moved = home_for([ticking], "trial").move(ticking).data
    assert moved["input"]["pfs"]["repo"] == "p_tick"
    assert moved["input"]["pfs"]["name"] == "tick"


def test_a_pipeline_stands_behind_those_that_it_reads_and_otherwise_where_it_stood() -> None:
    last, first, other = (
        spec("last", {"cross": [pfs("mid"), pfs("data")]}),
        spec("first", pfs("data")),
        spec("x", pfs("y")),
    )
    found = in_order([last, spec("mid", pfs("first")), first, other])
    assert [each.name for each in found] == ["first", "x", "mid", "last"]
    assert [each.name for each in in_order([spec("a", pfs("b")), spec("b", pfs("a"))])] == ["a", "b"]
