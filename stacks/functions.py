"""One function and one least-privilege role for each handler and each action.

A role holds exactly the grants that its module declares, its own log stream, and an explicit deny on
everything that must never be touched: the responder's own roles, the CDK's deployment roles, and the principals
that the owner protects.

May touch: nothing in an account; it defines resources.
Never: grants anything that no module declares.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from lambdas import actions, journal
from lambdas.handlers import (
    approval,
    environment,
    hold,
    investigate,
    look_back,
    notify,
    report,
    restore,
    take_stock,
    triage,
)
from stacks import fixed
from stacks.explained import explain, lint

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from lambdas.aws import Grant
    from stacks.settings import Settings

ROLE_PATH = fixed.ROLE_PATH
PREFIX = fixed.PREFIX
OTHER_ROLES = ("respond", "restore", "investigate", "rules")
#: The functions that find out what was done: they read, and change nothing but the evidence bucket.
INVESTIGATING = ("Investigate", "LookBack", "TakeStock", "Report")
HANDLERS = ("Triage", "Notify", "Approval", "Hold", "Restore", *INVESTIGATING)
UNDO = "Undo"
_DEPLOYING = ("deploy", "cfn-exec", "file-publishing", "image-publishing", "lookup")
_QUALIFIER = "hnb659fds"
_MEMORY_MB = 512
_ASK_MUCH = ("triage", "hold", "investigate", "look_back", "take_stock", "report")
_MORE_MEMORY_MB = 1024  # these ask many at once; EC2's model takes long to read, and a cut waits for that
_TIMEOUT = cdk.Duration.seconds(15)
#: The most that a hold takes: two minutes until the last cut of an instance is made, and twice the longest watch.
_HOLD_TIMEOUT = cdk.Duration.seconds(300)
#: What looks back or takes stock stops by itself before that, and is called again where there is more.
_LONG = cdk.Duration.seconds(300)


class Functions(Construct):
    """Every function of the responder: the handlers, one for each action, and one for the undo of each that has one.

    ``names`` fills the placeholders of the grants' resources (``{table}``, ``{topic}``, ``{key}``,
    ``{executions}``, ``{restores}``); ``variables`` is what every function is told through its environment,
    ``evidence`` what those that act on instances are told besides.
    """

    def __init__(  # noqa: PLR0913  (what they all share)
        self,
        scope: Construct,
        construct_id: str,
        *,
        code: lambda_.Code,
        settings: Settings,
        names: Mapping[str, str],
        variables: Mapping[str, str],
        evidence: Mapping[str, str],
    ) -> None:
        super().__init__(scope, construct_id)
        self._code = code
        self._settings = settings
        self._names = names
        self._denies = self._never()
        guardrails = cdk.Stack.of(self).to_json_string(
            {
                "account": cdk.Aws.ACCOUNT_ID,
                "observe_all": settings.mode == "observe",
                "modes": {name: [list(step) for step in steps] for name, steps in settings.playbook_modes.items()},
                "protected": list(settings.protected_principals),
                "own": self._own_by_prefix(),
                "instances": list(settings.protected_instances),
                "vpcs": list(settings.protected_vpcs),
                "extras": {name: list(actions) for name, actions in settings.playbook_extras.items()},
                "limit": settings.max_containments_per_hour,
                "minutes": settings.approval_timeout_minutes,
                "then": settings.approval_timeout_then,
                "hold": settings.hold_seconds,
                "look": settings.second_look_minutes,
                "investigate": settings.investigate,
            }
        )
        self.triage = self._function(
            "Triage",
            "Understands a signal, plans the answer, finds its case",
            "triage",
            triage.GRANTS,
            {**variables, environment.GUARDRAILS: guardrails},
        )
        self.notify = self._function(
            "Notify",
            "Judges a case, sends the alert, records the outcome",
            "notify",
            notify.GRANTS,
            variables,
        )
        self.approval = self._function(
            "Approval",
            "Keeps questions, takes answers",
            "approval",
            approval.GRANTS,
            {**variables, environment.GUARDRAILS: guardrails},
        )
        self.hold = self._function(
            "Hold",
            "Watches cuts, has what is undone made again",
            "hold",
            hold.GRANTS,
            variables,
            timeout=_HOLD_TIMEOUT,
        )
        told = {**variables, **evidence, environment.GUARDRAILS: guardrails}
        self.investigating = {
            name: self._function(name, description, handler, grants, told, timeout=_LONG)
            for name, description, handler, grants in (
                (
                    "Investigate",
                    "Begins a look at what was done, follows credentials",
                    "investigate",
                    investigate.GRANTS,
                ),
                ("LookBack", "Looks up one region's event history of CloudTrail", "look_back", look_back.GRANTS),
                ("TakeStock", "Lists what is new in the account, and its posture", "take_stock", take_stock.GRANTS),
                ("Report", "Writes the report of an investigation, tells people", "report", report.GRANTS),
            )
        }
        self.restore = self._function(
            "Restore",
            "Opens a case's journal for undoing, tells how that ended",
            "restore",
            restore.GRANTS,
            variables,
        )
        self.undos = {
            name: self._function(
                f"{UNDO}{_camel(name)}",
                f"Undoes one change: {name}",
                "undo",
                (*actions.load(name).undo_grants, *journal.UNDO_GRANTS),
                {**variables, environment.ACTION: name},
            )
            for name in undone()
        }
        self.actions = {
            name: self._function(
                _camel(name),
                f"Makes one change: {name}",
                "act",
                (*actions.load(name).grants, *journal.CHANGE_GRANTS),
                {**variables, environment.ACTION: name, **(evidence if actions.load(name).on_instances else {})},
            )
            for name in actions.names()
        }

    def to_respond(self) -> dict[str, lambda_.Function]:
        """Give each function that the respond workflow may invoke, under the name that it uses for its ARN."""
        named = {"Triage": self.triage, "Notify": self.notify, "Approval": self.approval, "Hold": self.hold}
        named |= {_camel(name): function for name, function in self.actions.items()}
        return {f"{name}FunctionArn": function for name, function in named.items()}

    def to_investigate(self) -> dict[str, lambda_.Function]:
        """Give each function that the investigate workflow may invoke: what reads, and the hold."""
        named = {"Hold": self.hold, **self.investigating}
        return {f"{name}FunctionArn": function for name, function in named.items()}

    def to_restore(self) -> dict[str, lambda_.Function]:
        """Give each function that the restore workflow may invoke: none that contains anything."""
        named = {"Restore": self.restore}
        named |= {f"{UNDO}{_camel(name)}": function for name, function in self.undos.items()}
        return {f"{name}FunctionArn": function for name, function in named.items()}

    def _function(  # noqa: PLR0913  (what makes one function)
        self,
        name: str,
        description: str,
        handler: str,
        grants: Collection[Grant],
        variables: Mapping[str, str],
        *,
        timeout: cdk.Duration = _TIMEOUT,
    ) -> lambda_.Function:
        log_group = logs.LogGroup(
            self, f"{name}Log", retention=logs.RetentionDays.ONE_YEAR, removal_policy=cdk.RemovalPolicy.RETAIN
        )
        role = iam.Role(
            self,
            f"{name}Role",
            path=ROLE_PATH,
            role_name=f"{PREFIX}{name}",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            description=f"Tourniquet: {description}",
            managed_policies=self._denies,
            inline_policies={
                "Grants": iam.PolicyDocument(statements=[*_statements(grants, self._names), _may_log(log_group)])
            },
        )
        for grant in grants:
            if "*" in grant.resource or grant.resource in {"{executions}", "{restores}"}:
                self._explain(role, grant)
        function = lambda_.Function(
            self,
            name,
            function_name=f"{PREFIX}{name}",
            description=f"Tourniquet: {description}",
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64,
            code=self._code,
            handler=f"lambdas.handlers.{handler}.handler",
            role=role.without_policy_updates(),
            memory_size=_MORE_MEMORY_MB if handler in _ASK_MUCH or _on_instances(variables) else _MEMORY_MB,
            timeout=timeout,
            log_group=log_group,
            environment={**variables, "POWERTOOLS_LOG_LEVEL": "INFO"},
        )
        explain(
            function,
            "L1",
            "Python 3.13 is what the asset's bytecode is compiled for and what every test runs on.",
        )
        lint(function, W3005="The CDK names the role both ways; the second is its own and does no harm.")
        return function

    def _explain(self, role: iam.Role, grant: Grant) -> None:
        """Say why a role may act on what it cannot name beforehand."""
        resource = grant.resource.format_map(_bound(self._names))
        for name in self._names.values():
            resolved = cdk.Stack.of(self).resolve(name)
            if isinstance(resolved, dict) and (found := resolved.get("Fn::GetAtt")):
                resource = resource.replace(name, f"<{'.'.join(found)}>")
        for token, shown in (
            (cdk.Aws.PARTITION, "<AWS::Partition>"),
            (cdk.Aws.ACCOUNT_ID, "<AWS::AccountId>"),
            (cdk.Aws.REGION, "<AWS::Region>"),
        ):
            resource = resource.replace(token, shown)
        reason = (
            "The calls have no resource that a policy could name; they read, or need a task token."
            if resource == "*"
            else (
                "Nobody knows beforehand whose credentials are stolen or which execution opened a case; the call "
                "itself is one of the module's declared grants, narrowed by condition where IAM has one."
            )
        )
        explain(role, f"IAM5[Resource::{resource}]", reason)

    def _own(self) -> list[str]:
        """List the roles that are the responder's own or the CDK's, as ``role/<path><name>``.

        Exact names, because anybody who may make a role may choose its name and its path.
        """
        stack = cdk.Stack.of(self)
        qualifier = self.node.try_get_context("@aws-cdk/core:bootstrapQualifier") or _QUALIFIER
        names = (
            *HANDLERS,
            *(_camel(name) for name in actions.names()),
            *(f"{UNDO}{_camel(name)}" for name in undone()),
            *OTHER_ROLES,
        )
        return [
            *(f"role{ROLE_PATH}{PREFIX}{name}" for name in names),
            *(f"role/cdk-{qualifier}-{kind}-role-{cdk.Aws.ACCOUNT_ID}-{stack.region}" for kind in _DEPLOYING),
        ]

    def _own_by_prefix(self) -> dict[str, list[str]]:
        """Give the same list in short, what most names begin with → the rest: an environment holds little."""
        prefix = f"role{ROLE_PATH}{PREFIX}"
        own = self._own()
        return {
            prefix: [name.removeprefix(prefix) for name in own if name.startswith(prefix)],
            "": [name for name in own if not name.startswith(prefix)],
        }

    def _never(self) -> list[iam.IManagedPolicy]:
        """Deny every change to what must not be touched, whatever else a role may do: one text for all."""
        iam_here = f"arn:{cdk.Aws.PARTITION}:iam::{cdk.Aws.ACCOUNT_ID}"
        own = [_denied("NeverTouch", [f"{iam_here}:{own}" for own in self._own()])]
        protected = self._protected()
        return [
            iam.ManagedPolicy(
                self,
                name,
                path=ROLE_PATH,
                managed_policy_name=f"{PREFIX}{name}",
                description=f"Tourniquet: keeps its roles from {what}",
                document=iam.PolicyDocument(statements=statements),
            )
            for name, what, statements in (
                ("NeverTouchOwn", "the responder's own roles and the CDK's", own),
                ("NeverTouchProtected", "what the owner protects", protected),
            )
            if statements
        ]

    def _protected(self) -> list[iam.PolicyStatement]:
        """Deny every change to what the owner protects."""
        ec2_here = f"arn:{cdk.Aws.PARTITION}:ec2:*:{cdk.Aws.ACCOUNT_ID}"
        instances = [f"{ec2_here}:instance/{one}" for one in self._settings.protected_instances]
        # A VPC that another account shares has that account's number.
        vpcs = [f"arn:{cdk.Aws.PARTITION}:ec2:*:*:vpc/{one}" for one in self._settings.protected_vpcs]
        statements = []
        if self._settings.protected_principals:
            statements.append(_denied("NeverTouchPrincipals", list(self._settings.protected_principals)))
        if instances or vpcs:
            statements.append(
                iam.PolicyStatement(
                    sid="NeverTouchInstances",
                    effect=iam.Effect.DENY,
                    not_actions=["ec2:Describe*", "ec2:Get*"],
                    resources=[*instances, *vpcs],
                )
            )
        if vpcs:
            statements.append(
                iam.PolicyStatement(
                    sid="NeverTouchWhatIsInVpcs",
                    effect=iam.Effect.DENY,
                    actions=["ec2:*"],
                    resources=["*"],
                    conditions={"ArnLike": {"ec2:Vpc": vpcs}},
                )
            )
        return statements


def _denied(sid: str, principals: list[str]) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        sid=sid, effect=iam.Effect.DENY, not_actions=["iam:Get*", "iam:List*"], resources=principals
    )


def undone() -> tuple[str, ...]:
    """List the actions whose changes can be undone: evidence cannot."""
    return tuple(name for name in actions.names() if actions.load(name).undo_grants)


def _on_instances(variables: Mapping[str, str]) -> bool:
    action = variables.get(environment.ACTION)
    return action is not None and actions.load(action).on_instances


def _statements(grants: Iterable[Grant], names: Mapping[str, str]) -> list[iam.PolicyStatement]:
    """Turn grants into statements: one for each resource and condition."""
    bound = _bound(names)
    grouped: dict[tuple[str, tuple[tuple[str, str, str], ...]], set[str]] = {}
    for grant in grants:
        grouped.setdefault((grant.resource, grant.condition), set()).add(grant.action)
    statements = []
    for (resource, condition), allowed in grouped.items():
        conditions: dict[str, dict[str, str]] = {}
        for operator, key, value in condition:
            conditions.setdefault(operator, {})[key] = value.format_map(bound)
        statements.append(
            iam.PolicyStatement(
                actions=sorted(allowed), resources=[resource.format_map(bound)], conditions=conditions or None
            )
        )
    return statements


def _bound(names: Mapping[str, str]) -> dict[str, str]:
    """Give what the placeholders of a grant stand for."""
    return {
        "partition": cdk.Aws.PARTITION,
        "account": cdk.Aws.ACCOUNT_ID,
        "region": cdk.Aws.REGION,
        **names,
    }


def _may_log(log_group: logs.LogGroup) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[log_group.log_group_arn]
    )


def _camel(name: str) -> str:
    return actions.function_of(name).removeprefix(PREFIX)
