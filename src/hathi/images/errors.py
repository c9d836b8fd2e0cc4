"""What can go wrong on the way from source code to a pipeline, before the server is asked."""

from __future__ import annotations

from hathi.model.errors import InvalidError, PreconditionError
from hathi.model.spec.problems import Path as Place


class BuildError(InvalidError):
    """A build pipeline cannot be set up as its spec says."""


class ImageError(InvalidError):
    """An image cannot be built or pushed as its spec says. place: of what is wrong in the spec, () for all of it."""

    def __init__(self, text: str, place: Place = ()) -> None:
        super().__init__(text)
        self.place = place


class SourceError(InvalidError):
    """The source code cannot be read, or holds names that no repo can hold."""


class RepoInTheWay(PreconditionError):
    """The repo that would hold a pipeline's code holds something else."""

    def __init__(self, repo: str, branches: list[str]) -> None:
        super().__init__(
            f"repo {repo} holds something other than a pipeline's code (branches {', '.join(branches)}); "
            "give the pipeline another name or the repo's contents another place"
        )
        self.repo = repo
