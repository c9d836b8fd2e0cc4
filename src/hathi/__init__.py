"""Hathi: data versioned like code, and pipelines that run any code over it, incrementally and with provenance."""

__version__ = "0.1.0"
