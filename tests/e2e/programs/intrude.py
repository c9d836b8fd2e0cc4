"""Run as user code: `intrude.py ADDRESS ROOT OUT` tries to be a worker, and writes to OUT how each attempt ended."""

import json
import sys
from pathlib import Path

from hathi.model.errors import HathiError
from hathi.wire.client import Client
from hathi.wire.gen import hathi_pb2 as wire

address, root, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])


def attempt(call):
    try:
        return f"DONE {call()!r}"
    except HathiError as error:
        return f"{error.status.value}"
    except OSError as error:
        return type(error).__name__


def tokens():
    """Return what looks like a token in anything that tells of processes here."""
    found = []
    for name in ("environ", "cmdline", "maps"):
        for path in Path("/proc").glob(f"[0-9]*/{name}"):
            try:
                data = path.read_bytes()
            except OSError:
                continue
            if b"hathi-worker:" in data or b"worker-key" in data:
                found.append(str(path))
    return found


with Client(address) as client:
    workers = client.workers
    line = wire.LogLine(time_ns=1, message="forged", user=True)
    logs = wire.AppendLogsRequest(project="default", pipeline="victim", worker="w", lines=[line])
    claim = wire.ClaimRequest(group="default/victim/v1", worker="w")
    writing = [wire.WriteObjectRequest(key="packs/forged", data=b"x")]
    results = {
        "claim": attempt(lambda: list(workers.Claim(claim))),
        "logs": attempt(lambda: workers.AppendLogs(logs)),
        "read": attempt(lambda: list(workers.ReadObject(wire.ReadObjectRequest(key="packs/x", length=-1)))),
        "write": attempt(lambda: workers.WriteObject(iter(writing))),
        "key": attempt(lambda: (root / "worker-key").read_text()),
        "tokens": tokens(),
    }
out.write_text(json.dumps(results))
