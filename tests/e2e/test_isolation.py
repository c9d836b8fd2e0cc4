"""A datum cannot harm its inputs, the store, its neighbours or the server, whatever its program does as root."""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path

import pytest
from e2e.knocks import listening
from e2e.support import BIN, ROOT, Pachctl, Pachd, counts, run, spec

pytestmark = pytest.mark.e2e

PROGRAMS = Path(__file__).parent / "programs"


def test_a_datum_may_do_anything_to_its_inputs_and_nothing_else_changes(pachctl: Pachctl, name: str) -> None:
    """It truncates, appends to, renames and removes its inputs; the store and the next datum are unchanged."""
    pachctl("create", "repo", name)
    for letter in "abc":
        pachctl("put", "file", f"{name}@master:/{letter}/kept", text=f"{letter} kept")
        pachctl("put", "file", f"{name}@master:/{letter}/gone", text=f"{letter} gone")
    p = f"{name}-p"
    script = f"""
    cd /pfs/{name}
    for d in *; do
      cat $d/kept $d/gone > /pfs/out/$d
      : > $d/kept; echo more >> $d/gone; mv $d/gone $d/new; rm $d/kept
    done
    rm -rf /pfs/{name}/*
    echo litter > /tmp/litter; echo litter > /dev/shm/litter; echo litter > /pfs/{name}/litter
    ls /tmp /dev/shm
    """
    pachctl("create", "pipeline", text=spec(p, name, script))
    assert counts(run(pachctl, p)) == (3, 0, 3)
    for letter in "abc":
        assert pachctl("get", "file", f"{p}@master:/{letter}") == f"{letter} kept{letter} gone"
        assert pachctl("get", "file", f"{name}@master:/{letter}/kept") == f"{letter} kept"
        assert pachctl("get", "file", f"{name}@master:/{letter}/gone") == f"{letter} gone"
    checkout = {path.parts[2] for path in (ROOT, BIN) if path.parts[1] == "tmp"}  # programs there are shown
    lines = [json.loads(line) for line in pachctl("logs", "-p", p, "--raw").splitlines()]
    printed = [found.get("message", "") for found in lines if found.get("user")]
    assert "litter" in printed
    for line in printed:
        assert line.strip() in {"", "litter", "/tmp:", "/dev/shm:", *checkout}, "nothing of another datum is seen"


def test_a_daemonised_child_is_dead_before_the_next_datum(pachctl: Pachctl, name: str) -> None:
    pachctl("create", "repo", name)
    for letter in "ab":
        pachctl("put", "file", f"{name}@master:/{letter}", text=letter)
    p = f"{name}-p"
    with listening() as knocks:
        script = f"{sys.executable} {PROGRAMS}/knock.py {knocks.port} $(ls /pfs/{name}) --stay"
        pachctl("create", "pipeline", text=spec(p, name, script))
        assert counts(run(pachctl, p)) == (2, 0, 2)
        for letter in "ab":
            knocks.wait(("end", f"daemon of {letter}"))
            knocks.wait(("line", letter))
        first, second = sorted("ab", key=lambda letter: knocks.events.index(("line", letter)))
        assert knocks.events.index(("end", f"daemon of {first}")) < knocks.events.index(("line", second))


def test_two_workers_work_at_the_same_time(pachctl: Pachctl, name: str) -> None:
    """Each datum waits until it has seen the other: with one worker at a time neither would ever end."""
    pachctl("create", "repo", name)
    for letter in "ab":
        pachctl("put", "file", f"{name}@master:/{letter}", text=letter)
    p = f"{name}-p"
    meet = (
        "import socket, sys; c = socket.create_connection(('127.0.0.1', int(sys.argv[1]))); c.sendall(b'here\\n');"
        "sys.exit(c.recv(1) != b'!')"
    )
    import socket

    with socket.create_server(("127.0.0.1", 0)) as door:

        def host() -> None:
            guests = [door.accept()[0] for _ in "ab"]
            for guest in guests:
                guest.sendall(b"!")
                guest.close()

        threading.Thread(target=host, daemon=True).start()
        transform = {"cmd": [sys.executable, "-c", meet, str(door.getsockname()[1])]}
        document = json.loads(spec(p, name, "")) | {"transform": transform, "parallelism_spec": {"constant": 2}}
        pachctl("create", "pipeline", text=json.dumps(document))
        assert counts(run(pachctl, p)) == (2, 0, 2)


def test_user_code_sees_only_its_own_environment(own_pachd: Pachd, own_pachctl: Pachctl, name: str) -> None:
    """The server's environment and its folder stay hidden; what the original documents is there."""
    own_pachd.stop()
    own_pachd.environment["HATHI_TEST_SECRET"] = "hunter2"
    own_pachd.start()
    pachctl = own_pachctl
    pachctl("create", "repo", "data")
    pachctl("put", "file", "data@master:/a", text="a")
    script = f"""
    env > /pfs/out/env
    cat /pfs/.env > /pfs/out/dotenv
    ls {own_pachd.root} > /pfs/out/root 2>&1 || true
    ls /proc > /pfs/out/processes
    ls -A ~/.ssh > /pfs/out/ssh 2>&1 || true
    """
    pachctl("create", "pipeline", text=spec("p", "data", script))
    run(pachctl, "p")
    environment = dict(
        line.split("=", 1) for line in pachctl("get", "file", "p@master:/env").splitlines() if "=" in line
    )
    assert environment["data"] == "/pfs/data/a"
    assert environment["data_COMMIT"] == pachctl.head("data@master")
    assert environment["PACH_JOB_ID"] == pachctl.head("p@master")
    assert environment["PPS_PIPELINE_NAME"] == "p"
    assert not [key for key in environment if "HATHI" in key or "hunter2" in environment[key]]
    assert "PACH_JOB_ID=" in pachctl("get", "file", "p@master:/dotenv")
    assert "objects" not in pachctl("get", "file", "p@master:/root")
    numbers = [n for n in pachctl("get", "file", "p@master:/processes").split() if n.isdigit()]
    assert len(numbers) < 10, "only the sandbox's own processes are seen"


def test_a_memory_limit_holds_or_the_pipeline_says_that_it_does_not(pachctl: Pachctl, name: str) -> None:
    pachctl("create", "repo", name)
    pachctl("put", "file", f"{name}@master:/a", text="a")
    p = f"{name}-p"
    transform = {"cmd": [sys.executable, "-Sc", "data = b'x' * int(300e6)"]}
    document = json.loads(spec(p, name, "")) | {"transform": transform, "resource_limits": {"memory": "64Mi"}}
    done = pachctl.run("create", "pipeline", text=json.dumps(document), check=True)
    warned = "resource_limits.memory is not enforced"
    if warned.encode() in done.stderr:
        assert warned in pachctl("inspect", "pipeline", p)
        return
    job = run(pachctl, p)
    assert "it was killed for using more memory than its limit of 64 MiB" in json.dumps(job)


def test_user_code_cannot_be_a_worker(own_pachd: Pachd, own_pachctl: Pachctl) -> None:
    """It reaches the server, as any process of the machine does, and finds no token."""
    pachctl = own_pachctl
    pachctl("create", "repo", "data")
    pachctl("create", "repo", "empty")
    pachctl("create", "pipeline", text=spec("victim", "empty", "true"))
    pachctl("put", "file", "data@master:/a", text="a")
    address = own_pachd.address.removeprefix("grpc://")
    script = f"{sys.executable} {PROGRAMS}/intrude.py {address} {own_pachd.root} /pfs/out/report"
    pachctl("create", "pipeline", text=spec("p", "data", script))
    assert counts(run(pachctl, "p")) == (1, 0, 1)
    report = json.loads(pachctl("get", "file", "p@master:/report"))
    refused = dict.fromkeys(("claim", "logs", "read", "write"), "UNAUTHENTICATED")
    assert report == {**refused, "key": "FileNotFoundError", "tokens": []}
    assert "forged" not in pachctl("logs", "-p", "victim")


def test_what_the_server_keeps_is_its_owners_alone(own_pachd: Pachd, own_pachctl: Pachctl) -> None:
    own_pachctl("create", "repo", "data")
    own_pachctl("put", "file", "data@master:/a", text="a")
    assert own_pachd.root.stat().st_mode & 0o777 == 0o700
    files = [path for path in own_pachd.root.rglob("*") if path.is_file() and not path.is_symlink()]
    assert files
    assert {oct(path.stat().st_mode & 0o077) for path in files} == {"0o0"}


def test_a_pipeline_that_wants_a_billion_workers_shares_the_machine(own_pachd: Pachd, own_pachctl: Pachctl) -> None:
    own_pachd.stop()
    own_pachd.flags = [*own_pachd.flags, "--max-workers", "2"]
    own_pachd.start()
    pachctl = own_pachctl
    pachctl("create", "repo", "data")
    for letter in "abcd":
        pachctl("put", "file", f"data@master:/{letter}", text=letter)
    greedy = json.loads(spec("greedy", "data", "cp /pfs/data/* /pfs/out")) | {"parallelism_spec": {"constant": 10**9}}
    pachctl("create", "pipeline", text=json.dumps(greedy))
    others = [f"other{number}" for number in range(3)]
    for p in others:
        pachctl("create", "pipeline", text=spec(p, "data", "cp /pfs/data/* /pfs/out"))
    for p in ("greedy", *others):
        assert counts(run(pachctl, p)) == (4, 0, 4)
    shown = pachctl("inspect", "pipeline", "greedy")
    assert "this machine runs at most 2 workers (pachd --max-workers)" in shown
    assert len([path for path in (own_pachd.root / "scratch").iterdir() if path.is_dir()]) <= 2
