"""Versioned data (PFS): projects, repos, branches, commits and the files in them.

Operations on names take a transaction first, so that any of them can share one; operations on bytes take the `Store`,
because bytes are made durable before the transaction that names them begins.
"""
