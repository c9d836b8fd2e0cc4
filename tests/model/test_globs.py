"""Globs match, capture and refuse as ohmyglob's grammar says, in bounded time."""

from types import ModuleType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hathi.model.globs import GlobError, compile_glob, machine, quote, regex, syntax


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("/", "/", "/a /a/b"),
        ("/*", "/a /.b /a.c", "/ /a/b"),
        ("*", "/a", "/ /a/b"),
        ("a/", "/a", "/a/b /"),
        ("**", "/a /a/b /a/b/c", "/"),
        ("/**/*.png", "/a/b.png /a/b/c.png", "/b.png /a/b.jpg"),
        ("/a?c", "/abc", "/ac /a/c /abbc"),
        ("/[abc]x", "/ax /cx", "/dx /x"),
        ("/[a-c]x", "/bx", "/dx /-x"),
        ("/[!a-c]", "/d /-", "/a /dd"),
        ("/[^a]", "/b", "/a"),
        ("/[a-cx-z_]", "/b /y /_", "/d /-"),
        ("/[a-]", "/a /-", "/b"),
        ("/[[:digit:][:upper:]_]", "/1 /A /_", "/a"),
        ("/[![:alpha:]]", "/1", "/a"),
        ("/{a,b{c,d{e,}}}", "/a /bc /bde /bd", "/b /e"),
        ("/{*.png,*.jpg}", "/x.png /y.jpg", "/x.gif"),
        ("/{a,b}/{c|d}", "/a/c|d /b/c|d", "/a/c"),
        ("/(a,b|c)", "/a,b /c", "/a /b"),
        ("/@(a|b)c", "/ac /bc", "/c /abc"),
        ("/?(a|b)c", "/ac /bc /c", "/abc"),
        ("/*(a|b)c", "/c /abac", "/adc"),
        ("/+(a|b)c", "/ac /abac", "/c"),
        ("/*([0-9]).txt", "/.txt /17.txt", "/x.txt"),
        ("/a**(e|f)", "/a /abab /aef", "/a/e"),
        ("/a***ef", "/aef /ab/cef", "/ae"),
        (r"/a\*b", "/a*b", "/aXb"),
        (r"/\[x\]", "/[x]", "/x"),
        (r"/[\]]", "/]", "/a"),
        ("/a+@!b", "/a+@!b", "/a"),
        ("/a]b", "/a]b", "/ab"),
    ],
)
def test_the_grammar(pattern: str, matching: str, others: str) -> None:
    glob = compile_glob(pattern)
    assert [path for path in matching.split() if not glob.match(path)] == []
    assert [path for path in others.split() if glob.match(path)] == []


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("/!(tmp)", "/a /tmpfile / /xtmp", "/tmp /a/b"),
        ("/!(tmp)*", "/a /xtmp", "/tmp /tmpfile"),
        ("/!(*.js|*.json)", "/a.gz /a.js.gz", "/a.js /a.json"),
        ("/a*!(x)", "/a /ab /ax", "/ba"),
        ("/!(!(foo))", "/foo", "/bar"),
        ("/!(!(!(foo)))", "/bar", "/foo"),
        ("/*.!(js)", "/bar.min.js /a.png", "/a.js"),
        ("/*-!(integration)-test.js", "/a-unit-test.js", "/a-integration-test.js"),
        ("/@(!(z*)|*x)", "/foot /zoox", "/zoot"),
        ("/mu!(*(c))?.pa!(*(z))?", "", "/mucca.pazza"),
    ],
)
def test_a_negated_group_excludes_names_at_the_end_and_beginnings_before_it(
    pattern: str, matching: str, others: str
) -> None:
    glob = compile_glob(pattern)
    assert [path for path in matching.split() if path != "/" and not glob.match(path)] == []
    assert [path for path in others.split() if glob.match(path)] == []


@pytest.mark.parametrize(
    ("pattern", "path", "captured"),
    [
        ("/(a|b)/(*).go", "/a/x.go", ("a", "x")),
        ("/a*(a|b)/x", "/aba/x", ("ba",)),
        ("/a?(b)", "/a", ("",)),
        ("/a*(a|b)/*(*).go", "/aaaa/x.go", ("aaa", "x")),
        ("/test*(/?(+(a|b)/*.go))", "/test/a/x.go", ("/a/x.go", "a/x.go", "a")),
        ("/{(x),(y)}", "/y", ("", "y")),
        ("/!(a)-(*)", "/b-c", ("b", "c")),
        ("/*", "/a", ()),
        ("/(a)", "/b", None),
    ],
)
def test_groups_are_numbered_by_their_opening_parenthesis(
    pattern: str, path: str, captured: tuple[str, ...] | None
) -> None:
    glob = compile_glob(pattern)
    assert glob.captures(path) == captured
    assert captured is None or glob.groups == len(captured)


@pytest.mark.parametrize(
    ("template", "key"),
    [
        ("$1", "2026"),
        ("$2-$1", "cat-2026"),
        ("${1}0", "20260"),
        ("$10", ""),
        ("$$1", "$1"),
        ("$0", "/2026/cat"),
        ("$x", "$x"),
    ],
)
def test_templates_are_expanded_with_what_was_captured(template: str, key: str) -> None:
    assert compile_glob("/(*)/(*)").expand(template, "/2026/cat") == key


def test_a_template_is_not_expanded_for_a_path_that_does_not_match() -> None:
    with pytest.raises(ValueError, match="does not match"):
        compile_glob("/(a)").expand("$1", "/b")


@pytest.mark.parametrize(
    ("pattern", "prefix", "literal"),
    [
        ("/", "/", True),
        ("a/b/", "/a/b", True),
        ("/a/b*", "/a/b", False),
        ("*", "/", False),
        (r"/a\*b/{c,d}", "/a*b/", False),
    ],
)
def test_the_literal_prefix_is_what_every_match_starts_with(pattern: str, prefix: str, literal: bool) -> None:
    glob = compile_glob(pattern)
    assert (glob.literal_prefix, glob.is_literal) == (prefix, literal)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("a[", "[ is not closed by ] at character 2"),
        ("//a[b", "[ is not closed by ] at character 4"),
        ("[z-a]", "range z-a runs backwards at character 2"),
        ("[]", "empty character class at character 1"),
        ("[!]", "empty character class at character 1"),
        ("[[:foo:]]", "unknown character class"),
        ("a(b", "( is not closed by ) at character 2"),
        ("{a,(b}", "( is not closed by ) at character 4"),
        ("{a,b)", "{ is not closed by } at character 1"),
        ("a)", r") closes nothing (write \) for the character itself) at character 2"),
        ("x\\", "nothing follows the backslash at character 2"),
        ("(" * 60, "groups nest too deeply at character 51"),
    ],
)
def test_a_broken_glob_names_the_place(pattern: str, text: str) -> None:
    with pytest.raises(GlobError) as error:
        compile_glob(pattern)
    assert f'invalid glob "{pattern}": ' in str(error.value)
    assert text in str(error.value)


@pytest.mark.parametrize(
    "pattern", ["/*(*a)b", "/*(a|a)b", "/*(+(a))b", "/*a*a*a*a*a*b", "/*(*(*(a)))b", "/**a**a**a**a**b"]
)
def test_no_pattern_takes_more_than_polynomial_time(pattern: str) -> None:
    glob = compile_glob(pattern)
    assert isinstance(glob._matcher, machine.Matcher)
    assert not glob.match("/" + "a" * 200 + "c")
    assert glob.match("/" + "a" * 200 + "b")


@pytest.mark.parametrize("pattern", ["/*", "/**/*.png", "/(*)/(*)/(*)/(*).png", "/*([0-9])-*.@(png|jpg)", "/a/b/c"])
def test_ordinary_patterns_are_matched_in_c(pattern: str) -> None:
    assert isinstance(compile_glob(pattern)._matcher, regex.Matcher)


PATTERNS = st.recursive(
    st.sampled_from(["a", "b", "/", "ab", "*", "**", "?", "[ab]", "[!a]", "[^b]", "[a-b]", "c", ""]),
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map("".join),
        st.builds("{{{},{}}}".format, inner, inner),
        st.builds("{}({}|{})".format, st.sampled_from(["", "@", "?", "*", "+", "!"]), inner, inner),
    ),
    max_leaves=7,
)
PATHS = st.text(alphabet="abc/", max_size=7)


@settings(
    max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None
)
@given(PATTERNS, st.lists(PATHS, min_size=1, max_size=5))
def test_regular_expression_machine_and_reference_agree(
    reference_globs: ModuleType, pattern: str, paths: list[str]
) -> None:
    tree = syntax.parse(pattern)
    by_regex, by_machine = regex.Matcher(tree), machine.Matcher(tree)
    assert by_regex.groups == by_machine.groups
    for path in paths:
        expected = reference_globs.matches(tree, path)
        assert by_regex.matches(path) == expected
        assert by_machine.matches(path) == expected


@settings(max_examples=200, deadline=None)
@given(PATTERNS, PATHS)
def test_regular_expression_and_machine_capture_the_same_outside_repetitions(pattern: str, path: str) -> None:
    tree = syntax.parse(pattern)
    if "*(" not in pattern and "+(" not in pattern:
        assert machine.Matcher(tree).captures(path) == regex.Matcher(tree).captures(path)


@given(PATTERNS, PATHS)
def test_every_match_starts_with_the_literal_prefix(pattern: str, path: str) -> None:
    glob = compile_glob(pattern)
    if glob.match("/" + path):
        assert ("/" + path).startswith(glob.literal_prefix)
        assert not glob.is_literal or "/" + path == glob.pattern


def test_matching_ancestors_are_the_matches_whose_content_changes_with_a_file() -> None:
    assert list(compile_glob("/*").matching_ancestors("/a/b/c")) == ["/a"]
    assert list(compile_glob("/").matching_ancestors("/a/b/c")) == ["/"]
    assert list(compile_glob("/**").matching_ancestors("/a/b/c")) == ["/a", "/a/b", "/a/b/c"]
    assert list(compile_glob("/*/*.png").matching_ancestors("/a/x.png")) == ["/a/x.png"]
    assert list(compile_glob("/b*").matching_ancestors("/a/b")) == []


@given(st.text(alphabet="ab*?[]{}()\\!@+^|,-/", max_size=8))
def test_a_quoted_path_matches_itself_alone(name: str) -> None:
    path = "/" + name.strip("/")
    glob = compile_glob(quote(path))
    assert glob.is_literal
    assert glob.match(path)
    assert glob.literal_prefix == path
    assert not any(glob.match(other) for other in [path + "a", "/x" + path])
