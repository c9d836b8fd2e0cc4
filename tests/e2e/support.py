"""A real pachd for the end-to-end tests, and ways to talk to it as users do.

What cannot run here skips on a laptop with its reason, and fails in CI (when the environment says CI=true).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import databases
import pytest
from e2e.ports import Port

ROOT = Path(__file__).parent.parent.parent
BIN = Path(sys.executable).parent


def unavailable(reason: str) -> None:
    """Skip on a laptop, fail in CI."""
    if os.environ.get("CI"):
        pytest.fail(f"cannot run here: {reason}")
    pytest.skip(reason)


class Pachd:
    """A server in a folder of its own; it may be killed and started again on the same folder and port."""

    def __init__(self, root: Path, *flags: str, environment: dict[str, str] | None = None) -> None:
        self.root = root
        self.flags = flags
        self.environment = {**os.environ, **(environment or {})}
        self._port = Port()
        self.process: subprocess.Popen[str] | None = None
        self.log = root.parent / f"{root.name}.log"

    def start(self) -> Pachd:
        command = [
            str(BIN / "pachd"),
            "--root",
            str(self.root),
            "--port",
            str(self.port),
            "--runtime",
            "process",
            "--show",
            str(ROOT),
        ]
        if databases.server():
            command += ["--database", databases.database_url(self.root, fresh=not self.root.exists())]
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [*command, *self.flags], stdout=subprocess.PIPE, stderr=log, text=True, env=self.environment
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"pachd did not start:\n{self.log.read_text()[-4000:]}"
        return self

    @property
    def port(self) -> int:
        return self._port.number

    @property
    def address(self) -> str:
        return f"grpc://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)

    def stop(self) -> int:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(60)


class Pachctl:
    """Runs pachctl against one server."""

    def __init__(self, address: str, config: Path) -> None:
        self.environment = {**os.environ, "PACHD_ADDRESS": address, "PACH_CONFIG": str(config), "NO_COLOR": "1"}

    def run(self, *words: str, text: str | bytes = b"", check: bool = False) -> subprocess.CompletedProcess[bytes]:
        data = text.encode() if isinstance(text, str) else text
        done = subprocess.run([str(BIN / "pachctl"), *words], env=self.environment, input=data, capture_output=True)
        if check:
            assert done.returncode == 0, f"pachctl {' '.join(words)}: {done.stderr.decode()}"
        return done

    def __call__(self, *words: str, text: str | bytes = b"") -> str:
        """Run a command that must succeed and return what it printed."""
        return self.run(*words, text=text, check=True).stdout.decode()

    def fails(self, *words: str, text: str | bytes = b"") -> str:
        """Run a command that must fail with exit code 1 and return its standard error."""
        done = self.run(*words, text=text)
        assert done.returncode == 1, (done.returncode, done.stdout, done.stderr)
        assert b"Traceback" not in done.stderr, done.stderr.decode()
        return done.stderr.decode()

    def json(self, *words: str) -> list[dict[str, Any]]:
        """Run a command with --raw and return the documents it printed."""
        text, decoder, documents = self(*words, "--raw").strip(), json.JSONDecoder(), []
        while text:
            document, end = decoder.raw_decode(text)
            documents.append(document)
            text = text[end:].lstrip()
        return documents

    def printed(self, pipeline: str) -> str:
        """Return what a pipeline's user code printed, without the lines of its workers."""
        lines = [json.loads(line) for line in self("logs", "-p", pipeline, "--raw").splitlines()]
        return "".join(f"{line.get('message', '')}\n" for line in lines if line.get("user"))

    def head(self, branch: str) -> str:
        """Return the id of a branch's head commit."""
        return str(self.json("inspect", "commit", branch)[0]["commit"]["id"])


def spec(name: str, repo: str, script: str, **fields: object) -> str:
    """A pipeline that runs a shell script on each top-level entry of a repo."""
    return json.dumps(
        {
            "pipeline": {"name": name},
            "transform": {"cmd": ["sh", "-e"], "stdin": [script], "image": "debian:12-slim"},
            "input": {"pfs": {"repo": repo, "glob": "/*"}},
            **fields,
        }
    )


def run(pachctl: Pachctl, name: str) -> dict[str, Any]:
    """Wait for the newest job of a pipeline and return it."""
    job = pachctl.head(f"{name}@master")
    pachctl("wait", "job", f"{name}@{job}")
    return pachctl.json("inspect", "job", f"{name}@{job}")[0]


def counts(job: dict[str, Any]) -> tuple[int, int, int]:
    """Datums processed, skipped and in all."""
    processed, skipped, total = (int(job.get(f"data_{field}", 0)) for field in ("processed", "skipped", "total"))
    return processed, skipped, total
