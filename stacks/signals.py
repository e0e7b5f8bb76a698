"""The rules that bring signals in, from the pattern that each module of ``lambdas.signals`` exports.

May touch: nothing in an account; it defines resources.
Never: filters by a type that AWS may add to; drops an event without a dead-letter queue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from constructs import Construct

from lambdas.signals import PATTERNS
from stacks.functions import PREFIX, ROLE_PATH

if TYPE_CHECKING:
    from aws_cdk import aws_sqs as sqs
    from aws_cdk import aws_stepfunctions as sfn

_KEEP_TRYING = cdk.Duration.hours(1)
_TRIES = 60


class Signals(Construct):
    """One rule a source, each starting the respond workflow, with a dead-letter queue behind it."""

    def __init__(
        self, scope: Construct, construct_id: str, *, respond: sfn.StateMachine, dead_letters: sqs.Queue
    ) -> None:
        super().__init__(scope, construct_id)
        role = iam.Role(
            self,
            "StartRole",
            path=ROLE_PATH,
            role_name=f"{PREFIX}rules",
            assumed_by=iam.ServicePrincipal("events.amazonaws.com"),
            description="Tourniquet: lets the rules start the respond workflow",
            inline_policies={
                "Start": iam.PolicyDocument(
                    statements=[
                        iam.PolicyStatement(actions=["states:StartExecution"], resources=[respond.state_machine_arn])
                    ]
                )
            },
        )
        rules = [
            events.CfnRule(
                self,
                name,
                description=f"Tourniquet: signals of {name}",
                event_pattern=pattern,
                targets=[
                    events.CfnRule.TargetProperty(
                        id="Respond",
                        arn=respond.state_machine_arn,
                        role_arn=role.role_arn,
                        dead_letter_config=events.CfnRule.DeadLetterConfigProperty(arn=dead_letters.queue_arn),
                        retry_policy=events.CfnRule.RetryPolicyProperty(
                            maximum_event_age_in_seconds=_KEEP_TRYING.to_seconds(),
                            maximum_retry_attempts=_TRIES,
                        ),
                    )
                ],
            )
            for name, pattern in PATTERNS.items()
        ]
        dead_letters.add_to_resource_policy(
            iam.PolicyStatement(
                sid="RulesMaySend",
                principals=[iam.ServicePrincipal("events.amazonaws.com")],
                actions=["sqs:SendMessage"],
                resources=[dead_letters.queue_arn],
                conditions={"ArnEquals": {"aws:SourceArn": [rule.attr_arn for rule in rules]}},
            )
        )
