"""Objects, the lowest floor of storage: named blobs in a folder, a remote store or memory, and wrappers around those."""
