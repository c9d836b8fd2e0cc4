"""Objects, the lowest floor of storage: named blobs in a folder, in a remote store or in memory, and wrappers."""
