"""Messages are bounded in bytes and in number, whatever is put into them."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from hathi.model.batching import batches


@given(st.lists(st.binary(max_size=40)), st.integers(1, 60), st.integers(1, 10))
def test_batches_keep_order_and_both_limits(items, limit_bytes, limit_count):
    split = list(batches(items, len, limit_bytes, limit_count))
    assert [item for batch in split for item in batch] == items
    for batch in split:
        assert 0 < len(batch) <= limit_count
        assert len(batch) == 1 or sum(map(len, batch)) <= limit_bytes
    for one, following in pairwise(split):  # no message is sent before it is full
        assert len(one) == limit_count or sum(map(len, one)) + len(following[0]) > limit_bytes


def test_a_stream_is_not_read_ahead():
    taken = []

    def stream():
        for number in range(100):
            taken.append(number)
            yield b"x"

    next(batches(stream(), len, 10, 3))
    assert taken == [0, 1, 2, 3]
