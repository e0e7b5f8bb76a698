"""How people are told: the encrypted topic, the mail subscription, and what speaks when a workflow cannot.

The topic has a key of its own: on the AWS-managed key neither EventBridge nor CloudWatch alarms could
publish to it.

May touch: nothing in an account; it defines resources.
Never: lets the announcement of a dead workflow depend on a function or a workflow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as cloudwatch_actions
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks import fixed
from stacks.explained import explain

if TYPE_CHECKING:
    from aws_cdk import aws_stepfunctions as sfn

_PUBLISHERS = ("events.amazonaws.com", "cloudwatch.amazonaws.com")


class Alerts(Construct):
    """The alert topic and its key, the queue for what could not be delivered, and its alarm."""

    def __init__(self, scope: Construct, construct_id: str, *, email: str) -> None:
        super().__init__(scope, construct_id)
        self.key = kms.Key(
            self,
            "Key",
            description="Tourniquet: encrypts alerts",
            enable_key_rotation=True,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        cdk.Tags.of(self.key).add(fixed.TAG, fixed.ALERTS)  # the guard knows the key by it
        for service in _PUBLISHERS:
            self.key.add_to_resource_policy(
                iam.PolicyStatement(
                    principals=[iam.ServicePrincipal(service)],
                    actions=["kms:Decrypt", "kms:GenerateDataKey*"],
                    resources=["*"],
                )
            )
        self.topic = sns.Topic(self, "Topic", display_name="Tourniquet", master_key=self.key, enforce_ssl=True)
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsMayPublish",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": cdk.Aws.ACCOUNT_ID}},
            )
        )
        self.topic.add_subscription(subscriptions.EmailSubscription(email))
        self.dead_letters = sqs.Queue(
            self,
            "DeadLetters",
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=cdk.Duration.days(14),
        )
        explain(
            self.dead_letters,
            "SQS3",
            "This is the dead-letter queue; an alarm watches it.",
        )
        self._alarm()

    def _alarm(self) -> None:
        alarm = cloudwatch.Alarm(
            self,
            "DeadLettersAlarm",
            alarm_description=(
                "Tourniquet: a signal or an announcement could not be delivered and waits in the dead-letter queue. "
                "Read it there, then start the respond workflow with it by hand."
            ),
            metric=self.dead_letters.metric_approximate_number_of_messages_visible(
                period=cdk.Duration.minutes(1), statistic="Maximum"
            ),
            threshold=1,
            evaluation_periods=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(cloudwatch_actions.SnsAction(self.topic))

    def announce_deaths_of(
        self, respond: sfn.StateMachine, restore: sfn.StateMachine, investigate: sfn.StateMachine
    ) -> None:
        """Publish, without any code of ours, when an execution ends without having told anybody."""
        status = events.EventField.from_path("$.detail.status")
        execution = events.EventField.from_path("$.detail.executionArn")
        history = f"(Step Functions console, or: aws stepfunctions get-execution-history --execution-arn {execution} )"
        self._announce(
            "WorkflowDied",
            respond,
            f"FAILED: Tourniquet began to answer a signal, and its workflow ended as {status} before it "
            "could say what was done. Assume that nothing is contained. What to do next: open the run and "
            f"look which steps ended {history}, contain by hand what it did not, then start the workflow "
            "again: with the same input or, for a run whose name begins with ask-, which waited for an "
            "answer, with a request for the same target.",
        )
        self._announce(
            "RestoreDied",
            restore,
            f"FAILED: Tourniquet began to restore a case, and its workflow ended as {status} before it could say what "
            "was undone. Assume that a part of it is. What to do next: start the restore again with the same input, "
            f"which does only what is left; to see what was undone, look which steps ended {history}.",
        )

        self._announce(
            "InvestigationDied",
            investigate,
            "FAILED: Tourniquet began to find out what was done with compromised credentials, and its workflow ended "
            f"as {status} before it could report. What was contained stays so. What to do next: start the "
            f"investigation again with the same input; to see how far it came, look which steps ended {history}.",
        )

    def _announce(self, name: str, machine: sfn.StateMachine, said: str) -> None:
        """Have the topic told, by a rule of its own, when an execution of a workflow dies."""
        events.Rule(
            self,
            name,
            description="Tourniquet: announces a workflow that ended without its own announcement",
            event_pattern=events.EventPattern(
                source=["aws.states"],
                detail_type=["Step Functions Execution Status Change"],
                detail={
                    "status": ["FAILED", "TIMED_OUT", "ABORTED"],
                    "stateMachineArn": [machine.state_machine_arn],
                },
            ),
            targets=[
                targets.SnsTopic(
                    self.topic,
                    dead_letter_queue=self.dead_letters,
                    message=events.RuleTargetInput.from_text(said),
                )
            ],
        )
