"""What is built, tagged and pushed, as whom, and what is asked for on the way; with an engine that remembers."""

from __future__ import annotations

import re

import pytest

from hathi.engine.errors import LoginNeeded
from hathi.engine.values import Credentials, Step
from hathi.images.errors import ImageError
from hathi.images.publishing import Wish, must_travel, publish, target_of
from hathi.model.images import parse_image

LOCAL = {"image": "reg:5000/tool:1"}


class Recorder:
    """An engine that does nothing. allowed: who may push, None for everybody. known: what was logged in with."""

    def __init__(self, allowed=None, known=None):
        self.allowed = allowed
        self.known = known
        self.did = []

    def build(self, context, dockerfile, image, show):
        self.did.append(("build", context, dockerfile, image.repository))
        show(Step("built"))

    def tag(self, image, new):
        self.did.append(("tag", image, new.repository))

    def untag(self, name):
        self.did.append(("untag", name))
        return True

    def credentials(self, registry, username=""):
        self.did.append(("credentials", registry, username))
        return None if self.known is None or (username and username != self.known.username) else self.known

    def push(self, image, credentials, show):
        if self.allowed is not None and credentials != self.allowed:
            raise LoginNeeded(image, "unauthorized")
        self.did.append(("push", image.repository, credentials))


def run(engine, transform=LOCAL, folder=None, answers=(), **wish):
    asked = []
    given = iter(answers)

    def ask(prompt, hidden):
        asked.append((prompt, hidden))
        return next(given, None)

    wanted = Wish(**{"build": False, **wish})
    image = publish(engine, target_of(transform, folder, wanted), wanted, ask, lambda step: None)
    return image, asked


def test_a_local_image_gets_a_tag_of_its_own_in_the_same_repository():
    engine = Recorder()
    image, asked = run(engine)
    assert re.fullmatch("reg:5000/tool:[0-9a-f]{32}", str(image))
    assert [step[0] for step in engine.did] == ["tag", "credentials", "push"]
    assert engine.did[0] == ("tag", "reg:5000/tool:1", "reg:5000/tool")
    assert asked == []
    assert run(engine)[0] != image


def test_a_build_takes_the_dockerfile_of_the_spec_and_its_folder(tmp_path):
    (tmp_path / "Dockerfile").write_text("")
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker" / "Mine").write_text("")
    for transform, context, name in (
        (LOCAL, tmp_path, "Dockerfile"),
        ({**LOCAL, "dockerfile": "docker/Mine"}, tmp_path / "docker", "Mine"),
    ):
        engine = Recorder()
        run(engine, transform, tmp_path, build=True)
        assert engine.did[0] == ("build", context, name, "reg:5000/tool")
        assert engine.did[-1][0] == "push"


@pytest.mark.parametrize(
    ("transform", "folder", "message"),
    [
        (LOCAL, False, "cannot build pipeline because it is not local"),
        (LOCAL, True, "Dockerfile.* does not exist"),
        ({**LOCAL, "dockerfile": "."}, True, "is not a file"),
        ({}, True, "transform.image must name the image"),
        ({"image": "My Tool"}, True, 'the image cannot be called "My Tool"'),
    ],
)
def test_what_cannot_be_built_is_refused_before_the_engine_is_asked(tmp_path, transform, folder, message):
    engine = Recorder()
    with pytest.raises(ImageError, match=message):
        run(engine, transform, tmp_path if folder else None, build=True)
    assert engine.did == []


def test_a_registry_that_the_name_lacks_comes_from_the_flag():
    assert run(Recorder(), {"image": "tool:1"}, registry="reg:5000")[0].repository == "reg:5000/tool"
    assert run(Recorder(), {"image": "tool:1"})[0].repository == "tool"
    assert run(Recorder(), LOCAL, registry="other:1")[0].repository == "reg:5000/tool"


def test_a_registry_is_never_shown_the_credentials_of_another():
    for transform, asked in ((LOCAL, "reg:5000"), ({"image": "tool:1"}, "other:1")):
        engine = Recorder()
        run(engine, transform, registry="other:1")
        assert ("credentials", asked, "") in engine.did


@pytest.mark.parametrize(
    ("image", "message"),
    [
        ("reg:5000/Team/tool:1", "cannot be called.*in lower case"),
        ("my tool", "cannot be called"),
        ("reg:5000/", "cannot be called"),
        ("sha256:" + "a" * 64, "has no name, only an id"),
    ],
)
def test_a_name_that_no_image_can_have_is_told_with_its_place(image, message):
    engine = Recorder()
    with pytest.raises(ImageError, match=message) as refused:
        run(engine, {"image": image})
    assert refused.value.place == ("transform", "image")
    assert engine.did == []


def test_equal_targets_are_one_image(tmp_path):
    (tmp_path / "Dockerfile").write_text("")
    build = Wish(True)

    def target(**transform):
        return target_of({**LOCAL, **transform}, tmp_path, build)

    assert target() == target(image="reg:5000/tool", dockerfile="./Dockerfile", cmd=["x"])
    assert target() != target(image="reg:5000/other")
    assert target() != target_of(LOCAL, tmp_path, Wish(False))


KIM = Credentials("kim", "secret")


def test_credentials_of_the_local_configuration_come_first():
    engine = Recorder(allowed=KIM, known=KIM)
    assert run(engine)[1] == []
    assert run(engine, username="kim")[1] == []


def test_a_registry_that_refuses_is_answered_with_a_question():
    engine = Recorder(allowed=KIM)
    _, asked = run(engine, answers=["kim", "secret"])
    assert asked == [("Username for reg:5000: ", False), ("Password for kim@reg:5000: ", True)]
    assert engine.did[-1] == ("push", "reg:5000/tool", KIM)


def test_a_user_without_a_password_is_asked_for_it_at_once():
    engine = Recorder(allowed=KIM, known=Credentials("somebody", "else"))
    _, asked = run(engine, username="kim", answers=["secret"])
    assert asked == [("Password for kim@reg:5000: ", True)]


def test_whoever_does_not_answer_is_told_how_to_log_in():
    with pytest.raises(LoginNeeded, match="docker login reg:5000"):
        run(Recorder(allowed=KIM))
    with pytest.raises(ImageError, match="docker login reg:5000"):
        run(Recorder(allowed=KIM), username="kim")


def test_wrong_credentials_are_not_asked_for_again():
    with pytest.raises(LoginNeeded):
        run(Recorder(allowed=KIM, known=Credentials("kim", "wrong")), answers=["kim", "secret"])


def test_a_tag_that_was_drawn_goes_when_its_push_fails_and_one_that_was_given_stays(tmp_path):
    (tmp_path / "Dockerfile").write_text("")
    for wish in ({}, {"build": True}, {"username": "kim"}):
        engine = Recorder(allowed=KIM)
        with pytest.raises((LoginNeeded, ImageError)):
            run(engine, folder=tmp_path, **wish)
        ((name,),) = (step[1:] for step in engine.did if step[0] == "untag")
        assert re.fullmatch("reg:5000/tool:[0-9a-f]{32}", name)
    engine = Recorder()
    engine.build = lambda *_: (_ for _ in ()).throw(KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        run(engine, folder=tmp_path, build=True)
    assert engine.did[0][0] == "untag"
    engine = Recorder(allowed=KIM)
    with pytest.raises(LoginNeeded):
        run(engine, tag="abc")
    assert "untag" not in [step[0] for step in engine.did]


def test_docker_hub_is_logged_in_to_under_its_own_name():
    engine = Recorder()
    run(engine, {"image": "me/tool:1"})
    assert ("credentials", "index.docker.io", "") in engine.did
    assert parse_image("me/tool:1").host == "index.docker.io"


def test_an_image_may_be_built_to_stay_here(tmp_path):
    (tmp_path / "Dockerfile").write_text("")
    engine = Recorder(allowed=KIM)
    run(engine, {"image": "tool"}, tmp_path, build=True, push=False)
    assert [step[0] for step in engine.did] == ["build"]


@pytest.mark.parametrize(
    ("image", "told", "there", "travels"),
    [
        ("team/tool", False, "here", False),
        ("localhost/tool:1", False, "here", False),
        ("team/tool", False, "elsewhere", True),
        ("team/tool", False, "", True),
        ("team/tool", True, "here", True),
        ("localhost:5000/tool", False, "here", True),
        ("reg.example.com/tool", False, "here", True),
    ],
)
def test_an_image_travels_unless_nobody_says_where_to_and_the_workers_have_it(image, told, there, travels):
    assert must_travel(image, told, "here", there) == travels


def test_engines_that_are_not_known_are_not_the_same():
    assert must_travel("tool", False, "", "")
