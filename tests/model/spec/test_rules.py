"""What the original refuses is refused in its order and its words."""

from typing import Any

import pytest

from hathi.model.spec import SpecError, effective, parse_spec
from hathi.model.spec.input_rules import is_cron

BASE = {
    "pipeline": {"name": "edges"},
    "transform": {"image": "a:1", "cmd": ["x"]},
    "input": {"pfs": {"repo": "images", "glob": "/*"}},
}
SPOUT = {"pipeline": {"name": "edges"}, "transform": {"cmd": ["x"]}, "spout": {}}


def problems(base: dict[str, Any] = BASE, /, **changes: Any) -> list[str]:
    with pytest.raises(SpecError) as error:
        parse_spec({**base, **changes})
    return [str(problem) for problem in error.value.problems]


def pfs(**changes: Any) -> dict[str, Any]:
    return {"pfs": {"repo": "images", "glob": "/*", **changes}}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"pipeline": None}, "request.Pipeline cannot be nil"),
        ({"pipeline": {}}, "pipeline.name: Pipeline.Name cannot be empty"),
        (
            {"pipeline": {"name": "a b"}},
            "pipeline.name: invalid pipeline name: name (a b) invalid: "
            "only alphanumeric characters, underscores, and dashes are allowed",
        ),
        (
            {"pipeline": {"name": "x" * 52}},
            f'pipeline.name: pipeline name "{"x" * 52}" is 1 characters longer than the 51 max',
        ),
        ({"tf_job": {"a": 1}}, "tf_job: embedding TFJobs in pipelines is not supported yet"),
        ({"s3_out": True, "service": {}}, "s3_out: s3 output is not supported in spouts or services"),
        ({"transform": None}, "pipeline must specify a transform"),
        ({"transform": {"image": None}}, "transform: pipeline transform must contain an image"),
        (
            {"transform": {"image": "Team/tool"}},
            'transform.image: the image cannot be called "Team/tool"; names are in lower case: write '
            "[REGISTRY/]NAME[:TAG]",
        ),
        ({"transform": {"secrets": [{"name": "s", "env_var": "E"}]}}, "secret with env_var must specify a key"),
        ({"reprocess_spec": "x"}, "reprocess_spec: ReprocessSpec must be one of 'until_success' or 'every_job'"),
        (
            {"tolerations": [{"key": "a"}]},
            "tolerations[0]: cannot omit key/value comparison operator; specify EQUAL or EXISTS",
        ),
        ({"maximum_expected_uptime": "1s"}, "maximum_expected_uptime can only be specified with autoscaling"),
        ({"input": None}, "no input set"),
        ({"input": {}}, "input: no input set"),
        ({"input": {"cross": []}}, "input.cross: no input set"),
        ({"input": {**pfs(), "cross": [pfs()]}}, "input: multiple input types set (pfs, cross)"),
        ({"egress": {}}, "egress must specify exactly one of"),
        ({"egress": {"URL": "ftp://x"}}, '"ftp://x" is no object store URL'),
        ({"egress": {"sql_database": {"url": "postgres://x"}}}, "must specify a file_format type"),
        ({"service": {"type": "x"}}, "service: the following service type x is not allowed"),
        (
            {"service": {}, "parallelism_spec": {"constant": 2}},
            "services can only be run with a constant parallelism of 1",
        ),
        ({"output_branch": None}, "pipeline needs to specify an output branch"),
        ({"output_branch": "a b"}, "output_branch: invalid branch name"),
        ({"datum_tries": 0}, "datum_tries must be at least 1"),
        (
            {"resource_limits": {"memory": "lots"}},
            'resource_limits.memory: "lots" is not a quantity such as "256M" or "1Gi"',
        ),
        ({"resource_requests": {"disk": "1gb"}}, '"1gb" is not a quantity'),
        ({"resource_limits": {"cpu": -1}}, "cpu cannot be negative"),
        ({"datum_set_spec": {"number": -1}}, "number cannot be negative"),
        ({"datum_timeout": "0.0s"}, "datum_timeout must be more than 0s"),
        ({"pod_spec": "[]"}, "malformed PodSpec"),
        ({"pod_patch": "{"}, "malformed PodPatch"),
    ],
)
def test_each_rule_has_its_text_and_its_place(changes: dict[str, Any], expected: str) -> None:
    [text] = problems(**changes)
    assert expected in text


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (pfs(repo=""), "input must specify a repo"),
        (pfs(repo="a b"), "input.pfs.repo: invalid repo name"),
        (pfs(repo_type="x"), 'invalid repo type "x"'),
        (pfs(repo="out"), "inputs based on repos named \"out\" must have 'name' set"),
        (pfs(name="out"), 'input.pfs.name: input cannot be named "out"'),
        (pfs(name=".env"), 'input cannot be named ".env"'),
        (pfs(name="a/b"), 'input cannot be named "a/b"'),
        (pfs(glob=""), "input must specify a glob"),
        (pfs(glob="/[a"), 'input.pfs.glob: invalid glob "/[a": [ is not closed by ] at character 2'),
        (pfs(branch="a^"), "input.pfs.branch: invalid branch name"),
        (pfs(commit="x"), "input cannot come from a commit; use a branch with head pointing to the commit"),
        (pfs(s3=True), "must also set 'glob'"),
        (pfs(s3=True, glob="/", lazy=True), "cannot specify both 's3' and 'lazy'"),
        ({"union": [pfs(s3=True, glob="/")]}, "S3 inputs in union expressions are not supported"),
        ({"cron": {"spec": "@daily"}}, "input.cron: input must specify a name"),
        ({"cron": {"name": "t"}}, "input must specify a cron spec"),
        ({"cron": {"name": "t", "spec": "soon"}}, "input.cron.spec: error parsing cron-spec"),
        ({"cross": [pfs(), pfs()]}, 'input.cross[1].pfs.name: name "images" was used more than once'),
        ({"cross": [{"union": [pfs(), pfs()]}, pfs()]}, 'input.cross[1].pfs.name: name "images" was used more than'),
    ],
)
def test_input_rules(node: dict[str, Any], expected: str) -> None:
    [text] = problems(input=node)
    assert expected in text


def test_siblings_of_a_union_may_share_a_name() -> None:
    parse_spec({**BASE, "input": {"union": [pfs(), pfs(branch="dev")]}})


def test_a_spout_needs_no_input_and_must_not_have_one_without_a_service() -> None:
    parse_spec(SPOUT)
    assert problems(SPOUT, input=pfs()) == ["input: spout pipelines (without a service) must not have an input"]
    assert problems(SPOUT, autoscaling=True) == [
        "autoscaling: autoscaling can't be used with spouts (spouts aren't triggered externally)"
    ]
    parse_spec({**SPOUT, "spout": {"service": {}}, "input": pfs()})


def test_problems_come_in_the_order_of_the_originals_checks() -> None:
    texts = problems(pipeline={}, output_branch="a b", reprocess_spec="x", input={})
    assert [text.split(":")[0] for text in texts] == ["pipeline.name", "reprocess_spec", "input", "output_branch"]


def test_rules_are_checked_beside_what_cannot_be_read_but_not_because_of_it() -> None:
    texts = problems(pipeline={"name": "a b"}, input={"pfs": {"repo": "images", "globb": "/*"}}, tolerations=[None])
    assert [text.split(":")[0] for text in texts] == ["input.pfs", "tolerations[0]", "pipeline.name"]


def test_the_built_in_defaults_alone_break_no_rule_of_their_own() -> None:
    parse_spec({**effective(), **BASE})


@pytest.mark.parametrize("text", ["@daily", "@every 10m", "@every 1h30m", "*/5 * * * *", "0 0 1 JAN mon-fri", "@never"])
def test_cron_expressions(text: str) -> None:
    assert is_cron(text)


@pytest.mark.parametrize("text", ["", "daily", "@every", "@every x", "* * * *", "* * * * * *"])
def test_what_is_no_cron_expression(text: str) -> None:
    assert not is_cron(text)
