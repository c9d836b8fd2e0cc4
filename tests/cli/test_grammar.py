"""How words become commands."""

from __future__ import annotations

import pytest

from hathi.cli import registry
from hathi.wire.gen import pfs_pb2


def test_a_resource_may_be_singular_or_plural(pachctl, server) -> None:
    server.answers["ListRepo"] = []
    assert pachctl("list", "repo").out == pachctl("list", "repos").out
    assert len(server.asked("ListRepo")) == 2


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("create", "repo"), "expected 1 arguments, got 0"),
        (("create", "repo", "a", "b"), "expected 1 arguments, got 2"),
        (("list", "commit", "a", "b"), "expected 0 to 1 arguments, got 2"),
        (("inspect", "datum", "-o", "json", "x"), "expected 2 arguments, got 1"),
        (("flush", "commit"), "expected at least 1 arguments, got 0"),
    ],
)
def test_arguments_are_counted_first_with_the_original_s_text_and_the_usage(offline, words, text) -> None:
    done = offline(*words)
    assert done.code == 1
    assert done.err.startswith(f"{text}\n\nUsage: pachctl {words[0]} {words[1]}")


def test_an_unknown_command_names_what_comes_near(offline) -> None:
    done = offline("lst", "repo")
    assert (done.code, done.out) == (1, "")
    assert (
        done.err == "unknown command \"lst\" for \"pachctl\", did you mean 'list'? Run 'pachctl --help' for the list.\n"
    )
    assert 'unknown command "rpo" for "pachctl list", did you mean \'repo\'?' in offline("list", "rpo").err


def test_an_unknown_flag_is_reported_in_one_line(offline) -> None:
    done = offline("create", "repo", "a", "--descriptoin", "x")
    assert (done.code, done.err) == (1, "unknown flag: --descriptoin, did you mean --description?\n")


def test_a_verb_or_nothing_alone_shows_help_and_succeeds(offline) -> None:
    assert offline().code == 0
    assert "Commands:" in offline("list").out
    assert offline("list").code == 0


def test_a_resource_alone_lists_its_commands(offline) -> None:
    done = offline("commits")
    assert "pachctl start commit" in done.out
    assert "pachctl list repo" not in done.out


def test_global_flags_may_stand_behind_any_word(pachctl, server) -> None:
    for words in (
        ("--rpc-timeout", "30s", "list", "repo"),
        ("list", "--rpc-timeout=30s", "repo"),
        ("list", "repo", "--rpc-timeout", "30s", "--no-color", "-v"),
    ):
        pachctl(*words)
        assert 0 < server.calls[-1].deadline < 31
    pachctl("list", "repo")
    assert server.calls[-1].deadline > 1e9


def test_switches_take_true_and_false_as_in_the_original(pachctl, server, offline) -> None:
    server.answers["DeleteRepo"] = pfs_pb2.DeleteRepoResponse(deleted=True)
    pachctl("delete", "repo", "a", "--force=true")
    pachctl("delete", "repo", "a", "-f=false")
    assert [call.message.force for call in server.asked("DeleteRepo")] == [True, False]
    assert 'invalid argument "maybe" for "--force" flag' in offline("delete", "repo", "a", "--force=maybe").err


def test_the_word_help_asks_for_help(offline) -> None:
    for words in ((), ("list",), ("list", "repo"), ("put-file",)):
        done = offline("help", *words)
        assert (done.code, done.out) == (0, offline(*words, "--help").out)
    assert 'unknown command "nope"' in offline("help", "nope").err


def test_help_asks_for_no_arguments(offline) -> None:
    for entry in registry.COMMANDS:
        done = offline(*entry.words, "--help")
        assert done.code == 0, entry
        assert entry.summary in " ".join(done.out.split()), entry


def test_every_command_has_a_summary_and_every_verb_is_described() -> None:
    for entry in registry.COMMANDS:
        assert entry.summary.endswith("."), entry
        assert len(entry.words) == 1 or entry.words[0] in registry.VERBS


def test_a_broken_duration_is_one_clear_message(offline) -> None:
    done = offline("list", "repo", "--rpc-timeout", "soon")
    assert done.code == 1
    assert 'invalid duration "soon"' in done.err


@pytest.mark.parametrize("words", [("fsck",), ("diff", "file"), ("create", "secret"), ("list", "secrets")])
def test_a_command_that_only_the_original_has_is_told_apart_from_a_slip(offline, words) -> None:
    done = offline(*words)
    assert done.code == 1
    assert "is a command of Pachyderm that Hathi does not have" in done.err


def test_no_absent_command_is_here_after_all() -> None:
    assert not [words for words in registry.ABSENT if registry.find(words) or registry.children(words, hidden=True)]
