"""Globs match, capture and refuse as ohmyglob's grammar says, in bounded time."""

import re
import signal
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
        ("$001", "2026"),
        ("${" + "9" * 5_000 + "}", ""),
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
        ("(" * 60, "groups nest too deeply (at most 50 deep) at character 51"),
    ],
)
def test_a_broken_glob_names_the_place(pattern: str, text: str) -> None:
    with pytest.raises(GlobError) as error:
        compile_glob(pattern)
    assert f'invalid glob "{pattern}": ' in str(error.value)
    assert text in str(error.value)


HOSTILE = {
    "options": ("/" + "?(a)" * 40 + "a" * 40, "/" + "a" * 40, "/" + "a" * 39),
    "runs in runs": ("/*(*(*(*(a))))b", "/" + "a" * 3_000 + "b", "/" + "a" * 3_000 + "c"),
    "equal options": ("/*(a|a)b", "/" + "a" * 3_000 + "b", "/" + "a" * 3_000 + "c"),
    "runs side by side": ("/" + "*a" * 200 + "b", "/" + "a" * 3_000 + "b", "/" + "a" * 3_000 + "c"),
    "deep runs": ("/" + "**a" * 200 + "b", "/" + "a/" * 1_500 + "ab", "/" + "a/" * 1_500 + "c"),
    "many states": ("/*a" + "[ab]" * 499 + "c", "/" + "ab" * 300 + "c", "/" + "ab" * 1_500),
    "nested exclusions": ("/!(*!(*!(*a)c)c)c", None, None),
    "five exclusions": ("/!(*!(*!(*!(*!(*a)c)c)c)c)c", None, None),
    "thirty exclusions": ("/" + "!(*" * 30 + "a" + ")c" * 30, None, None),
    "exclusions side by side": ("/" + "!(a*b)" * 50 + "x", None, None),
}


@pytest.mark.parametrize(("pattern", "path", "other"), HOSTILE.values(), ids=HOSTILE)
def test_no_glob_makes_matching_endless(pattern: str, path: str | None, other: str | None) -> None:
    # The alarm only keeps a failure from hanging the tests: what is meant here takes milliseconds, or for ever.
    signal.signal(signal.SIGALRM, _give_up)
    signal.alarm(100)
    try:
        glob = compile_glob(pattern)
        assert path is None or glob.match(path)
        assert other is None or not glob.match(other)
        for one in ("/" + "a" * 200, "/" + "abc" * 1_000, "/" + "c" * 200):
            assert (glob.captures(one) is not None) == glob.match(one)
    finally:
        signal.alarm(0)


def _give_up(*_: object) -> None:
    raise TimeoutError("matching does not end")


@pytest.mark.parametrize("depth", [1, 5, 30])
def test_an_automaton_looks_at_each_character_of_a_path_once(depth: int, monkeypatch: pytest.MonkeyPatch) -> None:
    glob = compile_glob("/" + "!(*" * depth + "a" + ")c" * depth)
    looks = []
    real = machine.Matcher._before
    monkeypatch.setattr(
        machine.Matcher, "_before", lambda self, state, each: looks.append(each) or real(self, state, each)
    )
    path = "/" + "abc" * 500
    glob.match(path)
    first = len(looks)
    assert first <= len(path)
    glob.match(path)
    glob.captures(path)
    assert len(looks) == first, "what was learnt of the glob is kept"


def test_what_an_automaton_remembers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_MAX_KNOWN", 10)
    matcher = machine.Matcher(syntax.parse("!(*a" + "[ab]" * 8 + ")*"))
    for number in range(300):
        path = f"{number:012b}".translate({48: "a", 49: "b"}).encode()
        assert matcher.matches(path) == (b"a" not in path[: len(path) - 8])
        assert len(matcher._states) <= 12


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("/" + "a" * 9_000, "it has 9,001 characters, and a glob may have 8,192"),
        ("/!(" + "b" * 3_000 + ")", "a glob with !(..) may have 2,000 steps, and this one has"),
        ("/a\ud800", "not a valid character at character 3"),
    ],
)
def test_what_would_take_too_much_is_refused_with_the_limit(pattern: str, text: str) -> None:
    with pytest.raises(GlobError) as error:
        compile_glob(pattern)
    assert text in str(error.value)
    assert len(str(error.value)) < 400


def test_a_glob_that_takes_too_much_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regex, "_MEMORY", 1 << 14)
    with pytest.raises(GlobError, match="it takes too much memory"):
        compile_glob("/" + "[!\u00e9]" * 1_000)


@pytest.mark.parametrize("pattern", ["/*", "/*/a*b/**", "/*.png", "/a/b/c", "/*/*/*/*/*"])
def test_patterns_with_one_star_a_segment_have_one_way_to_match(pattern: str) -> None:
    assert regex.has_one_way(syntax.parse(pattern))


@pytest.mark.parametrize("pattern", ["/*a*", "/**/*", "/**/a/*", "/**a**", "/?", "/*[!a]", "/(*)", "/{a,b}", "/?(a)"])
def test_all_others_are_matched_by_an_engine_that_does_not_backtrack(pattern: str) -> None:
    assert not regex.has_one_way(syntax.parse(pattern))
    matcher = compile_glob(pattern)._matcher
    assert isinstance(matcher, regex.Matcher)
    assert not isinstance(matcher._matching, re.Pattern)


@pytest.mark.parametrize("character", [*map(chr, range(1, 128)), "é", "\u2028", "\U0001f418"])
def test_each_character_can_be_meant_literally(character: str) -> None:
    if character == "/":
        return
    for pattern in (
        f"/{quote(character)}*x*",
        f"/[\\{character}]*x*",
        f"/!(zz){quote(character)}x",
        f"/!([\\{character}])*x",
    ):
        glob = compile_glob(pattern)
        assert glob.match(f"/{character}x") == (not pattern.startswith("/!(["))
        assert not glob.match(f"/{'a' if character != 'a' else 'b'}{character}y")


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
    matchers = [machine.Matcher(tree)]
    if not regex.excludes(tree):
        matchers.append(regex.Matcher(tree))
    for path in paths:
        expected = reference_globs.matches(tree, path)
        for matcher in matchers:
            assert matcher.groups == matchers[0].groups
            assert matcher.matches(path.encode()) == expected
            assert (matcher.captures(path.encode()) is not None) == expected


@settings(max_examples=400, deadline=None)
@given(PATTERNS, PATHS)
def test_both_engines_capture_what_backtracking_would_find_first(pattern: str, path: str) -> None:
    tree = syntax.parse(pattern)
    if "*(" in pattern or "+(" in pattern:
        return
    found = re.compile(_backtracking(tree, last=True), re.DOTALL).fullmatch(path)
    expected = found and found.groups(default="")
    assert machine.Matcher(tree).captures(path.encode()) == expected
    if not regex.excludes(tree):
        assert regex.Matcher(tree).captures(path.encode()) == expected


def _backtracking(tree: syntax.Sequence, last: bool) -> str:
    """Return a regular expression of Python's own, which can look ahead."""
    final = len(tree.parts) - 1
    return "".join(_backtracking_part(part, last and at == final) for at, part in enumerate(tree.parts))


def _backtracking_part(part: syntax.Part, last: bool) -> str:
    if not isinstance(part, syntax.Choice):
        return regex.to_regex(syntax.Sequence((part,)))
    options = "(?:" + "|".join(_backtracking(option, last) for option in part.options) + ")"
    end = r"\Z" if last else ""
    return {"{": options, "@": f"({options})", "?": f"({options}?)", "!": f"((?!{options}{end})[^/]*)"}[part.kind]


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
