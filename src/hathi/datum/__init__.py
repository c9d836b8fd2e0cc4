"""One datum at hand: its folder is made, its command run in a sandbox, and what it made is taken.

`stage` writes inputs out, `sandbox` talks to the shim (`frames` is the wire between them), `collect` takes /pfs/out,
`command` and its `policies` decide what runs and how it ended, `environment` and `hidden` what user code sees,
`limits` what it may use. Nothing here knows of jobs or of the server.
"""
