"""Access control, identity, licences and enterprise state are not part of this server yet.

Every call of these services answers as the original does while access control is off, because clients call some of
them on the way to other things: `delete all` deletes identities and licences too, `config list context` asks for the
enterprise state.
"""

from __future__ import annotations

NOT_ACTIVATED = "the auth service is not activated"
"""Clients match on this text to learn that no login is needed."""

REFUSED = {"identity_v2.API": NOT_ACTIVATED}
"""Services that refuse every call, with the text they refuse it with."""

EMPTY = frozenset({"license_v2.API/DeleteAll", "enterprise_v2.API/GetState"})
"""Methods whose right answer is the empty message: nothing was there to delete, no enterprise licence is active."""
