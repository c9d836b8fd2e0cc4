"""Images that bring the shim themselves: built on the base image, or with the two documented lines."""

from __future__ import annotations

import io
import platform
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest
from e2e.containers.support import BUSYBOX, Images, contained
from e2e.support import ROOT, Pachctl, counts, run, unavailable

pytestmark = pytest.mark.e2e

FOLDER = ROOT / "src" / "hathi" / "datum" / "shim"


def build(engine: Any, tag: str, dockerfile: str, files: dict[str, Path], arguments: dict[str, str]) -> str:
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as archive:
        entry = tarfile.TarInfo("Dockerfile")
        entry.size = len(dockerfile)
        archive.addfile(entry, io.BytesIO(dockerfile.encode()))
        for name, path in files.items():
            archive.add(path, name)
    context.seek(0)
    for step in engine.build(fileobj=context, custom_context=True, tag=tag, buildargs=arguments, decode=True, rm=True):
        assert "error" not in step, step
    return tag


@pytest.fixture(scope="session")
def job_shim(engine: Any, images: Images, busybox: str) -> str:
    """The base image, on top of busybox."""
    machine = {"arm64": "aarch64"}.get(platform.machine(), platform.machine())
    dockerfile = (ROOT / "images" / "job-shim" / "Dockerfile").read_text()
    files = {path.name: path for path in FOLDER.glob("hathi-shim-*")}
    return images.built(
        build(engine, f"{images.prefix}/job-shim:1", dockerfile, files, {"BASE": busybox, "MACHINE": machine})
    )


def documented(base: str) -> tuple[str, str]:
    """The two Dockerfiles of the guide, on images that are here."""
    text = (ROOT / "docs" / "containers.md").read_text()
    first, second = (part.split("```")[0] for part in text.split("```dockerfile\n")[1:])
    return first.replace("hathi/job-shim", base), second.replace("hathi/job-shim", base)


@pytest.mark.parametrize("which", ["built on the base image", "with the documented lines"])
def test_an_image_with_a_shim_of_its_own_needs_none_of_ours(
    pachctl: Pachctl, engine: Any, images: Images, busybox: str, job_shim: str, name: str, tmp_path: Path, which: str
) -> None:
    on_base, with_lines = documented(job_shim)
    program = tmp_path / "my-program"
    program.write_text("#!/bin/sh\nls /.hathi > /pfs/out/link; ps > /pfs/out/ps\n")
    program.chmod(0o755)
    if which.startswith("built"):
        dockerfile = on_base
    else:
        dockerfile = with_lines.replace("somebody/else:1", busybox) + "COPY my-program /my-program\n"
    own = images.built(build(engine, f"{images.prefix}/{name}:1", dockerfile, {"my-program": program}, {}))
    pachctl("create", "repo", name)
    pachctl("put", "file", f"{name}@master:/a", text="a")
    pachctl("create", "pipeline", text=contained(f"{name}-p", name, own, "/my-program"))
    assert counts(run(pachctl, f"{name}-p")) == (1, 0, 1)
    assert pachctl("get", "file", f"{name}-p@master:/link") == "", "no shim is shown to it"
    assert "/usr/local/bin/hathi-shim serve" in pachctl("get", "file", f"{name}-p@master:/ps")


@pytest.fixture
def arm(images: Images) -> str:
    """An image whose shim is the arm64 one, run by an emulator; its other programs are this machine's."""
    emulator = shutil.which("qemu-aarch64-static")
    if emulator is None:
        unavailable("no emulator of arm64 on this machine (Debian: qemu-user-static)")
    assert emulator is not None
    files: dict[str, bytes | Path] = {
        "emulator": Path(emulator),
        "arm-shim": FOLDER / "hathi-shim-aarch64",
        "shim": b'#!/bin/sh\nexec /emulator /arm-shim "$@"\n',
    }
    assert BUSYBOX is not None
    return images.workshop("arm:1", files, "LABEL hathi.shim=/shim", "WORKDIR /bin")


def test_the_shim_for_arm64_serves_one_datum_after_another(pachctl: Pachctl, arm: str, name: str) -> None:
    """Output, status, environment, user, folder, time limit, and nothing left of a datum for the next one."""
    pachctl("create", "repo", name)
    for file in "ab":
        pachctl("put", "file", f"{name}@master:/{file}", text=file)
    p, q = f"{name}-p", f"{name}-q"
    script = (
        f"pwd; echo $COLOUR; echo err >&2; ps; ls /tmp; echo x > /tmp/left; cp /pfs/{name}/* /pfs/out; sleep 1000 &"
    )
    about = {"user": "5:6", "env": {"COLOUR": "blue"}}
    document = contained(p, name, arm, "sh", "-c", script, transform=about, parallelism_spec={"constant": 1})
    pachctl("create", "pipeline", text=document)
    assert counts(run(pachctl, p)) == (2, 0, 2)
    assert [pachctl("get", "file", f"{p}@master:/{file}") for file in "ab"] == ["a", "b"]
    log = pachctl("logs", "-p", p)
    assert [log.splitlines().count(line) for line in ("/bin", "blue", "err")] == [2, 2, 2]
    assert "/emulator /arm-shim serve" in log
    assert "left" not in log.split()
    assert "sleep" not in log.replace("sleep 1000 &", "")
    slow = contained(
        q, name, arm, "sh", "-c", "test -e /pfs/*/a && exit 3; sleep 1000", datum_tries=1, datum_timeout="2s"
    )
    pachctl("create", "pipeline", text=slow)
    assert run(pachctl, q)["state"] == "JOB_FAILURE"
    told = pachctl("logs", "-p", q)
    assert "the command exited with status 3" in told
    assert "it was ended after the datum timeout of 2 s" in told
