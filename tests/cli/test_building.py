"""Specs with a build object: what is refused before anything is sent, and what is asked of the server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hathi import __version__
from hathi.wire.gen import hathi_pb2, pfs_pb2, pps_pb2, transaction_pb2

SPEC = {
    "pipeline": {"name": "map"},
    "transform": {"build": {"language": "python", "path": "./source"}},
    "input": {"pfs": {"repo": "scraper", "glob": "/*"}},
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "main.py").write_text("print()")
    (tmp_path / "map.json").write_text(json.dumps(SPEC))
    return tmp_path / "map.json"


@pytest.fixture
def hathi(server, failure):
    """A server on which nothing exists yet, but an upload gets an id."""
    server.answers["Server"] = hathi_pb2.ServerResponse(runtime="docker")
    server.answers["InspectPipeline"] = failure("NOT_FOUND", "pipeline default/map not found")
    server.answers["InspectRepo"] = failure("NOT_FOUND", "repo not found")
    server.answers["InspectBranch"] = failure("NOT_FOUND", "branch not found")
    server.answers["Put"] = lambda *messages: hathi_pb2.PutResponse(commit="c1")
    server.answers["InspectCommit"] = lambda request: (
        pfs_pb2.CommitInfo(commit=request.commit)
        if request.commit.id
        else failure("NOT_FOUND", "branch upload not found")
    )
    return server


def test_code_is_uploaded_and_both_pipelines_are_set_up_in_one_transaction(pachctl, hathi, project) -> None:
    done = pachctl("create", "pipeline", "-f", str(project))
    assert "sent 1 of 1 files" in done.err
    (put,) = hathi.asked("Put")[0].messages
    assert [op.path for op in put.ops] == ["/main.py"]
    assert hathi.one("CreateRepo").repo.name == "map_build"
    assert hathi.one("CreateBranch").branch.name == "previous"
    move, builder, main = hathi.one("BatchTransaction").requests
    assert (move.create_branch.branch.name, move.create_branch.head.id) == ("source", "c1")
    specs = [json.loads(each.create_pipeline_v2.user_json) for each in (builder, main)]
    assert [spec["pipeline"]["name"] for spec in specs] == ["map_build", "map"]
    modes = [each.create_pipeline_v2.create_pipeline_request.update for each in (builder, main)]
    assert modes == [True, False]
    assert "WARNING" not in done.err
    assert not hathi.asked("CreatePipelineV2")


def test_the_last_good_build_becomes_the_previous_one(pachctl, hathi, project) -> None:
    def commit(id: str, error: str = "", *, finished: bool = True) -> pfs_pb2.CommitInfo:
        info = pfs_pb2.CommitInfo(commit=pfs_pb2.Commit(id=id), error=error)
        if finished:
            info.finished.GetCurrentTime()
        return info

    hathi.answers["InspectBranch"] = None
    hathi.answers["ListCommit"] = [commit("c9", finished=False), commit("c8", "failed"), commit("c7"), commit("c6")]
    pachctl("update", "pipeline", "-f", str(project))
    moves = {each.create_branch.branch.name: each.create_branch.head.id for each in _moves(hathi)}
    assert moves == {"source": "c1", "previous": "c7"}


def test_reprocess_shows_the_builder_the_empty_commit_again(pachctl, hathi, project) -> None:
    empty = pfs_pb2.CommitInfo(commit=pfs_pb2.Commit(id="c0", branch=pfs_pb2.Branch(name="previous")))
    hathi.answers["ListCommit"] = [pfs_pb2.CommitInfo(commit=pfs_pb2.Commit(id="c5")), empty]
    pachctl("update", "pipeline", "--reprocess", "-f", str(project))
    assert {each.create_branch.branch.name: each.create_branch.head.id for each in _moves(hathi)}["previous"] == "c0"
    assert all(
        each.create_pipeline_v2.create_pipeline_request.reprocess for each in hathi.one("BatchTransaction").requests[2:]
    )


def _moves(server):
    return [each for each in server.one("BatchTransaction").requests if each.HasField("create_branch")]


def test_a_pipeline_that_exists_is_not_created_and_nothing_is_sent(failing, hathi, project) -> None:
    hathi.answers["InspectPipeline"] = None
    assert failing("create", "pipeline", "-f", str(project)).err == "pipeline default/map already exists\n"
    assert not hathi.asked("Put")


def test_a_repo_that_holds_something_else_is_left_alone(failing, hathi, project) -> None:
    other = pfs_pb2.RepoInfo(branches=[pfs_pb2.Branch(name="master"), pfs_pb2.Branch(name="source")])
    hathi.answers["InspectRepo"] = other
    said = failing("create", "pipeline", "-f", str(project)).err
    assert "repo default/map_build holds something other than a pipeline's code (branches master)" in said
    assert not hathi.asked("Put")


def test_mistakes_in_the_build_object_are_told_with_their_places_and_all_others(failing, server, tmp_path) -> None:
    file = tmp_path / "map.yaml"
    file.write_text(
        "pipeline: {name: map}\ntransform:\n  build:\n    langauge: python\n    path: nowhere\ninput:\n"
        "  pfs: {repo: a, name: source, glob: /*, lazzy: true}\n"
    )
    lines = failing("create", "pipeline", "-f", str(file)).err.splitlines()
    assert lines[0].startswith(f'{file}:4:5: transform.build: unknown field "langauge"')
    assert any(line.startswith(f"{file}:5:5: transform.build.path: build path") for line in lines)
    assert any("cannot have an input named" in line for line in lines)
    assert any('unknown field "lazzy"' in line for line in lines)
    file.write_text("pipeline: {name: map}\ntransform: {build: ./source}\ninput: {pfs: {repo: a, glob: /*}}\n")
    (line,) = failing("create", "pipeline", "-f", str(file)).err.splitlines()
    assert line == f'{file}:2:13: transform.build: expected a mapping (build), got "./source"'
    assert not server.calls


def test_the_path_starts_at_the_working_directory_for_standard_input(pachctl, hathi, project, monkeypatch) -> None:
    monkeypatch.chdir(project.parent)
    pachctl("create", "pipeline", text=project.read_text())
    assert hathi.asked("Put")


def test_a_build_needs_a_hathi_server_and_a_transaction_of_its_own(failing, pachctl, server, hathi, project) -> None:
    server.unserved.add("hathi_v1.About")
    assert "need a Hathi server" in failing("create", "pipeline", "-f", str(project)).err
    server.unserved.clear()
    server.answers["StartTransaction"] = transaction_pb2.Transaction(id="t")
    pachctl("start", "transaction")
    assert "a transaction of its own" in failing("create", "pipeline", "-f", str(project)).err
    assert not hathi.asked("Put")


def test_a_dry_run_shows_both_specs_and_sends_nothing(pachctl, hathi, project) -> None:
    out = pachctl("create", "pipeline", "--dry-run", "-f", str(project)).out
    decoder = json.JSONDecoder()
    first, end = decoder.raw_decode(out)
    second, _ = decoder.raw_decode(out[end:].lstrip())
    assert (first["pipeline"]["name"], second["pipeline"]["name"]) == ("map_build", "map")
    assert [call.method for call in hathi.calls if call.method != "Server"] == []


def test_builder_images_may_come_from_a_registry_of_ones_own(pachctl, hathi, project) -> None:
    pachctl("create", "pipeline", "-f", str(project), HATHI_BUILDERS="registry.example.com/team")
    for each in hathi.one("BatchTransaction").requests[1:]:
        image = json.loads(each.create_pipeline_v2.user_json)["transform"]["image"]
        assert image == f"registry.example.com/team/python-build:{__version__}"


def test_code_without_what_its_builder_needs_is_refused_before_anything_is_sent(failing, hathi, project) -> None:
    source = project.parent / "source"
    (source / "main.py").rename(source / "mian.py")
    said = failing("create", "pipeline", "-f", str(project)).err
    assert said == f"the source folder {source} holds no main.py at its root\n"
    (source / "mian.py").unlink()
    own = {**SPEC, "transform": {"build": {"image": "own:1", "path": "source"}}}
    project.write_text(json.dumps(own))
    assert failing("create", "pipeline", "-f", str(project)).err == f"the source folder {source} holds no files\n"
    assert [call.method for call in hathi.calls if call.method != "Server"] == []


def test_what_is_left_out_of_the_code_is_told_in_one_line(pachctl, hathi, project) -> None:
    for name in "abcd":
        (project.parent / "source" / name).symlink_to(project.parent)
    said = pachctl("create", "pipeline", "-f", str(project)).err
    assert "WARNING: left out, since they are no files: /a, /b, /c and 1 more (links to folders" in said
    assert "sent 1 of 1 files" in said


def test_a_line_of_pachignore_that_leaves_nothing_out_is_warned_of(pachctl, hathi, project) -> None:
    (project.parent / "source" / "data").mkdir()
    (project.parent / "source" / "data" / "a").write_text("")
    (project.parent / "source" / ".pachignore").write_text("data/\n")
    said = pachctl("create", "pipeline", "-f", str(project)).err
    assert 'WARNING: .pachignore: "data/" names a folder and leaves out no file; write "data/*"' in said


def test_a_repo_that_was_made_for_nothing_goes_again_and_one_that_was_there_stays(
    failing, hathi, project, failure
) -> None:
    hathi.answers["BatchTransaction"] = failure("NOT_FOUND", "repo default/scraper not found")
    assert "scraper not found" in failing("create", "pipeline", "-f", str(project)).err
    assert hathi.one("DeleteRepo").repo.name == "map_build"
    hathi.answers["InspectRepo"] = None
    assert "scraper not found" in failing("create", "pipeline", "-f", str(project)).err
    assert len(hathi.asked("DeleteRepo")) == 1


def test_if_the_code_of_one_of_several_is_wrong_nothing_is_sent(failing, hathi, project) -> None:
    other = {**SPEC, "transform": {"build": {"language": "go", "path": "./source"}}}
    text = json.dumps(SPEC) + json.dumps(other)
    project.write_text(text)
    assert "holds no *.go at its root" in failing("create", "pipeline", "-f", str(project)).err
    assert not hathi.calls


def test_flags_for_images_change_nothing_and_say_so(pachctl, hathi, project) -> None:
    assert (
        "change nothing where the spec has a build object"
        in pachctl("create", "pipeline", "-b", "-f", str(project)).err
    )


@pytest.mark.parametrize(
    ("before", "kept", "said"),
    [
        ({"transform": {"image": "a:1"}, "input": 1}, 400, "400 datums keep their results; to run them"),
        ({"transform": {"image": "a:1"}, "input": 1}, 1, "1 datum keeps its result"),
        ({"transform": {"image": "a:1"}, "input": 1}, 0, ""),
        ({"transform": {"image": "a:2"}, "input": 1}, 400, ""),
        ({"transform": {"image": "a:1"}, "input": 2}, 400, ""),
    ],
)
def test_an_update_of_image_or_command_alone_tells_how_many_datums_are_kept(
    pachctl, server, before, kept, said
) -> None:
    server.answers["InspectPipeline"] = pps_pb2.PipelineInfo(effective_spec_json=json.dumps(before))
    server.answers["Pipeline"] = hathi_pb2.PipelineResponse(datums_kept=kept)
    after = json.dumps({"transform": {"image": "a:2"}, "input": 1})
    server.answers["CreatePipelineV2"] = pps_pb2.CreatePipelineV2Response(effective_create_pipeline_request_json=after)
    spec = {**SPEC, "transform": {"image": "a:2", "cmd": ["x"]}}
    err = pachctl("update", "pipeline", text=json.dumps(spec)).err
    assert said in err
    assert ("--reprocess" in err) is bool(said)
    assert not pachctl("update", "pipeline", "--reprocess", text=json.dumps(spec)).err
