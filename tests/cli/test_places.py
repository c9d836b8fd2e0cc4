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


def _alias_bomb(levels: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [" + ", ".join([f"*a{n - 1}"] * 10) + "]" for n in range(1, levels)]
    return "\n".join(lines) + "\n"


BOMBS = {
    "aliases of aliases": (_alias_bomb(9), "2:10: alias nodes not supported"),
    "an alias of itself": ("a: &a [*a]\n", "1:8: alias nodes not supported"),
    "JSON lists": ("[" * 950 + "]" * 950, "nested too deeply (at most 100 levels)"),
    "JSON mappings": ('{"a":' * 950 + "1" + "}" * 950, "nested too deeply"),
    "JSON with tabs": ('{\n\t"a": ' + "[\n\t" * 150 + "]" * 150 + "}", "101:2: nested too deeply"),
    "YAML": ("".join(" " * n + "a:\n" for n in range(1_200)), "101:101: nested too deeply"),
    "YAML lists": ("- " * 3_000 + "a", "nested too deeply"),
    "brackets": ("[" * 50_000, "1:101: nested too deeply"),
    "brackets after a key": ("a: " + "[" * 50_000, "nested too deeply"),
    "digits": ('{"a": ' + "9" * 5_000 + "}", "1:7: 9999"),
    "digits in YAML": ("a: " + "9" * 5_000, "too many digits for a number (at most 100)"),
    "digits with a tag": ("a: !!int '" + "9" * 5_000 + "'", "cannot read a value with the tag int (which 9999"),
    "a long text": ('{"a": "' + "x" * (20 << 20) + '"}', "20,971,529 characters are too long (at most 1 MiB"),
    "values": ("[" + "0," * 2_000 + "0]", "too many values (at most 50,000)"),
    "documents": ("{}" * 2_000, "too many values (at most 50,000)"),
    "YAML documents": ("---\n" * 2_000, "too many values (at most 50,000)"),
    "mistakes": ("".join(f"a: 0{n:03}\n" for n in range(300)), "more mistakes from here on"),
    "a long key": ("? [" + "x" * 100_000 + "]\n: 1\n", "keys must be strings"),
    "a long broken word": ('{"a": ' + "x" * 100_000 + " : [}", "1:"),
}


@pytest.mark.parametrize(("text", "told"), BOMBS.values(), ids=BOMBS)
def test_a_bomb_is_refused_with_its_place_and_a_short_message(
    text: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hathi.model.spec.limits.MAX_NODES", 1_500)
    with pytest.raises(Unreadable) as error:
        places.read(text)
    assert told in str(error.value)
    assert all(len(each.message) < 600 for each in error.value.mistakes)
    assert len(error.value.mistakes) <= 21


def test_many_documents_are_read_one_after_the_other() -> None:
    documents = places.read('{"a": 1}\n' * 500)
    assert len(documents) == 500
    assert documents[-1].find(("a",)) == Place(500, 2)


def test_the_items_of_a_long_list_keep_their_places() -> None:
    documents = places.read("- a: 1\n" * 5_000)
    assert [document.find(("a",)).line for document in documents] == list(range(1, 5_001))
