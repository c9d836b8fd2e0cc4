"""Pipelines are made from specs, wherever these come from; what is wrong is told with its place."""

from __future__ import annotations

import contextlib
import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from hathi.cli import fetching
from hathi.cli.fetching import MOST
from hathi.wire.gen import hathi_pb2, pps_pb2

SPEC = {
    "pipeline": {"name": "edges"},
    "transform": {"image": "edges:1.0", "cmd": ["python3", "/edges.py"]},
    "input": {"pfs": {"repo": "images", "glob": "/*"}},
}
BAD = """pipeline:
  name: edges
transfrom:
  image: edges:1.0
input:
  pfs:
    repo: images
    globb: /*
datum_tries: "x"
"""


def sent(server) -> list[dict]:
    return [json.loads(call.message.create_pipeline_request_json) for call in server.asked("CreatePipelineV2")]


def test_a_spec_comes_from_standard_input_a_file_or_a_list(pachctl, server, tmp_path) -> None:
    full = {**SPEC, "pipeline": {"name": "edges", "project": {"name": "default"}}}
    pachctl("create", "pipeline", text=json.dumps(SPEC))
    (tmp_path / "spec.json").write_text(json.dumps([SPEC, SPEC]))
    pachctl("create", "pipeline", "-f", str(tmp_path / "spec.json"))
    assert sent(server) == [full] * 3
    pachctl("update", "pipeline", "--reprocess", "--project", "p", text=json.dumps({**SPEC, "$schema": "x"}))
    request = server.asked("CreatePipelineV2")[3].message
    assert (request.update, request.reprocess) == (True, True)
    assert sent(server)[3]["pipeline"]["project"] == {"name": "p"}
    assert "$schema" not in sent(server)[3]


def test_what_the_spec_says_of_the_mode_overrules_the_command(pachctl, server) -> None:
    pachctl("create", "pipeline", text=json.dumps({**SPEC, "update": True, "reprocess": True}))
    request = server.one("CreatePipelineV2")
    assert (request.update, request.reprocess) == (True, True)
    assert "update" not in sent(server)[0]


def test_limits_that_do_not_hold_where_it_runs_are_warned_of(pachctl, server) -> None:
    server.answers["Pipeline"] = hathi_pb2.PipelineResponse(warnings=["resource_limits.memory is not enforced"])
    limited = {**SPEC, "resource_limits": {"memory": "64Mi"}}
    assert "resource_limits.memory is not enforced" in pachctl("create", "pipeline", text=json.dumps(limited)).err
    assert pachctl("create", "pipeline", text=json.dumps(SPEC)).err == ""


def test_backfill_is_a_flag_too(pachctl, server) -> None:
    pachctl("create", "pipeline", "--backfill", text=json.dumps(SPEC))
    assert sent(server)[0]["backfill"] is True


@pytest.fixture
def web() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(404 if self.path == "/none" else 200)
            if self.path == "/broken":
                self.send_header("Content-Length", "99999")
            self.end_headers()
            with contextlib.suppress(OSError):  # nobody hears all of what is too long
                self.wfile.write(b" " * (MOST + 1) if self.path == "/long" else json.dumps(SPEC).encode())

        def log_message(self, *args: object) -> None:
            pass

    served = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=served.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{served.server_port}"
    served.shutdown()


def test_a_spec_comes_from_a_url(pachctl, failing, server, web) -> None:
    pachctl("create", "pipeline", "-f", f"{web}/spec.yaml")
    assert sent(server)[0]["input"] == SPEC["input"]
    pachctl("create", "pipeline", "-f", f"{web}/spec.yaml".replace("http:", "HTTP:"))
    assert len(sent(server)) == 2
    assert f"cannot read {web}/none: the server answered 404" in failing("create", "pipeline", "-f", f"{web}/none").err


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("/broken", "the server broke off"),
        ("/long", "the server sent more than 16 MiB"),
        ("/with a blank", "URL can't contain"),
        ("http://[::1", "Invalid IPv6 URL"),
        ("http://127.0.0.1:1/x", "Connection refused\n"),
        ("ftp://example.com/x", "only http and https are known"),
    ],
)
def test_a_url_that_gives_no_spec_is_told_in_one_line(failing, server, web, place, reason) -> None:
    url = place if "://" in place else web + place
    said = failing("create", "pipeline", "-f", url).err
    assert said.startswith(f"cannot read {url}: ")
    assert reason in said
    assert sent(server) == []


def test_a_server_that_sends_a_byte_now_and_then_is_given_up() -> None:
    ticks = iter(range(0, 100_000, 50))
    with pytest.raises(TimeoutError, match="had not sent everything after 300 seconds"):
        fetching.read_answer(lambda size: b"x", lambda: next(ticks))


def test_every_mistake_is_told_at_once_with_file_line_and_column(failing, server, tmp_path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(BAD + "---\n" + json.dumps({"pipeline": {}}))
    lines = failing("create", "pipeline", "-f", str(file)).err.splitlines()
    assert lines[:3] == [
        f'{file}:3:1: unknown field "transfrom"; did you mean "transform"?',
        f'{file}:8:5: input.pfs: unknown field "globb"; did you mean "glob"?',
        f'{file}:9:1: datum_tries: expected a whole number, got "x"',
    ]
    assert f"{file}:11:2: pipeline: no pipeline `name` specified" in lines
    assert not server.calls


def test_if_one_of_several_specs_is_wrong_none_is_sent(failing, server) -> None:
    done = failing("create", "pipeline", text=json.dumps(SPEC) + json.dumps({"input": {}}))
    assert "no `pipeline` specified" in done.err
    assert "<stdin>:1:" in done.err
    assert not server.calls


@pytest.mark.parametrize(
    ("image", "warned"),
    [("a", "has no tag"), ("a:latest", "the tag latest"), ("h:1/a", "has no tag"), ("a:1", ""), ("a@sha256:0", "")],
)
def test_a_moving_image_is_warned_of(pachctl, image, warned) -> None:
    text = json.dumps({**SPEC, "transform": {"image": image, "cmd": ["x"]}})
    err = pachctl("create", "pipeline", text=text).err
    assert (warned in err) if warned else not err


def test_old_fields_are_translated_with_a_note(pachctl, server) -> None:
    text = json.dumps({**SPEC, "input": {"atom": {"repo": "images", "glob": "/*"}}})
    done = pachctl("create", "pipeline", text=text)
    assert "atom" in done.err


def test_validate_sends_nothing(offline, tmp_path) -> None:
    done = offline("validate", "pipeline", text=json.dumps(SPEC))
    assert (done.code, done.out) == (0, "<stdin>: pipeline edges is valid\n")
    assert offline("validate", "pipeline", text=BAD).code == 1
    assert offline("validate", "pipeline", text="").err == "<stdin>: no pipeline specification\n"
    none = str(tmp_path / "none")
    assert f"cannot read {none}" in offline("validate", "pipeline", "-f", none).err


def test_a_dry_run_prints_the_effective_spec(pachctl, server) -> None:
    server.answers["CreatePipelineV2"] = pps_pb2.CreatePipelineV2Response(
        effective_create_pipeline_request_json='{"datumTries": 3}'
    )
    assert json.loads(pachctl("create", "pipeline", "--dry-run", text=json.dumps(SPEC)).out) == {"datumTries": 3}
    assert server.one("CreatePipelineV2").dry_run


def test_a_template_is_rendered_by_the_server(pachctl, failing, server, tmp_path) -> None:
    (tmp_path / "t.jsonnet").write_text("function(n) {}")
    server.answers["RenderTemplate"] = pps_pb2.RenderTemplateResponse(json=json.dumps(SPEC))
    pachctl("create", "pipeline", "--jsonnet", str(tmp_path / "t.jsonnet"), "--arg", "n=a=b")
    assert dict(server.one("RenderTemplate").args) == {"n": "a=b"}
    assert sent(server)
    assert "--file and --jsonnet" in failing("create", "pipeline", "-f", "x", "--jsonnet", "y").err
    assert "--arg needs --jsonnet" in failing("create", "pipeline", "--arg", "a=b").err


def test_a_pipeline_is_edited_in_an_editor(pachctl, failing, server, tmp_path) -> None:
    server.answers["InspectPipeline"] = pps_pb2.PipelineInfo(user_spec_json=json.dumps(SPEC))
    editor = tmp_path / "editor.py"
    editor.write_text(
        "import sys,pathlib\np=pathlib.Path(sys.argv[1])\np.write_text(p.read_text().replace(':1.0', ':2.0'))\n"
    )
    pachctl("edit", "pipeline", "edges", EDITOR=f"{sys.executable} {editor}")
    assert sent(server)[0]["transform"]["image"] == "edges:2.0"
    assert server.one("CreatePipelineV2").update
    assert "unchanged" in pachctl("edit", "pipeline", "edges", "--editor", "true").err
    assert "failed with exit code 1" in failing("edit", "pipeline", "edges", "--editor", "false").err


@pytest.mark.parametrize("registry", ["http://host/", "host/", "host:port", "-host", "host/Team"])
def test_a_registry_that_is_none_is_told_with_the_flag_and_the_form(failing, server, registry) -> None:
    for words in (("update", "pipeline", "--build"), ("dev", "-f", "x", "--apply"), ("ci",)):
        err = failing(*words, f"--registry={registry}", text=json.dumps(SPEC)).err
        assert "--registry" in err
        assert f'"{registry}" is no registry: write HOST[:PORT][/PATH]' in err
    assert not server.calls


@pytest.mark.parametrize("flag", ["--registry=localhost:5000/team", "--registry=index.docker.io", "--username=kim"])
def test_how_to_push_is_warned_of_where_nothing_is_pushed(pachctl, flag) -> None:
    assert (
        "change nothing without --build or --push-images"
        in pachctl("update", "pipeline", flag, text=json.dumps(SPEC)).err
    )
    assert pachctl("update", "pipeline", text=json.dumps(SPEC)).err == ""


def test_a_spec_that_cannot_be_built_is_named(failing, server, web) -> None:
    url = f"{web}/spec.yaml"
    err = failing("create", "pipeline", "--build", "-f", url).err
    assert f"{url}: cannot build pipeline because it is not local" in err
    assert all(call.message.dry_run for call in server.calls)


def test_what_is_wrong_with_one_image_of_several_shows_with_its_place_before_any_is_built(
    failing, server, tmp_path
) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch")
    other = {**SPEC, "transform": {"image": "a:1", "dockerfile": "no/File", "cmd": ["x"]}}
    (tmp_path / "two.json").write_text(json.dumps(SPEC) + "\n" + json.dumps(other))
    err = failing("create", "pipeline", "--build", "-f", str(tmp_path / "two.json")).err
    assert err.startswith(f"{tmp_path}/two.json:2:")
    assert f'transform.dockerfile: dockerfile "{tmp_path}/no/File" does not exist' in err
    assert not server.calls


def test_what_the_server_finds_wrong_shows_before_an_image_is_made(failing, server, failure, tmp_path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch")
    (tmp_path / "one.json").write_text(json.dumps(SPEC))
    server.answers["CreatePipelineV2"] = failure("ALREADY_EXISTS", "pipeline default/edges already exists")
    nowhere = {"DOCKER_HOST": "unix:///nowhere.sock"}
    err = failing("create", "pipeline", "--build", "-f", str(tmp_path / "one.json"), **nowhere).err
    assert err == "pipeline default/edges already exists\n"
    assert server.one("CreatePipelineV2").dry_run


def test_a_flag_of_another_command_for_the_resource_is_said_to_be_that(failing) -> None:
    err = failing("update", "pipeline", "--backfill").err
    assert err == "unknown flag: --backfill; it belongs to pachctl create pipeline\n"
    assert failing("create", "pipeline", "--fil", "x").err.startswith("unknown flag: --fil, did you mean --file")


def test_places_of_fields_are_found_however_they_are_spelt(pachctl) -> None:
    old = {**SPEC, "hashtreeSpec": {"constant": 1}, "cacheSize": "1G", "chunkSpec": {"number": 2}}
    err = pachctl("create", "pipeline", text=json.dumps(old, indent=1)).err
    lines = json.dumps(old, indent=1).splitlines()
    for name in ("hashtreeSpec", "cacheSize", "chunkSpec"):
        (at,) = (number for number, line in enumerate(lines, 1) if name in line)
        assert f"<stdin>:{at}:2: " in err
