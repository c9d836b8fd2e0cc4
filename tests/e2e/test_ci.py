"""Continuous integration without a container engine: a push updates pipelines, a pull request is tried on a sample."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml
from e2e.actions import Action, runner_environment
from e2e.support import BIN, ROOT, Pachctl, Pachd, run

pytestmark = pytest.mark.e2e

SHOUT = "for f in /pfs/texts/*; do tr a-z A-Z < $f > /pfs/out/$(basename $f); done"
BREAK = "grep -q '^text 2' /pfs/texts/* && { echo two is too much; exit 4; }; cp /pfs/texts/* /pfs/out/"


@pytest.fixture
def repo(pachctl: Pachctl, name: str) -> str:
    pachctl("create", "repo", name)
    for number in range(4):
        pachctl("put", "file", f"{name}@master:/{number}", text=f"text {number}")
    return name


def write(folder: Path, repo: str, script: str, second: str = "cat /pfs/in/* > /pfs/out/all") -> Path:
    """Two pipelines, the second over the output of the first."""
    first, last = f"{repo}-p", f"{repo}-q"
    specs = [
        {
            "pipeline": {"name": first},
            "transform": {"cmd": ["sh"], "stdin": [script], "image": "debian:12-slim"},
            "input": {"pfs": {"repo": repo, "name": "texts", "glob": "/*"}},
            "datum_tries": 1,
        },
        {
            "pipeline": {"name": last},
            "transform": {"cmd": ["sh"], "stdin": [second], "image": "debian:12-slim"},
            "input": {"pfs": {"repo": first, "name": "in", "glob": "/"}},
        },
    ]
    place = folder / "pipeline.json"
    place.write_text("\n".join(map(json.dumps, specs)))
    return place


def projects(pachctl: Pachctl) -> set[str]:
    return {str(each["project"]["name"]) for each in pachctl.json("list", "project")}


def test_a_push_updates_the_pipelines_with_the_tag_filled_in(pachctl: Pachctl, repo: str, tmp_path: Path) -> None:
    place = write(tmp_path, repo, SHOUT)
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    done = pachctl.run("ci", "-f", str(place), "--tag", "v7", "--image", "team/shout", check=True)
    assert b"updated pipeline" in done.stderr
    info = pachctl.json("inspect", "pipeline", f"{repo}-p")[0]
    assert info["details"]["transform"]["image"] == "team/shout:v7"
    run(pachctl, f"{repo}-q")
    assert pachctl("get", "file", f"{repo}-q@master:/all") == "TEXT 0TEXT 1TEXT 2TEXT 3"
    pachctl("ci", "-f", str(place), "--no-reprocess")
    assert run(pachctl, f"{repo}-p")["data_skipped"] == "4"
    pachctl("ci", "-f", str(place), "--reprocess", "--write-spec", str(tmp_path / "sent.json"))
    assert run(pachctl, f"{repo}-p")["data_processed"] == "4"
    assert f"{repo}-p" in (tmp_path / "sent.json").read_text()


def test_a_pull_request_is_tried_on_a_sample_and_leaves_nothing_behind(
    pachctl: Pachctl, repo: str, tmp_path: Path
) -> None:
    place, before = write(tmp_path, repo, SHOUT), projects(pachctl)
    pachctl.environment["GITHUB_EVENT_NAME"] = "pull_request"
    reports = ["--report", str(tmp_path / "r" / "report.md"), "--junit", str(tmp_path / "r" / "report.xml")]
    out = pachctl("ci", "-f", str(place), "--sample", "2", *reports)
    assert out == (tmp_path / "r" / "report.md").read_text()
    assert ": passed" in out.splitlines()[0]
    assert f"| {repo}-p | success | 2 | 0 |" in out
    assert f"| {repo}-q | success | 1 | 0 |" in out
    assert "- `/all` 12B" in out
    suites = ElementTree.parse(tmp_path / "r" / "report.xml").getroot()
    assert [(suite.get("tests"), suite.get("failures")) for suite in suites] == [("3", "0"), ("2", "0")]
    assert projects(pachctl) == before
    assert f"{repo}-p" not in pachctl("list", "pipeline")


def test_a_pull_request_that_fails_says_which_datum_and_what_it_printed(
    pachctl: Pachctl, repo: str, tmp_path: Path
) -> None:
    place, before = write(tmp_path, repo, BREAK), projects(pachctl)
    done = pachctl.run(
        "ci", "-f", str(place), "--event", "pull_request", "--sample", "0", "--junit", str(tmp_path / "x")
    )
    assert done.returncode == 1
    page = done.stdout.decode()
    assert "two is too much" in page
    assert f"{repo}:/2" in page
    assert f"| {repo}-p | failure | 4 | 1 |" in page
    assert f"| {repo}-q | unrunnable |" in page
    failures = ElementTree.parse(tmp_path / "x").getroot().iter("failure")
    assert any("two is too much" in (each.text or "") for each in failures)
    assert b"the trial failed" in done.stderr
    assert projects(pachctl) == before


def test_what_leaves_the_project_is_left_out_of_a_trial(pachctl: Pachctl, repo: str, tmp_path: Path) -> None:
    place = write(tmp_path, repo, SHOUT)
    place.write_text(place.read_text().replace('"datum_tries": 1', '"egress": {"URL": "s3://bucket/there"}'))
    out = pachctl("ci", "-f", str(place), "--event", "pull_request", "--sample", "1")
    assert ": passed" in out.splitlines()[0]


def test_a_pull_request_may_be_left_alone(pachctl: Pachctl, repo: str, tmp_path: Path) -> None:
    place = write(tmp_path, repo, SHOUT)
    done = pachctl.run("ci", "-f", str(place), "--event", "pull_request", "--pull-request", "skip", check=True)
    assert b"nothing to do" in done.stderr


@pytest.fixture
def action() -> Action:
    return Action(ROOT / "action.yml")


def test_the_action_tries_a_pull_request(
    action: Action, pachctl: Pachctl, pachd: Pachd, repo: str, tmp_path: Path
) -> None:
    write(tmp_path, repo, BREAK)
    before = projects(pachctl)
    environment = runner_environment(BIN, "pull_request", GITHUB_SHA="c0ffee" * 6 + "c0ff")
    done, outputs, summary = action.run(tmp_path, tmp_path / "t", environment, address=pachd.address, sample="2")
    assert done.returncode == 0, done.stderr
    assert summary == Path(outputs["report"]).read_text() == done.stdout
    assert ": passed" in summary
    assert "c0ffee" in summary
    done, outputs, summary = action.run(tmp_path, tmp_path / "t", environment, address=pachd.address, sample="0")
    assert done.returncode == 1
    assert "two is too much" in summary
    assert "two is too much" in Path(outputs["junit"]).read_text()
    assert projects(pachctl) == before


@pytest.mark.parametrize("event", ["push", "workflow_dispatch"])
def test_the_action_updates_on_a_push_and_by_hand(
    action: Action, pachctl: Pachctl, pachd: Pachd, repo: str, tmp_path: Path, event: str
) -> None:
    write(tmp_path, repo, SHOUT)
    environment = runner_environment(BIN, event, GITHUB_SHA="c0ffee")
    done, _, _ = action.run(
        tmp_path,
        tmp_path / "t",
        environment,
        address=pachd.address,
        build="no",
        image="team/x",
        tag="v1",
        token="secret",
    )
    assert done.returncode == 0, done.stderr
    assert pachctl.json("inspect", "pipeline", f"{repo}-p")[0]["details"]["transform"]["image"] == "team/x:v1"
    assert "secret" not in done.stdout + done.stderr


def test_the_workflow_of_the_example_names_inputs_that_the_action_has(action: Action) -> None:
    workflow = yaml.safe_load((ROOT / "examples" / "ci-cd" / ".github" / "workflows" / "pipeline.yml").read_text())
    (step,) = [step for step in workflow["jobs"]["pipeline"]["steps"] if "hathi@" in step.get("uses", "")]
    assert set(step["with"]) <= set(action.described["inputs"])


def test_of_two_pushes_in_quick_succession_the_newer_one_is_what_stays(tmp_path: Path) -> None:
    people = {f"GIT_{who}_{what}": "kim@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    environment = {**os.environ, **people, "GIT_CONFIG_GLOBAL": os.devnull}
    bare, copy = tmp_path / "server.git", tmp_path / "copy"

    def git(*words: str) -> str:
        command = ["git", "-C", str(copy), *words]
        return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.strip()

    def push() -> tuple[str, subprocess.Popen[str]]:
        """Push a new commit, and return when its turn is waited for."""
        git("commit", "-q", "--allow-empty", "-m", "another")
        pushing = subprocess.Popen(
            ["git", "-C", str(copy), "push", str(bare), "main"], env=environment, stderr=subprocess.PIPE, text=True
        )
        assert pushing.stderr is not None
        assert any("waiting for the rollout" in line for line in pushing.stderr)
        return git("rev-parse", "HEAD"), pushing

    subprocess.run(["git", "init", "-q", "--bare", str(bare)], env=environment, check=True)
    shutil.copy(ROOT / "examples" / "ci-cd" / "hooks" / "post-receive", bare / "hooks" / "post-receive")
    subprocess.run(["git", "init", "-q", "-b", "main", str(copy)], env=environment, check=True)
    (copy / "Makefile").write_text(f"rollout:\n\techo $(TAG) >> {tmp_path}/rolled-out\n")
    git("add", "-A")
    with (bare / "hathi.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        older, first = push()
        newer, second = push()
    assert f"{older} is left out" in first.communicate()[1]
    assert f"{newer} is rolled out" in second.communicate()[1]
    assert (tmp_path / "rolled-out").read_text() == f"{newer}\n"


def test_a_trial_shows_why_its_code_could_not_be_built(pachctl: Pachctl, repo: str, tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "main.go").write_text("package main\nfunc main() { this is no Go }\n")
    (tmp_path / "source" / "main.py").touch()
    (tmp_path / "source" / "requirements.txt").write_text("./nothing-here\n")
    spec = {
        "pipeline": {"name": f"{repo}-b"},
        "transform": {"build": {"language": "python", "path": "source"}},
        "input": {"pfs": {"repo": repo, "glob": "/*"}},
    }
    (tmp_path / "pipeline.json").write_text(json.dumps(spec))
    done = pachctl.run("ci", "-f", str(tmp_path / "pipeline.json"), "--event", "pull_request")
    page = done.stdout.decode()
    assert done.returncode == 1
    assert "- code of `source`" in page
    assert f"| {repo}-b_build | failure | 1 | 1 |" in page
    assert "nothing-here" in page
    assert f"| {repo}-b | unrunnable |" in page


def test_a_trial_follows_what_its_pipelines_read_and_not_their_order(
    pachctl: Pachctl, repo: str, tmp_path: Path
) -> None:
    place = write(tmp_path, repo, SHOUT)
    place.write_text("\n".join(reversed(place.read_text().splitlines())))
    out = pachctl("ci", "-f", str(place), "--event", "pull_request", "--sample", "1")
    assert f"| {repo}-q | success | 1 |" in out


def test_a_new_pipeline_with_a_clock_is_tried_on_one_tick(pachctl: Pachctl, repo: str, tmp_path: Path) -> None:
    place = write(tmp_path, repo, "ls /pfs/tick > /pfs/out/$(basename /pfs/texts/*)")
    specs = [json.loads(line) for line in place.read_text().splitlines()][:1]
    specs[0]["input"] = {"cross": [specs[0]["input"], {"cron": {"name": "tick", "spec": "@daily"}}]}
    place.write_text(json.dumps(specs[0]))
    out = pachctl("ci", "-f", str(place), "--event", "pull_request", "--sample", "2")
    assert f"| {repo}-p | success | 2 | 0 | 0 |" in out


def test_what_cannot_be_tried_is_told_before_anything_is_built(pachctl: Pachctl, repo: str, tmp_path: Path) -> None:
    place = write(tmp_path, repo, SHOUT)
    place.write_text(place.read_text().replace(f'"repo": "{repo}"', '"repo": "nowhere"'))
    done = pachctl.run("ci", "-f", str(place), "--event", "pull_request", "--build", "--tag", "v1")
    assert b"pipeline.json: pipeline" in done.stderr
    assert b"cannot be tried: repo default/nowhere not found" in done.stderr


@pytest.mark.parametrize(
    ("given", "said"), [("false", "updated pipeline"), ("", "updated pipeline"), ("maybe", "build must be")]
)
def test_the_action_takes_what_workflows_write_for_a_flag(
    action: Action, pachctl: Pachctl, pachd: Pachd, repo: str, tmp_path: Path, given: str, said: str
) -> None:
    write(tmp_path, repo, SHOUT)
    environment = runner_environment(BIN, "push", GITHUB_SHA="c0ffee")
    empty = dict.fromkeys(("project", "dockerfile", "image", "tag", "sample", "timeout", "reprocess"), "")
    if given:
        (tmp_path / "Dockerfile").write_text("this is not to be built")
    done, _, _ = action.run(tmp_path, tmp_path / "t", environment, address=pachd.address, build=given, **empty)
    assert said in done.stderr, done.stderr


def test_of_several_pipelines_none_is_updated_when_one_would_be_refused(
    pachctl: Pachctl, repo: str, tmp_path: Path
) -> None:
    place = write(tmp_path, repo, SHOUT)
    specs = [json.loads(line) for line in place.read_text().splitlines()]
    specs[1]["input"]["pfs"]["repo"] = "nowhere"
    place.write_text("\n".join(map(json.dumps, specs)))
    assert "repo default/nowhere not found" in pachctl.fails("ci", "-f", str(place))
    assert f"{repo}-p" not in pachctl("list", "pipeline")


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_a_trial_that_is_interrupted_twice_leaves_no_project(
    pachctl: Pachctl, repo: str, tmp_path: Path, ending: signal.Signals
) -> None:
    place, before = write(tmp_path, repo, "sleep 1000"), projects(pachctl)
    trying = subprocess.Popen(
        [str(BIN / "pachctl"), "ci", "-f", str(place), "--event", "pull_request"],
        env=pachctl.environment,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert trying.stderr is not None
    while projects(pachctl) == before:
        assert trying.poll() is None
    trying.send_signal(ending)
    trying.send_signal(ending)
    _, said = trying.communicate(timeout=60)
    assert trying.returncode == 130, said
    assert projects(pachctl) == before
