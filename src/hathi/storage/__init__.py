"""Bytes at rest, three floors: objects (named blobs), chunks (bytes by their hash), file sets (trees of files)."""
