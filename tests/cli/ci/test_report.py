"""What people and machines read of a trial."""

from __future__ import annotations

from xml.etree import ElementTree

from hathi.cli.ci.report import SHOWN, junit, markdown
from hathi.cli.ci.results import NOT_ENDED, NOT_RUN, DatumResult, PipelineResult, Trial

GOOD = DatumResult("a" * 64, "images:/a.png", "success", 1.5)
BAD = DatumResult("b" * 64, "images:/b|c.png", "failed", 0.25, ("Traceback", "```", "boom\x00"))


def trial(*datums: DatumResult, state: str = "success", reason: str = "", files: int = 1) -> Trial:
    outputs = tuple((f"/{number}", 1024) for number in range(files))
    result = PipelineResult("edges", state, reason, 3.0, datums, outputs)
    return Trial("abc", 5, ("r/image:abc",), ("./source",), (result,))


def test_a_good_trial_says_so_and_shows_the_output() -> None:
    page = markdown(trial(GOOD))
    assert page.startswith("# Pipelines of abc: passed\n")
    assert "| edges | success | 1 | 0 | 0 | 3s | 1 file, 1KiB |" in page
    assert "at most 5 datums" in page
    assert "- image `r/image:abc`\n- code of `./source`\n" in page
    assert "- `/0` 1KiB" in page


def test_a_datum_that_failed_is_shown_with_its_log() -> None:
    page = markdown(trial(GOOD, BAD, state="failure", reason="datum b failed"))
    assert ": failed\n" in page
    assert "**edges**: datum b failed" in page
    assert "## edges: images:/b\\|c.png failed" in page
    assert "````text\nTraceback\n```\nboom\x00\n````" in page, "a log cannot end its own fence"


def test_a_datum_that_never_ran_is_not_one_that_failed() -> None:
    idle = trial(GOOD, DatumResult("c" * 64, "images:/d.png", NOT_RUN), state="not ended", reason="no image", files=0)
    page = markdown(idle)
    assert "| edges | not ended | 2 | 0 | 1 | 3s | - |" in page
    assert "**edges**: no image" in page
    assert "d.png" not in page
    assert ": failed\n" in page
    suite = next(iter(ElementTree.fromstring(junit(idle))))
    assert (suite.get("failures"), suite.get("skipped")) == ("1", "1")
    assert suite[2][0].get("message") == "not run: no image"


def test_long_lists_are_cut() -> None:
    page = markdown(trial(*[BAD] * (SHOWN + 2), files=SHOWN + 3))
    assert "and 2 more datums" in page
    assert "- and 3 more" in page


def test_junit_has_a_case_for_the_job_and_for_each_datum() -> None:
    suite = next(iter(ElementTree.fromstring(junit(trial(GOOD, BAD, state="failure", reason="datum b failed")))))
    assert (suite.get("name"), suite.get("tests"), suite.get("failures")) == ("edges", "3", "2")
    job, good, bad = suite
    assert (job.get("name"), job[0].get("message")) == ("job", "datum b failed")
    assert (good.get("name"), good.get("time"), len(good)) == ("images:/a.png", "1.500", 0)
    assert bad[0].text == "Traceback\n```\nboom�", "what XML cannot hold is replaced"


def test_a_trial_of_nothing_passes_but_says_that_it_shows_nothing() -> None:
    nothing = trial(files=0)
    assert "**edges**: nothing was tried, since its input has no datums" in markdown(nothing)
    suite = next(iter(ElementTree.fromstring(junit(nothing))))
    assert (suite.get("failures"), suite.get("skipped")) == ("0", "1")


def test_a_datum_that_was_waited_for_too_long_is_shown_as_one_that_has_not_ended() -> None:
    page = markdown(trial(DatumResult("c" * 64, "images:/d.png", NOT_ENDED, log=("thinking",)), state=NOT_ENDED))
    assert "## edges: images:/d.png not ended\n\n```text\nthinking\n```" in page
