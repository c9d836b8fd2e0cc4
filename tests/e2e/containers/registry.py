"""A registry on this machine, open to everybody or to one user."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import warnings
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from e2e.containers.support import Images, until
from e2e.ports import Port
from e2e.support import unavailable

USER, PASSWORD = "kim", "secret"


class Registry:
    """Serves images from a folder."""

    def __init__(self, folder: Path, *, closed: bool = False) -> None:
        program = shutil.which("docker-registry") or shutil.which("registry")
        if program is None:
            unavailable("no docker-registry on this machine (Debian: docker-registry)")
        assert program is not None
        self._port = Port()
        self.host = f"localhost:{self._port.number}"
        config: dict[str, Any] = {
            "version": "0.1",
            "log": {"level": "error"},
            "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
            "http": {"addr": f"127.0.0.1:{self._port.number}"},
        }
        if closed:
            (folder / "htpasswd").write_text(f"{USER}:{_hashed(PASSWORD)}\n")
            config["auth"] = {"htpasswd": {"realm": "test", "path": str(folder / "htpasswd")}}
        (folder / "config.json").write_text(json.dumps(config))
        self.process = subprocess.Popen(
            [program, "serve", str(folder / "config.json")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._wait()

    def tags(self, repository: str) -> list[str]:
        with urlopen(f"http://{self.host}/v2/{repository}/tags/list") as answer:
            return list(json.load(answer)["tags"] or ())

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)

    def forget(self, images: Images) -> None:
        """Have what the engine holds of this registry removed in the end: until then workers may use it."""
        for image in images.client.images():
            for name in image["RepoTags"] or ():
                if name.startswith(f"{self.host}/"):
                    images.built(name)

    def _wait(self) -> None:
        def answers() -> bool:
            assert self.process.poll() is None, "the registry does not start"
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", self._port.number)) == 0

        until(answers)


def _hashed(password: str) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import crypt
    return crypt.crypt(password, crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=32))
