"""`transform.build`: what it may say, and every precondition with its message."""

from __future__ import annotations

import pytest

from hathi.images import buildspec
from hathi.images.buildspec import BuildSpec

SPEC = {"pipeline": {"name": "map"}, "transform": {}, "input": {"pfs": {"repo": "data", "glob": "/*"}}}


def messages(build, folder, **changes):
    _, problems = buildspec.read(build, {**SPEC, **changes}, folder)
    return [str(problem) for problem in problems]


def test_the_object_is_taken_out_of_the_spec():
    spec, build = buildspec.take({**SPEC, "transform": {"image": "x", "build": {"language": "go"}}})
    assert (spec["transform"], build) == ({"image": "x"}, {"language": "go"})
    assert buildspec.take(SPEC) == (SPEC, None)


def test_the_path_is_the_specs_own_folder_unless_given(tmp_path):
    build, problems = buildspec.read({"language": "python"}, SPEC, tmp_path)
    assert (build, problems) == (BuildSpec(".", "python"), [])
    assert buildspec.folder_of(build, tmp_path) == tmp_path
    (tmp_path / "code").mkdir()
    for path in ("code", "./code", str(tmp_path / "code")):
        build, problems = buildspec.read({"language": "python", "path": path}, SPEC, tmp_path)
        assert not problems
        assert buildspec.folder_of(build, tmp_path).samefile(tmp_path / "code")


def test_with_a_path_alone_the_pipelines_image_is_the_builder(tmp_path):
    build, problems = buildspec.read({"path": "."}, {**SPEC, "transform": {"image": "mine:1"}}, tmp_path)
    assert (build, problems) == (BuildSpec(".", image="mine:1"), [])


@pytest.mark.parametrize(
    ("build", "changes", "message"),
    [
        (
            {"language": "go"},
            {"spout": {}, "input": None},
            "transform.build: build step-enabled pipelines do not work with spouts",
        ),
        ({"language": "go"}, {"spout": {}}, "transform.build: build step-enabled pipelines do not work with spouts"),
        ({"language": "go"}, {"input": None}, "no `input` specified"),
        ({}, {}, "transform.build: must specify either a build `language` or `image`, or an image to run in"),
        ({"language": "go", "image": "x"}, {}, "transform.build: cannot specify both a build `language` and `image`"),
        (
            {"language": "cobol"},
            {},
            'transform.build.language: no official builder for "cobol" (there are go, python); give an `image`',
        ),
        (
            {"language": "go"},
            {"input": {"cross": [{"pfs": {"repo": "a"}}, {"pfs": {"repo": "b", "name": "source"}}]}},
            'input.cross[1].pfs: build step-enabled pipelines cannot have an input named "source": it is reserved',
        ),
        (
            {"language": "go"},
            {"input": {"cron": {"name": "build"}}},
            'input.cron: build step-enabled pipelines cannot have an input named "build": it is reserved',
        ),
        ({"language": "go", "paht": "x"}, {}, 'transform.build: unknown field "paht"; did you mean "path"?'),
        ({"language": 1, "image": "x"}, {}, "transform.build.language: expected a string, got 1"),
        ("go", {}, None),
    ],
)
def test_each_precondition_has_its_message(tmp_path, build, changes, message):
    found = messages(build, tmp_path, **changes)
    assert found == [message] if message else found


def test_a_spec_from_a_url_has_no_code_beside_it():
    assert messages({"language": "go"}, None) == [
        "transform.build: cannot use build step-enabled pipelines that aren't local"
    ]


def test_the_path_must_be_a_folder(tmp_path):
    (tmp_path / "file").write_text("")
    assert messages({"language": "go", "path": "none"}, tmp_path) == [
        f'transform.build.path: build path "{tmp_path}/none" does not exist'
    ]
    assert messages({"language": "go", "path": "file"}, tmp_path) == [
        f'transform.build.path: build path "{tmp_path}/file" is not a folder'
    ]


def test_all_problems_are_told_at_once(tmp_path):
    assert len(messages({"path": "none"}, tmp_path, spout={}, input={"cron": {"name": "build"}})) == 4
