"""Stories of GuardDuty findings: who is meant, and what must not be acted on."""

from __future__ import annotations

from typing import Any

import pytest
from moto.events.models import EventPattern

from demo import events
from lambdas.model import Kind, Target
from lambdas.signals import guardduty, incident_from
from tests.unit.samples import names, sample

ACCOUNT = "123456789012"
KEY = "AKIA2TESTEXPOSED0002"
SESSION_KEY = "ASIA2TESTSESSION0003"
ROLE = "AROA2TESTDEPLOYROLE1:build-77"

BUILD_KEY = Target(kind=Kind.ACCESS_KEY, id=KEY, name="build-agent", account=ACCOUNT)
BUILD_AGENT = Target(kind=Kind.USER, id="AIDA2TESTBUILDUSER01", name="build-agent", account=ACCOUNT)


@pytest.mark.parametrize(
    ("name", "targets", "inert"),
    [
        ("guardduty-iamuser", (BUILD_KEY,), ""),
        (
            "guardduty-assumed-role",
            (Target(kind=Kind.ROLE_SESSION, id=ROLE, name="deploy", account=ACCOUNT),),
            "",
        ),
        ("guardduty-root", (Target(kind=Kind.ROOT, id=ACCOUNT, name="root", account=ACCOUNT),), ""),
        (
            "guardduty-sample",
            (Target(kind=Kind.USER, name="GeneratedFindingUserName", account=ACCOUNT),),
            "this is a sample finding",
        ),
        ("guardduty-sample-flag-in-value-string", (BUILD_KEY,), "this is a sample finding"),
        ("guardduty-archived", (BUILD_KEY,), "the finding is archived"),
        ("guardduty-session-key-of-user", (BUILD_AGENT,), ""),
        ("guardduty-no-resource", (), ""),
        ("guardduty-attack-sequence", (), ""),
        (
            "guardduty-of-a-member-account",
            (Target(kind=Kind.ACCESS_KEY, id=KEY, name="build-agent", account="210987654321"),),
            "",
        ),
    ],
)
def test_every_form_of_the_finding_gives_what_it_names(name: str, targets: tuple[Target, ...], inert: str) -> None:
    """Given a sample finding, when it is read, it names exactly what stands in it and says whether to act."""
    incident = incident_from(sample(name))
    assert incident.targets == targets
    assert incident.signal.inert == inert
    assert bool(incident.notes) is not bool(targets)


@pytest.mark.parametrize(
    ("user_type", "key", "principal", "target"),
    [
        ("IAMUser", KEY, "AIDA2TESTBUILDUSER01", BUILD_KEY),
        ("IAMUser", SESSION_KEY, "AIDA2TESTBUILDUSER01", BUILD_AGENT),
        ("IAMUser", "", "AIDA2TESTBUILDUSER01", BUILD_AGENT),
        ("IAMUser", SESSION_KEY, "odd:one", Target(kind=Kind.USER, name="build-agent", account=ACCOUNT)),
        ("Unknown", KEY, "", BUILD_KEY),
        ("", KEY, "", BUILD_KEY),
        (
            "AssumedRole",
            SESSION_KEY,
            ROLE,
            Target(kind=Kind.ROLE_SESSION, id=ROLE, name="build-agent", account=ACCOUNT),
        ),
        ("Role", SESSION_KEY, ROLE, Target(kind=Kind.ROLE_SESSION, id=ROLE, name="build-agent", account=ACCOUNT)),
        ("Root", KEY, ACCOUNT, Target(kind=Kind.ROOT, id=ACCOUNT, name="root", account=ACCOUNT)),
        (
            "FederatedUser",
            SESSION_KEY,
            f"{ACCOUNT}:bob",
            Target(kind=Kind.OTHER, id=f"{ACCOUNT}:bob", name="build-agent", account=ACCOUNT),
        ),
        (
            "AWSAccount",
            KEY,
            "AIDAELSEWHERE",
            Target(kind=Kind.OTHER, id="AIDAELSEWHERE", name="build-agent", account=ACCOUNT),
        ),
        ("AWSService", "", "guardduty", Target(kind=Kind.OTHER, id="guardduty", name="build-agent", account=ACCOUNT)),
    ],
)
def test_the_type_of_the_user_decides_what_the_finding_is_about(
    user_type: str, key: str, principal: str, target: Target
) -> None:
    """Given a user type, when the finding is read, its key, user, role or root is the target accordingly."""
    event = events.guardduty(key, "build-agent", user_type=user_type, principal_id=principal, account=ACCOUNT)
    assert incident_from(event).targets == (target,)


@pytest.mark.parametrize(
    "resource_type",
    ["Instance", "EKSCluster", "ECSCluster", "Container", "S3Bucket", "Lambda", "", None, 7, ["AccessKey"]],
)
def test_only_the_resource_type_decides_not_the_blocks_that_are_there(resource_type: object) -> None:
    """Given a finding on something else that carries access key details, when it is read, nobody is named."""
    event = events.guardduty(KEY, "build-agent")
    event["detail"]["resource"]["resourceType"] = resource_type
    incident = incident_from(event)
    assert incident.targets == ()
    assert any("no automatic answer yet" in note for note in incident.notes)


def test_the_account_of_the_finding_counts_not_that_of_the_envelope() -> None:
    """Given a member's finding that a delegated administrator gets, when it is read, it is about the member."""
    event = events.guardduty(KEY, "build-agent", account="210987654321") | {"account": ACCOUNT}
    incident = incident_from(event)
    assert incident.signal.account == "210987654321"
    assert {target.account for target in incident.targets} == {"210987654321"}


@pytest.mark.parametrize(
    ("severity", "read"),
    [(8, 8.0), (8.0, 8.0), ("8", 8.0), ("7.5", 7.5), (None, 0.0), ("high", 0.0), ({}, 0.0), (True, 0.0)],
)
def test_a_severity_may_be_a_number_or_a_string(severity: Any, read: float) -> None:  # noqa: ANN401 - any JSON
    """Given a severity of any type, when it is read, it is a number; 0 where there is none."""
    assert incident_from(events.guardduty(KEY, "x", severity=severity)).signal.severity == read


@pytest.mark.parametrize("severity", [1e300, "1e300", -4, 11])
def test_a_severity_stays_on_the_scale(severity: Any) -> None:  # noqa: ANN401 - any JSON
    """Given a severity off the scale of 0 to 10, when it is read, it is brought back onto it."""
    assert 0 <= incident_from(events.guardduty(KEY, "x", severity=severity)).signal.severity <= 10


@pytest.mark.parametrize(
    "info",
    [
        {"sample": True},
        {"sample": "true"},
        {"value": '{"sample": true}'},
        {"value": '{"sample": "true"}'},
        {"value": '{"sample":true}', "sample": False},
    ],
)
def test_a_sample_is_known_by_its_flag_wherever_it_stands(info: dict[str, Any]) -> None:
    """Given the sample flag, plain or inside the JSON string, when the finding is read, it is inert."""
    event = events.guardduty(KEY, "build-agent")
    event["detail"]["service"]["additionalInfo"] = info
    assert incident_from(event).signal.inert == "this is a sample finding"


@pytest.mark.parametrize(
    "info",
    [
        {},
        None,
        [],
        "sample",
        {"sample": False},
        {"sample": None},
        {"value": "{"},
        {"value": '["sample"]'},
        {"value": 3},
    ],
)
def test_a_finding_without_the_flag_is_real(info: object) -> None:
    """Given additional information that is empty, odd or says no, when the finding is read, it is acted on."""
    event = events.guardduty(KEY, "build-agent")
    event["detail"]["service"]["additionalInfo"] = info
    assert incident_from(event).signal.inert == ""


def test_a_sample_without_the_flag_is_known_by_what_guardduty_writes_into_samples() -> None:
    """Given a sample of an old form, without the flag, when it is read, the generated names give it away."""
    event = sample("guardduty-sample")
    event["detail"]["service"]["additionalInfo"] = {}
    assert incident_from(event).signal.inert == "this is a sample finding"


@pytest.mark.parametrize("name", ["GeneratedFindingUserName", "ci-GeneratedFinding"])
def test_a_user_cannot_be_named_into_a_sample(name: str) -> None:
    """Given a real key of a user that somebody renamed like a sample's, when its finding is read, it is real."""
    event = events.guardduty(KEY, name, sample=False, principal_id="AIDA2TESTBUILDUSER01")
    assert incident_from(event).signal.inert == ""


@pytest.mark.parametrize(
    ("archived", "inert"), [(True, True), ("true", True), (False, False), (None, False), ("no", False)]
)
def test_an_archived_finding_changes_nothing(archived: Any, inert: bool) -> None:  # noqa: ANN401, FBT001 - a table
    """Given a finding that somebody archived, when it is read, it is inert and still names its key."""
    event = events.guardduty(KEY, "build-agent", archived=archived)
    incident = incident_from(event)
    assert bool(incident.signal.inert) is inert
    assert incident.targets
    del event["detail"]["service"]["archived"]
    assert incident_from(event).signal.inert == ""


def test_the_same_finding_with_a_higher_count_is_recognised() -> None:
    """Given a finding that is updated, when it comes again, the signal has the same id; from elsewhere it has not."""
    event = events.guardduty(KEY, "build-agent")
    known = incident_from(event).signal.id
    again = event | {"id": "another", "time": "2026-11-20T09:00:00Z"}
    again["detail"] = event["detail"] | {"service": event["detail"]["service"] | {"count": 12}}
    assert incident_from(again).signal.id == known
    assert incident_from(event | {"region": "eu-west-1"}).signal.id != known


def test_the_caller_and_the_call_are_told() -> None:
    """Given a finding on a call, when it is read, the reader is given the call, the address and the country."""
    assert dict(incident_from(sample("guardduty-iamuser")).context) == {
        "Call": "iam.amazonaws.com:ListUsers",
        "From": "198.51.100.23",
        "Country": "Elsewhere",
    }


@pytest.mark.parametrize("name", [name for name in names() if name.startswith("guardduty-")])
def test_the_rule_lets_key_findings_of_every_type_through(name: str) -> None:
    """Given a finding, when the rule's pattern is laid on it, key findings and broken ones match, mocks never."""
    rule = EventPattern(None, guardduty.PATTERN)
    event = sample(name)
    assert rule.matches_event(event) == (name != "guardduty-attack-sequence")
    assert not rule.matches_event(event | {"source": "awsmock.guardduty"})
