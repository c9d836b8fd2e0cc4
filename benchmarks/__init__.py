"""Reproducible measurements, each against a physical limit or a peer in the same run and reported as a ratio.

Machines differ and are noisy; a ratio of two things done in turn on one machine says more than seconds do.
`python -m benchmarks` runs all, `--quick` smaller ones, and names choose some. A peer that is not installed is
left out, and the report says so.
"""
