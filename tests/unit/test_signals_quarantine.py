"""Stories of AWS' own quarantine: when its record is believed, and when it may be forged."""

from __future__ import annotations

from typing import Any

import pytest
from moto.events.models import EventPattern

from demo import events
from lambdas.model import Kind, Target
from lambdas.signals import incident_from, quarantine
from tests.unit.samples import names, sample

ACCOUNT = "123456789012"
KEY = "AKIA2TESTEXPOSED0001"
SESSION_KEY = "ASIA2TESTSESSION0001"
USER_ID = "AIDA2TESTCIUSER00001"

BY_KEY = Target(kind=Kind.ACCESS_KEY, id=KEY, name="ci-user", account=ACCOUNT)
BY_NAME = Target(kind=Kind.USER, name="ci-user", account=ACCOUNT)
BY_ID = Target(kind=Kind.USER, id=USER_ID, name="ci-user", account=ACCOUNT)


def record(user: str = "ci-user", key_id: str = KEY, **details: Any) -> dict[str, Any]:
    """Give the record of a quarantine of a user of this account."""
    return events.quarantine(user, key_id, **{"account": ACCOUNT, "user_id": USER_ID} | details)


@pytest.mark.parametrize(
    ("name", "target", "believed"),
    [
        ("quarantine", BY_KEY, True),
        ("quarantine-refused", BY_KEY, True),
        ("quarantine-by-somebody-else", BY_NAME, False),
    ],
)
def test_every_form_of_the_record_gives_what_it_names(name: str, target: Target, believed: bool) -> None:  # noqa: FBT001 - a table's column
    """Given a sample record, when it is read, it names the user or its key and says whether that is to be believed."""
    incident = incident_from(sample(name))
    assert incident.targets == (target,)
    assert (incident.signal.doubt == "") is believed
    assert (incident.signal.source, incident.signal.type) == ("aws.iam", "AWSCompromisedKeyQuarantineV3")
    assert incident.signal.severity == 8.0
    assert incident.signal.at == "2026-11-20T03:03:52Z"
    assert incident.notes == ()


@pytest.mark.parametrize(
    ("key_id", "user_id", "target"),
    [
        (KEY, USER_ID, BY_KEY),
        (SESSION_KEY, USER_ID, BY_ID),
        ("", USER_ID, BY_ID),
        ("", "odd", BY_NAME),
        (SESSION_KEY, "", BY_NAME),
    ],
)
def test_the_key_that_made_the_call_is_the_target_else_its_user(key_id: str, user_id: str, target: Target) -> None:
    """Given a call that the user made, when the record is read, its long-term key is the target, else the user."""
    incident = incident_from(record(key_id=key_id, user_id=user_id))
    assert (incident.targets, incident.signal.doubt) == ((target,), "")


@pytest.mark.parametrize(
    ("caller", "says"),
    [
        ("mallory", f"the user mallory of account {ACCOUNT}"),
        (
            {"type": "IAMUser", "userName": "ci-user", "accountId": "998877665544"},
            "the user ci-user of account 998877665544",
        ),
        ({"type": "IAMUser", "userName": "ci-user"}, "the user ci-user:"),
        ({"type": "IAMUser", "userName": "CI-USER", "accountId": ACCOUNT}, "the user CI-USER"),
        ({"type": "FederatedUser", "userName": "ci-user", "accountId": ACCOUNT}, "the federated user ci-user"),
        (
            {"type": "AssumedRole", "accountId": ACCOUNT, "sessionContext": {"sessionIssuer": {"userName": "deploy"}}},
            f"a session of the role deploy of account {ACCOUNT}",
        ),
        ({"type": "AssumedRole", "userName": "ci-user", "accountId": ACCOUNT}, "somebody who cannot be read"),
        ({"type": "Root", "accountId": ACCOUNT}, f"the root user of account {ACCOUNT}"),
        ({"type": "AWSService", "invokedBy": "AWS Internal"}, "somebody who cannot be read"),
        ({"type": "IAMUser", "userName": "<b>ci-user</b>", "accountId": ACCOUNT}, "somebody who cannot be read"),
        ({"type": ["IAMUser"], "userName": "ci-user", "accountId": ACCOUNT}, "somebody who cannot be read"),
    ],
)
@pytest.mark.parametrize("error", ["", "AccessDenied"])
def test_a_call_by_anybody_else_is_doubted(caller: Any, says: str, error: str) -> None:  # noqa: ANN401 - any JSON
    """Given a call by anybody but the user, when its record is read, the user is named by name only, with a doubt."""
    incident = incident_from(record(caller=caller, error=error))
    assert incident.targets == (BY_NAME,)
    assert f"made by {says}" in incident.signal.doubt
    assert "can be forged by a call that was refused" in incident.signal.doubt
    assert incident.signal.doubt.endswith(".")
    assert ". " not in incident.signal.doubt, "a doubt is one sentence"


def test_a_record_of_no_known_account_proves_nothing() -> None:
    """Given a record that says neither whose account it is nor whose the caller is, when it is read, it is doubted."""
    event = record() | {"account": None}
    del event["detail"]["recipientAccountId"], event["detail"]["userIdentity"]["accountId"]
    assert incident_from(event).signal.doubt


@pytest.mark.parametrize(
    ("change", "value"),
    [
        ("eventName", "AttachRolePolicy"),
        ("eventName", ["AttachUserPolicy"]),
        ("eventSource", "sts.amazonaws.com"),
        ("eventSource", None),
        ("requestParameters", None),
        ("requestParameters", {"userName": "ci-user"}),
        ("requestParameters", {"userName": "ci-user", "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}),
        (
            "requestParameters",
            {"userName": "ci-user", "policyArn": f"arn:aws:iam::{ACCOUNT}:policy/AWSCompromisedKeyQuarantineV3"},
        ),
        (
            "requestParameters",
            {"userName": "ci-user", "policyArn": "arn:aws:iam::aws:policy/x/AWSCompromisedKeyQuarantineV3"},
        ),
        ("requestParameters", {"policyArn": "arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantineV3"}),
        (
            "requestParameters",
            {"userName": "a b", "policyArn": "arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantineV3"},
        ),
    ],
)
def test_a_record_of_anything_else_names_nobody(change: str, value: object) -> None:
    """Given a record of another call, policy or source, when it is read, nobody is named and a note says why."""
    event = record()
    event["detail"][change] = value
    incident = incident_from(event)
    assert (incident.targets, incident.signal.doubt, incident.signal.severity) == ((), "", 0.0)
    assert len(incident.notes) == 1


def test_a_redelivery_is_recognised_by_the_record_s_own_id() -> None:
    """Given one record, when it comes again in another envelope, the signal has the same id; another record has not."""
    event = record()
    assert incident_from(event | {"id": "another"}).signal.id == incident_from(event).signal.id
    assert incident_from(record()).signal.id != incident_from(event).signal.id


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
@pytest.mark.parametrize("version", ["", "V2", "V3", "V4", "V10"])
def test_every_version_in_every_partition_is_let_through_and_read(partition: str, version: str) -> None:
    """Given a version of the policy, when the rule and then the reader see its record, both take it."""
    event = record()
    event["detail"]["requestParameters"]["policyArn"] = f"arn:{partition}:iam::aws:policy/{quarantine.POLICY}{version}"
    assert EventPattern(None, quarantine.PATTERN).matches_event(event)
    incident = incident_from(event)
    assert incident.targets == (BY_KEY,)
    assert incident.signal.type == f"AWSCompromisedKeyQuarantine{version}"


@pytest.mark.parametrize("name", [name for name in names() if name.startswith("quarantine")])
def test_the_rule_lets_only_this_policy_through(name: str) -> None:
    """Given a record, when the rule's pattern is laid on it, it matches; another call, policy or a mock does not."""
    rule = EventPattern(None, quarantine.PATTERN)
    event = sample(name)
    assert rule.matches_event(event)
    assert not rule.matches_event(event | {"source": "awsmock.iam"})
    assert not rule.matches_event(event | {"detail-type": "AWS Service Event via CloudTrail"})
    for change in (
        {"eventName": "DetachUserPolicy"},
        {"requestParameters": {"userName": "ci-user", "policyArn": "arn:aws:iam::aws:policy/AWSDenyAll"}},
        {"requestParameters": None},
    ):
        assert not rule.matches_event(event | {"detail": event["detail"] | change})
