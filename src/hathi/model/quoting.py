"""Quote what a user gave in a message: never more than a line of it, and always printable.

Inputs reach megabytes and may hold anything; a message that repeats them whole helps nobody, fills logs and breaks
terminals. Every message that quotes something of unbounded length quotes it through `excerpt`.
"""

from __future__ import annotations

EXCERPT = 120
"""How many characters of an input a message repeats."""


def excerpt(text: str, most: int = EXCERPT) -> str:
    """Return `text` for a message: on one line, printable, and no longer than about `most` characters.

    What cannot be printed (control characters, bytes of a name that are not UTF-8) is shown escaped. Of a longer text
    the beginning is shown, and how long the whole is.
    """
    shown = printable(text[:most])
    if len(text) <= most and len(shown) <= 2 * most:
        return shown
    return f"{shown[:most]}... ({len(text)} characters)"


def printable(text: str) -> str:
    """Return `text` with every character escaped that is not printable, as in Python's own string literals."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else _escaped(each) for each in text)


def _escaped(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # how Python shows a byte of a file name or an argument that is not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")
