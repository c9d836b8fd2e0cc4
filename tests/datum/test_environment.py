from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hathi.datum.environment import Job, datum_variables, dotenv, environment

Source = Callable[..., Any]


def test_each_input_has_its_path_and_commit(source: Source) -> None:
    variables = datum_variables("j", "d", [source("left", "/a/b"), source("right", "/")])
    assert variables["left"] == "/pfs/left/a/b"
    assert variables["right"] == "/pfs/right"
    assert variables["left_COMMIT"] == variables["right_COMMIT"] == "0123456789ab4cdef0123456789abcde"


def test_of_inputs_that_share_a_name_the_last_one_counts(source: Source) -> None:
    assert datum_variables("j", "d", [source("x", "/1"), source("x", "/2")])["x"] == "/pfs/x/2"


def test_keys_of_joins_and_groups_are_told_when_there_are_any(source: Source) -> None:
    variables = datum_variables("j", "d", [source("x", join_on="1", group_by="2"), source("y")])
    assert (variables["PACH_DATUM_x_JOIN_ON"], variables["PACH_DATUM_x_GROUP_BY"]) == ("1", "2")
    assert "PACH_DATUM_y_JOIN_ON" not in variables


def test_a_datum_without_inputs_has_no_id() -> None:
    assert datum_variables("j", "d", []) == {"PACH_JOB_ID": "j", "PACH_OUTPUT_COMMIT_ID": "j"}


def test_later_layers_win_and_nothing_else_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HATHI_SECRET", "x")
    about = Job("default", "p", "j", "w", env={"PATH": "/mine", "PACH_JOB_ID": "forged"}, base={"PATH": "/base"})
    seen = environment(about, {"PACH_JOB_ID": "j"})
    assert seen == {
        "PATH": "/mine",
        "PPS_PROJECT_NAME": "default",
        "PPS_PIPELINE_NAME": "p",
        "PPS_POD_NAME": "w",
        "PPS_WORKER_IP": "127.0.0.1",
        "PACH_IN_WORKER": "true",
        "PACH_JOB_ID": "j",
    }


def test_the_env_file_has_a_line_for_each_variable() -> None:
    assert dotenv({"A": "1", "B": "2"}) == b"A=1\nB=2\n"


def test_an_input_never_sets_a_variable_that_programs_need(source: Source) -> None:
    variables = datum_variables("j", "d", [source("PATH", "/a"), source("LD_PRELOAD", "/a"), source("A=B", "/a")])
    assert not {"A=B", "PATH", "LD_PRELOAD"} & variables.keys()
    assert variables["PATH_COMMIT"] == variables["LD_PRELOAD_COMMIT"] != ""
