"""Which datums a job has to run: decided purely, streaming, at a cost that follows what changed.

`trees` says where the leaves of an input read, `combos` enumerates datums and finds one by name, `affected` names
those that a change of the inputs may concern, `steps` compares with the datum index and decides, `batches` cuts the
decisions into sets.
"""
