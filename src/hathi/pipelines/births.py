"""How jobs come to be: with whatever opens a commit on a pipeline's output branch, in the same transaction."""

from __future__ import annotations

from collections.abc import Sequence

from hathi.metadata.transaction import Transaction
from hathi.model.pps import PipelineType
from hathi.model.references import USER, Pipeline
from hathi.pipelines.rows import jobs, pipelines
from hathi.versioning.steps import TELL, NewCommit
from hathi.versioning.store import Store

ORDER = TELL + 100
"""Among the before-commit steps: once all commits of the transaction are made."""


def register(store: Store) -> None:
    """Make jobs in every transaction from now on; called once, while the program is put together."""
    store.steps.on_new_commits(ORDER, make_jobs)


def make_jobs(tx: Transaction, commits: Sequence[NewCommit]) -> None:
    """Add a job for each open commit on the output branch of a pipeline that makes jobs."""
    for new in commits:
        repo = new.commit.repo
        if new.finished or repo.type != USER:
            continue
        row = pipelines.find(tx, Pipeline(repo.project, repo.name))
        if row is None or row.type is PipelineType.SPOUT:
            continue
        if new.branch == pipelines.version(tx, row.id, row.version).spec["output_branch"]:
            jobs.insert_row(tx, row, new.commit.id, new.branch)
