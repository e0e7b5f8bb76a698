"""What goes wrong is told: malformed events, dead workflows, events that no workflow took."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from demo import events

if TYPE_CHECKING:
    from tests.e2e.deployed import Deployed

RULES = "tourniquet-rules"
MALFORMED: dict[str, tuple[str, str, dict[str, Any]]] = {
    "no detail": ("aws.health", "AWS Health Event", {}),
    "wrong types": (
        "aws.health",
        "AWS Health Event",
        {"eventTypeCode": "AWS_RISK_CREDENTIALS_EXPOSED", "affectedEntities": "x", "eventMetadata": 7},
    ),
    "a code of the wrong type": ("aws.health", "AWS Health Event", {"eventTypeCode": 7, "affectedEntities": [3]}),
    "an unknown code": (
        "aws.health",
        "AWS Health Event",
        {"eventTypeCode": "AWS_RISK_NEW", "affectedEntities": [{"entityValue": "somebody"}]},
    ),
    "200 kB of junk": (
        "aws.health",
        "AWS Health Event",
        {"eventTypeCode": "AWS_RISK_CREDENTIALS_EXPOSED", "junk": "x" * 200_000},
    ),
    "a finding without a resource": ("aws.guardduty", "GuardDuty Finding", {"type": "Impact:IAMUser/New"}),
    "a check item without a check": (
        "aws.trustedadvisor",
        "Trusted Advisor Check Item Refresh Notification",
        {"status": "ERROR"},
    ),
}


@pytest.mark.side_by_side
@pytest.mark.parametrize("case", MALFORMED)
def test_a_malformed_event_is_announced_and_changes_nothing(deployed: Deployed, case: str) -> None:
    """Given an event that cannot be understood, an ANNOUNCED alert arrives and no change was journaled."""
    source, kind, detail = MALFORMED[case]
    alert = deployed.respond({"source": source, "detail-type": kind, "detail": detail})
    assert alert["outcome"] == "ANNOUNCED"
    assert alert["signal"]["source"] == source
    assert alert["actions"] == []
    assert alert["not_done"]
    assert deployed.records(alert["incident_id"], "CHANGE#") == []


@pytest.mark.side_by_side
def test_a_workflow_that_is_stopped_is_announced(deployed: Deployed) -> None:
    """Given an execution that somebody stops, the rule on execution status publishes by itself."""
    user, (leaked, _) = deployed.user()
    stepfunctions = deployed.client("stepfunctions")
    started = stepfunctions.start_execution(
        stateMachineArn=deployed.outputs["RespondStateMachineArn"], input=json.dumps({"user_name": user})
    )
    execution = started["executionArn"]

    def begun() -> bool | None:
        history = stepfunctions.get_execution_history(executionArn=execution)["events"]
        return any(event["type"] == "TaskStateEntered" for event in history) or None

    deployed.wait(begun, seconds=5, what="the execution to begin")
    stepfunctions.stop_execution(executionArn=execution)
    text = deployed.alert(
        lambda one: isinstance(one, str) and execution in one, what="the announcement of the stopped workflow"
    )
    assert "FAILED: Tourniquet began to answer a signal" in text
    assert "ABORTED" in text
    alert = deployed.respond(events.health(leaked.id, user=user, event_id=user))
    assert alert["outcome"] == "CONTAINED", "the next signal contains what the stopped workflow did not"


def test_an_event_that_no_workflow_takes_is_kept(alone: Deployed) -> None:
    """Given rules that may not start the workflow, an event is in the dead-letter queue."""
    sqs, iam = alone.client("sqs"), alone.client("iam")
    queue = alone.outputs["DeadLetterQueueUrl"]
    (policy,) = iam.list_role_policies(RoleName=RULES)["PolicyNames"]
    document = iam.get_role_policy(RoleName=RULES, PolicyName=policy)["PolicyDocument"]
    marker = uuid.uuid4().hex
    _do_not_retry(alone)
    iam.delete_role_policy(RoleName=RULES, PolicyName=policy)
    try:
        alone.put(events.health("AKIAIOSFODNN7LOST000", event_id=marker))

        def kept() -> bool | None:
            found = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, VisibilityTimeout=1).get("Messages", [])
            return any(marker in message["Body"] for message in found) or None

        alone.wait(kept, seconds=30, what="the event in the dead-letter queue")
    finally:
        iam.put_role_policy(RoleName=RULES, PolicyName=policy, PolicyDocument=json.dumps(document))


def test_what_is_in_the_dead_letter_queue_raises_the_alarm(alone: Deployed) -> None:
    """Given a message in the dead-letter queue since the beginning, its alarm is heard among the alerts."""
    alarm = alone.alert(
        lambda one: isinstance(one, dict) and "AlarmName" in one, seconds=180, what="the dead-letter queue's alarm"
    )
    assert alarm["NewStateValue"] == "ALARM"
    assert "dead-letter queue" in alarm["AlarmDescription"]


def _do_not_retry(deployed: Deployed) -> None:
    """Have refused events given up at once, as AWS does; the embedded one retries them like any other."""
    bus = deployed.client("events")
    for rule in bus.list_rules()["Rules"]:
        targets = bus.list_targets_by_rule(Rule=rule["Name"])["Targets"]
        ours = [target for target in targets if target["Arn"] == deployed.outputs["RespondStateMachineArn"]]
        for target in ours:
            target["RetryPolicy"]["MaximumRetryAttempts"] = 0
            bus.put_targets(Rule=rule["Name"], Targets=[target])
