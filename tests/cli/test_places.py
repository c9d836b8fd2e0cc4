"""JSON and YAML with places."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hathi.cli import places
from hathi.cli.places import Place, Unreadable

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_any_json_reads_as_json_does(value) -> None:
    (document,) = places.read(json.dumps(value, indent="\t"))
    assert document.value == value


def test_documents_may_be_separated_concatenated_or_listed() -> None:
    one, two = {"a": 1}, {"b": [2]}
    for text in (
        json.dumps(one) + json.dumps(two, indent=1),
        json.dumps([one, two]),
        "a: 1\n---\nb: [2]\n",
        "- a: 1\n- b:\n  - 2\n",
    ):
        assert [document.value for document in places.read(text)] == [one, two]


def test_places_count_from_the_start_of_the_whole_text() -> None:
    first, second = places.read('{"a": {"b": 1}}\n  {"c":\t[true,\n  null]}')
    assert first.find(("a", "b")) == Place(1, 8)
    assert second.start == Place(2, 3)
    assert second.find(("c", 1)) == Place(3, 3)
    assert second.find(("c", 1, "nothing", 2)) == Place(3, 3)
    (item, other) = places.read("- x: 1\n- y:\n    z: 2\n")
    assert (item.find(("x",)), other.find(("y", "z"))) == (Place(1, 3), Place(3, 5))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: yes", "yes"),
        ("a: 2020-01-01", "2020-01-01"),
        ("a: .5", 0.5),
        ("a: 1e3", 1000.0),
        ("a: -12", -12),
        ("a: '12'", "12"),
        ("a: True", True),
        ("a: ~", None),
        ("a:", None),
        ("a: |\n  x\n  y", "x\ny"),
        ("a: 600s", "600s"),
    ],
)
def test_plain_words_mean_what_they_mean_in_the_original(text, value) -> None:
    (document,) = places.read(text)
    assert document.value == {"a": value}


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("a: &x 1\nb: *x", "2:4", "alias nodes not supported"),
        ("a: 012", "1:4", "without leading zeros"),
        ("a: 0x1f", "1:4", "decimal"),
        ("1: a", "1:1", "keys must be strings"),
        ("a: 1\nb: 2\na: 3", "3:1", '"a" is given twice'),
        ("a: [1, 2", "1:9", "expected"),
        ('{"a": 1,\n "b" 2}', "2:6", "not valid JSON: Expecting ':' delimiter"),
        ("a: b: c", "1:5", "mapping values are not allowed"),
        ("a:\n\t- b", "2:1", "cannot start any token"),
        ("a: !!binary aGk=", "1:4", "tag"),
    ],
)
def test_a_mistake_is_told_with_its_place(text, place, message) -> None:
    with pytest.raises(Unreadable) as caught:
        places.read(text)
    assert place in [str(each.place) for each in caught.value.mistakes]
    assert message in str(caught.value)
