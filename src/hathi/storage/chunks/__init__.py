"""Chunks, the middle floor of storage: bytes by their hash, cut, compressed, packed and found again."""
