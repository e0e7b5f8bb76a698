"""Stories of AWS Health events: what they name, in every form they come in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from moto.events.models import EventPattern

from demo import events
from lambdas.model import Kind, Target
from lambdas.signals import health, incident_from
from lambdas.signals.reading import MOST_TARGETS
from tests.unit.samples import names, sample

if TYPE_CHECKING:
    from collections.abc import Callable

ACCOUNT = "123456789012"
KEY = "AKIA2TESTEXPOSED0001"
OTHER_KEY = "AKIA2TESTEXPOSED0009"


def key(key_id: str, name: str = "", account: str = ACCOUNT) -> Target:
    """Give a key as a target."""
    return Target(kind=Kind.ACCESS_KEY, id=key_id, name=name, account=account)


def instance(identity: str, region: str, account: str = ACCOUNT) -> Target:
    """Give an instance as a target."""
    return Target(kind=Kind.INSTANCE, id=identity, account=account, region=region)


def user(name: str, account: str = ACCOUNT) -> Target:
    """Give a user as a target."""
    return Target(kind=Kind.USER, name=name, account=account)


@pytest.mark.parametrize(
    ("name", "targets", "inert"),
    [
        ("health-exposed", (key(KEY, "ci-user"),), ""),
        ("health-old-form-without-metadata", (key("AKIA2TESTEXPOSED0003"),), ""),
        ("health-user-arn", (user("ci-user"),), ""),
        ("health-closed", (key(KEY),), "the Health event is closed"),
        ("health-two-keys-page-two", (key("AKIA2TESTEXPOSED0004"), key("AKIA2TESTEXPOSED0005")), ""),
        (
            "health-abuse",
            (instance("i-0a1b2c3d4e5f60718", "eu-west-1"), instance("i-0a1b2c3d", "us-east-2")),
            "",
        ),
    ],
)
def test_every_form_of_the_event_gives_what_it_names(name: str, targets: tuple[Target, ...], inert: str) -> None:
    """Given a sample event, when it is read, it names exactly what stands in it."""
    incident = incident_from(sample(name))
    assert incident.targets == targets
    assert incident.signal.inert == inert
    assert incident.notes == ()


@pytest.mark.parametrize(
    ("entities", "named", "targets"),
    [
        ((KEY,), "", [key(KEY)]),
        ((KEY,), "ci-user", [key(KEY, "ci-user")]),
        ((KEY, KEY), "", [key(KEY)]),
        ((KEY, "ci-user"), "", [key(KEY, "ci-user")]),
        ((KEY, OTHER_KEY), "", [key(KEY), key(OTHER_KEY)]),
        ((KEY, OTHER_KEY), "ci-user", [key(KEY), key(OTHER_KEY), user("ci-user")]),
        (("ci-user",), "", [user("ci-user")]),
        ((f"arn:aws:iam::{ACCOUNT}:user/a/b/ci-user",), "", [user("ci-user")]),
        ((f"arn:aws-us-gov:iam::{ACCOUNT}:user/ci-user",), "", [user("ci-user")]),
        ((f"arn:aws-cn:iam::{ACCOUNT}:user/ci-user",), "", [user("ci-user")]),
        (("arn:aws:iam::210987654321:user/ci-user",), "", [user("ci-user", "210987654321")]),
        (
            (KEY, "arn:aws:iam::210987654321:user/ci-user"),
            "",
            [key(KEY), user("ci-user", "210987654321")],
        ),
        (
            (f"arn:aws:iam::{ACCOUNT}:root",),
            "",
            [Target(kind=Kind.ROOT, id=ACCOUNT, name="root", account=ACCOUNT)],
        ),
    ],
)
def test_an_entity_may_be_a_key_a_user_or_an_arn(entities: tuple[str, ...], named: str, targets: list[Target]) -> None:
    """Given affected entities of any kind, when the event is read, keys come first and nothing comes twice."""
    event = events.health(*entities, user=named, account=ACCOUNT)
    assert list(incident_from(event).targets) == targets


@pytest.mark.parametrize("entities", [(ACCOUNT,), (KEY, ACCOUNT)])
def test_the_account_as_an_entity_is_not_taken_for_a_user(entities: tuple[str, ...]) -> None:
    """Given an event that lists the account itself, when it is read, no user of that name is named."""
    incident = incident_from(events.health(*entities, account=ACCOUNT))
    assert ACCOUNT not in {target.name for target in incident.targets}


@pytest.mark.parametrize("entity", ["i-0a1b2c3d", "i-0a1b2c3d4e5f60718"])
def test_an_instance_as_an_entity_of_a_risk_is_not_taken_for_a_user(entity: str) -> None:
    """Given a risk that lists an instance, whose id a user could be called, when it is read, no user is named."""
    incident = incident_from(events.health(KEY, entity, account=ACCOUNT))
    assert incident.targets == (key(KEY),)
    assert any("neither a key id nor a user" in note for note in incident.notes)


def test_an_entity_that_cannot_be_read_is_told() -> None:
    """Given an entity that is neither key nor user, when the event is read, the rest is named and the odd one told."""
    incident = incident_from(events.health(KEY, "arn:aws:s3:::a bucket", account=ACCOUNT))
    assert incident.targets == (key(KEY),)
    assert any("neither a key id nor a user" in note for note in incident.notes)


def test_a_key_that_stands_only_in_resources_is_named() -> None:
    """Given an event with no affected entities, when its resources hold the key, it is named."""
    event = events.health(KEY, account=ACCOUNT)
    event["detail"]["affectedEntities"] = []
    assert incident_from(event).targets == (key(KEY),)


def test_a_key_that_stands_only_in_the_metadata_is_named() -> None:
    """Given an event with neither entities nor resources, when its metadata holds the key, it is named."""
    event = events.health(account=ACCOUNT, user="ci-user")
    event["detail"]["eventMetadata"]["publicKey"] = KEY
    assert incident_from(event).targets == (key(KEY, "ci-user"),)


def test_metadata_of_an_entity_is_read_too() -> None:
    """Given a form that keeps the user's name with the entity, when it is read, the key has its user."""
    event = events.health(KEY, account=ACCOUNT)
    event["detail"]["affectedEntities"][0]["entityMetadata"] = {"userName": "ci-user"}
    assert incident_from(event).targets == (key(KEY, "ci-user"),)


@pytest.mark.parametrize("garbage", ["", "n/a", "12345", None, 7, ["123456789012"], {}])
def test_a_garbled_affected_account_is_not_believed(garbage: object) -> None:
    """Given an affected account that is not twelve digits, when read, the metadata's or the envelope's counts."""
    event = events.health(KEY, account=ACCOUNT)
    event["detail"]["affectedAccount"] = garbage
    assert incident_from(event).signal.account == ACCOUNT
    del event["detail"]["eventMetadata"]
    assert incident_from(event).targets == (key(KEY),)


def test_in_the_organisation_view_the_affected_account_counts() -> None:
    """Given an event of another account seen from this one, when it is read, it is about that account."""
    event = events.health(KEY, account="210987654321")
    event["account"] = ACCOUNT
    incident = incident_from(event)
    assert incident.signal.account == "210987654321"
    assert incident.targets == (key(KEY, account="210987654321"),)


@pytest.mark.parametrize("status", ["closed", "CLOSED", " Closed "])
def test_a_closed_event_changes_nothing(status: str) -> None:
    """Given an event whose status is closed, when it is read, it is inert and still names its key."""
    incident = incident_from(events.health(KEY, status=status, account=ACCOUNT))
    assert incident.signal.inert == "the Health event is closed"
    assert incident.targets


@pytest.mark.parametrize("status", ["open", "upcoming", "", None])
def test_any_other_status_is_acted_on(status: Any) -> None:  # noqa: ANN401 - any JSON
    """Given an event that is not closed, when it is read, it is not inert."""
    assert incident_from(events.health(KEY, status=status)).signal.inert == ""


def test_a_redelivery_is_recognised_and_another_page_is_not_one() -> None:
    """Given one event, when it comes again it has the same id; its next page, update or event has another."""
    first, again = (events.health(KEY, account=ACCOUNT) for _ in range(2))
    assert first["id"] != again["id"]
    known = incident_from(first).signal.id
    assert incident_from(again).signal.id == known
    changes: list[Callable[[dict[str, Any]], None]] = [
        lambda detail: detail.update(page="2"),
        lambda detail: detail.update(communicationId="another"),
        lambda detail: detail.update(eventArn="arn:aws:health:global::event/RISK/another"),
    ]
    for change in changes:
        other = events.health(KEY, account=ACCOUNT)
        change(other["detail"])
        assert incident_from(other).signal.id != known


def test_where_the_key_was_seen_is_told() -> None:
    """Given the address of the leak, when the event is read, the reader is given it."""
    assert dict(incident_from(sample("health-exposed")).context) == {
        "Seen at": "https://example.org/shop/blob/main/settings.py"
    }


@pytest.mark.parametrize(
    ("code", "severity"),
    [
        ("AWS_RISK_CREDENTIALS_EXPOSED", 8.0),
        ("AWS_RISK_CREDENTIALS_COMPROMISED", 9.0),
        ("AWS_RISK_CREDENTIALS_EXPOSURE_SUSPECTED", 6.0),
        ("AWS_RISK_CREDENTIALS_COMPROMISE_SUSPECTED", 6.0),
        ("AWS_RISK_IAM_QUARANTINE", 8.0),
        ("AWS_RISK_ACCOUNT_CONSOLE_COMPROMISE", 9.0),
        ("AWS_RISK_SOMETHING_NEW", 5.0),
    ],
)
def test_every_risk_has_a_severity_and_a_title(code: str, severity: float) -> None:
    """Given a risk of a known or a new code, when it is read, its type is the code and it has a severity."""
    signal = incident_from(events.health(KEY, code=code)).signal
    assert (signal.type, signal.severity) == (code, severity)
    assert signal.title
    assert signal.at


def test_a_compromised_console_login_says_what_to_look_for() -> None:
    """Given the risk that has no key in it, when it is read, nobody is named and a note says where to look."""
    incident = incident_from(sample("health-console-compromise"))
    assert incident.targets == ()
    assert any("who signed in to the console" in note for note in incident.notes)
    named = incident_from(events.health("ci-user", code="AWS_RISK_ACCOUNT_CONSOLE_COMPROMISE", account=ACCOUNT))
    assert (named.targets, named.notes) == ((user("ci-user"),), ())


WEST = f"arn:aws:ec2:eu-west-1:{ACCOUNT}:instance/i-0a1b2c3d"


@pytest.mark.parametrize(
    ("entities", "event_region", "targets"),
    [
        ((WEST,), "us-east-1", [instance("i-0a1b2c3d", "eu-west-1")]),
        ((WEST,), "global", [instance("i-0a1b2c3d", "eu-west-1")]),
        (("i-0a1b2c3d",), "eu-north-1", [instance("i-0a1b2c3d", "eu-north-1")]),
        (("i-0a1b2c3d",), "global", [instance("i-0a1b2c3d", "us-east-1")]),
        (("i-0a1b2c3d", WEST), "eu-north-1", [instance("i-0a1b2c3d", "eu-west-1")]),
        ((WEST, WEST), "eu-west-1", [instance("i-0a1b2c3d", "eu-west-1")]),
        (
            ("arn:aws-us-gov:ec2:us-gov-west-1:210987654321:instance/i-0a1b2c3d4e5f60718",),
            "us-gov-west-1",
            [instance("i-0a1b2c3d4e5f60718", "us-gov-west-1", "210987654321")],
        ),
        (("i-1234",), "us-east-1", []),
        (("arn:aws:ec2:us-east-1:<<account>>:instance/<<id>>",), "us-east-1", []),
        ((f"arn:aws:ec2:us-east-1:{ACCOUNT}:volume/vol-0a1b2c3d",), "us-east-1", []),
        ((KEY, "ci-user"), "us-east-1", []),
    ],
)
def test_an_abuse_event_names_instances_by_id_or_arn(
    entities: tuple[str, ...], event_region: str, targets: list[Target]
) -> None:
    """Given an Abuse event, when it is read, instances are named where they are, and anything else is told."""
    incident = incident_from(events.abuse(*entities, event_region=event_region, account=ACCOUNT))
    assert list(incident.targets) == targets
    assert any("are not instances" in note for note in incident.notes) is not bool(targets)
    assert incident.signal.type == "AWS_ABUSE_DOS_REPORT"
    assert incident.signal.severity == 8.0


def test_an_old_abuse_event_without_a_region_of_its_own_is_read_by_its_arns() -> None:
    """Given an Abuse event of no region with a bucket in it, when it is read, the instance is named, the rest told."""
    incident = incident_from(sample("health-abuse-old-form"))
    assert incident.targets == (instance("i-0a1b2c3d", "us-east-1"),)
    assert any("1 affected entities" in note for note in incident.notes)


def test_an_instance_in_no_known_region_is_named_without_one() -> None:
    """Given an id and no region anywhere, when the Abuse event is read, no region is made up."""
    incident = incident_from(events.abuse("i-0a1b2c3d", event_region="global", region="global", account=ACCOUNT))
    assert incident.targets == (instance("i-0a1b2c3d", ""),)


def test_a_closed_abuse_event_changes_nothing() -> None:
    """Given an Abuse event whose status is closed, when it is read, it is inert and still names its instance."""
    incident = incident_from(events.abuse("i-0a1b2c3d", status="closed"))
    assert incident.signal.inert == "the Health event is closed"
    assert incident.targets


@pytest.mark.parametrize(
    ("kind", "code", "is_abuse"),
    [
        ("AWS Health Abuse Event", "AWS_ABUSE_EC2_PORT_SCANNING", True),
        ("AWS Health Abuse Event", "", True),
        ("AWS Health Abuse Event", "AWS_SOMETHING_NEW", True),
        ("AWS Health Abuse Event", "AWS_RISK_CREDENTIALS_EXPOSED", False),
        ("AWS Health Event", "AWS_ABUSE_DOS_REPORT", True),
        ("AWS Health Event", "AWS_EC2_INSTANCE_RETIREMENT_SCHEDULED", False),
        ("AWS Health Event", "", False),
    ],
)
def test_what_is_abuse_is_said_by_the_code_and_else_by_the_envelope(kind: str, code: str, is_abuse: bool) -> None:  # noqa: FBT001 - a table's column
    """Given a code and a detail type, when the event is read, an instance is named only if it is about abuse."""
    event = events.abuse("i-0a1b2c3d", code=code) | {"detail-type": kind}
    assert bool(incident_from(event).targets) is is_abuse


def test_more_entities_than_a_case_handles_are_told_not_dropped() -> None:
    """Given sixty keys in one event, when it is read, as many as a case takes are targets and a note tells the rest."""
    incident = incident_from(events.health(*(f"AKIA2TESTEXPOSED{number:04}" for number in range(60))))
    assert len(incident.targets) == MOST_TARGETS
    assert any(f"{60 - MOST_TARGETS} more targets" in note for note in incident.notes)


def test_a_health_event_of_another_family_names_nobody() -> None:
    """Given the retirement of an instance, when it is read, no user called like the instance is named."""
    assert incident_from(sample("health-instance-retirement")).targets == ()


@pytest.mark.parametrize("name", [name for name in names() if name.startswith("health-")])
def test_the_rules_let_exactly_risks_and_abuse_through(name: str) -> None:
    """Given a sample event, when the patterns are laid on it, one matches a risk, the other abuse, none the rest."""
    risks, abuse = EventPattern(None, health.PATTERN), EventPattern(None, health.ABUSE_PATTERN)
    is_abuse = name.startswith("health-abuse")
    assert risks.matches_event(sample(name)) == (name != "health-instance-retirement" and not is_abuse)
    assert abuse.matches_event(sample(name)) == is_abuse
    for rule in (risks, abuse):
        assert not rule.matches_event(sample(name) | {"source": "awsmock.health"})


def test_the_rule_lets_a_risk_of_a_new_code_and_a_broken_event_through() -> None:
    """Given a code that nobody knows yet, or none at all, when the rule's pattern is laid on it, it matches."""
    rule = EventPattern(None, health.PATTERN)
    broken = events.health(KEY)
    del broken["detail"]["eventTypeCode"]
    assert rule.matches_event(events.health(KEY, code="AWS_RISK_SOMETHING_NEW"))
    assert rule.matches_event(broken)
