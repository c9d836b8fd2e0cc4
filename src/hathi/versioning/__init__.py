"""Versioned data (PFS): projects, repos, branches, commits and the files in them.

Operations on names take a transaction first, so that any of them can share one; operations on bytes take the `Store`,
because bytes are made durable before the transaction that names them begins.

Topics on the change feed: `project/<name>`, `repo/<repo>`, `branch/<repo>/<name>`, `commit/<repo>/<id>` (made, closed,
finished, or an input of it finished), `closing/<repo>/<id>` (there may be something to fold).
"""
