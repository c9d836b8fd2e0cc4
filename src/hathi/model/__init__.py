"""The words and the rules of Hathi, with no I/O: everything else speaks in these types.

A module here imports the standard library and its siblings only; a rule that can be stated without a disk, a socket
or a clock belongs here, so that it can be tested in microseconds and read in one place.
"""
