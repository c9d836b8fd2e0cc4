"""A sound spec becomes everything that making a pipeline needs."""

from typing import Any

import pytest

from hathi.model.inputs import Cross, leaves
from hathi.model.pps import PipelineType
from hathi.model.references import Pipeline
from hathi.model.spec import SpecError, parse_spec

TRANSFORM = {"image": "a:1", "cmd": ["x"]}


def spec(input: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"pipeline": {"name": "edges"}, "transform": TRANSFORM, "input": input, **more}


def pfs(repo: str, **more: Any) -> dict[str, Any]:
    return {"pfs": {"repo": repo, "glob": "/*", **more}}


def test_everything_unsaid_is_filled_in() -> None:
    parsed = parse_spec(spec(pfs("images", glob="a*/"), datumTimeout="10.0s"), project="work")
    assert parsed.pipeline == Pipeline("work", "edges")
    assert parsed.type is PipelineType.TRANSFORM
    assert parsed.effective == {
        "pipeline": {"name": "edges", "project": {"name": "work"}},
        "transform": TRANSFORM,
        "input": {
            "pfs": {
                "project": "work",
                "name": "images",
                "repo": "images",
                "repo_type": "user",
                "branch": "master",
                "glob": "/a*",
            }
        },
        "parallelism_spec": {"constant": 1},
        "output_branch": "master",
        "datum_tries": 3,
        "datum_timeout": "10s",
        "reprocess_spec": "until_success",
    }


def test_an_effective_spec_is_its_own_effective_spec() -> None:
    once = parse_spec(spec({"cross": [pfs("b"), {"cron": {"name": "t", "spec": "@daily"}}]}, service={})).effective
    assert parse_spec(once).effective == once


def test_the_project_in_the_spec_wins() -> None:
    named = spec(pfs("images")) | {"pipeline": {"name": "edges", "project": {"name": "mine"}}}
    assert parse_spec(named, project="work").pipeline == Pipeline("mine", "edges")


def test_siblings_are_put_in_order_of_their_names() -> None:
    nested = {"cross": [pfs("z"), {"union": [pfs("m"), pfs("b", name="c")]}, pfs("a")]}
    root = parse_spec(spec(nested)).input
    assert isinstance(root, Cross)
    assert [leaf.name for leaf in leaves(root)] == ["a", "c", "m", "z"]


def test_triggered_inputs_read_a_branch_of_their_own() -> None:
    root = parse_spec(spec({"cross": [pfs("a", trigger={"size": "1M"}), pfs("b", trigger={"branch": "dev"})]})).input
    assert [(leaf.branch, leaf.trigger.branch) for leaf in leaves(root)] == [  # type: ignore[union-attr]
        ("edges-trigger-1", "master"),
        ("edges-trigger-2", "dev"),
    ]


def test_what_to_do_with_a_spec_is_no_part_of_it() -> None:
    parsed = parse_spec(spec(pfs("images"), update=True, reprocess=None, backfill=True))
    assert parsed.modifiers == {"update": True, "backfill": True}
    assert "update" not in parsed.user | parsed.effective


def test_the_users_spec_keeps_its_nulls_which_remove_defaults() -> None:
    parsed = parse_spec(spec(pfs("images"), datum_tries=None), defaults=[{"datum_tries": 9, "salt": "s"}])
    assert parsed.user["datum_tries"] is None
    assert "datum_tries" not in parsed.effective
    assert parsed.effective["salt"] == "s"


def test_types_follow_from_what_is_given() -> None:
    assert parse_spec(spec(pfs("a"), service={"internal_port": 80})).type is PipelineType.SERVICE
    spout = parse_spec({"pipeline": {"name": "s"}, "transform": TRANSFORM, "spout": {}})
    assert (spout.type, spout.input) == (PipelineType.SPOUT, None)


def notes(written: dict[str, Any]) -> list[str]:
    return [str(note) for note in parse_spec(written).notes]


def test_a_spec_without_a_command_is_warned_of() -> None:
    [note] = notes({**spec(pfs("images")), "transform": {"image": "a:1"}})
    assert note == "transform: there is no cmd, so every datum will fail: an image's own entrypoint is not run"
    assert notes(spec(pfs("images"))) == []


@pytest.mark.parametrize(
    "name", ["PATH", "HOME", "LD_PRELOAD", "PYTHONPATH", "LC_ALL", "PACH_JOB_ID", "PPS_POD_NAME", "a=b", "no_proxy"]
)
def test_an_input_named_like_a_variable_that_programs_need_is_warned_of(name: str) -> None:
    [note] = notes(spec({"cross": [pfs("a"), pfs("images", name=name)]}))
    assert note.startswith(f'input.cross[1].pfs: no variable "{name}" tells its path, since programs need')
    assert f"read it in /pfs/{name}" in note


@pytest.mark.parametrize("name", ["images", "REPORT", "Path", "PATHS", "LD", "python", "RAW", "USERS", "R_data", "ä"])
def test_other_names_of_inputs_are_fine(name: str) -> None:
    assert notes(spec(pfs("images", name=name))) == []


@pytest.mark.parametrize("name", ["a\n", "\x1b[31m"])
def test_an_input_cannot_have_a_name_that_no_line_can_show(name: str) -> None:
    with pytest.raises(SpecError, match="input cannot be named"):
        parse_spec(spec(pfs("images", name=name)))


@pytest.mark.parametrize("name", ["", "A=B"])
def test_a_variable_must_have_a_name_that_variables_can_have(name: str) -> None:
    with pytest.raises(SpecError, match=r"transform.env: .* cannot be the name of a variable"):
        parse_spec({**spec(pfs("images")), "transform": {**TRANSFORM, "env": {name: "1"}}})


def test_a_nul_character_is_refused_wherever_it_stands() -> None:
    with pytest.raises(SpecError, match=r"transform.cmd\[1\]: holds a NUL character"):
        parse_spec({**spec(pfs("images")), "transform": {"cmd": ["sh", "a\0"]}})
