"""Workers whose user code runs in containers of an engine that speaks Docker's API, Podman among them.

`companion` keeps one container beside each worker, and `runtime` is what pachd sees.
"""
