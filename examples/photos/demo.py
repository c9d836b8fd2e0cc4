"""Run the main job from nothing: a server, a repo of photographs, two pipelines, then one more photograph.

Every step is an ordinary `pachctl` command, printed before it runs. The photographs come with the scikit-image
package; its code is not used. Usage: python examples/photos/demo.py [--out FILE]
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
BIN = Path(sys.executable).parent
FIRST = ["astronaut.png", "chelsea.png", "coffee.png", "hubble_deep_field.jpg", "motorcycle_left.png", "retina.jpg"]
LATER = "rocket.jpg"


def photographs() -> Path:
    """Return the folder of photographs."""
    found = importlib.util.find_spec("skimage")
    if found is None or found.origin is None:
        sys.exit("demo: the photographs are missing; run `make demo`, which installs them")
    return Path(found.origin).parent / "data"


@contextlib.contextmanager
def server(root: Path) -> Iterator[str]:
    """Run pachd in `root` with the process runtime, and yield its address."""
    command = [str(BIN / "pachd"), "--root", str(root), "--port", "0", "--runtime", "process", "--show", str(HERE)]
    print(f"$ {' '.join(['pachd', *command[1:]])} &")
    with (root.parent / "pachd.log").open("w") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
    assert process.stdout is not None
    try:
        first = process.stdout.readline()
        if not first:
            sys.exit(f"demo: pachd did not start:\n{(root.parent / 'pachd.log').read_text()}")
        print(first, end="", flush=True)
        yield first.split()[-1]
    finally:
        process.terminate()
        process.wait(timeout=30)
        print("$ kill %1   # pachd has stopped")


class Shell:
    """Runs pachctl commands against one server, showing each."""

    def __init__(self, address: str, config: Path) -> None:
        self.env = {
            **os.environ,
            "PACHD_ADDRESS": address,
            "PACH_CONFIG": str(config),
            "PATH": f"{BIN}:{os.environ['PATH']}",
        }

    def __call__(self, *words: str, text: str = "", show: str = "") -> str:
        print(f"\n$ pachctl {show or ' '.join(words)}", flush=True)
        done = subprocess.run(
            [str(BIN / "pachctl"), *words],
            env=self.env,
            input=text or None,
            text=True,
            capture_output=True,
            check=False,
        )
        print(done.stdout + done.stderr, end="", flush=True)
        if done.returncode:
            sys.exit(f"demo: pachctl {' '.join(words)} failed")
        return done.stdout

    def json(self, *words: str) -> list[dict[str, object]]:
        """Run a command quietly and return the documents it prints."""
        done = subprocess.run(
            [str(BIN / "pachctl"), *words, "--raw"], env=self.env, text=True, capture_output=True, check=True
        )
        decoder, text, documents = json.JSONDecoder(), done.stdout.strip(), []
        while text:
            document, end = decoder.raw_decode(text)
            documents.append(document)
            text = text[end:].lstrip()
        return documents


def spec(name: str) -> str:
    """Return an example spec with this machine's interpreter and code in the place of the image's."""
    document = json.loads((HERE / f"{name}.json").read_text())
    document["transform"]["cmd"] = [sys.executable, str(HERE / f"{name}.py")]
    return json.dumps(document)


def count(job: dict[str, object], field: str) -> int:
    return int(str(job.get(field, 0)))


def main() -> None:
    """Run the demonstration; exits with an error when a result is not as it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("montage.png"), help="where the montage goes")
    out = parser.parse_args().out.resolve()
    data = photographs()
    with tempfile.TemporaryDirectory(prefix="hathi-demo-") as folder:
        (Path(folder) / "photos").mkdir()
        for name in FIRST:
            shutil.copy(data / name, Path(folder) / "photos" / name)
        root = Path(folder) / "root"
        root.mkdir()
        with server(root) as address:
            pachctl = Shell(address, Path(folder) / "config.json")
            pachctl("create", "repo", "photos")
            pachctl("put", "file", "-r", "photos@master:/", "-f", f"{folder}/photos")
            pachctl("list", "file", "photos@master")
            for name in ("edges", "montage"):
                pachctl("create", "pipeline", "-f", "-", text=spec(name), show=f"create pipeline -f {name}.json")
            first = pachctl.json("list", "commit", "montage@master", "-n", "1")[0]["commit"]["id"]  # type: ignore[index]
            pachctl("wait", "job", str(first))
            pachctl("list", "job")
            edges = pachctl.json("list", "job", "-p", "edges")[0]["job"]["id"]  # type: ignore[index]
            pachctl("list", "datum", f"edges@{edges}")
            pachctl("logs", "-p", "edges")
            print("\n# One more photograph: only its datum runs, the others are skipped.")
            pachctl("put", "file", f"photos@master:/{LATER}", "-f", str(data / LATER))
            second = str(pachctl.json("list", "commit", "montage@master", "-n", "1")[0]["commit"]["id"])  # type: ignore[index]
            pachctl("wait", "job", second)
            pachctl("list", "datum", f"edges@{second}")
            job = pachctl.json("inspect", "job", f"edges@{second}")[0]
            processed, skipped = count(job, "data_processed"), count(job, "data_skipped")
            pachctl("get", "file", "montage@master:/montage.png", "-o", str(out))
            print(f"\nedges: {processed} datum processed, {skipped} skipped.")
            if (processed, skipped) != (1, len(FIRST)):
                sys.exit(f"demo: expected 1 processed and {len(FIRST)} skipped")
    print(f"The montage: {out}")


if __name__ == "__main__":
    main()
