"""The program around the server: it ends by a signal, whenever that comes."""

from __future__ import annotations

import os
import signal
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from hathi.model.errors import InvalidError, UnavailableError
from hathi.model.worker_tokens import Scope, WorkerTokens
from hathi.server import compose, main, root_folder, worker_key
from hathi.server.config import Settings


@pytest.fixture
def handlers() -> Iterator[None]:
    """Signals, and what new files permit, are afterwards as they were before."""
    umask = os.umask(0o022)
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    trace = sys.gettrace()
    yield
    sys.settrace(trace)
    os.umask(umask)
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_signal_ends_the_server_also_while_it_begins_to_wait(handlers: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The signal comes at each line of Python that runs until the wait, and once before it."""
    said: list[str] = []

    class Server:
        def __init__(self, settings: Any, lost: Any) -> None:
            pass

        def start(self) -> str:
            def trace(frame: Any, event: str, arg: Any) -> Any:
                if event == "line" and frame.f_code.co_name == "wait":
                    signal.raise_signal(signal.SIGTERM)
                return trace

            sys.settrace(trace)
            return "localhost:1"

        def stop(self) -> None:
            sys.settrace(None)
            said.append("stopped")

    monkeypatch.setattr(compose, "Server", Server)
    monkeypatch.setattr(main.click, "echo", lambda text: signal.raise_signal(signal.SIGTERM))
    settings: Any = type("Settings", (), {"root": "/root"})()
    main.run(settings)
    assert said == ["stopped"]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "localhost", "::1", "[::1]"])
def test_an_address_of_this_machine_alone_needs_no_consent(tmp_path: Path, host: str) -> None:
    Settings(tmp_path, host=host).checked()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.0.2.1", "pachd.example.com", "localhost.example.com"])
def test_an_address_that_others_reach_needs_consent(tmp_path: Path, host: str) -> None:
    with pytest.raises(InvalidError, match=r"lets other machines in.*say --insecure"):
        Settings(tmp_path, host=host).checked()
    Settings(tmp_path, host=host, insecure=True).checked()


def test_a_token_for_a_pipelines_workers_is_printed_where_the_root_folder_is(tmp_path: Path) -> None:
    def ask(pipeline: str) -> Result:
        return CliRunner().invoke(main.main, ["--root", str(tmp_path), "--worker-token", pipeline])

    assert "start pachd there once" in ask("p").stderr
    tokens = WorkerTokens(worker_key.load(tmp_path))
    assert tokens.read(ask("p").stdout.strip()) == Scope("default/p")
    assert tokens.read(ask("other/p").stdout.strip()) == Scope("other/p")
    assert "must be the name of a pipeline" in ask("a/b/c").stderr


def test_the_root_folder_is_for_its_owner_unless_others_may_need_it(tmp_path: Path, caplog: Any) -> None:
    root_folder.keep_private(tmp_path / "new" / "root")
    assert stat.S_IMODE((tmp_path / "new" / "root").stat().st_mode) == 0o700
    (tmp_path / "empty").mkdir(mode=0o755)
    root_folder.keep_private(tmp_path / "empty")
    assert stat.S_IMODE((tmp_path / "empty").stat().st_mode) == 0o700
    (tmp_path / "shared" / "of others").mkdir(parents=True, mode=0o755)
    root_folder.keep_private(tmp_path / "shared")
    assert stat.S_IMODE((tmp_path / "shared").stat().st_mode) & 0o077
    assert "chmod 700" in caplog.text


def test_a_server_that_must_not_go_on_ends_with_the_reason(handlers: None, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []

    class Server:
        def __init__(self, settings: Any, lost: Any) -> None:
            self._lost = lost

        def start(self) -> str:
            self._lost("pachd on other has taken over the database")
            return "localhost:1"

        def stop(self) -> None:
            said.append("stopped")

    monkeypatch.setattr(compose, "Server", Server)
    settings: Any = type("Settings", (), {"root": "/root"})()
    with pytest.raises(UnavailableError, match="taken over"):
        main.run(settings)
    assert said == ["stopped"]
