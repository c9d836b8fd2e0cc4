"""A container engine that speaks Docker's API: the one place that knows its SDK.

The server keeps containers beside its workers; a developer builds and pushes images, and runs a datum by hand. Both
ask the same `docker.Engine`: plain values in and out (`values`), a few kinds of error (`errors`), and every
call may be repeated, because an engine may die and come back at any time. `choosing` says which image a name means.

Only `connection`, `containers`, `images`, `terminals` and `docker` load the SDK, which takes long.
"""
