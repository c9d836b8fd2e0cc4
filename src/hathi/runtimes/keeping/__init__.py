"""Workers that are processes of this machine, kept running, wherever their user code runs.

`keepers` is what runtimes of this kind share: groups of workers, as declared. Each worker has a `keeper`, which starts
it, again and again, and a `companion` that makes what the worker needs beside it. `place` says where all that happens.
"""
