"""A matcher for globs too simple to be wrong and too slow to be used: the set of places where a match may end."""

from hathi.model.globs.syntax import Choice, Part, Sequence, Text, Wild


def matches(tree: Sequence, path: str) -> bool:
    return len(path) in _sequence(tree, path, 0, last=True)


def _sequence(tree: Sequence, path: str, start: int, last: bool) -> set[int]:
    ends = {start}
    for index, part in enumerate(tree.parts):
        final = last and index == len(tree.parts) - 1
        ends = {end for place in ends for end in _part(part, path, place, final)}
    return ends


def _part(part: Part, path: str, start: int, last: bool) -> set[int]:
    if isinstance(part, Text):
        return {start + len(part.text)} if path.startswith(part.text, start) else set()
    if isinstance(part, Wild):
        step = {start + 1} if start < len(path) and _accepts(part.regex, path[start]) else set()
        return step if not part.many else _closure(start, lambda place: _part(Wild(part.regex), path, place, last))
    return _choice(part, path, start, last)


def _choice(part: Choice, path: str, start: int, last: bool) -> set[int]:
    def once(place: int) -> set[int]:
        return {end for option in part.options for end in _sequence(option, path, place, last)}

    match part.kind:
        case "?":
            return once(start) | {start}
        case "*":
            return _closure(start, once)
        case "+":
            return {end for place in once(start) for end in _closure(place, once)}
        case "!":
            refused = len(path) in once(start) if last else bool(once(start))
            return set() if refused else _part(Wild("[^/]", many=True), path, start, last)
        case _:
            return once(start)


def _closure(start: int, once) -> set[int]:
    reached, edge = {start}, {start}
    while edge:
        edge = {end for place in edge for end in once(place)} - reached
        reached |= edge
    return reached


def _accepts(regex: str, character: str) -> bool:
    """Understand the character classes that the tests write, without the help of regular expressions."""
    if regex == ".":
        return True
    negated, listed = regex.startswith("[^"), regex.strip("[]").lstrip("^")
    if len(listed) == 3 and listed[1] == "-":
        listed = "".join(map(chr, range(ord(listed[0]), ord(listed[2]) + 1)))
    return (character in listed) != negated
