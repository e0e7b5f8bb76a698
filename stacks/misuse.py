"""The alarm on powers that IAM cannot narrow: each is alone in a role, and any use but its own is told at once.

``iam:UpdateAccessKey`` and ``iam:PutRolePolicy`` have no condition that holds them to what they are for; in code, their
argument is a constant. A rule for each of these roles looks at what CloudTrail records: a call with another argument,
any other call to IAM, a call from a session that is not the function's, and the role assumed by anything but Lambda
for that function. It publishes to the topic without any code of ours, so who changes the code cannot silence it.

CloudTrail's events reach EventBridge only where a trail of the account logs management events. A refused call often
has no arguments in its record; then it is told only if the call is none of the role's.

May touch: nothing in an account; it defines resources.
Never: depends on a function or a workflow; shows who called or with what, which an attacker chooses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from lambdas import actions
from lambdas.aws import DENY_ALL
from stacks import fixed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aws_cdk import aws_sns as sns
    from aws_cdk import aws_sqs as sqs

    from lambdas.aws import Grant
    from lambdas.model import Json

PATTERN_LIMIT = 2048
"""How many characters EventBridge takes of a pattern."""

_POLICY_NAME = "Tourniquet-"
_ABSENT = {"exists": False}
_TRAIL = "AWS API Call via CloudTrail"
#: CloudTrail counts AssumeRole among what only reads, of which a rule that is merely enabled hears little.
_READS_TOO = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Power:
    """One role of that kind: its function, the calls that it is for, and what arguments are wrong in them."""

    function: str
    calls: tuple[str, ...]
    wrong: tuple[Json, ...]

    @property
    def role(self) -> str:
        """Give the name of the role, which is the function's too, and so that of its sessions."""
        return f"{fixed.PREFIX}{self.function}"


def _calls(grants: Iterable[Grant]) -> tuple[str, ...]:
    """Name the calls to IAM among some grants."""
    return tuple(sorted({grant.action.removeprefix("iam:") for grant in grants if grant.action.startswith("iam:")}))


def _argument(call: str, name: str, wrong: list[Json]) -> tuple[Json, Json]:
    """Match a call whose argument is wrong, or that succeeded without that argument in its record."""
    return (
        {"eventName": [call], "requestParameters": {name: wrong}},
        {"eventName": [call], "requestParameters": {name: [_ABSENT]}, "errorCode": [_ABSENT]},
    )


def _status(only: str) -> tuple[Json, ...]:
    return _argument("UpdateAccessKey", "status", [{"anything-but": only}])


#: JSON can write ``Allow`` with escapes. No document of ours has a backslash.
_ALLOWS: list[Json] = [{"wildcard": '*"Allow"*'}, {"wildcard": r"*\\*"}]
_OTHER_POLICY = [{"anything-but": {"prefix": _POLICY_NAME}}]
_DENIES_ONLY = (
    *_argument("PutRolePolicy", "policyName", _OTHER_POLICY),
    *_argument("PutRolePolicy", "policyDocument", _ALLOWS),
)

_DISABLE, _REVOKE = actions.load("disable_key"), actions.load("revoke_sessions")
POWERS = (
    Power(function="DisableKey", calls=_calls(_DISABLE.grants), wrong=_status("Inactive")),
    Power(function="UndoDisableKey", calls=_calls(_DISABLE.undo_grants), wrong=_status("Active")),
    Power(function="RevokeSessions", calls=_calls(_REVOKE.grants), wrong=_DENIES_ONLY),
    Power(
        function="UndoRevokeSessions",
        calls=_calls(_REVOKE.undo_grants),
        wrong=_argument("DeleteRolePolicy", "policyName", _OTHER_POLICY),
    ),
)


def pattern(power: Power, *, partition: str, account: str) -> Json:
    """Give the event pattern that matches each use of a power that is not its own."""
    role = f"arn:{partition}:iam::{account}:role{fixed.ROLE_PATH}{power.role}"
    session = f"arn:{partition}:sts::{account}:assumed-role/{power.role}/{power.role}"
    used = {
        "eventSource": ["iam.amazonaws.com"],
        "userIdentity": {"sessionContext": {"sessionIssuer": {"arn": [role]}}},
        "$or": [
            {"eventName": [{"anything-but": list(power.calls)}]},
            {"userIdentity": {"arn": [{"anything-but": session}]}},
            *power.wrong,
        ],
    }
    assumed = {
        "eventSource": ["sts.amazonaws.com"],
        "requestParameters": {"roleArn": [role]},
        "$or": [
            {"userIdentity": {"type": [{"anything-but": "AWSService"}]}},
            {"userIdentity": {"invokedBy": [{"anything-but": "lambda.amazonaws.com"}]}},
            {"userIdentity": {"invokedBy": [_ABSENT]}},
            {"requestParameters": {"roleSessionName": [{"anything-but": power.role}]}},
        ],
    }
    return {"source": ["aws.iam", "aws.sts"], "detail-type": [_TRAIL], "detail": {"$or": [used, assumed]}}


class Misuse(Construct):
    """A rule for each power, which tells the topic."""

    def __init__(self, scope: Construct, construct_id: str, *, topic: sns.Topic, dead_letters: sqs.Queue) -> None:
        super().__init__(scope, construct_id)
        for power in POWERS:
            found = pattern(power, partition=cdk.Aws.PARTITION, account=cdk.Aws.ACCOUNT_ID)
            rule = events.Rule(
                self,
                power.function,
                description=f"Tourniquet: tells any use of the role {power.role} that is not its own",
                event_pattern=events.EventPattern(
                    source=found["source"], detail_type=found["detail-type"], detail=found["detail"]
                ),
                targets=[
                    targets.SnsTopic(
                        topic, dead_letter_queue=dead_letters, message=events.RuleTargetInput.from_text(_told(power))
                    )
                ],
            )
            generated = rule.node.default_child
            assert isinstance(generated, events.CfnRule)  # noqa: S101  (what every rule wraps)
            generated.state = _READS_TOO


def _told(power: Power) -> str:
    """Say what was seen and what to do: nothing in it is of an attacker's choice."""
    call = events.EventField.from_path("$.detail.eventName")
    when = events.EventField.from_path("$.detail.eventTime")
    record = events.EventField.from_path("$.detail.eventID")
    region = events.EventField.from_path("$.detail.awsRegion")
    deny = f"arn:{cdk.Aws.PARTITION}:iam::aws:policy/{DENY_ALL}"
    return (
        f"MISUSE: CloudTrail recorded {call} at {when}, by or on Tourniquet's role {power.role}, and it is not what "
        "that role is for. Assume that somebody has changed its function or its trust, or holds its credentials. What "
        f"to do next: read the record (aws cloudtrail lookup-events --region {region} "
        f"--lookup-attributes AttributeKey=EventId,AttributeValue={record} ). If it is not yours, deny the role "
        f"(aws iam attach-role-policy --role-name {power.role} --policy-arn {deny} ; where the guard is attached, as "
        "a principal that it lets through). From then on Tourniquet cannot use it either, so do by hand what its "
        "alerts ask for. Undo what the record shows, look in CloudTrail for UpdateFunctionCode, "
        "UpdateAssumeRolePolicy and PassRole before that time, deploy the stack again, then detach "
        f"{DENY_ALL} from the role."
    )
