"""Random histories agree with a model so naive that it can be believed.

The model keeps branches and commits in dictionaries and propagates by looking at every branch until nothing changes.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest

from hathi.model.errors import HathiError
from hathi.versioning import branches, commit_lists, finishing

REPOS = "abcdef"


@dataclass
class ModelCommit:
    repo: str
    set: int
    parent: int | None
    sources: tuple[int, ...]
    closed: bool


@dataclass
class Model:
    """Branches by name: their head (a commit's number) and what they are made from."""

    commits: list[ModelCommit] = field(default_factory=list)
    heads: dict[str, int] = field(default_factory=dict)
    made_from: dict[str, tuple[str, ...]] = field(default_factory=dict)
    sets: int = 0

    def add(self, branch: str, sources: tuple[int, ...] = (), closed: bool = False) -> int:
        repo = branch.split("@")[0]
        self.commits.append(ModelCommit(repo, self.sets, self.heads.get(branch), sources, closed))
        self.heads[branch] = len(self.commits) - 1
        return self.heads[branch]

    def propagate(self, changed: set[str], rewired: str = "") -> None:
        """Visit branches until all that are made, near or far, from a changed one have a commit of this set."""
        due = {rewired} if rewired and self.made_from.get(rewired) else set()
        touched = set(changed) | due
        while True:
            more = {name for name, sources in self.made_from.items() if touched & set(sources)} - touched
            due |= {name for name, sources in self.made_from.items() if touched & set(sources)}
            if not more:
                break
            touched |= more
        while due:
            name = min(name for name in due if not due & set(self.made_from[name]))
            due.discard(name)
            head = self.heads.get(name)
            sources = tuple(self.heads[source] for source in self.made_from[name])
            same = head is not None and set(self.commits[head].sources) == set(sources)
            if (head is None or self.commits[head].set != self.sets) and (name == rewired or not same):
                self.add(name, sources)

    def can_join(self, branch: str, sources: tuple[str, ...]) -> bool:
        """Whether the graph around `branch` would still have no cycle and one branch of each repo."""
        edges = {**self.made_from, branch: sources}
        near: set[str] = {branch}
        while True:
            more = {end for name, others in edges.items() for end in (name, *others) if near & {name, *others}} - near
            if not more:
                break
            near |= more
        repos = [name.split("@")[0] for name in near]
        return len(repos) == len(set(repos)) and not self._cyclic(edges)

    def _cyclic(self, edges: dict[str, tuple[str, ...]]) -> bool:
        left = dict(edges)
        while True:
            free = [name for name, sources in left.items() if not set(sources) & left.keys()]
            if not free:
                return bool(left)
            for name in free:
                del left[name]


class Both:
    """Does the same to the model and to the world, and compares."""

    def __init__(self, world, seed: int) -> None:
        self.world = world
        self.model = Model()
        self.random = random.Random(seed)
        self.ids: list[str] = []  # of the model's commits
        world.repos(*REPOS)

    def step(self) -> None:
        self.model.sets += 1
        self.random.choice([self.start, self.start, self.write, self.finish, self.rewire, self.rewire, self.move])()
        self.learn_ids()

    def some_branch(self) -> str:
        return f"{self.random.choice(REPOS)}@{self.random.choice(['master', 'x'])}"

    def start(self) -> None:
        name = self.some_branch()
        head = self.model.heads.get(name)
        allowed = not self.model.made_from.get(name) and (head is None or self.model.commits[head].closed)
        try:
            self.world.start(name)
        except HathiError:
            assert not allowed
            return
        assert allowed
        self.model.add(name)
        self.model.propagate({name})

    def write(self) -> None:
        name = self.some_branch()
        head = self.model.heads.get(name)
        open_head = head is not None and not self.model.commits[head].closed
        allowed = open_head or not self.model.made_from.get(name)
        if allowed and head is not None and not open_head and not self.is_finished(self.model.commits[head]):
            return  # would wait for the commits before it
        try:
            self.world.put(f"{name}:/{self.model.sets}")
        except HathiError:
            assert not allowed
            return
        assert allowed
        if not open_head:
            self.model.add(name, closed=True)
            self.model.propagate({name})

    def finish(self) -> None:
        unfinished = [number for number, commit in enumerate(self.model.commits) if not commit.closed]
        if unfinished:
            number = self.random.choice(unfinished)
            self.world.finish(f"{self.model.commits[number].repo}@{self.ids[number]}")
            self.model.commits[number].closed = True

    def rewire(self) -> None:
        name = self.some_branch()
        sources = tuple(dict.fromkeys(self.some_branch() for _ in range(self.random.randint(0, 2))))
        allowed = self.model.can_join(name, sources) and name not in sources
        # A branch to be made from, created empty, takes its repo's only place in this transaction.
        made = [source for source in (*sources, name) if source not in self.model.heads]
        made_repos = [source.split("@")[0] for source in made]
        allowed = allowed and len(made_repos) == len(set(made_repos))
        try:
            self.world.branch(name, *sources)
        except HathiError:
            assert not allowed
            return
        assert allowed
        before = set(self.model.made_from.get(name, ()))
        fresh = [source for source in sources if source not in self.model.heads]
        for source in fresh:
            self.model.add(source, closed=True)
        rewired = name if before != set(sources) and sources else ""
        self.model.made_from[name] = sources
        changed = set(fresh)
        if name not in self.model.heads and not sources:
            self.model.add(name, closed=True)
            changed.add(name)
        self.model.propagate(changed, rewired)

    def move(self) -> None:
        if not self.model.heads:
            return
        name = self.random.choice(sorted(self.model.heads))
        repo = name.split("@")[0]
        target = self.random.choice([n for n, commit in enumerate(self.model.commits) if commit.repo == repo])
        if self.model.made_from.get(name):
            return  # would drop its provenance as well
        moved = self.model.heads[name] != target
        self.world.branch(name, head=f"{repo}@{self.ids[target]}")
        self.model.heads[name] = target
        if moved:
            self.model.propagate({name})

    def learn_ids(self) -> None:
        """Take over the ids of commits made in this step: those of one set share one that nobody had before."""
        new = range(len(self.ids), len(self.model.commits))
        if not new:
            return
        id = next(commit_lists.list_commit_sets(self.world.store, number=1)).id
        assert id not in self.ids
        self.ids += [id for _ in new]

    def compare(self) -> None:
        with self.world.db.read() as tx:
            real = [info for found in commit_lists.list_commit_sets(self.world.store) for info in found.commits]
            assert {str(info.commit) for info in real} == {self.name(n) for n in range(len(self.model.commits))}
            for name, head in self.model.heads.items():
                info = branches.inspect(tx, self.world.a_branch(name))
                assert str(info.head) == self.name(head)
                assert {str(b) for b in info.direct_provenance} == {
                    f"default/{source}" for source in self.model.made_from.get(name, ())
                }
        by_name = {self.name(n): commit for n, commit in enumerate(self.model.commits)}
        for info in real:
            commit = by_name[str(info.commit)]
            assert (info.finished is not None) == self.is_finished(commit) and info.open == (not commit.closed)
            assert str(info.parent or "") == ("" if commit.parent is None else self.name(commit.parent))
            assert [str(source) for source in info.direct_provenance] == [self.name(n) for n in commit.sources]

    def is_finished(self, commit: ModelCommit) -> bool:
        """A closed commit is finished once all before it are."""
        parent = commit.parent
        return commit.closed and (parent is None or self.is_finished(self.model.commits[parent]))

    def name(self, number: int) -> str:
        return f"default/{self.model.commits[number].repo}@{self.ids[number]}"


@pytest.mark.parametrize("seed", range(12))
def test_a_random_history(new_world, seed: int) -> None:
    both = Both(new_world(), seed)
    for _ in range(40):
        both.step()
    finishing.fold_all(both.world.store)
    both.compare()
