"""A put of any size needs the memory of its packs, not of its bytes."""

import subprocess
import sys

import pytest

PROGRAM = """
import os, resource, sys
from pathlib import Path
from hathi.storage.chunks.memory_ledger import MemoryLedger
from hathi.storage.chunks.store import Chunks
from hathi.storage.objects.local import LocalStore

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10

chunks = Chunks(LocalStore(Path(sys.argv[1])), MemoryLedger())
before = peak()
with chunks.upload() as upload:
    content = upload.content(os.urandom(1 << 20) for _ in range(512))
    upload.seal()
assert content.size == 512 << 20
print(peak() - before)
"""


@pytest.mark.slow
def test_half_a_gibibyte_passes_through_a_quarter_of_its_memory(tmp_path):
    done = subprocess.run([sys.executable, "-c", PROGRAM, str(tmp_path)], check=True, capture_output=True, text=True)
    assert int(done.stdout) < 150
