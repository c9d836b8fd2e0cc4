"""The controllers: they look at one pipeline or job, ask the life-cycle table what follows, and do it.

They keep nothing in memory that matters: after a crash a new set of controllers looks at everything once and goes on.
"""

from hathi.pipelines.controllers.loop import Controllers

__all__ = ["Controllers"]
