"""Specs in another project: the same pipelines, reading from there what they read from anywhere.

Pure. An input is renamed only where two repos of one name come from different projects; its name under /pfs, which is
what user code knows, never changes. What a trial must not do goes: nothing leaves the project, and nothing ticks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hathi.cli.specs import Spec
from hathi.model.inputs import COMBINATORS, Leaf, leaves
from hathi.model.references import USER, Branch, Pipeline, Repo
from hathi.model.spec import ParsedSpec, parse_spec

_LEAVES_THE_PROJECT = ("egress", "s3_out")


@dataclass(frozen=True, slots=True)
class Home:
    """A project for some specs. repos: where each repo that they read is to be found there."""

    project: str
    repos: Mapping[Repo, Repo]

    def branch(self, branch: Branch) -> Branch:
        """Return the branch that stands for another."""
        return Branch(self.repos[branch.repo], branch.name)

    def move(self, spec: Spec) -> Spec:
        """Return a spec whose pipeline lives here."""
        parsed = _parsed(spec)
        data = {key: value for key, value in parsed.user.items() if key not in _LEAVES_THE_PROJECT}
        data["pipeline"] = {"name": spec.name, "project": {"name": self.project}}
        data["input"] = self._node(parsed.effective["input"])
        return replace(spec, data=data, modes={})

    def _node(self, node: Mapping[str, Any]) -> dict[str, Any]:
        [(kind, value)] = node.items()
        if kind in COMBINATORS:
            return {kind: [self._node(child) for child in value]}
        leaf = {key: inner for key, inner in value.items() if key not in ("trigger", "commit")}
        if kind == "cron":
            leaf = {"name": leaf["name"], "repo": leaf["repo"], "project": leaf["project"], "glob": "/*"}
        there = self.repos[Repo(leaf["project"], leaf["repo"], leaf.get("repo_type") or USER)]
        return {"pfs": {**leaf, "repo": there.name, "project": there.project, "repo_type": USER}}


def home_for(specs: Sequence[Spec], project: str) -> Home:
    """Return where everything that some specs read is to be found in `project`."""
    own = {Pipeline(spec.project, spec.name).output for spec in specs}
    read = {leaf.repo for spec in specs for leaf in leaves(_parsed(spec).input)} | own
    names = Counter(repo.name for repo in read)

    def there(repo: Repo) -> Repo:
        alone = names[repo.name] == 1 or repo in own
        return Repo(project, repo.name if alone else f"{repo.project}-{repo.name}-{repo.type}")

    return Home(project, {repo: there(repo) for repo in read})


def in_order(specs: Sequence[Spec]) -> list[Spec]:
    """Return specs so that each stands behind those whose output it reads, and otherwise where it stood.

    Specs in a circle stay where they are; the server refuses them.
    """
    left, result = list(specs), list[Spec]()
    while left:
        ready = [spec for spec in left if not reads_others(left, spec)]
        result += ready or left
        left = [spec for spec in left if spec not in ready] if ready else []
    return result


def reads_others(specs: Sequence[Spec], spec: Spec) -> bool:
    """Return whether a spec reads what one of the specs makes."""
    return len(outside(specs, spec)) < len(leaves(_parsed(spec).input))


def outside(specs: Sequence[Spec], spec: Spec) -> list[Leaf]:
    """Return the inputs of a spec that none of the specs makes."""
    own = {Pipeline(each.project, each.name).output for each in specs}
    return [leaf for leaf in leaves(_parsed(spec).input) if leaf.repo not in own]


def _parsed(spec: Spec) -> ParsedSpec:
    return parse_spec(spec.data, project=spec.project)
