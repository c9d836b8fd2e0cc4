"""Pipeline specs: from what a user wrote to what a pipeline runs by.

`parse_spec` goes the whole way: old fields are translated (`legacy`), names and values brought into one form (`kinds`,
`fields`, `canonical`), defaults laid under (`defaults`), rules checked (`rules`, `input_rules`), the rest filled in
(`complete`). What is too large or too deep is refused before that (`limits`). Every mistake is found before any is
reported (`problems`).
"""

from hathi.model.spec.canonical import camel_case, canonical, without_nulls
from hathi.model.spec.defaults import BUILT_IN, effective, merge
from hathi.model.spec.kinds import seconds
from hathi.model.spec.legacy import translate
from hathi.model.spec.limits import load_json
from hathi.model.spec.parsing import ParsedSpec, parse_spec
from hathi.model.spec.problems import Note, Problem, SpecError, show

__all__ = [
    "BUILT_IN",
    "Note",
    "ParsedSpec",
    "Problem",
    "SpecError",
    "camel_case",
    "canonical",
    "effective",
    "load_json",
    "merge",
    "parse_spec",
    "seconds",
    "show",
    "translate",
    "without_nulls",
]
