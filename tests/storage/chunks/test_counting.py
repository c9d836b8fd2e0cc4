"""Node stores count what passes through them."""

from hathi.storage.chunks.counting import CountingNodes


def test_reads_and_writes_are_counted_with_their_sizes(world):
    nodes = CountingNodes(world.chunks.draft())
    id = nodes.put(b"a node")
    nodes.get(id)
    nodes.get(id)
    assert (nodes.writes, nodes.bytes_written, nodes.reads, nodes.bytes_read) == (1, 6, 2, 12)
