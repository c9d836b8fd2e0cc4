"""When code must be built again, and how files of this machine stand in for files of a repo."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hathi.cli.local.code import LocalFile, WithCode, build_key
from hathi.images.source import SourceFile
from hathi.model.ids import CommitSetId
from hathi.model.pps import DatumInput
from hathi.model.references import Repo
from hathi.storage.chunks.content import Content

COMMIT = Repo("default", "data").commit(CommitSetId("0123456789ab4cdef0123456789abcde"))


class Nothing:
    """A source without files."""

    def files(self, source: DatumInput) -> list[LocalFile]:
        return []

    def read(self, content: Content) -> Iterator[bytes]:
        raise AssertionError("nobody asked for this")


def folder(tmp_path: Path, **texts: str) -> list[SourceFile]:
    files = []
    for name, text in texts.items():
        path = name.replace("_", ".")
        (tmp_path / path).write_text(text)
        files.append(SourceFile(tmp_path / path, f"/{path}"))
    return files


def test_python_is_built_again_only_when_its_requirements_change(tmp_path: Path) -> None:
    first = build_key("python", folder(tmp_path, main_py="1", requirements_txt="numpy"))
    assert build_key("python", folder(tmp_path, main_py="2", requirements_txt="numpy")) == first
    assert build_key("python", folder(tmp_path, main_py="2", requirements_txt="numpy==2")) != first


@pytest.mark.parametrize("line", ["-e .", "./lib", "lib @ file:///lib"])
def test_requirements_that_name_files_follow_from_all_files(tmp_path: Path, line: str) -> None:
    first = build_key("python", folder(tmp_path, main_py="1", requirements_txt=line))
    assert build_key("python", folder(tmp_path, main_py="2", requirements_txt=line)) != first


def test_any_other_language_is_built_again_when_a_file_changes(tmp_path: Path) -> None:
    first = build_key("go", folder(tmp_path, main_go="1"))
    assert build_key("go", folder(tmp_path, main_go="1")) == first
    assert build_key("go", folder(tmp_path, main_go="2")) != first


def test_an_input_of_code_is_read_from_this_machine_and_all_others_from_the_server(tmp_path: Path) -> None:
    (file,) = folder(tmp_path, main_py="print()")
    source = WithCode(Nothing())
    source.code["source"] = [LocalFile(file.path, file.local)]
    (found,) = source.files(DatumInput("source", COMMIT, "source", "/"))
    assert found.path == "/main.py"
    assert found.content is not None
    assert b"".join(source.read(found.content)) == b"print()"
    assert list(source.files(DatumInput("words", COMMIT, "master", "/"))) == []
