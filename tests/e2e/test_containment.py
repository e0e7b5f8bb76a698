"""The main job on the deployed stack: each source's event, from the bus to refused calls and an alert."""

from __future__ import annotations

import json
import time
from functools import partial
from typing import TYPE_CHECKING

import pytest

from demo import events
from tests.e2e.deployed import Deployed, Key, names_user

if TYPE_CHECKING:
    from collections.abc import Callable

UNUSUAL = "Discovery:IAMUser/AnomalousBehavior"
SOURCES: dict[str, Callable[[Key, str], events.Event]] = {
    "health": lambda key, user: events.health(key.id, user=user, event_id=user),
    "health, old form": lambda key, user: _without_metadata(events.health(key.id, event_id=user)),
    "trusted advisor": lambda key, user: events.trusted_advisor(key.id, user),
    "guardduty": lambda key, user: events.guardduty(key.id, user),
}


def _without_metadata(event: events.Event) -> events.Event:
    event["resources"] = []
    for name in ("eventMetadata", "affectedAccount", "communicationId", "statusCode", "page", "totalPages"):
        event["detail"].pop(name)
    return event


@pytest.mark.parametrize("source", SOURCES)
def test_an_exposed_key_is_contained_within_15_seconds(deployed: Deployed, source: str) -> None:
    """Given a fresh user with two keys and a session, after an event of each source nothing of it works any more."""
    user, (leaked, other) = deployed.user(path="/pipelines/")
    made = deployed.client("sts", leaked).get_session_token()["Credentials"]
    session = Key(id=made["AccessKeyId"], secret=made["SecretAccessKey"], token=made["SessionToken"])
    assert not any(deployed.refused(key) for key in (leaked, other, session))
    started = time.monotonic()
    deployed.put(SOURCES[source](leaked, user))
    alert = deployed.alert(names_user(user), what=f"the alert about {user}")
    assert time.monotonic() - started < 15
    assert alert["outcome"] == "CONTAINED"
    assert alert["schema"] == "tourniquet/1"
    assert deployed.status(user) == {leaked.id: "Inactive", other.id: "Active"}
    assert "AWSDenyAll" in deployed.policies(user)
    assert all(deployed.refused(key) for key in (leaked, other, session))
    assert leaked.id not in json.dumps(alert)
    (case,) = [case for case in deployed.cases() if leaked.id in case["targets"]]
    assert case["outcome"] == "CONTAINED"
    assert case["incident_id"] == alert["incident_id"]


def test_a_full_policy_quota_does_not_save_the_attacker(deployed: Deployed) -> None:
    """Given a user whose policy quota is full, the boundary refuses both its keys."""
    user, (leaked, other) = deployed.user()
    iam = deployed.client("iam")
    statement = {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    for number in range(9):
        policy = iam.create_policy(PolicyName=f"{user}-{number}", PolicyDocument=document)["Policy"]["Arn"]
        iam.attach_user_policy(UserName=user, PolicyArn=policy)
    deployed.put(events.health(leaked.id, user=user, event_id=user))
    alert = deployed.alert(names_user(user))
    assert alert["outcome"] == "CONTAINED"
    assert "AWSDenyAll" not in deployed.policies(user)
    assert all(deployed.refused(key) for key in (leaked, other))


def test_four_reports_at_once_are_one_case(deployed: Deployed) -> None:
    """Given the same key reported four times at once, there is one case with four signals, and one alert of the cut."""
    user, (leaked, _) = deployed.user()
    reports = [
        events.health(leaked.id, user=user, event_id=user),
        events.health(leaked.id, user=user, event_id=f"{user}-backup"),
        events.trusted_advisor(leaked.id, user),
        events.guardduty(leaked.id, user),
    ]
    executions = deployed.at_once(*(partial(deployed.put, report) for report in reports))
    for (execution,) in executions:
        deployed.ended(execution)
    (case,) = [case for case in deployed.cases() if leaked.id in case["targets"]]
    assert case["outcome"] == "CONTAINED"
    assert len(deployed.records(case["incident_id"], "SIGNAL#")) == len(reports)
    deployed.told(case["incident_id"], "CONTAINED")
    about = [alert for alert in deployed.alerts() if names_user(user)(alert)]
    assert len([alert for alert in about if alert["actions"][0]["held"] is None]) == 1


def test_the_mail_can_be_read_and_its_undo_pasted(deployed: Deployed) -> None:
    """Given a contained user, the lines by hand in the mail, pasted into a shell, give the user its rights back."""
    user, (leaked, other) = deployed.user()
    deployed.put(events.health(leaked.id, user=user, event_id=user))
    mail = deployed.mail(lambda mail: user in mail.body)
    assert mail.to == "oncall@example.com"
    assert mail.body.startswith("CONTAINED: AWS found an access key of yours in public.")
    assert leaked.id not in mail.body
    assert deployed.refused(other)
    case = deployed.alert(names_user(user))["incident_id"]
    deployed.ended(deployed.case(case)["execution"])  # as long as it is watched, what is undone is made again
    by_hand = next(row.strip() for row in mail.body.splitlines() if "detach-user-policy" in row)
    deployed.paste(by_hand)
    assert not deployed.refused(other)
    assert deployed.refused(leaked)
    reactivate = next(row.strip() for row in mail.body.splitlines() if "update-access-key" in row)
    deployed.paste(reactivate)
    assert not deployed.refused(leaked)


def test_the_command_that_contains_by_hand_can_be_pasted(deployed: Deployed) -> None:
    """Given a finding that was only observed, the alert's command contains the user."""
    user, (leaked, other) = deployed.user()
    alert = deployed.respond(events.guardduty(leaked.id, user, finding=UNUSUAL, severity=2.0))
    assert alert["outcome"] == "OBSERVED"
    assert not deployed.refused(leaked)
    deployed.paste(next(step for step in alert["next_steps"] if "start-execution" in step).split("\n")[1])
    deployed.alert(lambda one: names_user(user)(one) and one["outcome"] == "CONTAINED")
    assert all(deployed.refused(key) for key in (leaked, other))


def test_nothing_listens_beyond_this_machine(deployed: Deployed) -> None:
    """Given the running embedded AWS, its port is bound to 127.0.0.1 only."""
    wanted = f"{deployed.aws.port:04X}"
    with open("/proc/net/tcp") as table:  # noqa: PTH123 - a kernel file
        bound = [
            row.split()[1] for row in table if row.split()[3:4] == ["0A"] and row.split()[1].endswith(f":{wanted}")
        ]
    assert bound == [f"0100007F:{wanted}"]
