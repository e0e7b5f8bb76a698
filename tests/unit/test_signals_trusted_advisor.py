"""Stories of Trusted Advisor's check "Exposed Access Keys"."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from moto.events.models import EventPattern

from demo import events
from lambdas.model import Kind, Target
from lambdas.playbooks import playbook_for
from lambdas.signals import incident_from, trusted_advisor
from tests.unit.samples import names, sample

ACCOUNT = "123456789012"
KEY = "AKIA2TESTEXPOSED0006"


def test_an_exposed_key_is_named_with_its_user() -> None:
    """Given the sample item, when it is read, the key and its user are the target and the place is told."""
    incident = incident_from(sample("trusted-advisor-exposed"))
    assert incident.targets == (Target(kind=Kind.ACCESS_KEY, id=KEY, name="report-writer", account=ACCOUNT),)
    assert incident.signal.type == "Exposed Access Keys/Exposed"
    assert incident.signal.inert == ""
    assert dict(incident.context) == {"Seen at": "www.example.org/paste/1842"}


@pytest.mark.parametrize("name", ["<root_account>", "root", "Root", "root-account", "root_user", "<root account>"])
def test_the_user_may_be_root(name: str) -> None:
    """Given an item on the root user, without a key id that could be read, when it is read, root is the target."""
    incident = incident_from(events.trusted_advisor("", name, account=ACCOUNT))
    assert incident.targets == (Target(kind=Kind.ROOT, id=ACCOUNT, name="root", account=ACCOUNT),)
    assert incident_from(sample("trusted-advisor-root")).targets == incident.targets


def test_a_key_of_root_keeps_the_name_that_says_so() -> None:
    """Given a key of the root user, when the item is read, the key is the target and keeps the name."""
    (target,) = incident_from(events.trusted_advisor(KEY, "<root_account>", account=ACCOUNT)).targets
    assert (target.kind, target.id, target.name) == (Kind.ACCESS_KEY, KEY, "<root_account>")


@pytest.mark.parametrize(
    ("fraud", "playbook"),
    [
        ("Exposed", "exposed_key"),
        ("exposed", "exposed_key"),
        ("Compromised", "exposed_key"),
        ("Suspected", "suspected_key"),
        ("suspected", "suspected_key"),
        ("", "suspected_key"),
        ("Something new", "suspected_key"),
    ],
)
def test_a_suspicion_is_not_an_exposure(fraud: str, playbook: str) -> None:
    """Given a fraud type, when the item is read, only what is certain is answered by cutting off."""
    signal = incident_from(events.trusted_advisor(KEY, "ci-user", fraud=fraud)).signal
    assert playbook_for(signal).name == playbook
    assert signal.severity == (6.0 if fraud.lower() == "suspected" else 8.0)


@pytest.mark.parametrize(("status", "inert"), [("ERROR", False), ("WARN", False), ("OK", True), ("ok", True)])
def test_a_resolved_item_changes_nothing(status: str, inert: bool) -> None:  # noqa: FBT001 - a table's column
    """Given an item with a status, when it is read, only OK makes it inert."""
    incident = incident_from(events.trusted_advisor(KEY, "ci-user", status=status))
    assert bool(incident.signal.inert) is inert
    assert incident.targets


def test_another_check_names_nobody() -> None:
    """Given an item of another check that has the same fields, when it is read, nobody is named and a note says why."""
    event = events.trusted_advisor(KEY, "ci-user")
    event["detail"]["check-name"] = "IAM Access Key Rotation"
    incident = incident_from(event)
    assert incident.targets == ()
    assert any("not one that reports exposed keys" in note for note in incident.notes)


def test_a_key_id_that_is_none_is_told_and_the_user_named() -> None:
    """Given a placeholder for a key id, when the item is read, the user is the target and the placeholder is told."""
    incident = incident_from(events.trusted_advisor("ACCESS_KEY_ID_HERE", "ci-user", account=ACCOUNT))
    assert incident.targets == (Target(kind=Kind.USER, name="ci-user", account=ACCOUNT),)
    assert any("does not have the form" in note for note in incident.notes)


@pytest.mark.parametrize("name", ["two words", "<script>", "a" * 65, "", "ünïcode", "a/b"])
def test_a_name_that_iam_would_not_take_is_not_used(name: str) -> None:
    """Given a key with an impossible user name, when the item is read, the key is named without it."""
    (target,) = incident_from(events.trusted_advisor(KEY, name)).targets
    assert (target.id, target.name) == (KEY, "")


@pytest.mark.parametrize(
    ("updated", "at"),
    [
        ("1795057200000", "2026-11-19T03:00:00.000Z"),
        ("1795057200999", "2026-11-19T03:00:00.999Z"),
        (1795057200000, "2026-11-19T03:00:00.000Z"),
        ("1795057200", "2026-11-20T03:09:12Z"),
        ("yesterday", "2026-11-20T03:09:12Z"),
        ("-1795057200000", "2026-11-20T03:09:12Z"),
        ("٢٧٩٥٠٥٧٢٠٠٠٠٠", "2026-11-20T03:09:12Z"),
        ("9" * 15, "2026-11-20T03:09:12Z"),
        (None, "2026-11-20T03:09:12Z"),
        ([1795057200000], "2026-11-20T03:09:12Z"),
    ],
)
def test_the_signal_is_at_the_time_of_the_item_not_of_its_repeat(updated: object, at: str) -> None:
    """Given when the item changed, when its notification is read, that is its time, else that of the event."""
    event = sample("trusted-advisor-exposed")
    event["detail"]["check-item-detail"]["Time Updated"] = updated
    assert incident_from(event).signal.at == at


def test_a_suspected_key_is_named_like_an_exposed_one() -> None:
    """Given the sample of a suspicion, when it is read, key and user are the target and the type says suspected."""
    incident = incident_from(sample("trusted-advisor-suspected"))
    assert incident.targets == (
        Target(kind=Kind.ACCESS_KEY, id="AKIA2TESTEXPOSED0008", name="report-writer", account=ACCOUNT),
    )
    assert incident.signal.type == "Exposed Access Keys/Suspected"


def test_items_repeat_for_days_and_are_recognised() -> None:
    """Given one item, when its notification comes again, the signal has the same id."""
    event = events.trusted_advisor(KEY, "ci-user")
    again = event | {"id": "another", "time": "2026-11-23T00:00:00Z"}
    assert incident_from(again).signal.id == incident_from(event).signal.id
    other = events.trusted_advisor(KEY, "ci-user", updated=datetime(2026, 11, 22, tzinfo=UTC))
    assert incident_from(other).signal.id != incident_from(event).signal.id


@pytest.mark.parametrize("name", [name for name in names() if name.startswith("trusted-advisor-")])
def test_the_rule_lets_only_this_check_through(name: str) -> None:
    """Given an item, when the rule's pattern is laid on it, it matches; of another check or a mock it does not."""
    rule = EventPattern(None, trusted_advisor.PATTERN)
    event = sample(name)
    assert rule.matches_event(event)
    assert not rule.matches_event(event | {"source": "awsmock.trustedadvisor"})
    assert not rule.matches_event(event | {"detail": event["detail"] | {"check-name": "Amazon EBS Snapshots"}})
