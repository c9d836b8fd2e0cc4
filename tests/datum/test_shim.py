from __future__ import annotations

import os
import struct

import pytest

from hathi.datum.shim import binary
from hathi.model.errors import PreconditionError


@pytest.mark.parametrize(
    ("machine", "number"), [("x86_64", 62), ("amd64", 62), ("AMD64", 62), ("aarch64", 183), ("arm64", 183)]
)
def test_there_is_a_program_for_each_machine_under_all_its_names(machine: str, number: int) -> None:
    path = binary(machine)
    head = path.read_bytes()[:20]
    assert head[:4] == b"\x7fELF"
    assert struct.unpack_from("<H", head, 18) == (number,)
    assert os.access(path, os.X_OK)


def test_other_machines_are_refused_by_name() -> None:
    with pytest.raises(PreconditionError, match="riscv64"):
        binary("riscv64")
