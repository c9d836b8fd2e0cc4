"""A trial for people (Markdown) and for the machines that collect test results (JUnit XML)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree

from hathi.cli.ci.results import DatumResult, PipelineResult, Trial
from hathi.cli.render import sizes, times

SHOWN = 20
"""So many datums or files are listed one by one."""

_IDLE = "nothing was tried, since its input has no datums"

_UNPRINTABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML has no place for."""


def markdown(trial: Trial) -> str:
    """Return the report as a page of Markdown."""
    verdict = "failed" if trial.failed else "passed"
    sample = f"at most {trial.sample} datums of each input" if trial.sample else "the whole input"
    lines = [
        f"# Pipelines of {_cell(trial.revision)}: {verdict}",
        "",
        f"Run in a project of their own, on {sample}; nothing of it was kept.",
        "",
        *(f"- image `{image}`" for image in trial.images),
        *(f"- code of `{folder}`" for folder in trial.code),
        *([""] if trial.images or trial.code else []),
        "| pipeline | job | datums | failed | not run | time | output |",
        "|---|---|---|---|---|---|---|",
        *(_row(each) for each in trial.pipelines),
        "",
    ]
    for each in trial.pipelines:
        lines += _details(each)
    return "\n".join(lines).rstrip() + "\n"


def junit(trial: Trial) -> str:
    """Return the report in the form of JUnit: a suite for each pipeline, a case for its job and for each datum."""
    root = ElementTree.Element("testsuites", name="pachctl ci")
    for each in trial.pipelines:
        cases = [_job_case(each), *(_datum_case(each, datum) for datum in each.datums)]
        suite = ElementTree.SubElement(
            root,
            "testsuite",
            name=each.pipeline,
            tests=str(len(cases)),
            failures=str(sum(case.find("failure") is not None for case in cases)),
            errors="0",
            skipped=str(sum(case.find("skipped") is not None for case in cases)),
            time=f"{each.seconds:.3f}",
        )
        suite.extend(cases)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _row(each: PipelineResult) -> str:
    failed, idle = sum(datum.failed for datum in each.datums), sum(not datum.ran for datum in each.datums)
    total = sum(size for _, size in each.outputs)
    files = "1 file" if len(each.outputs) == 1 else f"{len(each.outputs)} files"
    output = f"{files}, {sizes.size(total)}" if each.outputs else "-"
    cells = (each.pipeline, each.state, str(len(each.datums)), str(failed), str(idle), _time(each.seconds), output)
    return f"| {' | '.join(map(_cell, cells))} |"


def _details(each: PipelineResult) -> Iterator[str]:
    if reason := each.reason or (_IDLE if each.idle else ""):
        yield from (f"**{_cell(each.pipeline)}**: {_cell(reason)}", "")
    failed = [datum for datum in each.datums if datum.failed]
    for datum in failed[:SHOWN]:
        yield from (f"## {_cell(each.pipeline)}: {_cell(datum.files)} {datum.state}", "")
        if datum.log:
            fence = "`" * max(3, 1 + max((len(run) for line in datum.log for run in re.findall("`+", line)), default=0))
            yield from (f"{fence}text", *datum.log, fence, "")
    if len(failed) > SHOWN:
        yield from (f"and {len(failed) - SHOWN} more datums that failed.", "")
    if each.outputs:
        yield from (f"<details><summary>Output of {_cell(each.pipeline)}</summary>", "")
        yield from (f"- `{path}` {sizes.size(size)}" for path, size in each.outputs[:SHOWN])
        if len(each.outputs) > SHOWN:
            yield f"- and {len(each.outputs) - SHOWN} more"
        yield from ("", "</details>", "")


def _job_case(each: PipelineResult) -> ElementTree.Element:
    case = ElementTree.Element("testcase", classname=each.pipeline, name="job", time=f"{each.seconds:.3f}")
    if each.state != "success":
        ElementTree.SubElement(case, "failure", message=_xml(each.reason or each.state))
    elif each.idle:
        ElementTree.SubElement(case, "skipped", message=_IDLE)
    return case


def _datum_case(each: PipelineResult, datum: DatumResult) -> ElementTree.Element:
    name = _xml(datum.files or datum.id)
    case = ElementTree.Element("testcase", classname=each.pipeline, name=name, time=f"{datum.seconds:.3f}")
    if datum.failed:
        failure = ElementTree.SubElement(case, "failure", message=f"datum {datum.state}")
        failure.text = _xml("\n".join(datum.log))
    if not datum.ran:
        ElementTree.SubElement(case, "skipped", message=_xml(f"not run: {each.reason or each.state}"))
    return case


def _cell(text: str) -> str:
    """Return a text that neither ends a cell of a table nor begins a tag."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def _xml(text: str) -> str:
    return _UNPRINTABLE.sub("�", text)


def _time(seconds: float) -> str:
    return times.exact(float(f"{seconds:.3g}"))
