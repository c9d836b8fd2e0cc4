"""What tests of pipelines share: trees of files made from dictionaries, over a store in memory."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from blake3 import blake3

from hathi.model.ids import new_id
from hathi.model.inputs import Cross, Pfs, Union, sources
from hathi.model.references import Repo
from hathi.pipelines.planning.trees import Head, Trees
from hathi.storage.chunks.content import Content
from hathi.storage.filesets import tree
from hathi.storage.filesets.entry import FILES


class MemoryNodes:
    """A store of nodes that is a dictionary."""

    def __init__(self):
        self.blobs = {}

    def get(self, id):
        return self.blobs[id]

    def put(self, data):
        id = blake3(data).digest()
        self.blobs[id] = data
        return id


def content(text):
    """Content of a file that holds `text`; equal texts, equal contents."""
    data = text.encode()
    return Content(len(data), ((blake3(data).digest(), len(data)),)) if data else Content(0)


def file_tree(store, files):
    """Root of a tree that holds `files`: path -> text."""
    items = sorted((path.encode(), content(text).encode()) for path, text in files.items())
    return tree.build(FILES, store, items)


def leaf(repo, glob="/*", *, name="", **fields):
    return Pfs(name or repo, Repo("default", repo), "master", glob, **fields)


def trees_of(store, input, repos):
    """The trees of an input when `repos` (name -> files) hold these files."""
    heads = {
        branch: Head(branch.repo.commit(new_id()), file_tree(store, repos[branch.repo.name]))
        for branch in sources(input)
    }
    return Trees(store, heads)


@pytest.fixture
def planning():
    return SimpleNamespace(
        MemoryNodes=MemoryNodes,
        content=content,
        file_tree=file_tree,
        leaf=leaf,
        trees_of=trees_of,
        Cross=Cross,
        Union=Union,
    )
