"""Any image runs, unmodified: whatever language, whatever it lacks, and with what it says of itself."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from e2e.containers.support import BUSYBOX, Images, cluster, contained, containers, state, until
from e2e.support import Pachctl, Pachd, counts, run

pytestmark = pytest.mark.e2e

C_PROGRAM = r"""
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
int main(void) {
    char path[512], text[64] = "";
    snprintf(path, sizeof path, "%s", getenv("data"));
    FILE *in = fopen(path, "r");
    if (in == NULL || fgets(text, sizeof text, in) == NULL) return 3;
    FILE *out = fopen("/pfs/out/result", "w");
    return out == NULL || fprintf(out, "%s read %s", "C", text) < 0 || fclose(out) != 0;
}
"""

PYTHON_PROGRAM = "import os; open('/pfs/out/result', 'w').write('Python read ' + open(os.environ['data']).read())"

PERL_PROGRAM = "open I, $ENV{data}; open O, '>', '/pfs/out/result'; print O 'Perl read ', <I>"

LANGUAGES = {
    "shell": (
        lambda images: images.busybox("shell:1"),
        ("sh", "-c", "echo shell read $(cat $data) > /pfs/out/result"),
    ),
    "Python": (
        lambda images: images.python("python:1"),
        ("python3", "-c", PYTHON_PROGRAM),
    ),
    "C": (lambda images: images.compiled("c:1", C_PROGRAM), ("/program",)),
    "Perl": (lambda images: images.perl("perl:1"), ("perl", "-e", PERL_PROGRAM)),
}


@pytest.fixture
def repo(pachctl: Pachctl, name: str) -> str:
    """A repo with one file, as the input `data`."""
    pachctl("create", "repo", name)
    pachctl("put", "file", f"{name}@master:/a", text="text")
    return name


def put_numbers(pachctl: Pachctl, repo: str, count: int, folder: Path) -> None:
    """Make a repo with so many files, named and filled with numbers."""
    (folder / "files").mkdir()
    for number in range(count):
        (folder / "files" / str(number)).write_text(str(number))
    pachctl("create", "repo", repo)
    pachctl("put", "file", "-r", "-f", str(folder / "files"), f"{repo}@master:/")


def files_of(pachctl: Pachctl, repo: str, folder: Path) -> list[str]:
    """What the files of a repo hold."""
    out = Path(tempfile.mkdtemp(dir=folder))
    pachctl("get", "file", "-r", f"{repo}@master:/", "-o", str(out / "all"))
    return [path.read_text() for path in out.rglob("*") if path.is_file()]


def running(engine: Any, pachd: Pachd, pipeline: str) -> set[str]:
    """Ids of the containers that run for a pipeline."""
    found = [each for each in containers(engine, cluster(pachd)) if each["State"] == "running"]
    return {each["Id"] for each in found if each["Labels"]["hathi.group"].startswith(f"default/{pipeline}/v")}


def images_of(pachctl: Pachctl, job: str) -> list[str]:
    """The images that a job says it ran in."""
    lines = pachctl("inspect", "job", job).splitlines()
    return [line.removeprefix("Image ID: ") for line in lines if line.startswith("Image ID: ")]


def named_data(document: str) -> str:
    return document.replace('"glob"', '"name": "data", "glob"')


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_program_in_any_language_runs_unmodified(pachctl: Pachctl, images: Images, repo: str, language: str) -> None:
    make, command = LANGUAGES[language]
    pachctl("create", "pipeline", text=named_data(contained(f"{repo}-p", repo, make(images), *command)))
    assert counts(run(pachctl, f"{repo}-p")) == (1, 0, 1)
    assert pachctl("get", "file", f"{repo}-p@master:/result").strip() == f"{language} read text"


def test_what_an_image_says_of_itself_holds_but_for_its_command(pachctl: Pachctl, images: Images, repo: str) -> None:
    """ENV, USER and WORKDIR stay; CMD and ENTRYPOINT are not used; the spec has the last word."""
    image = images.busybox(
        "own:1",
        ["ENV COLOUR=blue", "ENV SIZE=small", "WORKDIR /srv/app", "USER app", 'ENTRYPOINT ["/bin/false"]', "CMD no"],
        etc__passwd=b"root:x:0:0::/root:/bin/sh\napp:x:1234:77::/home/app:/bin/sh\n",
        etc__group=b"root:x:0:\nstaff:x:77:\nother:x:88:\n",
    )
    script = "(id -u; id -g; pwd; echo $COLOUR $SIZE $HOME) > /pfs/out/said"
    p, q = f"{repo}-p", f"{repo}-q"
    pachctl("create", "pipeline", text=contained(p, repo, image, "sh", "-c", script))
    run(pachctl, p)
    assert pachctl("get", "file", f"{p}@master:/said").split() == [
        "1234",
        "77",
        "/srv/app",
        "blue",
        "small",
        "/home/app",
    ]
    own = {"user": "0:other", "working_dir": "/bin", "env": {"SIZE": "large"}}
    pachctl("create", "pipeline", text=contained(q, repo, image, "sh", "-c", script, transform=own))
    run(pachctl, q)
    assert pachctl("get", "file", f"{q}@master:/said").split() == ["0", "88", "/bin", "blue", "large", "/root"]


def test_one_container_serves_many_datums_and_nothing_of_one_reaches_the_next(
    pachctl: Pachctl, busybox: str, name: str, tmp_path: Path
) -> None:
    put_numbers(pachctl, name, 20, tmp_path)
    script = f"hostname > /pfs/out/$(ls /pfs/{name}); ls /tmp /pfs /dev/shm; echo litter > /tmp/litter; sleep 1000 &"
    pachctl("create", "pipeline", text=contained(f"{name}-p", name, busybox, "sh", "-c", script))
    assert counts(run(pachctl, f"{name}-p")) == (20, 0, 20)
    names = files_of(pachctl, f"{name}-p", tmp_path)
    assert len(names) == 20
    assert len(set(names)) == 1
    assert "litter" not in pachctl.printed(f"{name}-p")


def test_outputs_may_be_links_to_inputs_and_to_files_of_the_image(pachctl: Pachctl, images: Images, repo: str) -> None:
    image = images.busybox("links:1", etc__motd=b"welcome")
    script = (
        f"ln -s /pfs/{repo}/a /pfs/out/input; ln -s /etc/motd /pfs/out/motd; ln -s /tmp/t /pfs/out/t; echo t > /tmp/t"
    )
    script = script.replace("ln -s", "/bin/busybox ln -s")
    pachctl("create", "pipeline", text=contained(f"{repo}-p", repo, image, "sh", "-c", script))
    run(pachctl, f"{repo}-p")
    assert pachctl("get", "file", f"{repo}-p@master:/input") == "text"
    assert pachctl("get", "file", f"{repo}-p@master:/motd") == "welcome"
    assert pachctl("get", "file", f"{repo}-p@master:/t") == "t\n"


def test_workers_are_there_before_any_commit_and_stay_for_the_next(
    pachctl: Pachctl, docker_pachd: Pachd, engine: Any, busybox: str, name: str
) -> None:
    pachctl("create", "repo", name)
    p = f"{name}-p"

    def ours() -> set[str]:
        return running(engine, docker_pachd, p)

    document = contained(p, name, busybox, "sh", "-c", "hostname > /pfs/out/a", parallelism_spec={"constant": 2})
    pachctl("create", "pipeline", text=document)
    before = until(lambda: found if len(found := ours()) == 2 else set())
    pachctl("put", "file", f"{name}@master:/a", text="1")
    run(pachctl, p)
    assert pachctl("get", "file", f"{p}@master:/a").strip() in {id[:12] for id in before}
    assert ours() == before
    pachctl("delete", "pipeline", p)
    until(lambda: not ours())


def test_each_datum_tells_the_image_that_it_really_ran_in(pachctl: Pachctl, images: Images, name: str) -> None:
    """The tag moves between two versions of the pipeline."""
    pachctl("create", "repo", name)
    pachctl("put", "file", f"{name}@master:/a", text="1")
    p = f"{name}-p"
    first, second = images.busybox("first:1", ["ENV N=1"]), images.busybox("second:1", ["ENV N=2"])
    moving = images.tag(first, "moving:1")
    pachctl("create", "pipeline", text=contained(p, name, moving, "sh", "-c", "echo $N > /pfs/out/n"))
    one = run(pachctl, p)["job"]["id"]
    images.tag(second, "moving:1")
    document = contained(p, name, first, "sh", "-c", "echo $N > /pfs/out/n")
    told = pachctl.run("update", "pipeline", text=document, check=True).stderr
    assert b"1 datum keeps its result" in told
    assert b"--reprocess" in told
    pachctl("update", "pipeline", "--reprocess", text=contained(p, name, moving, "sh", "-c", "echo $N > /pfs/out/n"))
    two = run(pachctl, p)["job"]["id"]

    def told(job: str) -> str:
        (datum,) = pachctl.json("list", "datum", f"{p}@{job}")
        detail = pachctl.json("inspect", "datum", f"{p}@{job}", datum["datum"]["id"])[0]
        return str(detail["image_id"])

    assert (told(one), told(two)) == (images.id(first), images.id(second))
    assert images_of(pachctl, f"{p}@{one}") == [images.id(first)]
    assert images_of(pachctl, f"{p}@{two}") == [images.id(second)]
    assert pachctl("get", "file", f"{p}@{one}:/n") == "1\n"
    assert pachctl("get", "file", f"{p}@{two}:/n") == "2\n"


def test_jobs_of_one_version_tell_what_ran_although_the_tag_moved_between_them(
    pachctl: Pachctl, engine: Any, docker_pachd: Pachd, images: Images, name: str
) -> None:
    """A worker's container stays what it is; one that comes later has the image that is then called so."""
    pachctl("create", "repo", name)
    pachctl("put", "file", f"{name}@master:/a", text="1")
    p = f"{name}-p"
    first, second = images.busybox("stays:1", ["ENV N=1"]), images.busybox("comes:1", ["ENV N=2"])
    moving = images.tag(first, "tag:1")
    script = f"echo $N > /pfs/out/$(ls /pfs/{name})"
    pachctl("create", "pipeline", text=contained(p, name, moving, "sh", "-c", script))
    one = run(pachctl, p)["job"]["id"]
    images.tag(second, "tag:1")
    pachctl("put", "file", f"{name}@master:/b", text="2")
    two = run(pachctl, p)["job"]["id"]
    pachctl("stop", "pipeline", p)
    until(lambda: not running(engine, docker_pachd, p))
    pachctl("start", "pipeline", p)
    pachctl("put", "file", f"{name}@master:/c", text="3")
    three = run(pachctl, p)["job"]["id"]
    told = [images_of(pachctl, f"{p}@{job}") for job in (one, two, three)]
    assert told == [[images.id(first)], [images.id(first)], [images.id(second)]]
    assert [pachctl("get", "file", f"{p}@master:/{file}") for file in "abc"] == ["1\n", "1\n", "2\n"]


def test_an_image_may_lack_and_declare_what_it_likes(pachctl: Pachctl, images: Images, repo: str) -> None:
    """No /tmp, no /etc/passwd, an empty PATH, volumes where the datum is shown, an environment without end."""
    assert BUSYBOX is not None
    changes = ["VOLUME /pfs", "VOLUME /pfs/data", "VOLUME /var/tmp", "LABEL hathi.group=none", "EXPOSE 80", "ENV PATH="]
    changes += [f"ENV LONG{number}={'x' * 200}" for number in range(300)]
    image = images.make("odd:1", {"busybox": BUSYBOX, "pfs/data/old": b"old"}, changes)
    script = (
        "echo x > /tmp/x; for f in $(/busybox ls /pfs/data); do /busybox cp /pfs/data/$f /pfs/out; done; echo $LONG299"
    )
    pachctl("create", "pipeline", text=named_data(contained(f"{repo}-p", repo, image, "/busybox", "sh", "-c", script)))
    assert counts(run(pachctl, f"{repo}-p")) == (1, 0, 1)
    assert pachctl("get", "file", f"{repo}-p@master:/a") == "text"
    assert pachctl("list", "file", f"{repo}-p@master:/").count("\n") == 2
    assert pachctl.printed(f"{repo}-p") == "x" * 200 + "\n"


IN_TMP = {"tmp__app__code": b"cp $(ls /pfs/data).txt /pfs/out"}


@pytest.mark.parametrize(("folder", "files"), [("/pfs/out", {}), ("/tmp/app", IN_TMP)])
def test_an_image_may_work_where_each_datum_finds_a_fresh_folder(
    pachctl: Pachctl, images: Images, name: str, folder: str, files: dict[str, bytes]
) -> None:
    """/pfs is another one for each datum. Of /tmp, what the image has there stays, and what datums leave there goes."""
    pachctl("create", "repo", name)
    for file in "ab":
        pachctl("put", "file", f"{name}@master:/{file}", text=file)
    image = images.busybox(f"works-in{folder.replace('/', '-')}:1", [f"WORKDIR {folder}"], **files)
    p = f"{name}-p"
    script = "pwd; ls /tmp; cp $data $(ls /pfs/data).txt; test ! -e code || sh code; echo x > /tmp/left"
    document = contained(p, name, image, "sh", "-ec", script, parallelism_spec={"constant": 1})
    pachctl("create", "pipeline", text=named_data(document))
    assert counts(run(pachctl, p)) == (2, 0, 2)
    assert pachctl("get", "file", f"{p}@master:/b.txt") == "b"
    assert set(pachctl.printed(p).split()) == {folder} | ({"app"} if files else set())


def test_a_file_called_pfs_is_named_as_what_keeps_an_image_from_running(
    pachctl: Pachctl, images: Images, repo: str
) -> None:
    p, image = f"{repo}-p", images.busybox("taken:1", pfs=b"a file")
    pachctl("create", "pipeline", text=contained(p, repo, image, "true"))
    reason = str(until(lambda: (told := state(pachctl, p))[0] == "CRASHING" and told[1]))
    assert reason.startswith(f'no container of the image "{image}" can be started: ')
    assert "not a directory" in reason
    assert "HATHI_ROOT" not in reason


def test_an_idle_pipeline_that_scales_itself_has_no_container(
    pachctl: Pachctl, docker_pachd: Pachd, engine: Any, busybox: str, repo: str
) -> None:
    p = f"{repo}-p"
    script = f"hostname > /pfs/out/$(ls /pfs/{repo})"
    pachctl("create", "pipeline", text=contained(p, repo, busybox, "sh", "-c", script, autoscaling=True))
    assert counts(run(pachctl, p)) == (1, 0, 1)
    until(lambda: state(pachctl, p) == ("STANDBY", "") and not running(engine, docker_pachd, p))
    pachctl("put", "file", f"{repo}@master:/b", text="text")
    assert counts(run(pachctl, p)) == (1, 1, 2)
    hosts = [pachctl("get", "file", f"{p}@master:/{file}") for file in "ab"]
    assert hosts[0] != hosts[1]
    until(lambda: state(pachctl, p) == ("STANDBY", ""))


def test_datums_are_shared_out_evenly(pachctl: Pachctl, busybox: str, name: str, tmp_path: Path) -> None:
    """400 equal datums on four workers: each gets between 20 and 30 percent; then on two, which get half each.

    All workers are there before the datums: who comes late gets less, and how late depends on the machine.
    """
    pachctl("create", "repo", name)
    p = f"{name}-p"
    script = f"cd /pfs/{name}; f=$(ls); /bin/busybox usleep 20000; echo $PPS_POD_NAME > /pfs/out/$f"

    def workers_available() -> int:
        return int(pachctl.json("inspect", "pipeline", p)[0]["details"].get("workers_available", 0))

    def shares(workers: int) -> list[int]:
        document = contained(p, name, busybox, "sh", "-c", script, parallelism_spec={"constant": workers})
        pachctl("update", "pipeline", text=document)
        run(pachctl, p)
        until(lambda: workers_available() == workers)
        folder = tmp_path / str(workers)
        folder.mkdir()
        for number in range(400):
            (folder / str(number)).write_text(f"{number} for {workers}")
        pachctl("put", "file", "-r", "-f", str(folder), f"{name}@master:/")
        assert counts(run(pachctl, p)) == (400, 0, 400)
        found = files_of(pachctl, p, tmp_path)
        assert len(found) == 400
        return sorted(found.count(worker) for worker in set(found))

    four = shares(4)
    assert len(four) == 4
    assert all(80 <= share <= 120 for share in four), four
    two = shares(2)
    assert len(two) == 2
    assert all(160 <= share <= 240 for share in two), two
