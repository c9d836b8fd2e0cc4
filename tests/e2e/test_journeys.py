"""What users do with pachctl, end to end, against a real server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from e2e.support import ROOT, Pachctl, counts, run, spec

pytestmark = pytest.mark.e2e


def test_what_is_put_is_got(pachctl: Pachctl, name: str, tmp_path: Path) -> None:
    pachctl("create", "repo", name)
    pachctl("put", "file", f"{name}@master:/typed", text="typed in")
    (tmp_path / "tree/sub").mkdir(parents=True)
    (tmp_path / "tree/one").write_bytes(b"1" * 3_000_000)
    (tmp_path / "tree/sub/two").write_text("2")
    pachctl("put", "file", "-r", f"{name}@master:/tree", "-f", str(tmp_path / "tree"))
    pachctl("put", "file", "-a", f"{name}@master:/typed", text=", and more")
    assert pachctl("get", "file", f"{name}@master:/typed") == "typed in, and more"
    assert pachctl("get", "file", "--offset", "6", f"{name}@master:/typed") == "in, and more"
    assert pachctl("get", "file", f"{name}@master^:/typed") == "typed in"
    pachctl("get", "file", "-r", f"{name}@master:/tree", "-o", str(tmp_path / "out"))
    assert (tmp_path / "out/one").read_bytes() == (tmp_path / "tree/one").read_bytes()
    assert (tmp_path / "out/sub/two").read_text() == "2"
    listing = pachctl("list", "file", f"{name}@master")
    assert "/tree/" in listing
    assert "/typed" in listing
    pachctl("delete", "file", "-r", f"{name}@master:/tree")
    assert "/tree" not in pachctl("list", "file", f"{name}@master")


def test_an_open_commit_can_be_written_and_read_before_it_is_finished(pachctl: Pachctl, name: str) -> None:
    pachctl("create", "repo", name)
    commit = pachctl("start", "commit", f"{name}@master").strip()
    for number in range(5):
        pachctl("put", "file", f"{name}@{commit}:/f{number}", text=str(number))
    assert pachctl("get", "file", f"{name}@{commit}:/f3") == "3"
    assert len(pachctl("list", "file", f"{name}@master").splitlines()) == 6
    pachctl("finish", "commit", f"{name}@{commit}")
    assert pachctl.head(f"{name}@master") == commit


def test_each_stage_follows_the_one_before(pachctl: Pachctl, name: str) -> None:
    """Three stages; one commit id goes through them all; adding, changing and deleting a file do the least work."""
    a, b, c, d = (f"{name}-{letter}" for letter in "abcd")
    pachctl("create", "repo", a)
    for number in range(4):
        pachctl("put", "file", f"{a}@master:/{number}", text=str(number))
    pachctl(
        "create",
        "pipeline",
        text=spec(b, a, f"for f in /pfs/{a}/*; do sed 's/$/!/' $f > /pfs/out/$(basename $f); done"),
    )
    pachctl("create", "pipeline", text=spec(c, b, f"cp /pfs/{b}/* /pfs/out/"))
    pachctl("create", "pipeline", text=spec(d, c, f"cat /pfs/{c}/* > /pfs/out/all").replace('"/*"', '"/"'))
    assert counts(run(pachctl, d)) == (1, 0, 1)
    assert pachctl("get", "file", f"{d}@master:/all") == "0!1!2!3!"
    pachctl("put", "file", f"{a}@master:/4", text="4")
    assert pachctl.head(f"{a}@master") == pachctl.head(f"{d}@master")
    run(pachctl, d)
    assert pachctl("get", "file", f"{d}@master:/all") == "0!1!2!3!4!"
    assert counts(run(pachctl, b)) == (1, 4, 5)
    pachctl("put", "file", f"{a}@master:/2", text="two")
    run(pachctl, d)
    assert counts(run(pachctl, c)) == (1, 4, 5)
    pachctl("delete", "file", f"{a}@master:/0")
    run(pachctl, d)
    assert counts(run(pachctl, b)) == (0, 4, 4)
    assert pachctl("get", "file", f"{d}@master:/all") == "1!two!3!4!"


def test_cross_and_union_compose(pachctl: Pachctl, name: str) -> None:
    a, b, p = f"{name}-a", f"{name}-b", f"{name}-p"
    for repo in (a, b):
        pachctl("create", "repo", repo)
        for letter in "xy":
            pachctl("put", "file", f"{repo}@master:/{letter}", text=f"{repo}{letter}")
    one, other = ({"pfs": {"repo": repo, "glob": "/*"}} for repo in (a, b))
    script = "eval one=\\$$A other=\\$$B; cat $one $other > /pfs/out/$(basename $one)-$(basename $other)"
    crossed = {
        "pipeline": {"name": p},
        "transform": {"cmd": ["sh"], "stdin": [script], "env": {"A": "left", "B": "right"}},
        "input": {"cross": [{"pfs": {**one["pfs"], "name": "left"}}, {"pfs": {**other["pfs"], "name": "right"}}]},
    }
    pachctl("create", "pipeline", text=json.dumps(crossed))
    assert counts(run(pachctl, p)) == (4, 0, 4)
    assert pachctl("get", "file", f"{p}@master:/x-y") == f"{a}x{b}y"
    pachctl("put", "file", f"{b}@master:/z", text="z")
    assert counts(run(pachctl, p)) == (2, 4, 6)
    union = spec(f"{p}-u", a, "for f in /pfs/in/*; do cp $f /pfs/out/$(cat $f | md5sum | cut -c1-8); done")
    document = json.loads(union) | {"input": {"union": [{"pfs": {**i["pfs"], "name": "in"}} for i in (one, other)]}}
    pachctl("create", "pipeline", text=json.dumps(document))
    assert counts(run(pachctl, f"{p}-u")) == (5, 0, 5)


def test_a_failing_datum_fails_the_job_with_its_reason_and_nothing_good_is_computed_twice(
    pachctl: Pachctl, name: str, tmp_path: Path
) -> None:
    data, p, q = f"{name}-data", f"{name}-p", f"{name}-q"
    pachctl("create", "repo", data)
    for word in ("good", "bad", "fine"):
        pachctl("put", "file", f"{data}@master:/{word}", text=word)
    script = f"f=$(ls /pfs/{data}); echo ran $f; test $f != bad; cp /pfs/{data}/$f /pfs/out/"
    pachctl("create", "pipeline", text=spec(p, data, script, datum_tries=2))
    pachctl("create", "pipeline", text=spec(q, p, "true"))
    job = pachctl.head(f"{p}@master")
    pachctl.run("wait", "job", f"{p}@{job}")
    inspected = pachctl.json("inspect", "job", f"{p}@{job}")[0]
    assert inspected["state"] == "JOB_FAILURE"
    failed = next(d for d in pachctl.json("list", "datum", f"{p}@{job}") if d["state"] == "FAILED")
    assert failed["datum"]["id"] in inspected["reason"]
    attempts = [line for line in pachctl("logs", "--job", f"{p}@{job}").splitlines() if "ran bad" in line]
    assert len(attempts) == 2
    downstream = f"{q}@{pachctl.head(f'{q}@master')}"
    pachctl.run("wait", "job", downstream)
    stuck = pachctl.json("inspect", "job", downstream)[0]
    assert stuck["state"] == "JOB_UNRUNNABLE"
    assert p in stuck["reason"], "the reason names the pipeline that failed"
    pachctl("delete", "file", f"{data}@master:/bad")
    assert counts(run(pachctl, p)) == (0, 2, 2)
    assert pachctl("get", "file", f"{p}@master:/good") == "good"
    assert pachctl("get", "file", f"{p}@master:/fine") == "fine"


def test_two_datums_that_write_one_path_are_both_named(pachctl: Pachctl, name: str) -> None:
    pachctl("create", "repo", name)
    for letter in "ab":
        pachctl("put", "file", f"{name}@master:/{letter}", text=letter)
    p = f"{name}-p"
    pachctl("create", "pipeline", text=spec(p, name, "echo x > /pfs/out/same"))
    job = pachctl.head(f"{p}@master")
    pachctl.run("wait", "job", f"{p}@{job}")
    reason = str(pachctl.json("inspect", "job", f"{p}@{job}")[0]["reason"])
    assert "/same" in reason
    for datum in pachctl.json("list", "datum", f"{p}@{job}"):
        assert datum["datum"]["id"] in reason


def test_a_timeout_kills_one_attempt_and_says_so(pachctl: Pachctl, name: str) -> None:
    pachctl("create", "repo", name)
    pachctl("put", "file", f"{name}@master:/a", text="a")
    p = f"{name}-p"
    pachctl("create", "pipeline", text=spec(p, name, "sleep 60", datum_timeout="0.3s", datum_tries=1))
    job = pachctl.head(f"{p}@master")
    pachctl.run("wait", "job", f"{p}@{job}")
    datum = pachctl.json("list", "datum", f"{p}@{job}")[0]["datum"]["id"]
    assert pachctl.json("inspect", "job", f"{p}@{job}")[0]["state"] == "JOB_FAILURE"
    assert "timeout" in pachctl("logs", "--job", f"{p}@{job}", "--datum", datum).lower()


def test_an_update_keeps_what_is_done_unless_asked_to_reprocess(pachctl: Pachctl, name: str) -> None:
    pachctl("create", "repo", name)
    for letter in "ab":
        pachctl("put", "file", f"{name}@master:/{letter}", text=letter)
    p = f"{name}-p"
    pachctl("create", "pipeline", text=spec(p, name, f"cp /pfs/{name}/* /pfs/out/"))
    run(pachctl, p)
    told = pachctl.run("update", "pipeline", text=spec(p, name, f"cp /pfs/{name}/* /pfs/out/; true"), check=True).stderr
    assert b"2 datums keep their results; to run them with the new code too, add --reprocess" in told
    assert counts(run(pachctl, p)) == (0, 2, 2)
    pachctl("update", "pipeline", "--reprocess", text=spec(p, name, f"cp /pfs/{name}/* /pfs/out/; true"))
    assert counts(run(pachctl, p)) == (2, 0, 2)
    assert pachctl.json("inspect", "pipeline", p)[0]["version"] in (3, "3")
    pachctl("stop", "pipeline", p)
    pachctl("put", "file", f"{name}@master:/c", text="c")
    assert pachctl.json("inspect", "pipeline", p)[0]["state"] == "PIPELINE_PAUSED"
    pachctl("start", "pipeline", p)
    assert counts(run(pachctl, p)) == (1, 2, 3)
    pachctl("delete", "pipeline", p)
    assert p not in pachctl("list", "repo")


def test_a_transaction_is_all_or_nothing_and_shares_one_id(pachctl: Pachctl, name: str) -> None:
    pachctl("start", "transaction")
    pachctl("create", "repo", f"{name}-a")
    pachctl("create", "repo", f"{name}-b")
    one = pachctl("start", "commit", f"{name}-a@master").strip()
    other = pachctl("start", "commit", f"{name}-b@master").strip()
    assert one == other
    assert name not in pachctl.run("list", "repo").stdout.decode()
    pachctl("finish", "transaction")
    for letter in "ab":
        pachctl("finish", "commit", f"{name}-{letter}@master")
    assert len(pachctl("list", "commit", one).splitlines()) == 3


def test_the_seed_like_examples_run_as_they_are(pachctl: Pachctl, name: str) -> None:
    """examples/wordcount: JSON and YAML specs over text, two stages."""
    examples = ROOT / "examples/wordcount"
    for repo in ("texts", "wordcount", "totals"):
        assert repo not in pachctl("list", "repo"), "another test uses the example's names"
    pachctl("create", "repo", "texts")
    pachctl("put", "file", "texts@master:/one", text="the cat and the dog\n")
    pachctl("put", "file", "texts@master:/two", text="The end\n")
    pachctl("create", "pipeline", "-f", str(examples / "wordcount.json"))
    pachctl("create", "pipeline", "-f", str(examples / "totals.yaml"))
    run(pachctl, "totals")
    assert pachctl("get", "file", "totals@master:/totals").splitlines()[0] == "3 the"


def test_logs_hold_both_streams_after_the_job(pachctl: Pachctl, name: str) -> None:
    pachctl("create", "repo", name)
    pachctl("put", "file", f"{name}@master:/a", text="a")
    p = f"{name}-p"
    pachctl("create", "pipeline", text=spec(p, name, "echo first; echo second >&2"))
    run(pachctl, p)
    said = pachctl("logs", "-p", p)
    assert "first" in said
    assert "second" in said
