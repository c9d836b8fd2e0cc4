"""Tokens for workers: what one is good for, and that nobody else makes one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hathi.model.references import Pipeline
from hathi.model.worker_tokens import KEY_BYTES, Scope, WorkerTokens

TOKENS = WorkerTokens(bytes(range(KEY_BYTES)))


@pytest.mark.parametrize("group", ["default/p", "default/p/v1", "other/a-b_c/v12"])
def test_a_token_is_read_as_it_was_issued(group: str) -> None:
    assert TOKENS.read(TOKENS.issue(group)) == Scope(group)


def test_another_server_knows_it_not() -> None:
    assert WorkerTokens(bytes(KEY_BYTES)).read(TOKENS.issue("default/p")) is None


@given(st.text() | st.sampled_from(["default/p", "default/p/v1"]).map(lambda group: f"hathi-worker:{group}:{'0' * 64}"))
def test_what_was_not_issued_is_no_token(text: str) -> None:
    assert TOKENS.read(text) is None


def test_a_changed_group_makes_a_token_worthless() -> None:
    assert TOKENS.read(TOKENS.issue("default/p/v1").replace("/p/", "/q/")) is None


def test_a_version_covers_itself_alone_and_a_pipeline_all_its_versions() -> None:
    one, all_of_them = Scope("default/p/v1"), Scope("default/p")
    assert one.covers("default/p/v1")
    assert not one.covers("default/p/v10")
    assert not one.covers("default/p")
    assert all_of_them.covers("default/p")
    assert all_of_them.covers("default/p/v7")
    assert not all_of_them.covers("default/pp")
    assert not all_of_them.covers("default/q/v7")
    assert one.pipeline == all_of_them.pipeline == Pipeline("default", "p")


def test_the_key_is_not_shown() -> None:
    assert TOKENS._key.hex() not in repr(TOKENS)
    assert repr(TOKENS._key) not in repr(TOKENS)
