"""A `pachctl dev --watch` for the end-to-end tests."""

from __future__ import annotations

import queue
import signal
import subprocess
import threading
from pathlib import Path

from e2e.support import BIN, Pachctl


def save(file: Path, text: str) -> None:
    """Save a file in one step, as many editors do: of a file that is written to, the empty beginning may be seen."""
    beside = file.with_name(f"{file.name}~")
    beside.write_text(text)
    beside.replace(file)


class Watched:
    """A `pachctl dev --watch`, whose lines are waited for."""

    def __init__(self, pachctl: Pachctl, spec: Path) -> None:
        words = [str(BIN / "pachctl"), "dev", "-f", str(spec), "--watch"]
        self.process = subprocess.Popen(
            words,
            env={**pachctl.environment, "PYTHONFAULTHANDLER": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.seen: list[str] = []
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)

    def until(self, text: str) -> list[str]:
        """Return the lines up to one that holds `text`."""
        lines: list[str] = []
        while not lines or text not in lines[-1]:
            try:
                lines.append(self._lines.get(timeout=60))
            except queue.Empty:
                raise AssertionError(f"waited for {text!r}, saw {lines}") from None
        self.seen += lines
        return lines

    def again(self) -> str:
        """Return what it shows from here on until it waits for the next save."""
        return "".join(self.until("waiting for changes"))

    def interrupt(self) -> int:
        """End it as Ctrl-C does, and return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)  # it tells where it stands
            self.process.wait(30)
            lines = self.seen + [self._lines.get() for _ in range(self._lines.qsize())]
            raise AssertionError("it does not end:\n" + "".join(lines)) from None
