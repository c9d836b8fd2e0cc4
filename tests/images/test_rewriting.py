"""One spec with a build becomes two: who builds, and who runs what was built."""

from __future__ import annotations

import pytest

from hathi import __version__
from hathi.images.buildspec import BuildSpec
from hathi.images.errors import BuildError
from hathi.images.official import FOLDER, LANGUAGES, carried
from hathi.images.rewriting import rewrite
from hathi.model.builds import builds
from hathi.model.inputs import sources
from hathi.model.references import Pipeline
from hathi.model.spec import parse_spec

MAP = Pipeline("lab", "map")
INPUT = {"pfs": {"repo": "data", "glob": "/*"}}
SPEC = {"pipeline": {"name": "map"}, "transform": {}, "input": INPUT}


def leaf(branch, **more):
    return {"pfs": {"name": branch, "repo": "map_build", "branch": branch, "glob": "/", **more}}


PYTHON = BuildSpec(language="python")


def both(spec=SPEC, build=PYTHON, runtime="docker"):
    return rewrite(spec, build, MAP, runtime)


def test_the_builder_runs_the_script_of_its_image_over_source_into_the_branch_build():
    spec = both().builder
    assert spec["pipeline"] == {"name": "map_build", "project": {"name": "lab"}}
    assert spec["transform"] == {"image": f"hathi/python-build:{__version__}", "cmd": ["sh", "./build.sh"]}
    assert spec["input"]["cross"][0] == leaf("source")
    assert spec["output_branch"] == "build"
    parsed = parse_spec(spec)
    assert builds(parsed.pipeline.output.branch("build"), sources(parsed.input))


def test_the_previous_build_is_seen_but_neither_counts_nor_triggers():
    assert both().builder["input"]["cross"][1] == leaf("previous", reference=True, propagation_spec={"never": True})


def test_the_pipeline_gets_source_and_build_beside_its_input_and_runs_what_was_built():
    spec = both().main
    assert spec["input"] == {"cross": [leaf("source"), leaf("build"), INPUT]}
    assert spec["transform"] == {"image": f"hathi/python-build:{__version__}", "cmd": ["sh", "/pfs/build/run.sh"]}
    parse_spec(spec)


def test_what_the_transform_says_wins():
    transform = {"image": "slim:1", "cmd": ["python3", "/pfs/source/other.py"], "env": {"A": "1"}, "user": "me"}
    specs = both({**SPEC, "transform": transform})
    assert specs.main["transform"] == transform
    assert specs.builder["transform"] == {
        "image": f"hathi/python-build:{__version__}",
        "cmd": ["sh", "./build.sh"],
        "env": {"A": "1"},
    }


def test_a_builder_of_ones_own_is_named_by_image():
    specs = both(build=BuildSpec(image="mine:2"))
    assert specs.builder["transform"]["image"] == specs.main["transform"]["image"] == "mine:2"


def test_old_forms_of_input_are_wrapped_too():
    old = {"pipeline": {"name": "map"}, "transform": {}, "input": {"atom": {"repo": "data", "glob": "/*"}}}
    assert both(old).main["input"]["cross"][2] == INPUT


@pytest.mark.parametrize("language", LANGUAGES)
def test_without_images_the_builders_own_scripts_travel_with_the_pipeline(language):
    transform = both(build=BuildSpec(language=language), runtime="process").builder["transform"]
    assert transform["cmd"] == ["sh"]
    for name in ("build.sh", "run.sh"):
        for line in (FOLDER / language / name).read_text().splitlines():
            assert line in transform["stdin"]
    assert transform["stdin"] == carried(language)["stdin"]
    assert transform["stdin"][-1] == "sh ./build.sh"


def test_without_images_there_is_no_builder_of_ones_own():
    with pytest.raises(BuildError, match=r"cannot run the builder mine:2; give a build `language`"):
        both(build=BuildSpec(image="mine:2"), runtime="process")
