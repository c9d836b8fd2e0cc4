"""Everything that is asked of a container engine."""

from __future__ import annotations

from hathi.engine.containers import Containers
from hathi.engine.images import Images
from hathi.engine.terminals import Terminals


class Engine(Containers, Images, Terminals):
    """One engine; safe to use from any thread. Every call may raise EngineGone and EngineRefused."""
