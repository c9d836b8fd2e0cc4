"""Configuration and contexts, in the original's file."""

from __future__ import annotations

import json

import pytest

from hathi.cli import connection
from hathi.cli.config import Config, Context
from hathi.model.errors import UnavailableError


def write(config, **v2) -> None:
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(json.dumps({"user_id": "u", "odd": [1], "v2": v2}))


def test_connect_makes_a_context_and_activates_it(offline, config) -> None:
    done = offline("connect", "pachd.example.org", "--alias", "prod")
    assert done.lines == [
        "New context 'prod' created, will connect to Pachyderm at grpc://pachd.example.org:30650",
        "Context 'prod' set as active",
    ]
    data = json.loads(config.read_text())
    assert data["v2"]["active_context"] == "prod"
    assert data["v2"]["contexts"]["prod"]["pachd_address"] == "grpc://pachd.example.org:30650"
    assert config.stat().st_mode & 0o777 == 0o600
    assert offline("config", "get", "active-context").out == "prod\n"
    assert offline("config", "list", "context").lines == ["ACTIVE NAME", "*      prod"]


def test_what_we_do_not_know_is_written_back_as_it_was(offline, config) -> None:
    write(config, active_context="a", strange={"x": 1}, contexts={"a": {"source": 2, "hub_thing": True}})
    assert offline("config", "update", "context", "--project", "p").code == 0
    data = json.loads(config.read_text())
    assert data["odd"] == [1]
    assert data["v2"]["strange"] == {"x": 1}
    assert data["v2"]["contexts"]["a"] == {"source": 2, "hub_thing": True, "project": "p"}


def test_a_1x_file_becomes_a_context() -> None:
    config = Config.__new__(Config)
    from hathi.cli.config import _migrated

    config.data = _migrated({"user_id": "u", "v1": {"pachd_address": "h:1", "session_token": "t", "server_cas": ""}})
    assert config.active == "default"
    assert config.require("default").data == {"source": 1, "pachd_address": "h:1", "session_token": "t"}


@pytest.mark.parametrize(
    ("env", "data", "address"),
    [
        ({"PACHD_ADDRESS": "h:1"}, {"pachd_address": "grpc://h:2"}, "h:1"),
        ({}, {"pachd_address": "grpc://h:2", "port_forwarders": {"pachd": 3}}, "grpc://h:2"),
        ({}, {"port_forwarders": {"pachd": 3}}, "grpc://localhost:3"),
        ({}, {}, "grpc://localhost:30650"),
    ],
)
def test_the_address_comes_from_the_environment_then_the_context_then_the_default(env, data, address) -> None:
    assert connection.resolve(env, Context("c", data))[0] == address


def test_nothing_listening_says_where_and_what_to_do(offline) -> None:
    done = offline("list", "repo", PACHD_ADDRESS="127.0.0.1:1")
    assert done.code == 1
    assert done.err == (
        "cannot connect to pachd at 127.0.0.1:1 (from PACHD_ADDRESS): connection refused. Start one with 'pachd', "
        "or name another with PACHD_ADDRESS=HOST:PORT or 'pachctl connect ADDRESS'.\n"
    )


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("errors resolving h:1: [field:hostname lookup error: Domain name not found]", "the host name is unknown"),
        ("failed to connect to all addresses; last error: Tls handshake failed: x: OK", "no TLS could be agreed on"),
        ("failed to connect to all addresses; last error: Failed parsing HTTP/2 (x)", "is no pachd"),
        ("failed to connect to all addresses; last error: unix:/s: x: No such file or directory", "no such file"),
    ],
)
def test_why_nobody_could_be_reached_is_told_in_words(said, told) -> None:
    with connection.Server("h:1", "PACHD_ADDRESS") as server:
        text = server.explain(UnavailableError(said))
    assert text.startswith("cannot connect to pachd at h:1 (from PACHD_ADDRESS): ") and told in text


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Deadline Exceeded", "did not answer in time"),
        ("Cancelling all calls", "was stopped before it had answered"),
        ("the server is stopping", "was stopped before it had answered"),
    ],
)
def test_an_answer_that_does_not_come_is_told_as_such(said, told) -> None:
    with connection.Server("h:1", "PACHD_ADDRESS") as server:
        assert server.explain(UnavailableError(said)) == f"pachd at h:1 (from PACHD_ADDRESS) {told}"


def test_the_token_and_project_of_the_context_are_used(pachctl, server, config) -> None:
    write(config, active_context="a", contexts={"a": {"session_token": "secret", "project": "p"}})
    pachctl("create", "repo", "data")
    assert server.asked("CreateRepo")[0].metadata["authn-token"] == "secret"
    assert server.one("CreateRepo").repo.project.name == "p"
    pachctl("inspect", "repo", "data", "--project", "q")
    assert server.one("InspectRepo").repo.project.name == "q"


def test_pach_context_chooses_and_an_unknown_one_is_an_error(offline, config) -> None:
    write(config, active_context="a", contexts={"a": {}, "b": {"pachd_address": "127.0.0.1:1"}})
    assert "127.0.0.1:1" in offline("list", "repo", PACH_CONTEXT="b").err
    assert 'PACH_CONTEXT names the context "c"' in offline("list", "repo", PACH_CONTEXT="c").err


def test_another_cluster_behind_the_address_is_refused(server, offline, config) -> None:
    from hathi.wire.gen import admin_pb2

    server.answers["InspectCluster"] = admin_pb2.ClusterInfo(deployment_id="new")
    address = f"grpc://127.0.0.1:{server.port}"
    write(config, active_context="a", contexts={"a": {"pachd_address": address, "cluster_deployment_id": "old"}})
    done = offline("list", "repo")
    assert done.code == 1
    assert 'the context "a" belongs to cluster old' in done.err
    assert offline("config", "update", "context", "--remove-cluster-deployment-id").code == 0
    assert offline("list", "repo").code == 0


def test_contexts_are_set_got_and_deleted(offline, config) -> None:
    assert offline("config", "set", "context", "a", text='{"pachd_address": "h"}').code == 0
    assert json.loads(offline("config", "get", "context", "a").out) == {"pachd_address": "grpc://h:30650"}
    assert "already exists, use `--overwrite`" in offline("config", "set", "context", "a", text="{}").err
    assert offline("config", "set", "context", "b", text="{}").code == 0
    assert offline("config", "delete", "context", "a").err == "cannot delete an active context\n"
    assert offline("config", "set", "active-context", "b").code == 0
    assert offline("config", "delete", "context", "a").code == 0
    assert offline("config", "set", "active-context", "a").err == "context does not exist: a\n"
    assert "malformed context" in offline("config", "set", "context", "c", text="{").err


def test_metrics_are_kept_for_the_original_s_sake(offline) -> None:
    assert offline("config", "set", "metrics", "false").code == 0
    assert offline("config", "get", "metrics").out == "false\n"
    assert offline("config", "set", "metrics", "maybe").code == 1


def test_a_broken_configuration_names_the_file(offline, config) -> None:
    config.parent.mkdir()
    config.write_text("{")
    assert f"the configuration {config} cannot be used: not valid JSON" in offline("list", "repo").err


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\xff\xfe{}", "is not text in UTF-8: invalid start byte at byte 0"),
        (b'{"v2": "\xc3"}', "is not text in UTF-8"),
        (b"[]", "is not a JSON object"),
        (b'{"v2": 1}', "v2 must be an object"),
        (b'{"v2": null}', "v2 must be an object"),
        (b'{"v2": {"contexts": []}}', "v2.contexts must be an object"),
        (b'{"v2": {"active_context": 7, "contexts": {}}}', "v2.active_context must be a string"),
        (b'{"v2": {"contexts": {"a": 1}}}', 'the context "a" must be an object'),
        (b'{"v2": {"contexts": {"a": {"pachd_address": 1}}}}', 'pachd_address of the context "a" must be a string'),
        (b'{"v2": {"contexts": {"\\ud800": {}}}}', "surrogate"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"v2": ' + b"9" * 5_000 + b"}", "too many digits"),
        (b" " * (2 << 20), "longer than 1 MiB"),
        (b'{"v2": {"active_context": "a", "contexts": {"a": {"session_token": "\xc3\xa9"}}}}', "the session_token of"),
        (b'{"v2": {"active_context": "a", "contexts": {"a": {"server_cas": "\xc3\xa9"}}}}', "are not base64"),
    ],
)
def test_a_configuration_of_wrong_bytes_or_types_is_refused_in_a_line(offline, config, content, told) -> None:
    config.parent.mkdir()
    config.write_bytes(content)
    done = offline("list", "repo")
    assert done.code == 1
    assert told in done.err
    assert done.err.count("\n") == 1
    assert len(done.err) < 600


def test_a_context_of_a_wrong_form_is_refused(offline, config) -> None:
    for text in ("[" * 100_000, '{"a": ' + "9" * 5_000 + "}", "{", "[]"):
        done = offline("config", "set", "context", "a", text=text)
        assert done.code == 1
        assert "malformed context" in done.err


@pytest.mark.parametrize("address", ["ftp://h", "h:70000", "grpc://h/path", "grpc://user@h"])
def test_a_wrong_address_is_refused_before_it_is_stored(offline, config, address) -> None:
    done = offline("connect", address)
    assert done.code == 1
    assert f'invalid address "{address}"' in done.err
    assert not config.exists()
