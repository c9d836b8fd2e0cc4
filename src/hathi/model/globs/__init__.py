"""Globs: patterns that say which files of a repo are meant, and what of their names is worth keeping.

The grammar is that of the original's library, ohmyglob, with `/` as the separator:

    *  **          any run of characters without, with a slash
    ?              one character other than a slash
    [abc] [a-z]    one of these characters; [!a] or [^a] one that is not; [[:alpha:]] a POSIX class
    {a,b}          one of several patterns
    (a|b)  @(a|b)  one of several patterns, captured
    ?(..) *(..) +(..)   captured, at most once, any number of times, at least once
    !(a|b)         captured, anything within one path segment that is none of these
    \\c             the character c itself

A glob is matched against a whole clean path; a leading slash may be left out, and a directory is matched by its path
without the trailing slash. The root is matched by `/` alone. Groups are numbered from 1 by their opening parenthesis.

`!(..)` excludes exact names only where the pattern ends with it; where something follows, nothing may begin with what
is excluded: `/!(tmp)` matches `/tmpfile`, `/!(tmp)*` does not.

A glob is read into a tree (`syntax`), which becomes a regular expression for RE2 (`regex`) or, where it excludes
something, an automaton of our own (`machine`). Both match in time linear in the path, whatever the glob; patterns that
are too long or nested too deeply are refused.
"""

from hathi.model.globs.glob import Glob, compile_glob, quote
from hathi.model.globs.syntax import GlobError

__all__ = ["Glob", "GlobError", "compile_glob", "quote"]
