"""`datum_timeout`: seconds that one attempt may take. An attempt that takes longer is ended and has failed."""

from __future__ import annotations


def limit(seconds: float, spent: float = 0.0) -> float:
    """Return the seconds left to a run when others of the attempt took `spent`; 0 means any."""
    return max(seconds - spent, 0.001) if seconds > 0 else 0.0


def reason(seconds: float) -> str:
    """Return what a person reads of an attempt that took too long."""
    return f"it was ended after the datum timeout of {seconds:g} s"
