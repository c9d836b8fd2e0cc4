"""One datum at hand, on the user's machine: read over the API, run in a sandbox, shown, and never committed.

`inputs` reads files as the server has them, `rooms` is where datums run, `running` runs one, `kept` holds what it made,
`shell` puts a person into a datum's sandbox, and `bench` runs what was saved again and again. What a datum is, and what
user code sees of it, is decided by `hathi.datum`, exactly as in a worker.
"""
