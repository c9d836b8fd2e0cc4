"""A hostile program, root in its container, reaches nothing but the container's own private files."""

from __future__ import annotations

from pathlib import Path

import pytest
from e2e.containers.support import Images, contained
from e2e.support import Pachctl, Pachd, run

pytestmark = pytest.mark.e2e

HOSTILE = r"""
import ctypes, glob, os, socket, stat, sys
libc = ctypes.CDLL(None, use_errno=True)

def attempt(name, call):
    try:
        print(name, "->", call(), flush=True)
    except BaseException as error:
        print(name, "-> refused", type(error).__name__, flush=True)

def system(name, *arguments):
    def call():
        if getattr(libc, name)(*arguments) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return "done"
    return call

def knock(path):
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(path)
        return "connected"

print("link:", sorted(os.listdir("/.hathi")))
print("pfs:", sorted(os.listdir("/pfs")), sorted(os.listdir("/pfs/data")))
attempt("knock", lambda: knock("/.hathi/wire"))
def gateway():
    routes = [line.split() for line in open("/proc/net/route")]
    return next(socket.inet_ntoa(bytes.fromhex(route[2])[::-1]) for route in routes if route[1] == "00000000")

def call(host):
    with socket.create_connection((host, int(sys.argv[1])), 5):
        return "connected"

attempt("replace-shim", lambda: open("/.hathi/shim", "r+b"))
attempt("new-in-link", lambda: open("/.hathi/new", "wb"))
attempt("shim-environ", lambda: open("/proc/1/environ", "rb").read())
attempt("shim-descriptors", lambda: os.open("/proc/1/fd/3", os.O_RDWR))
attempt("shim-descriptor-names", lambda: os.readlink("/proc/1/fd/3"))
attempt("shim-memory", lambda: open("/proc/1/mem", "r+b"))
attempt("trace-shim", system("ptrace", 16, 1, 0, 0))
attempt("server", lambda: call(gateway()))
attempt("server-as-if-here", lambda: call("127.0.0.1"))
attempt("mount", system("mount", b"none", b"/mnt", b"tmpfs", 0, 0))
attempt("unshare", system("unshare", 0x00020000))
attempt("device", lambda: os.mknod("/pfs/out/disk", 0o600 | stat.S_IFBLK, os.makedev(8, 0)))
attempt("kill-shim", lambda: os.kill(1, 9))
attempt("above", lambda: sorted(os.listdir("/pfs/../../..")) == sorted(os.listdir("/")))
others = [p for p in glob.glob("/proc/[0-9]*/cmdline") if p.split("/")[2] != str(os.getpid())]
seen = [p for p in others if b"pachd" in open(p, "rb").read()]
print("pachd:", seen)
print("secret:", "hunter2" in str(dict(os.environ)))
print("host:", [p for p in sys.argv[2:] if os.path.exists(p)])
open("/etc/mark", "w").write("the container's own files can be written")
os.chmod("/pfs", 0)
"""


def test_a_hostile_program_reaches_nothing(tmp_path: Path, images: Images) -> None:
    server = Pachd(tmp_path / "root", "--runtime", "docker", environment={"HATHI_TEST_SECRET": "hunter2"}).start()
    try:
        pachctl = Pachctl(server.address, tmp_path / "config.json")
        pachctl("create", "repo", "data")
        pachctl("put", "file", "data@master:/a", text="a")
        pachctl("put", "file", "data@master:/b", text="b")
        image = images.python("hostile:1")
        paths = [str(server.root), str(tmp_path), "/var/lib/docker", "/var/run/docker.sock", str(Path.home() / ".ssh")]
        port = str(server.port)
        mark = "import os; print('mark:', os.path.exists('/etc/mark'))\n"
        pachctl("create", "pipeline", text=contained("p", "data", image, "python3", "-c", mark + HOSTILE, port, *paths))
        job = run(pachctl, "p")
        log = pachctl("logs", "-p", "p")
        assert job["state"] == "JOB_SUCCESS", log
        told = [line.partition(": ")[2] for line in log.splitlines() if line.startswith("link: ")]
        assert told == ["['shim']"] * 2, "the socket is gone"
        assert "pfs: ['.env', 'data', 'out'] ['a']" in log
        assert "pfs: ['.env', 'data', 'out'] ['b']" in log
        outcomes = dict(line.split(" -> ", 1) for line in log.splitlines() if " -> " in line)
        may = {"above": "True", "kill-shim": "None"}  # nothing is above the root; process 1 takes no signal from inside
        for name, outcome in outcomes.items():
            assert outcome == may.get(name) or outcome.startswith("refused"), (name, outcome)
        assert len(outcomes) == 15
        assert "pachd: []" in log
        assert "secret: False" in log
        assert "host: []" in log
    finally:
        server.stop()
