"""How specs write amounts of memory and disk: "256M", "1.5Gi", "1e9"; letters without `i` are powers of 1000."""

from __future__ import annotations

import math
import re

_UNITS = {
    "": 1,
    "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15, "E": 10**18,
    "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40, "Pi": 1 << 50, "Ei": 1 << 60,
}  # fmt: skip
_LONGEST = 64
"""Characters; nobody writes an amount with more."""

_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE]([+-]?[0-9]{1,2}))?([kKMGTPE]i?)?", re.ASCII)


def read_quantity(text: str) -> int | None:
    """Return the bytes that a quantity stands for, None when it is none."""
    if len(text) > _LONGEST:
        return None
    match = _QUANTITY.fullmatch(text.strip())
    unit = _UNITS.get(match[3] or "") if match else None
    if match is None or unit is None:
        return None
    amount = float(match[1]) * 10.0 ** int(match[2] or 0) * unit
    return int(amount) if math.isfinite(amount) else None
