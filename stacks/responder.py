"""The stack of the home region: composes the constructs beside it, defines no resource itself.

May touch: nothing in an account; it defines resources.
Never: defines a resource itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_

from lambdas.handlers import environment
from stacks import packaging
from stacks.alerts import Alerts
from stacks.functions import Functions
from stacks.misuse import Misuse
from stacks.records import Evidence, Records
from stacks.signals import Signals
from stacks.workflow import Workflow

if TYPE_CHECKING:
    from constructs import Construct

    from stacks.settings import Settings

RESPOND = "tourniquet-respond"
INVESTIGATE = "tourniquet-investigate"
RESTORE = "tourniquet-restore"


class Responder(cdk.Stack):
    """Tourniquet in one account: signals in, containment and alerts out."""

    def __init__(self, scope: Construct, construct_id: str, *, settings: Settings, account: str | None = None) -> None:
        super().__init__(
            scope,
            construct_id,
            env=cdk.Environment(account=account, region=settings.home_region),
            description="Tourniquet: contains leaked credentials and compromised instances, and tells people",
        )
        alerts = Alerts(self, "Alerts", email=settings.alert_email)
        records = Records(self, "Records")
        evidence = Evidence(self, "Evidence", days=settings.evidence_retention_days)
        states = f"arn:{cdk.Aws.PARTITION}:states:{cdk.Aws.REGION}:{cdk.Aws.ACCOUNT_ID}"
        functions = Functions(
            self,
            "Functions",
            code=lambda_.Code.from_asset(str(packaging.build())),
            settings=settings,
            names={
                "table": records.table.table_arn,
                "topic": alerts.topic.topic_arn,
                "key": alerts.key.key_arn,
                "evidence": evidence.bucket.bucket_arn,
                "days": str(settings.evidence_retention_days),
                "executions": f"{states}:execution:{RESPOND}:*",
                "restores": f"{states}:execution:{RESTORE}:*",
            },
            variables={
                environment.TABLE: records.table.table_name,
                environment.TOPIC: alerts.topic.topic_arn,
                environment.RESPOND: f"{states}:stateMachine:{RESPOND}",
                environment.RESTORE: f"{states}:stateMachine:{RESTORE}",
            },
            evidence={
                environment.EVIDENCE: evidence.bucket.bucket_name,
                environment.RETENTION: str(settings.evidence_retention_days),
            },
        )
        machines = {
            "RespondArn": f"{states}:stateMachine:{RESPOND}",
            "InvestigateArn": f"{states}:stateMachine:{INVESTIGATE}",
        }
        respond, restore, investigate = (
            Workflow(
                self,
                construct,
                file=packaging.ROOT / "state_machines" / f"{construct.lower()}.asl.json",
                name=name,
                functions=invoked,
                machines=machines,
                topic=alerts.topic,
                topic_key=alerts.key,
            )
            for construct, name, invoked in (
                ("Respond", RESPOND, functions.to_respond()),
                ("Restore", RESTORE, functions.to_restore()),
                ("Investigate", INVESTIGATE, functions.to_investigate()),
            )
        )
        alerts.announce_deaths_of(respond.machine, restore.machine, investigate.machine)
        Misuse(self, "Misuse", topic=alerts.topic, dead_letters=alerts.dead_letters)
        Signals(self, "Signals", respond=respond.machine, dead_letters=alerts.dead_letters)
        cdk.CfnOutput(self, "RespondStateMachineArn", value=respond.machine.state_machine_arn)
        cdk.CfnOutput(self, "RestoreStateMachineArn", value=restore.machine.state_machine_arn)
        cdk.CfnOutput(self, "InvestigateStateMachineArn", value=investigate.machine.state_machine_arn)
        cdk.CfnOutput(self, "AlertTopicArn", value=alerts.topic.topic_arn)
        cdk.CfnOutput(self, "IncidentTableName", value=records.table.table_name)
        cdk.CfnOutput(self, "EvidenceBucketName", value=evidence.bucket.bucket_name)
        cdk.CfnOutput(self, "DeadLetterQueueUrl", value=alerts.dead_letters.queue_url)
