"""`python -m hathi.worker`: a worker process, started and owned by a runtime; or `hathi-worker`, started by anybody.

An owned worker's standard input is a pipe that its owner holds: when it ends, so does the worker, at once and with
everything it started. It prints `ready` once it can work, and its last line on standard error says why it ended. Where
user code runs in containers, both say more; see `datum.container`. The owner's first line is `token` and the token that
the server asks for: nobody else can read a pipe, while arguments and variables are open to other processes of the user.

With `--pipeline` a worker has no owner, and its token is in HATHI_WORKER_TOKEN or in a file. It works until a signal
comes, for whatever version the pipeline has, in sandboxes of the machine or container that it runs in; the spec's image
is not used.
"""

from __future__ import annotations

import argparse
import os
import queue
import secrets
import signal
import socket
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

from hathi.datum.cgroup import Cgroup
from hathi.datum.hidden import HostView, host_view
from hathi.datum.litter import remove_tree
from hathi.datum.shim import binary
from hathi.datum.stage import Stage
from hathi.model.errors import HathiError, InvalidError
from hathi.model.packs import Pin
from hathi.model.references import DEFAULT_PROJECT
from hathi.storage.chunks.store import Chunks
from hathi.storage.objects.interface import ObjectStore
from hathi.storage.objects.local import LocalStore
from hathi.supervision import describe
from hathi.wire.client import Client
from hathi.worker.batch import Bench
from hathi.worker.grounds import Ground, contained, sandboxed
from hathi.worker.loop import Leave, Worker, stage_folder
from hathi.worker.remote import ApiLedger, ObjectsOverApi, RemoteServer

_TOKEN = b"token "

CACHE_BYTES = 32 << 20  # of chunks in memory: what neighbouring datums share, mostly nodes of trees


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="hathi.worker", description=__doc__)
    address = os.environ.get("PACHD_ADDRESS") or "localhost:30650"
    scratch = os.environ.get("HATHI_SCRATCH") or None
    parser.add_argument("--address", default=address, help="host:port of the server")
    whose = parser.add_mutually_exclusive_group(required=True)
    whose.add_argument("--pipeline", metavar="[PROJECT/]NAME", help="work for a pipeline, without an owner")
    whose.add_argument("--group", help="key of the owner's worker group")
    parser.add_argument("--token-file", type=Path, default=None, help="file with the token; else HATHI_WORKER_TOKEN")
    parser.add_argument("--name", default="", help="name of this worker, unique for ever")
    parser.add_argument("--scratch", default=scratch, type=Path, help="folder for datums; an owner's is empty")
    parser.add_argument("--shim", type=Path, default=None, help="the shim's binary")
    parser.add_argument("--hide", action="append", type=Path, default=[], help="path that user code must not see")
    parser.add_argument(
        "--show", action="append", type=Path, default=[], help="file or folder in a home or in /tmp that it may read"
    )
    parser.add_argument("--cover", action="append", type=Path, default=[], help="folder that it finds empty")
    parser.add_argument("--own", action="append", type=Path, default=[], help="empty folder in a covered one")
    parser.add_argument("--cgroup", action="append", type=Path, default=[], help="control group of user code")
    parser.add_argument("--image", type=Path, default=None, help="file that tells of the image of our containers")
    return parser.parse_args()


LEAVE = b"leave"
"""What an owner says that wants the worker to end when it has done what it is at."""


class Stores:
    """The chunk store of this process, over the object store's folder where we can use it, else over the server."""

    def __init__(self, client: Client, group: str, name: str, *, beside: bool) -> None:
        """group, name: of the worker. beside: we see the server's files; else such a folder may be another one."""
        self._client = client
        self.ledger = ApiLedger(client, group, name)
        self._beside = beside
        self._folder = ""
        self._chunks: Chunks | None = None

    def get(self, folder: str) -> Chunks:
        """Return the chunk store for a claim whose objects are in `folder`, "" or out of reach meaning over the
        server.
        """
        if self._chunks is None or folder != self._folder:
            near = self._beside and bool(folder) and os.access(folder, os.R_OK | os.W_OK | os.X_OK)
            objects: ObjectStore = LocalStore(Path(folder)) if near else ObjectsOverApi(self._client)
            self._chunks = Chunks(objects, self.ledger, cache_bytes=CACHE_BYTES)
            self._folder = folder
        return self._chunks

    def reading(self) -> Pin:
        """Return a pin of what is live now."""
        self.ledger.holder()
        return self.ledger.pins.hold()

    def let_go(self) -> None:
        """Tell the server that nothing old is needed here: garbage collection may be waiting to hear that."""
        with suppress(HathiError):
            if self.ledger.beat():  # it has heard of the newest version, and can say so now
                self.ledger.beat()


class Owner:
    """Who holds our standard input. When it ends, so does the process; the sandbox ends with us: its socket closes.

    leave: asked when the owner wants no more of us than what we are at.
    """

    def __init__(self) -> None:
        self.leave = Leave()
        self._ground: Ground | None = None
        self._known = threading.Event()
        self._tokens: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=self._listen, name="owner", daemon=True).start()

    def speaks_to(self, ground: Ground) -> None:
        """Have what the owner says heard there."""
        self._ground = ground
        self._known.set()

    def token(self) -> str:
        """Return the token, once it has come. To be called once."""
        return self._tokens.get()

    def _listen(self) -> None:
        status = 1  # a worker that does not hear its owner must not outlive it
        try:
            self._hear()
            status = 0
        except Exception as error:
            sys.stderr.write(f"cannot hear the owner: {describe(error)}\n")
            sys.stderr.flush()
        finally:
            os._exit(status)

    def _hear(self) -> None:
        rest = b""
        while piece := os.read(0, 1 << 16):
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                if line.startswith(_TOKEN):
                    self._tokens.put(line[len(_TOKEN) :].decode())
                    continue
                if line == LEAVE:
                    self.leave.ask()
                    continue
                self._known.wait()
                assert self._ground is not None
                self._ground.heard(line.decode())


def main() -> int:
    """Work until the owner goes, or a signal comes; returns the exit status."""
    options = arguments()
    try:
        if options.pipeline is None:
            _work(options, Owner(), HostView(*map(tuple, (options.hide, options.cover, options.own, options.show))))
        else:
            _work_alone(options)
    except HathiError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _work_alone(options: argparse.Namespace) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    options.group = options.pipeline if "/" in options.pipeline else f"{DEFAULT_PROJECT}/{options.pipeline}"
    options.name = options.name or f"{socket.gethostname()}-{secrets.token_hex(3)}"
    if options.scratch is not None:
        options.scratch.mkdir(parents=True, exist_ok=True)
    own = Path(tempfile.mkdtemp(prefix=f"{options.name}-", dir=options.scratch))
    try:
        options.scratch = own
        _work(options, None, host_view([*options.hide, own], options.show))
    finally:
        remove_tree(own)


def _own_token(options: argparse.Namespace) -> str:
    """Return the token of a worker without an owner."""
    if options.token_file is None:
        return os.environ.pop("HATHI_WORKER_TOKEN", "").strip()
    try:
        return str(options.token_file.read_text().strip())
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidError(f"cannot read the token in {options.token_file}: {error}") from None


def _work(options: argparse.Namespace, owner: Owner | None, view: HostView) -> None:
    shim = options.shim or binary()
    stage = stage_folder(options.scratch)
    client = Client(options.address, token=_own_token(options) if owner is None else owner.token())
    if options.image is None:
        ground = sandboxed(shim, stage, options.scratch, view, Cgroup(tuple(options.cgroup)))
    else:
        ground = contained(shim, stage, options.scratch, options.image)
    if owner is not None:
        owner.speaks_to(ground)
    bench = Bench(options.name, Stage(stage), ground.sandbox, ground.base, ground.defaults, ground.image)
    stores = Stores(client, options.group, options.name, beside=owner is not None)
    server = RemoteServer(client, options.group, options.name)
    leave = owner.leave if owner else None
    worker = Worker(
        server, bench, stores.get, threading.Event(), reading=stores.reading, leave=leave, idle=stores.let_go
    )
    try:
        worker.run()
    finally:
        stores.ledger.close()
        ground.close()


if __name__ == "__main__":
    sys.exit(main())
