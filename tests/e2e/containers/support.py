"""An engine, and images made of this machine's own programs: none can be pulled, and none needs to be."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import docker
import pip
import requests
from docker.errors import DockerException, NotFound
from e2e.support import Pachctl, Pachd, unavailable

T = TypeVar("T")

BUSYBOX = next((path for path in map(Path, ("/bin/busybox", "/usr/bin/busybox")) if path.exists()), None)

TOOLS = "sh cat chmod cp cut dirname env find grep ls mkdir mktemp mv ps rm sha256sum sleep tail test uname"


def engine_or_skip(address: str | None = None) -> Any:
    """A client of the engine that answers here."""
    try:
        client = docker.APIClient(address, version="auto") if address else docker.from_env().api
        client.ping()
    except (DockerException, requests.exceptions.RequestException) as error:
        unavailable(f"no container engine answers: {error}")
    return client


class Images:
    """Makes images under names of its own, and removes them."""

    def __init__(self, client: Any, prefix: str) -> None:
        self.client = client
        self.prefix = prefix
        self._names: list[str] = []

    def make(self, name: str, files: dict[str, bytes | Path], changes: Sequence[str] = ()) -> str:
        """Import a file system as an image. files: path in it -> contents, or a file of this machine.
        changes: as Dockerfile lines.
        """
        return self.load(name, _tar(files), changes)

    def load(self, name: str, data: bytes, changes: Sequence[str] = ()) -> str:
        full = f"{self.prefix}/{name}"
        made = self.client.import_image_from_data(data, changes=list(changes) or None)
        return self.tag(json.loads(made.strip().splitlines()[-1])["status"], full)

    def busybox(self, name: str, changes: Sequence[str] = (), **more: bytes) -> str:
        """An image of busybox alone, for spec commands such as ["/bin/busybox", "sh", ...]."""
        if BUSYBOX is None or _libraries(BUSYBOX):
            unavailable("no static busybox on this machine (Debian: busybox-static)")
        assert BUSYBOX is not None
        files: dict[str, bytes | Path] = {"bin/busybox": BUSYBOX, "tmp/": b""}
        for applet in ("sh", "cat", "cp", "echo", "env", "hostname", "id", "ls", "mkdir", "ps", "pwd", "sleep", "test"):
            files[f"bin/{applet}"] = b"->/bin/busybox"
        files |= {path.replace("__", "/"): data for path, data in more.items()}
        return self.make(name, files, changes)

    def perl(self, name: str) -> str:
        """An image of this machine's perl and the libraries it needs."""
        path = shutil.which("perl")
        if path is None:
            unavailable("no perl on this machine")
        assert path is not None
        return self.make(name, _program("perl", Path(path)))

    def python(self, name: str) -> str:
        """An image of the Python that runs the tests, with its standard library."""
        files = _program("python3", Path(sys.executable))
        library = Path(sys.base_prefix) / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}"
        for file in library.rglob("*"):
            if file.is_file() and not set(file.parts) & {"test", "site-packages", "__pycache__", "idlelib"}:
                files[str(file).lstrip("/")] = file
                if file.suffix == ".so":
                    files |= {str(needed).lstrip("/"): needed.resolve() for needed in _libraries(file)}
        return self.make(name, files)

    def workshop(self, name: str, more: dict[str, bytes | Path], *changes: str) -> str:
        """An image that things can be built in: busybox under the names of its tools, and `more`."""
        if BUSYBOX is None:
            unavailable("no busybox on this machine (Debian: busybox-static)")
        assert BUSYBOX is not None
        files: dict[str, bytes | Path] = {"bin/busybox": BUSYBOX, "tmp/": b""}
        files |= {f"bin/{tool}": b"->/bin/busybox" for tool in TOOLS.split()}
        return self.make(name, {**files, **more}, ["ENV PATH=/bin", *changes])

    def compiled(self, name: str, source: str, program: str = "program") -> str:
        """An image of one static binary, /program or as it is called, and nothing else."""
        compiler = shutil.which("gcc") or shutil.which("cc")
        if compiler is None:
            unavailable("no C compiler on this machine")
        assert compiler is not None
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "program.c").write_text(source)
            binary = Path(folder) / "program"
            subprocess.run([compiler, "-static", "-o", str(binary), f"{folder}/program.c"], check=True)
            return self.make(name, {program: binary})

    def foreign(self, name: str, of: str, machine: str) -> str:
        """An image that says it is for another architecture, and whose programs are none for this one."""
        full = f"{self.prefix}/{name}"
        old = _untar(b"".join(self.client.get_image(of)))
        manifest = json.loads(old["manifest.json"])[0]
        config = json.loads(old[manifest["Config"]])
        files: dict[str, bytes | Path] = {layer: old[layer] for layer in manifest["Layers"]}
        files["config.json"] = json.dumps(config | {"architecture": machine}).encode()
        manifest |= {"Config": "config.json", "RepoTags": [full]}
        files["manifest.json"] = json.dumps([manifest]).encode()
        for line in self.client.load_image(_tar(files)):
            assert "error" not in line, line
        self._names.append(full)
        return full

    def built(self, full: str) -> str:
        """Take an image that was built under one of our names, to remove it in the end."""
        self._names.append(full)
        return full

    def tag(self, image: str, name: str) -> str:
        """Give an image another name; what had that name before loses it."""
        full = name if self.prefix in name else f"{self.prefix}/{name}"
        repository, _, tag = full.rpartition(":")
        self.client.tag(image, repository, tag)
        self._names.append(full)
        return full

    def id(self, name: str) -> str:
        return str(self.client.inspect_image(name)["Id"])

    def remove(self) -> None:
        for name in dict.fromkeys(self._names):
            try:
                self.client.remove_image(name, force=True)
            except (NotFound, DockerException):
                pass


def python_and_pip(*binaries: Path) -> dict[str, bytes | Path]:
    """The Python that runs the tests, its standard library and pip, as /bin/python3.

    binaries: others that will run there too, for the libraries that they need.
    """
    library = Path(sys.base_prefix) / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    program, packages = Path(sys.executable).resolve(), Path(pip.__path__[0])
    found = files_in(library, "test", "site-packages")
    files: dict[str, bytes | Path] = {str(file).lstrip("/"): file for file in found}
    running = [program, *(library / "lib-dynload").glob("*.so"), *binaries]
    libraries = {one for binary in running for one in _libraries(binary) if "site-packages" not in one.parts}
    files |= {str(file).lstrip("/"): file.resolve() for file in (program, *libraries)}
    inside = f"{library}/site-packages/pip".lstrip("/")
    files |= {f"{inside}/{file.relative_to(packages)}": file for file in files_in(packages)}
    files["bin/python3"] = f"->{program}".encode()
    return files


def files_in(folder: Path, *without: str) -> list[Path]:
    """The files below a folder, but for those in folders of some names."""
    left_out = {"__pycache__", *without}
    return [file for file in folder.rglob("*") if file.is_file() and not left_out & set(file.parts)]


def containers(client: Any, cluster: str) -> list[dict[str, Any]]:
    """The containers that serve a root folder, running or not."""
    return list(client.containers(all=True, filters={"label": f"hathi.cluster={cluster}"}))


def by_hand(client: Any, scratch: Path) -> list[dict[str, Any]]:
    """The containers of pachctl itself, running or not, whose folders lie below one; others may have some too."""
    found = client.containers(all=True, filters={"label": "hathi.by-hand=pachctl"})
    return [
        each for each in found if any(Path(mount["Source"]).is_relative_to(scratch) for mount in each.get("Mounts", ()))
    ]


class PrivateEngine:
    """An engine of the test's own, which it may kill. It has a network of its own, because an engine takes itself to be
    the only one and would take the bridge of the machine's engine away."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.address = f"unix://{folder}/d.sock"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> PrivateEngine:
        folder = self.folder
        command = [
            "unshare",
            "--net",
            "dockerd",
            "--host",
            self.address,
            "--data-root",
            f"{folder}/data",
            "--exec-root",
            f"{folder}/x",
        ]
        command += ["--pidfile", f"{folder}/pid", "--iptables=false", "--storage-driver", "vfs"]
        with (folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        return self

    def ready(self, tries: int = 600) -> PrivateEngine:
        for _ in range(tries):
            try:
                docker.APIClient(self.address, version="auto").ping()
                return self
            except (DockerException, requests.exceptions.RequestException):
                assert self.process is not None
                try:
                    self.process.wait(0.1)
                except subprocess.TimeoutExpired:
                    continue
                break
        unavailable(f"no second engine can be started here: {(self.folder / 'log').read_text()[-500:]}")
        return self

    def kill(self) -> None:
        """Kill it with its helper, which may not live on: a new engine would wait for it."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(30)
        pid = self.folder / "x/containerd/containerd.pid"
        helper = Path("/proc") / pid.read_text()
        try:
            os.kill(int(helper.name), signal.SIGKILL)
        except ProcessLookupError:
            pass
        until(lambda: not helper.exists())

    def stop(self) -> None:
        assert self.process is not None
        self.process.terminate()
        self.process.wait(60)


@contextmanager
def private_engine() -> Iterator[PrivateEngine]:
    if os.geteuid() != 0 or not (shutil.which("dockerd") and shutil.which("unshare")):
        unavailable("a second engine needs root, dockerd and unshare")
    with tempfile.TemporaryDirectory(prefix="hd", dir="/tmp", ignore_cleanup_errors=True) as folder:
        engine = PrivateEngine(Path(folder)).start().ready()
        try:
            yield engine
        finally:
            engine.stop()
            mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
            for mount in reversed([mount for mount in mounts if mount.startswith(folder)]):
                subprocess.run(["umount", "--lazy", mount], capture_output=True)


def _program(name: str, path: Path) -> dict[str, bytes | Path]:
    """A program and the libraries it needs, where they are on this machine; and /bin/name."""
    real = path.resolve()
    files: dict[str, bytes | Path] = {"tmp/": b"", f"bin/{name}": f"->{real}".encode()}
    for file in (real, *_libraries(real)):
        files[str(file).lstrip("/")] = file.resolve()
    return files


def _libraries(binary: Path) -> list[Path]:
    told = subprocess.run(["ldd", str(binary)], capture_output=True, text=True).stdout
    words = [word for line in told.splitlines() for word in line.split()]
    return [Path(word) for word in words if word.startswith("/")]


def _tar(files: dict[str, bytes | Path]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, contents in files.items():
            entry = tarfile.TarInfo(name.rstrip("/"))
            entry.mode = 0o755
            if name.endswith("/"):
                entry.type, entry.mode = tarfile.DIRTYPE, 0o1777
                archive.addfile(entry)
            elif isinstance(contents, bytes) and contents.startswith(b"->"):
                entry.type, entry.linkname = tarfile.SYMTYPE, contents[2:].decode()
                archive.addfile(entry)
            else:
                data = contents if isinstance(contents, bytes) else contents.read_bytes()
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def until(condition: Callable[[], T], seconds: float = 60.0) -> T:
    """Return what a condition gives once that is true. There is nothing to wait on across processes: it is asked."""
    clock = threading.Event()
    end = time.monotonic() + seconds
    while True:
        if found := condition():
            return found
        assert time.monotonic() < end, f"not within {seconds:g} s: {found!r}"
        clock.wait(0.1)


def state(pachctl: Pachctl, pipeline: str) -> tuple[str, str]:
    """State and reason of a pipeline."""
    info = pachctl.json("inspect", "pipeline", pipeline)[0]
    return info["state"].removeprefix("PIPELINE_"), info.get("reason", "")


def contained(name: str, repo: str, image: str, *cmd: str, **fields: object) -> str:
    """A pipeline that runs a command in an image on each top-level entry of a repo."""
    transform = {"image": image, "cmd": list(cmd), **fields.pop("transform", {})}  # type: ignore[dict-item]
    document = {"pipeline": {"name": name}, "transform": transform, "input": {"pfs": {"repo": repo, "glob": "/*"}}}
    return json.dumps(document | fields)


def cluster(pachd: Pachd) -> str:
    """The id of what a server stores, which its containers are labelled with."""
    return (pachd.root / "cluster-id").read_text().strip()


def _untar(data: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        files = {entry.name: archive.extractfile(entry) for entry in archive if entry.isfile()}
        return {name: file.read() for name, file in files.items() if file is not None}
