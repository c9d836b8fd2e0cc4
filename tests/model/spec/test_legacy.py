"""1.x specs are translated with a note, or refused with the reason; nothing changes its meaning in silence."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from hathi.model.spec import SpecError, parse_spec, translate


def notes(spec: dict[str, Any]) -> list[str]:
    return [str(note) for note in translate(spec)[1]]


def test_a_present_spec_passes_untouched_and_is_not_modified() -> None:
    spec = {"pipeline": {"name": "a"}, "input": {"pfs": {"repo": "r"}}, "anything": [{"x": 1}]}
    assert translate(spec) == (spec, [])
    old = {"input": {"atom": {"repo": "r"}}}
    translate(old)
    assert old == {"input": {"atom": {"repo": "r"}}}


def test_atom_is_read_as_pfs_at_any_depth() -> None:
    old = {"input": {"cross": [{"atom": {"repo": "a", "from_commit": "x"}}, {"union": [{"atom": {"repo": "b"}}]}]}}
    new, remarks = translate(old)
    assert new == {"input": {"cross": [{"pfs": {"repo": "a"}}, {"union": [{"pfs": {"repo": "b"}}]}]}}
    assert [str(note) for note in remarks] == [
        "input.cross[0].atom: read as pfs, its present name",
        "input.cross[0].atom.from_commit: has no effect: a job reads its input commit as a whole",
        "input.cross[1].union[0].atom: read as pfs, its present name",
    ]


@pytest.mark.parametrize(
    "field", ["cache_size", "cacheSize", "enable_stats", "max_queue_size", "hashtreeSpec", "batch"]
)
def test_what_only_tuned_old_machinery_is_left_out(field: str) -> None:
    new, [note] = translate({field: 1})
    assert new == {}
    assert "has no effect" in note.message


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"chunk_spec": {"number": 3}}, {"datum_set_spec": {"number": 3}}),
        ({"standby": True}, {"autoscaling": True}),
        ({"parallelism_spec": {"strategy": "CONSTANT", "constant": 4}}, {"parallelism_spec": {"constant": 4}}),
        ({"parallelismSpec": {"coefficient": 1.5}}, {"parallelismSpec": {"constant": 2}}),
        ({"parallelism": 4}, {"parallelism_spec": {"constant": 4}}),
        ({"parallelism": "10"}, {"parallelism_spec": {"constant": "10"}}),
        ({"TFJob": {}, "batch": True}, {"tf_job": {}}),
        (
            {"inputs": [{"repo": {"name": "a"}, "method": "map"}, {"repo": {"name": "b"}, "method": "global"}]},
            {"input": {"cross": [{"pfs": {"repo": "a", "glob": "/*"}}, {"pfs": {"repo": "b", "glob": "/"}}]}},
        ),
        (
            {"inputs": [{"repo": {"name": "a"}, "method": {"partition": "FILE", "incremental": "FILE"}, "lazy": True}]},
            {"input": {"pfs": {"repo": "a", "lazy": True, "glob": "/*"}}},
        ),
        ({"resource_spec": {"memory": "1G"}}, {"resource_requests": {"memory": "1G"}}),
        ({"parallelism_spec": {"coefficient": "1.5"}}, {"parallelism_spec": {"constant": 2}}),
        ({"parallelism_spec": {"coefficient": 3, "constant": 2}}, {"parallelism_spec": {"constant": 2}}),
        ({"resource_limits": {"gpu": "2"}}, {"resource_limits": {"gpu": {"type": "nvidia.com/gpu", "number": 2}}}),
        ({"resource_limits": {"gpu": 0, "cpu": 1}}, {"resource_limits": {"cpu": 1}}),
        (
            {"sidecar_resource_limits": {"gpu": 1}},
            {"sidecar_resource_limits": {"gpu": {"type": "nvidia.com/gpu", "number": 1}}},
        ),
        ({"resource_limits": {"gpu": 2}}, {"resource_limits": {"gpu": {"type": "nvidia.com/gpu", "number": 2}}}),
        (
            {"inputs": [{"repo": {"name": "a"}, "method": {"partition": "repo"}}]},
            {"input": {"pfs": {"repo": "a", "glob": "/"}}},
        ),
        (
            {"inputs": [{"repo": {"name": "a"}, "glob": "/*"}, {"repo": {"name": "b"}, "glob": "/x", "from": {}}]},
            {"input": {"cross": [{"pfs": {"repo": "a", "glob": "/*"}}, {"pfs": {"repo": "b", "glob": "/x"}}]}},
        ),
    ],
)
def test_what_lives_on_under_another_name_is_carried_over(old: dict[str, Any], new: dict[str, Any]) -> None:
    translated, remarks = translate(old)
    assert translated == new
    assert remarks


@pytest.mark.parametrize(
    ("spec", "place"),
    [
        ({"input": {"git": {"url": "https://x/y.git"}}}, "input.git"),
        ({"incremental": True}, "incremental"),
        ({"spout": {"marker": "m"}}, "spout.marker"),
        ({"transform": {"build": {"path": "."}}}, "transform.build"),
        ({"standby": True, "autoscaling": False}, "standby"),
        ({"parallelism": 1, "parallelismSpec": {"constant": 2}}, "parallelism"),
        ({"parallelism_spec": {"strategy": "FUNNY", "constant": 2}}, "parallelism_spec.strategy"),
        ({"parallelism_spec": {"coefficient": "much"}}, "parallelism_spec.coefficient"),
        ({"parallelism_spec": {"coefficient": -1}}, "parallelism_spec.coefficient"),
        ({"inputs": [{"repo": {"name": "a"}, "glob": "/"}], "input": {"pfs": {"repo": "a"}}}, "inputs"),
        ({"inputs": [{"repo": {"name": "a"}, "method": {"partition": "row"}}]}, "inputs[0].method"),
        ({"inputs": [{"repo": {"name": "a"}, "method": {"incremental": "diff"}}]}, "inputs[0].method.incremental"),
        ({"inputs": [{"repo": {"name": "a"}, "method": ["map"]}]}, "inputs[0].method"),
        ({"input": {"atom": {"repo": "a", "glob": "/"}, "pfs": {"repo": "a", "glob": "/"}}}, "input.atom"),
        ({"resource_limits": {"gpu": -1}}, "resource_limits.gpu"),
    ],
)
def test_what_has_no_equal_is_refused_with_the_reason(spec: dict[str, Any], place: str) -> None:
    with pytest.raises(SpecError) as error:
        translate(spec)
    [problem] = error.value.problems
    assert str(problem).startswith(place + ": ")


@pytest.mark.parametrize(
    ("spec", "place"),
    [
        ({"input": {"atom": {"repo": "r", "glob": 7}}}, "input.atom.glob"),
        ({"input": {"cross": [{"atom": {"repo": "r"}}, {"pfs": {"repo": "s", "glob": "/"}}]}}, "input.cross[0].atom"),
        ({"inputs": [{"repo": {"name": "r"}, "glob": 7}]}, "inputs[0].glob"),
        ({"inputs": [{"repo": {"name": "r"}, "glob": "/"}, {"repo": {"name": "s"}, "lazzy": 1}]}, "inputs[1]"),
        ({"inputs": []}, "inputs"),
        ({"chunk_spec": {"number": "x"}}, "chunk_spec.number"),
        ({"standby": "yes"}, "standby"),
        ({"parallelism": "many"}, "parallelism"),
        ({"parallelism_spec": {"coefficient": 1e30}}, "parallelism_spec.coefficient"),
        ({"resource_spec": {"memory": "much"}}, "resource_spec.memory"),
    ],
)
def test_a_mistake_in_an_old_form_is_told_at_the_place_where_the_user_wrote_it(spec: Any, place: str) -> None:
    rest = {"pipeline": {"name": "p"}, "transform": {"image": "i:1", "cmd": ["x"]}}
    given = {} if "input" in spec or "inputs" in spec else {"input": {"pfs": {"repo": "r", "glob": "/*"}}}
    with pytest.raises(SpecError) as error:
        parse_spec({**rest, **given, **spec})
    assert {str(problem).partition(": ")[0] for problem in error.value.problems} == {place}


def test_notes_on_what_moved_twice_name_the_first_place() -> None:
    assert notes({"resource_spec": {"gpu": 1}}) == [
        "resource_spec: read as resource_requests, its present name",
        "resource_spec.gpu: read as 1 of type nvidia.com/gpu",
    ]


def test_switched_off_forms_are_dropped_quietly() -> None:
    assert translate({"incremental": False, "spout": {"overwrite": False}}) == ({"spout": {}}, [])


def test_a_whole_old_spec_parses() -> None:
    parsed = parse_spec(
        {
            "pipeline": {"name": "wordcount"},
            "transform": {"image": "w:1", "cmd": ["/go"]},
            "parallelismSpec": {"strategy": "CONSTANT", "constant": "2"},
            "input": {"atom": {"repo": "text", "glob": "/*"}},
            "outputBranch": "master",
            "cache_size": "64M",
        }
    )
    assert parsed.effective["parallelism_spec"] == {"constant": 2}
    assert len(parsed.notes) == 3


SEEDS = Path(__file__).parents[2] / "golden/seeds"


@pytest.mark.parametrize(("name", "told"), [("your_pipeline.json", 1), ("my-pipeline.json", 0)])
def test_the_examples_of_the_founding_documents_parse_as_they_are_printed(name: str, told: int) -> None:
    parsed = parse_spec(yaml.safe_load((SEEDS / name).read_text()))  # one has a comment, which JSON has not
    assert parsed.effective["input"]["pfs"]["repo"] == "data"
    assert len(parsed.notes) == told
