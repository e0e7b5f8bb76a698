"""Stories of requests that people type by hand."""

from __future__ import annotations

from typing import Any

import pytest

from lambdas.model import Kind, Mode, Target
from lambdas.playbooks import playbook_for
from lambdas.signals import incident_from

KEY = "AKIA2TESTEXPOSED0001"


@pytest.mark.parametrize(
    ("request_", "target", "wanted"),
    [
        ({"access_key_id": KEY}, Target(kind=Kind.ACCESS_KEY, id=KEY), None),
        ({"access_key_id": f" {KEY}\n"}, Target(kind=Kind.ACCESS_KEY, id=KEY), None),
        ({"user_name": "ci-user"}, Target(kind=Kind.USER, name="ci-user"), None),
        ({"user_name": "ci-user", "mode": "observe"}, Target(kind=Kind.USER, name="ci-user"), Mode.OBSERVE),
        ({"access_key_id": KEY, "mode": "contain"}, Target(kind=Kind.ACCESS_KEY, id=KEY), Mode.CONTAIN),
        ({"access_key_id": KEY, "user_name": "a"}, Target(kind=Kind.ACCESS_KEY, id=KEY, name="a"), None),
        ({"user_name": "a", "mode": None, "reason": "drill"}, Target(kind=Kind.USER, name="a"), None),
        ({"user_name": "a", "mode": "approve"}, Target(kind=Kind.USER, name="a"), Mode.APPROVE),
        ({"role_name": "deploy"}, Target(kind=Kind.ROLE, name="deploy"), None),
        ({"role_name": "deploy", "user_name": ""}, Target(kind=Kind.ROLE, name="deploy"), None),
        (
            {"instance_id": "i-0a1b2c3d", "region": "eu-west-1", "mode": "contain"},
            Target(kind=Kind.INSTANCE, id="i-0a1b2c3d", region="eu-west-1"),
            Mode.CONTAIN,
        ),
    ],
)
def test_a_request_names_what_a_person_asked_for(request_: dict[str, Any], target: Target, wanted: Mode | None) -> None:
    """Given a request as documented, when it is read, its key or user is the target and its mode is kept."""
    incident = incident_from(request_)
    assert incident.signal.severity == 8.0
    assert incident.targets == (target,)
    assert incident.wanted is wanted
    assert incident.notes == ()
    assert playbook_for(incident.signal).name == "requested"


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        ({}, "not a request that can be answered"),
        (None, "not a request that can be answered"),
        ([], "not a request that can be answered"),
        ("AKIA2TESTEXPOSED0001", "not a request that can be answered"),
        ({"user": "ci-user"}, "not a request that can be answered"),
        ({"user_name": "ci-user", "dry_run": True}, "not a request that can be answered"),
        ({"user_name": ""}, "not a request that can be answered"),
        ({"user_name": "ci-user", "mode": "ask"}, '"mode"'),
        ({"user_name": "ci-user", "mode": "OBSERVE"}, '"mode"'),
        ({"access_key_id": "AKIA"}, '"access_key_id"'),
        ({"access_key_id": [KEY]}, '"access_key_id"'),
        ({"access_key_id": KEY, "user_name": "two words"}, '"user_name"'),
        ({"access_key_id": KEY, "user_name": ["a"]}, '"user_name"'),
        ({"user_name": "arn:aws:iam::123456789012:user/a"}, '"user_name"'),
        ({"user_name": "a" * 65}, '"user_name"'),
        ({"user_name": 5.5e301}, '"user_name"'),
        ({"role_name": "arn:aws:iam::123456789012:role/deploy"}, '"role_name"'),
        ({"role_name": {"name": "deploy"}}, '"role_name"'),
        ({"instance_id": "i-0a1b", "region": "eu-west-1"}, '"instance_id"'),
        ({"instance_id": "i-0a1b2c3d"}, '"region"'),
        ({"instance_id": "i-0a1b2c3d", "region": "Ireland"}, '"region"'),
        ({"instance_id": "i-0a1b2c3d", "region": ["eu-west-1"]}, '"region"'),
        ({"region": "eu-west-1"}, "not a request that can be answered"),
        ({"user_name": "ci-user", "region": "eu-west-1"}, '"region"'),
        ({"access_key_id": KEY, "role_name": "deploy"}, "one thing"),
        ({"user_name": "ci-user", "role_name": "deploy"}, "one thing"),
        ({"role_name": "deploy", "instance_id": "i-0a1b2c3d", "region": "eu-west-1"}, "one thing"),
        ({"access_key_id": KEY, "user_name": "a", "role_name": "b"}, "one thing"),
        ({"incident_id": "inc-20261120-0123456789"}, '"answer": "approve" or "reject"'),
        ({"incident_id": "inc-20261120-0123456789", "answer": "yes"}, '"answer": "approve" or "reject"'),
        ({"answer": "approve"}, '"answer": "approve" or "reject"'),
        ({"ask": "inc-20261120-0123456789", "user_name": "ci-user"}, '"answer": "approve" or "reject"'),
    ],
)
def test_a_request_that_cannot_be_read_names_nobody_and_says_why(request_: object, says: str) -> None:
    """Given a request with something wrong in it, when it is read, nobody is named and the note says what."""
    incident = incident_from(request_)
    assert incident.targets == ()
    (note,) = incident.notes
    assert says in note
    assert note.split()[0] in {"Give", "Name", "Leave"}, "a refusal begins with what to do"
    assert note.endswith(".")
    assert ". " not in note, "a refusal is one sentence"
    assert incident.signal.severity == 0.0


@pytest.mark.parametrize("mode", [["observe"], {"observe": True}, False, "observe" + " " * 3000])
def test_a_mode_of_the_wrong_type_is_not_taken_for_none(mode: object) -> None:
    """Given a mode that is not a word, when the request is read, nobody is named: containing may not be meant."""
    assert incident_from({"user_name": "ci-user", "mode": mode}).targets == ()


def test_the_reason_is_told() -> None:
    """Given a reason, when the request is read, the reader is given it."""
    assert incident_from({"user_name": "a", "reason": "seen on a paste site"}).context == (
        ("Reason", "seen on a paste site"),
    )


@pytest.mark.parametrize(
    "source", ["manual", "awsmock.health", "awsmock.guardduty", "aws.ec2", "", 5, ["aws.health"], {}]
)
def test_an_event_of_an_unknown_source_is_no_request(source: object) -> None:
    """Given a whole event of another source, with a request's fields in it, when it is read, nobody is named."""
    incident = incident_from({"source": source, "detail": {}, "user_name": "ci-user", "account": "123456789012"})
    assert incident.targets == ()
    assert incident.signal.source == "unknown"
    assert any("not answered" in note for note in incident.notes)
    assert playbook_for(incident.signal).actions == ()
