"""One canonical form, whatever the spelling, and every mistake with its place."""

import pytest

from hathi.model.spec import SpecError, camel_case, canonical, without_nulls
from hathi.model.spec.fields import PIPELINE_SPEC
from hathi.model.spec.kinds import Kind, ListOf, Message, camel


def problems(spec: object) -> list[str]:
    with pytest.raises(SpecError) as error:
        canonical(spec)  # type: ignore[arg-type]
    return [str(problem) for problem in error.value.problems]


def test_both_spellings_mean_the_same() -> None:
    snake = {"datum_tries": 2, "input": {"cross": [{"pfs": {"empty_files": True}}]}, "s3_out": False}
    assert canonical({"datumTries": "2", "input": {"cross": [{"pfs": {"emptyFiles": True}}]}, "s3Out": False}) == snake
    assert canonical(snake) == snake


def test_schema_keys_are_dropped_and_nulls_stay_until_asked() -> None:
    spec = canonical({"$schema": "x", "pipeline": {"$schema": "y", "name": "a"}, "input": None})
    assert spec == {"pipeline": {"name": "a"}, "input": None}
    assert without_nulls(spec) == {"pipeline": {"name": "a"}}


def test_unknown_fields_are_refused_with_what_was_probably_meant() -> None:
    assert problems({"datumTimeOut": "1s"}) == ['unknown field "datumTimeOut"; did you mean "datum_timeout"?']
    assert problems({"input": {"pfs": {"globb": "/"}}}) == ['input.pfs: unknown field "globb"; did you mean "glob"?']
    [text] = problems({"metadata": {"xyz": {}}})
    assert text == 'metadata: unknown field "xyz" (known are annotations, labels)'


def test_every_mistake_is_found_at_once_each_with_its_place() -> None:
    spec = {
        "datum_tries": "x",
        "input": {"cross": [{"pfs": {"repo": 1}}, {"pfs": {"lazy": "no"}}]},
        "transform": {"cmd": "python3 x.py"},
        "parallelism_spec": 2,
    }
    assert problems(spec) == [
        'datum_tries: expected a whole number, got "x"',
        "input.cross[0].pfs.repo: expected a string, got 1",
        'input.cross[1].pfs.lazy: expected true or false, got "no"',
        'transform.cmd: expected a list, got "python3 x.py"',
        "parallelism_spec: expected a mapping (parallelism_spec), got 2",
    ]


def test_a_field_given_in_both_spellings_is_refused() -> None:
    assert problems({"datum_tries": 1, "datumTries": 2}) == ["datumTries: given twice, as datum_tries and datumTries"]


def test_a_spec_that_is_no_mapping_is_refused() -> None:
    assert problems([]) == ["expected a mapping (pipeline spec), got a list"]


def test_an_error_of_one_problem_is_that_problem_and_of_several_counts_them() -> None:
    with pytest.raises(SpecError, match=r"^salt: expected a string, got 1$"):
        canonical({"salt": 1})
    with pytest.raises(SpecError, match=r"^2 problems in the spec: salt: .*; description: "):
        canonical({"salt": 1, "description": 2})


def test_camel_case_leaves_keys_that_users_chose() -> None:
    spec = {"transform": {"env": {"MY_VAR": "x"}, "accept_return_code": [1]}, "egress": {"URL": "s3://b"}}
    assert camel_case(spec) == {
        "transform": {"env": {"MY_VAR": "x"}, "acceptReturnCode": [1]},
        "egress": {"URL": "s3://b"},
    }
    assert canonical(camel_case(spec)) == spec


def test_no_message_has_two_fields_of_one_spelling() -> None:
    seen: set[int] = set()

    def check(kind: Kind) -> None:
        if isinstance(kind, ListOf):
            check(kind.item)
        if isinstance(kind, Message) and id(kind) not in seen:
            seen.add(id(kind))
            assert len({camel(name) for name in kind.fields}) == len(kind.fields)
            for field in kind.fields.values():
                check(field)

    check(PIPELINE_SPEC)
    assert len(seen) > 15
