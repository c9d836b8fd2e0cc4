"""Counts the words of each text in /pfs/texts."""

import collections
import json
import pathlib
import re


def count_words(text):
    return collections.Counter(re.findall("[a-z]+", text.lower()))


def main(source=pathlib.Path("/pfs/texts"), target=pathlib.Path("/pfs/out")):
    for text in source.iterdir():
        words = count_words(text.read_text())
        (target / f"{text.name}.json").write_text(json.dumps(words, sort_keys=True))


if __name__ == "__main__":
    main()
