"""Layers of defaults merge like JSON merge patches."""

import pytest

from hathi.model.spec import BUILT_IN, effective, merge


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"a": "foo"}, {"a": {"b": None, "c": 1}}, {"a": {"c": 1}}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_follows_rfc_7396(target: object, patch: object, result: object) -> None:
    assert merge(target, patch) == result


def test_later_layers_win_and_the_built_in_ones_lie_below() -> None:
    cluster = {"datum_tries": 5, "transform": {"image": "python:3", "debug": True}}
    user = {"transform": {"cmd": ["x"], "debug": None}}
    assert effective(cluster, user) == {
        "transform": {"image": "python:3", "cmd": ["x"]},
        "output_branch": "master",
        "datum_tries": 5,
        "reprocess_spec": "until_success",
    }
    assert effective() == BUILT_IN


def test_merging_changes_neither_side() -> None:
    target, patch = {"a": {"b": 1}}, {"a": {"b": None}}
    merge(target, patch)
    assert (target, patch) == ({"a": {"b": 1}}, {"a": {"b": None}})
