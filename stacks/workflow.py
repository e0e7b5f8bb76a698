"""An ASL file becomes a state machine, allowed to do exactly what the file names.

May touch: nothing in an account; it defines resources.
Never: deploys a file with a placeholder that nothing fills, or grants what no placeholder names.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from stacks.explained import explain, lint
from stacks.functions import ROLE_PATH

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from aws_cdk import aws_kms as kms
    from aws_cdk import aws_lambda as lambda_
    from aws_cdk import aws_sns as sns

_PLACEHOLDER = re.compile(r"\$\{([A-Za-z]+)\}")


def placeholders(definition: str) -> frozenset[str]:
    """List the ``${…}`` of an ASL text."""
    return frozenset(_PLACEHOLDER.findall(definition))


class Workflow(Construct):
    """One workflow: the state machine, its role, its log.

    ``machines`` are the ARNs of other workflows that the file may name, and then may start.
    """

    def __init__(  # noqa: PLR0913  (what a file may name)
        self,
        scope: Construct,
        construct_id: str,
        *,
        file: Path,
        name: str,
        functions: Mapping[str, lambda_.Function],
        machines: Mapping[str, str],
        topic: sns.Topic,
        topic_key: kms.Key,
    ) -> None:
        super().__init__(scope, construct_id)
        definition = json.dumps(json.loads(file.read_text()), ensure_ascii=False, separators=(",", ":"))
        named = placeholders(definition)
        stack = cdk.Stack.of(self)
        own = f"arn:{stack.partition}:states:{stack.region}:{stack.account}:stateMachine:{name}"
        values = {
            "AlertTopicArn": topic.topic_arn,
            **machines,
            "OwnArn": own,
            **{placeholder: function.function_arn for placeholder, function in functions.items()},
        }
        if unbound := named - values.keys():
            raise ValueError(f"{file.name} names {', '.join(sorted(unbound))}, which nothing fills.")
        invoked = [function.function_arn for name, function in functions.items() if name in named]
        statements = [iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=invoked)]
        if "AlertTopicArn" in named:
            statements += [
                iam.PolicyStatement(actions=["sns:Publish"], resources=[topic.topic_arn]),
                iam.PolicyStatement(actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[topic_key.key_arn]),
            ]
        if started := [arn for name, arn in {**machines, "OwnArn": own}.items() if name in named]:
            statements.append(iam.PolicyStatement(actions=["states:StartExecution"], resources=started))
        self.role = iam.Role(
            self,
            "Role",
            path=ROLE_PATH,
            role_name=name,
            assumed_by=iam.ServicePrincipal("states.amazonaws.com"),
            description=f"Tourniquet: runs the workflow {name}",
            inline_policies={"Steps": iam.PolicyDocument(statements=statements)},
        )
        self.log = logs.LogGroup(
            self,
            "Log",
            retention=logs.RetentionDays.ONE_YEAR,
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        self.machine = sfn.StateMachine(
            self,
            "Machine",
            state_machine_name=name,
            definition_body=sfn.DefinitionBody.from_string(definition),
            definition_substitutions={key: value for key, value in values.items() if key in named},
            role=self.role,
            logs=sfn.LogOptions(destination=self.log, level=sfn.LogLevel.ALL, include_execution_data=False),
        )
        lint(
            self.machine,
            W3005="The CDK names the role both ways; the second is its own and does no harm.",
            E3601="It knows no time-out that is an expression, which ASL has; asl-validator checks the whole file.",
        )
        explain(
            self.machine,
            "SF2",
            "The execution history holds every step with its time; tracing would add a permission and a cost.",
        )
        explain(
            self.role,
            "IAM5[Resource::*]",
            "The log-delivery calls that Step Functions needs to write its log have no resource to name.",
        )
