"""Build pipelines: how a pipeline's source code and what is built from it are named.

The code of pipeline `p` stands in the repo `p_build`, and a pipeline of that name turns it into what `p` runs. This is
the one place where two branches of a repo take part in one graph: `build` is made from `source`. It does no harm,
because a commit is never made on `source`: code is committed to `upload` and the head of `source` moved there, so a
commit set still holds one commit of the repo at most, that of `build`. For the same reason `previous`, whose head is
the last build that succeeded, may be an input of the next one.
"""

from __future__ import annotations

from collections.abc import Iterable

from hathi.model.references import USER, Branch, Pipeline, Repo

SUFFIX = "_build"
UPLOAD = "upload"
SOURCE = "source"
PREVIOUS = "previous"
BUILD = "build"

INPUTS = frozenset({SOURCE, PREVIOUS})
"""Branches that a build is made from: only their heads move."""


def builder_of(pipeline: Pipeline) -> Pipeline:
    """Return the pipeline that builds the code of `pipeline`."""
    return Pipeline(pipeline.project, pipeline.name + SUFFIX)


def is_build_repo(repo: Repo) -> bool:
    """Return whether a repo is named like one that holds the code and the builds of a pipeline."""
    return repo.type == USER and repo.name.endswith(SUFFIX) and repo.name != SUFFIX


def builds(branch: Branch, sources: Iterable[Branch]) -> bool:
    """Return whether `branch` may be made from `sources` though some of them are of its own repo."""
    own = {source.name for source in sources if source.repo == branch.repo}
    return is_build_repo(branch.repo) and branch.name == BUILD and own <= INPUTS


def code_of(repo: Repo, branches: Iterable[str]) -> str:
    """Return the name of the pipeline whose code a repo with these branches holds, "" when it holds something else."""
    return repo.name.removesuffix(SUFFIX) if is_build_repo(repo) and {SOURCE, BUILD} <= set(branches) else ""


def may_be_empty(branch: Branch) -> bool:
    """Return whether an input that reads all of `branch` is there even when it holds no file.

    The first build has no previous one, and a build may have nothing to make: the code is run all the same.
    """
    return is_build_repo(branch.repo) and branch.name in (SOURCE, PREVIOUS, BUILD)


def may_meet(repo: Repo, branches: Iterable[str]) -> bool:
    """Return whether these branches of one repo may take part in one graph."""
    return is_build_repo(repo) and set(branches) <= {BUILD, *INPUTS}
