"""What an engine reports is shown step by step, and why it failed is told with what helps."""

from __future__ import annotations

import pytest

from hathi.engine.reports import Report, hint


def test_every_line_and_every_layer_is_a_step():
    seen = []
    answers = [
        {"stream": "Step 1/1 : FROM a\n ---> 12\n"},
        {"status": "Pushing", "id": "ab", "progressDetail": {"current": 3, "total": 4}},
        {"aux": {"ID": "x"}},
    ]
    assert Report(seen.append).failure(answers) == ""
    assert [(step.text, step.layer, step.done, step.total) for step in seen] == [
        ("Step 1/1 : FROM a", "", 0, 0),
        (" ---> 12", "", 0, 0),
        ("Pushing", "ab", 3, 4),
    ]


def test_a_line_that_comes_in_pieces_is_one_line():
    seen = []
    pieces = ["/bin/sh: ", "x: not found", "\n", "\n", "a\nb", "c\n", "last"]
    for end, failure in ({"error": "failed"}, "failed"), ({"aux": {}}, ""):
        seen.clear()
        assert Report(seen.append).failure([*({"stream": piece} for piece in pieces), end]) == failure
        assert [step.text for step in seen] == ["/bin/sh: x: not found", "a", "bc", "last"]


@pytest.mark.parametrize(
    ("steps", "failure"),
    [
        (["FROM base:1"], "FROM base:1: the image cannot be had: no such host"),
        (["FROM base:1", "RUN x"], "no such host"),
        ([], "no such host"),
    ],
)
def test_a_base_image_that_cannot_be_had_is_named(steps, failure):
    answers = [{"stream": f"Step {number}/9 : {step}\n"} for number, step in enumerate(steps, 1)]
    assert Report(lambda step: None).failure([*answers, {"error": "no such host\n"}]) == failure


@pytest.mark.parametrize(
    ("reason", "text", "told"),
    [
        ("the --mount option requires BuildKit. Refer to", "RUN --mount=type=cache,target=/c x", True),
        ("dockerfile parse error line 3: Unknown flag: link", "COPY --link a /", True),
        ("dockerfile parse error line 4: unknown instruction: ECHO", "RUN <<EOF\necho hi\nEOF\n", True),
        ("dockerfile parse error line 2: unknown instruction: RUNN", "RUNN x", False),
        ("The command 'x' returned a non-zero code: 1", "RUN <<EOF", False),
    ],
)
def test_what_only_buildkit_understands_comes_with_a_way_to_build_it(reason, text, told):
    said = hint(reason, text, "/code/Dockerfile", "/code")
    assert bool(said) is told
    if told:
        assert "docker build -t IMAGE -f /code/Dockerfile /code" in said
        assert "--push-images" in said
