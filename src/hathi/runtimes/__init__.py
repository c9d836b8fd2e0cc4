"""Runtimes make declared groups of workers exist: as processes here, as containers, as pods; or pretend to, for
tests.
"""
