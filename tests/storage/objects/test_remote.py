"""What only a remote store can get wrong: how it is opened."""

import sys

import pytest

from hathi.model.errors import InvalidError, PreconditionError
from hathi.storage.objects.remote import RemoteStore


def test_without_the_library_the_way_to_get_it_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(PreconditionError, match=r"pip install 'hathi\[remote\]'"):
        RemoteStore("memory:///")


def test_a_url_of_no_known_kind_is_invalid():
    pytest.importorskip("obstore", reason="obstore is not installed (pip install 'hathi[remote]')")
    with pytest.raises(InvalidError, match="gopher://x"):
        RemoteStore("gopher://x")
