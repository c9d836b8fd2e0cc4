"""Bytes are kept smaller where that saves something, and come back as they were."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hathi.storage.chunks.compression import restore, shrink


@given(
    st.binary(max_size=3000) | st.builds(lambda unit, times: unit * times, st.binary(max_size=30), st.integers(0, 500))
)
def test_what_is_shrunk_is_restored(data):
    stored = shrink(data)
    assert restore(stored, len(data)) == data
    assert stored == data or len(stored) <= 0.95 * len(data)


def test_text_is_compressed_and_noise_is_not(text, noise):
    assert len(shrink(text[:100_000])) < 50_000
    assert shrink(noise[:100_000]) == noise[:100_000]


@pytest.mark.parametrize("stored", [b"nonsense", b""])
def test_what_is_no_frame_is_refused(stored):
    with pytest.raises(ValueError, match="compressed"):
        restore(stored, 100)
