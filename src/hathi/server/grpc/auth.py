"""Access control is not part of this server yet: every call of `auth_v2.API` answers as the original does while it
is off."""

from __future__ import annotations

NOT_ACTIVATED = "the auth service is not activated"
"""Clients match on this text to learn that no login is needed."""
