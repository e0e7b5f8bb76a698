"""Signals that may not be believed, or that nothing can be done about: what is announced changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from demo import events

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.deployed import Deployed

pytestmark = pytest.mark.side_by_side

QUARANTINE = "AWSCompromisedKeyQuarantineV3"


def test_aws_quarantine_contains_although_the_call_had_an_error(deployed: Deployed) -> None:
    """Given the record of the quarantine that AWS made in the victim's name, the victim is cut off."""
    user, (leaked, other) = deployed.user()
    _, (bystander, _) = deployed.user()
    assert not any(deployed.refused(key) for key in (leaked, other))
    alert = deployed.respond(events.quarantine(user, leaked.id, policy=QUARANTINE, error="AccessDenied"))
    assert alert["outcome"] == "CONTAINED"
    assert deployed.status(user)[leaked.id] == "Inactive"
    assert all(deployed.refused(key) for key in (leaked, other))
    assert not deployed.refused(bystander)


def test_a_forged_quarantine_cuts_nobody_off(deployed: Deployed) -> None:
    """Given a refused call of somebody else's that names a user, it is announced and the user stays as it is."""
    victim, (own, _) = deployed.user()
    forger, (forging, _) = deployed.user()
    before = deployed.state_of_user(victim)
    record = events.quarantine(victim, forging.id, policy=QUARANTINE, caller=forger, error="AccessDenied")
    alert = deployed.respond(record)
    assert alert["outcome"] == "ANNOUNCED"
    assert alert["actions"] == []
    assert any(f"the user {forger} of account" in sentence for sentence in alert["not_done"])
    assert deployed.state_of_user(victim) == before
    assert not any(deployed.refused(key) for key in (own, forging))


def test_a_quarantine_that_is_attached_counts_whoever_made_it(deployed: Deployed) -> None:
    """Given the same record of a call that worked, the policy on the user proves it, and the user is cut off."""
    victim, (leaked, _) = deployed.user()
    helper, (helping, _) = deployed.user()
    arn = f"arn:aws:iam::aws:policy/{QUARANTINE}"
    deployed.client("iam", helping).attach_user_policy(UserName=victim, PolicyArn=arn)
    assert not deployed.refused(leaked)
    alert = deployed.respond(events.quarantine(victim, helping.id, policy=QUARANTINE, caller=helper))
    assert alert["outcome"] == "CONTAINED"
    assert deployed.refused(leaked)
    assert deployed.policies(victim) >= {QUARANTINE, "AWSDenyAll"}
    assert not deployed.refused(helping)


ABOUT_INSTANCES: dict[str, tuple[Callable[[str], events.Event], str]] = {
    "that is attacked": (
        lambda instance: events.instance_finding(
            instance, finding="UnauthorizedAccess:EC2/SSHBruteForce", role="TARGET", severity=2.0
        ),
        "ANNOUNCED",
    ),
    "that others complain about": (events.abuse, "PENDING"),
}


@pytest.mark.parametrize("kind", ABOUT_INSTANCES)
def test_an_instance_that_may_be_sound_stays_as_it_is(deployed: Deployed, kind: str) -> None:
    """Given a signal about an instance that need not act for an attacker, nothing is changed without a yes."""
    signal, outcome = ABOUT_INSTANCES[kind]
    ec2 = deployed.client("ec2")
    image = ec2.describe_images()["Images"][0]["ImageId"]
    (made,) = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1)["Instances"]
    instance = made["InstanceId"]

    def state() -> object:
        return ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]

    before = state()
    alert = deployed.respond(signal(instance))
    assert alert["outcome"] == outcome
    assert {action["result"] for action in alert["actions"]} <= {"planned"}
    assert [target["id"] for target in alert["targets"]] == [instance]
    assert alert["next_steps"]
    assert deployed.records(alert["incident_id"], "CHANGE#") == []
    assert state() == before
