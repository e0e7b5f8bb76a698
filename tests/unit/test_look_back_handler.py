"""LookBack's handler: the regions of a group go side by side, and one that fails stops no other."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from lambdas import aws, errors
from lambdas.handlers import environment, look_back
from lambdas.investigation import rounds

if TYPE_CHECKING:
    from lambdas.model import Json

ASKED = {"folder": "incidents/x/investigation/1", "round": 1}


@pytest.fixture(autouse=True)
def no_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give clients that nobody calls, and a bucket's name."""
    monkeypatch.setattr(aws, "client", lambda *_, **__: object())
    monkeypatch.setenv(environment.EVIDENCE, "evidence")
    monkeypatch.setattr(look_back, "_PAUSES", (0.0, 0.0))


def answer(region: str, *, done: bool = True, truncated: int = 0) -> Json:
    """Give what a look at a region says."""
    return {"region": region, "done": done, "truncated": truncated}


def test_all_regions_of_a_group_are_asked_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given three regions that each wait for the others, the call ends: they were asked side by side."""
    together = threading.Barrier(3, timeout=10)

    def look_up(_cloudtrail: object, _shelf: object, region: str, _number: int, **_: Any) -> Json:
        together.wait()
        return answer(region, truncated=1)

    monkeypatch.setattr(rounds, "look_up", look_up)
    regions = ["eu-west-1", "us-east-1", "us-west-2"]
    said = look_back.handler({"regions": regions, **ASKED}, None)
    assert said == {"regions": regions, "done": True, "left": [], "silent": [], "truncated": 3}


def test_one_that_is_refused_is_silent_and_one_that_has_more_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a region that is refused and one that has more, the third is done, and both are named for what they are."""

    def look_up(_cloudtrail: object, _shelf: object, region: str, _number: int, **_: Any) -> Json:
        if region == "eu-west-1":
            raise errors.NotPermitted("AccessDeniedException")
        return answer(region, done=region != "us-west-2")

    monkeypatch.setattr(rounds, "look_up", look_up)
    said = look_back.handler({"regions": ["eu-west-1", "us-east-1", "us-west-2"], **ASKED}, None)
    assert (said["done"], said["silent"], said["left"]) == (False, ["eu-west-1"], ["us-west-2"])


@pytest.mark.parametrize(("busy", "silent"), [(2, []), (3, ["eu-west-1"])])
def test_a_busy_region_is_asked_three_times(monkeypatch: pytest.MonkeyPatch, busy: int, silent: list[str]) -> None:
    """Given a region that is busy twice, it answers in the end; one that is busy three times is silent."""
    asked: list[str] = []

    def look_up(_cloudtrail: object, _shelf: object, region: str, _number: int, **_: Any) -> Json:
        asked.append(region)
        if len(asked) <= busy:
            raise errors.Throttled("ThrottlingException")
        return answer(region)

    monkeypatch.setattr(rounds, "look_up", look_up)
    said = look_back.handler({"regions": ["eu-west-1"], **ASKED}, None)
    assert (said["silent"], said["done"], len(asked)) == (silent, True, 3)


def test_what_nobody_expected_ends_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given an error of ours, the call fails, so that the workflow tries again and names the regions."""

    def look_up(*_: object, **__: object) -> Json:
        raise ZeroDivisionError

    monkeypatch.setattr(rounds, "look_up", look_up)
    with pytest.raises(ZeroDivisionError):
        look_back.handler({"regions": ["eu-west-1"], **ASKED}, None)
