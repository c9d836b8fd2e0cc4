"""The worker: it claims sets of datums from the server, runs them and reports, until its parent goes.

`loop` claims, `batch` runs one set (the next datum is staged while one runs), `attempts` one datum with its `policies`,
`beats` keeps the claim alive, `logs` sends what user code prints. `server` is all a worker asks of the server; `remote`
does it over gRPC.
"""
