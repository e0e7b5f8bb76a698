"""Each role against a list of dangerous calls, judged by an offline simulator of IAM."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lambdas import actions
from lambdas.aws import DENY_ALL
from stacks.functions import HANDLERS, INVESTIGATING, ROLE_PATH, undone
from stacks.settings import POLICY_ROOM
from tests.stacks.conftest import PROTECTED, PROTECTED_INSTANCE, PROTECTED_ROLE, PROTECTED_VPC

if TYPE_CHECKING:
    from tests.stacks.conftest import Synthesized

ROOT = Path(__file__).resolve().parents[2]
ACCOUNT = "123456789012"
DANGEROUS: dict[str, list[tuple[str, str, dict[str, str]]]] = {
    kind: calls
    for kind, calls in json.loads((Path(__file__).parent / "dangerous_calls.json").read_text()).items()
    if kind != "about"
}
_IAM = f"arn:aws:iam::{ACCOUNT}"
_HERE = f"us-east-1:{ACCOUNT}"
RESOURCES = {
    "user": f"{_IAM}:user/somebody",
    "protected user": PROTECTED,
    "protected role": PROTECTED_ROLE,
    "protected instance": f"arn:aws:ec2:{_HERE}:instance/{PROTECTED_INSTANCE}",
    "protected vpc": f"arn:aws:ec2:{_HERE}:vpc/{PROTECTED_VPC}",
    "interface": f"arn:aws:ec2:{_HERE}:network-interface/eni-0123456789abcdef0",
    "role": f"{_IAM}:role/some-role",
    "own role": f"{_IAM}:role{ROLE_PATH}tourniquet-Notify",
    "cdk role": f"{_IAM}:role/cdk-hnb659fds-cfn-exec-role-{ACCOUNT}-us-east-1",
    "group": f"{_IAM}:group/some-group",
    "policy": f"{_IAM}:policy/some-policy",
    "saml": f"{_IAM}:saml-provider/some",
    "oidc": f"{_IAM}:oidc-provider/some.example.com",
    "function": f"arn:aws:lambda:{_HERE}:function:somebody-elses",
    "own function": f"arn:aws:lambda:{_HERE}:function:tourniquet-Triage",
    "machine": f"arn:aws:states:{_HERE}:stateMachine:some",
    "own machine": f"arn:aws:states:{_HERE}:stateMachine:tourniquet-respond",
    "execution": f"arn:aws:states:{_HERE}:execution:some:one",
    "own execution": f"arn:aws:states:{_HERE}:execution:tourniquet-respond:one",
    "stack": f"arn:aws:cloudformation:{_HERE}:stack/some/1",
    "instance": f"arn:aws:ec2:{_HERE}:instance/i-0123456789abcdef0",
    "security group": f"arn:aws:ec2:{_HERE}:security-group/sg-0123456789abcdef0",
    "volume": f"arn:aws:ec2:{_HERE}:volume/vol-0123456789abcdef0",
    "snapshot": "arn:aws:ec2:us-east-1::snapshot/snap-0123456789abcdef0",
    "filter": f"arn:aws:guardduty:{_HERE}:detector/some/filter/some",
    "build": f"arn:aws:codebuild:{_HERE}:project/some",
    "secret": f"arn:aws:secretsmanager:{_HERE}:secret:some-abcdef",
    "parameter": f"arn:aws:ssm:{_HERE}:parameter/some",
    "object": "arn:aws:s3:::some-bucket/some-object",
    "table": f"arn:aws:dynamodb:{_HERE}:table/some",
    "log stream": f"arn:aws:logs:{_HERE}:log-group:some:log-stream:some",
    "log group": f"arn:aws:logs:{_HERE}:log-group:some",
    "kms key": f"arn:aws:kms:{_HERE}:key/00000000-0000-0000-0000-000000000000",
    "db": f"arn:aws:rds:{_HERE}:db:some",
    "repository": f"arn:aws:ecr:{_HERE}:repository/some",
    "own rule": f"arn:aws:events:{_HERE}:rule/TourniquetResponder-Health",
    "bus": f"arn:aws:events:{_HERE}:event-bus/default",
    "trail": f"arn:aws:cloudtrail:{_HERE}:trail/some",
    "detector": f"arn:aws:guardduty:{_HERE}:detector/some",
}
#: What is on the list and one role must do all the same.
EXCEPTIONS = {
    # Publishing to an encrypted topic needs the topic's own key, and nothing that is encrypted with it is readable.
    ("NotifyRole", "kms:GenerateDataKey", "{own kms key}"),
    # IAM has no condition that narrows it: alone in its role, its documents made of constants (see the action).
    ("RevokeSessionsRole", "iam:PutRolePolicy", "{role}"),
    # The only call that tells whether an instance is protected from termination; it tells user data too.
    ("ProtectInstanceRole", "ec2:DescribeInstanceAttribute", "{instance}"),
    ("RecordInstanceRole", "ec2:DescribeInstanceAttribute", "{instance}"),
    # User data is evidence, which goes into the evidence bucket and nowhere else.
    ("CollectEvidenceRole", "ec2:DescribeInstanceAttribute", "{instance}"),
    # What restore undoes: each in a role of its own, which only the restore workflow's functions have.
    ("UndoDenyPrincipalRole", "iam:PutUserPermissionsBoundary", "{user}"),
    ("UndoDenyPrincipalRole", "iam:PutRolePermissionsBoundary", "{role}"),
    ("UndoDenyPrincipalRole", "iam:DetachUserPolicy", "{user}"),
    ("UndoDenyPrincipalRole", "iam:DetachRolePolicy", "{role}"),
    ("UndoDenyPrincipalRole", "iam:DeleteUserPermissionsBoundary", "{user}"),
    ("UndoDenyPrincipalRole", "iam:DeleteRolePermissionsBoundary", "{role}"),
    ("UndoRevokeSessionsRole", "iam:DeleteRolePolicy", "{role}"),
    ("UndoIsolateInstanceRole", "ec2:ModifyNetworkInterfaceAttribute", "{security group}"),
    ("UndoLeaveBalancersRole", "elasticloadbalancing:RegisterTargets", "*"),
    ("UndoLeaveGroupsRole", "autoscaling:AttachInstances", "*"),
    ("UndoLockMetadataRole", "ec2:ModifyInstanceMetadataOptions", "{instance}"),
    ("UndoStopInstanceRole", "ec2:StartInstances", "{instance}"),
    ("UndoTakeProfileRole", "ec2:AssociateIamInstanceProfile", "{instance}"),
    # Only to EC2, and only who gives an instance its profile back.
    ("UndoTakeProfileRole", "iam:PassRole", "{role}"),
    # The only call that tells whether an instance is protected from termination; it tells user data too.
    ("UndoProtectInstanceRole", "ec2:DescribeInstanceAttribute", "{instance}"),
    # Which other case needs a deny is asked of the whole table, which holds no secrets but whole key ids.
    ("RestoreRole", "dynamodb:Scan", "{own table}"),
}
#: What is excepted above and yet must be refused: the exceptions name a call, and these say what it may not do.
_QUARANTINE = "arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantineV3"
_MOVE = "ec2:ModifyNetworkInterfaceAttribute"
_NEVER_EVEN_SO: list[tuple[str, tuple[str, str, dict[str, str]]]] = [
    ("UndoDenyPrincipalRole", ("iam:DetachUserPolicy", "{user}", {"iam:PolicyARN": _QUARANTINE})),
    ("UndoDenyPrincipalRole", ("iam:DetachRolePolicy", "{role}", {"iam:PolicyARN": _QUARANTINE})),
    ("UndoTakeProfileRole", ("iam:PassRole", "{role}", {"iam:PassedToService": "lambda.amazonaws.com"})),
    ("UndoIsolateInstanceRole", (_MOVE, "{security group}", {"aws:ResourceTag/tourniquet": "isolation"})),
]
#: The cuts, as the functions of respond make them.
_CUTS: list[tuple[str, str, dict[str, str]]] = [
    ("iam:AttachUserPolicy", "{user}", {"iam:PolicyARN": f"arn:aws:iam::aws:policy/{DENY_ALL}"}),
    ("iam:AttachRolePolicy", "{role}", {"iam:PolicyARN": f"arn:aws:iam::aws:policy/{DENY_ALL}"}),
    (
        "iam:PutUserPermissionsBoundary",
        "{user}",
        {"iam:PermissionsBoundary": f"arn:aws:iam::aws:policy/{DENY_ALL}"},
    ),
    (
        "iam:PutRolePermissionsBoundary",
        "{role}",
        {"iam:PermissionsBoundary": f"arn:aws:iam::aws:policy/{DENY_ALL}"},
    ),
    ("iam:PutRolePolicy", "{role}", {}),
    ("iam:UpdateAccessKey", "{user}", {}),
    ("ec2:ModifyNetworkInterfaceAttribute", "{security group}", {"aws:ResourceTag/tourniquet": "isolation"}),
    ("ec2:ModifyNetworkInterfaceAttribute", "{security group}", {"aws:ResourceTag/tourniquet": "open"}),
    ("ec2:StopInstances", "{instance}", {}),
    ("ec2:DisassociateIamInstanceProfile", "{instance}", {}),
    ("ec2:ModifyInstanceMetadataOptions", "{instance}", {"ec2:Attribute/HttpEndpoint": "disabled"}),
    ("autoscaling:DetachInstances", "*", {}),
    ("elasticloadbalancing:DeregisterTargets", "*", {}),
    ("ec2:CreateSecurityGroup", "{security group}", {"aws:RequestTag/tourniquet": "isolation"}),
]


_CHANGING = ("DenyPrincipal", "DisableKey", "RevokeSessions", "IsolateInstance", "ProtectInstance", "StopInstance")


class Roles:
    """The stack's roles, their policies with every reference filled in."""

    def __init__(self, template: dict[str, Any]) -> None:
        self._resources: dict[str, Any] = template["Resources"]
        self.own = {
            "own table": self._arn(self._only("AWS::DynamoDB::Table")),
            "own topic": self._arn(self._only("AWS::SNS::Topic")),
            "own queue": self._arn(self._only("AWS::SQS::Queue")),
            "own kms key": self._arn(self._only("AWS::KMS::Key")),
            "own evidence": f"{self._arn(self._only('AWS::S3::Bucket'))}/incidents/some/i-1/before.json",
        }
        self.policies: dict[str, dict[str, Any]] = {
            name: {"Version": "2012-10-17", "Statement": self._statements(name, resource["Properties"])}
            for name, resource in self._resources.items()
            if resource["Type"] == "AWS::IAM::Role"
        }

    def named(self, part: str) -> str:
        """Give the logical id of the one role, of a function first of all, whose id begins so."""
        (found,) = [name for name in self.policies if name.startswith(f"Functions{part}")] or [
            name for name in self.policies if name.startswith((part, f"Signals{part}"))
        ]
        return found

    def _only(self, kind: str) -> str:
        (found,) = [name for name, resource in self._resources.items() if resource["Type"] == kind]
        return found

    def _statements(self, name: str, properties: dict[str, Any]) -> list[Any]:
        documents = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
        documents += [
            resource["Properties"]["PolicyDocument"]
            for resource in self._resources.values()
            if resource["Type"] == "AWS::IAM::Policy" and {"Ref": name} in resource["Properties"]["Roles"]
        ]
        for managed in properties.get("ManagedPolicyArns", []):
            policy = self._resources[managed["Ref"]]
            assert policy["Type"] == "AWS::IAM::ManagedPolicy", "no policy of somebody else's is attached"
            documents.append(policy["Properties"]["PolicyDocument"])
        return [self.filled(statement) for document in documents for statement in document["Statement"]]

    def filled(self, value: Any) -> Any:  # noqa: ANN401 - any part of a template
        """Give a part of the template with its references filled in."""
        match value:
            case {"Ref": str(name)}:
                return self._pseudo(name)
            case {"Fn::GetAtt": [name, "Arn"]}:
                return self._arn(name)
            case {"Fn::Join": [str(between), parts]}:
                return between.join(self.filled(part) for part in parts)
            case dict():
                return {key: self.filled(inner) for key, inner in value.items()}
            case list():
                return [self.filled(inner) for inner in value]
        return value

    def _pseudo(self, name: str) -> str:
        known = {"AWS::Partition": "aws", "AWS::AccountId": ACCOUNT, "AWS::Region": "us-east-1"}
        return str(known.get(name) or self._arn(name))

    def _arn(self, name: str) -> str:
        resource = self._resources[name]
        properties = resource["Properties"]
        forms = {
            "AWS::Lambda::Function": f"arn:aws:lambda:{_HERE}:function:{properties.get('FunctionName')}",
            "AWS::StepFunctions::StateMachine": f"arn:aws:states:{_HERE}:stateMachine:"
            f"{properties.get('StateMachineName')}",
            "AWS::DynamoDB::Table": f"arn:aws:dynamodb:{_HERE}:table/{name}",
            "AWS::SNS::Topic": f"arn:aws:sns:{_HERE}:{name}",
            "AWS::SQS::Queue": f"arn:aws:sqs:{_HERE}:{name}",
            "AWS::KMS::Key": f"arn:aws:kms:{_HERE}:key/11111111-1111-1111-1111-111111111111",
            "AWS::S3::Bucket": "arn:aws:s3:::evidence-bucket",
            "AWS::Logs::LogGroup": f"arn:aws:logs:{_HERE}:log-group:{name}:*",
        }
        return str(forms[resource["Type"]])


@pytest.fixture(scope="session")
def roles(synthesized: Synthesized) -> Roles:
    """Give the roles of the stack."""
    return Roles(synthesized.template)


def judge(requests: list[dict[str, Any]]) -> list[str]:
    """Ask the simulator: one answer for each request."""
    command = [str(ROOT / ".build" / "bin" / "node"), str(Path(__file__).parent / "simulate.mjs")]
    ran = subprocess.run(  # noqa: S603 - our own tool
        command, input=json.dumps(requests), capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    answers: list[str] = json.loads(ran.stdout)
    assert not [answer for answer in answers if answer.startswith("error")], answers
    return answers


def ask(roles: Roles, role: str, action: str, resource: str, context: dict[str, str]) -> dict[str, Any]:
    """Phrase one request of one role."""
    names = {**RESOURCES, **roles.own}
    return {
        "policy": roles.policies[role],
        "action": action,
        "resource": names[resource[1:-1]] if resource.startswith("{") else resource,
        "context": context,
        "principal": f"{_IAM}:role{ROLE_PATH}{role}",
    }


@pytest.mark.parametrize("kind", DANGEROUS)
def test_no_role_may_make_a_dangerous_call(roles: Roles, kind: str) -> None:
    """Given every role and every call of one kind on the list, the simulator refuses each."""
    excepted = {(roles.named(role), action, resource) for role, action, resource in EXCEPTIONS}
    asked = [(role, *call) for role in roles.policies for call in DANGEROUS[kind]]
    answers = judge([ask(roles, *call) for call in asked])
    allowed = [
        call for call, answer in zip(asked, answers, strict=True) if answer == "Allowed" and call[:3] not in excepted
    ]
    assert not allowed
    if kind == "touch the protected":
        owners = [role for role in roles.policies if any(part in role for part in _CHANGING)]
        explicit = [a for c, a in zip(asked, answers, strict=True) if c[0] in owners]
        assert set(explicit) == {"ExplicitlyDenied"}


def test_the_list_is_long_enough_to_mean_something() -> None:
    """Given the list, it covers every kind that is asked for, with at least a hundred calls."""
    assert set(DANGEROUS) >= {"grant", "escalate", "undo", "read secrets", "touch the responder"}
    assert sum(len(calls) for calls in DANGEROUS.values()) >= 100


def test_the_simulator_allows_what_the_roles_are_for(roles: Roles) -> None:
    """Given what each role must do, the simulator allows it: the refusals above are not for want of a policy."""
    deny = f"arn:aws:iam::aws:policy/{DENY_ALL}"
    asked = [
        (roles.named("DenyPrincipalRole"), "iam:AttachUserPolicy", "{user}", {"iam:PolicyARN": deny}),
        (
            roles.named("DenyPrincipalRole"),
            "iam:PutUserPermissionsBoundary",
            "{user}",
            {"iam:PermissionsBoundary": deny},
        ),
        (roles.named("DenyPrincipalRole"), "iam:AttachRolePolicy", "{role}", {"iam:PolicyARN": deny}),
        (
            roles.named("DenyPrincipalRole"),
            "iam:PutRolePermissionsBoundary",
            "{role}",
            {"iam:PermissionsBoundary": deny},
        ),
        (roles.named("DisableKeyRole"), "iam:UpdateAccessKey", "{user}", {}),
        (roles.named("UndoDisableKeyRole"), "iam:UpdateAccessKey", "{user}", {}),
        (roles.named("UndoDenyPrincipalRole"), "iam:DetachUserPolicy", "{user}", {"iam:PolicyARN": deny}),
        (
            roles.named("UndoDenyPrincipalRole"),
            "iam:PutUserPermissionsBoundary",
            "{user}",
            {"iam:PermissionsBoundary": "arn:aws:iam::aws:policy/ReadOnlyAccess"},
        ),
        (roles.named("UndoIsolateInstanceRole"), "ec2:ModifyNetworkInterfaceAttribute", "{security group}", {}),
        (
            roles.named("UndoLockMetadataRole"),
            "ec2:ModifyInstanceMetadataOptions",
            "{instance}",
            {"ec2:Attribute/HttpEndpoint": "enabled"},
        ),
        (roles.named("RevokeSessionsRole"), "iam:PutRolePolicy", "{role}", {}),
        (roles.named("TriageRole"), "cloudtrail:LookupEvents", "*", {}),
        (roles.named("TriageRole"), "ec2:DescribeInstances", "*", {}),
        (roles.named("ApprovalRole"), "states:SendTaskSuccess", "*", {}),
        (roles.named("RespondRole"), "states:StartExecution", "{own machine}", {}),
        (roles.named("TriageRole"), "iam:GetAccessKeyLastUsed", "{user}", {}),
        (roles.named("TriageRole"), "dynamodb:GetItem", "{own table}", {}),
        (roles.named("TriageRole"), "states:DescribeExecution", "{own execution}", {}),
        (roles.named("NotifyRole"), "sns:Publish", "{own topic}", {}),
        (roles.named("RespondRole"), "lambda:InvokeFunction", "{own function}", {}),
        (roles.named("StartRole"), "states:StartExecution", "{own machine}", {}),
        (roles.named("IsolateInstanceRole"), "ec2:ModifyNetworkInterfaceAttribute", "{interface}", {}),
        (
            roles.named("IsolateInstanceRole"),
            "ec2:ModifyNetworkInterfaceAttribute",
            "{security group}",
            {"aws:ResourceTag/tourniquet": "isolation"},
        ),
        (
            roles.named("IsolateInstanceRole"),
            "ec2:CreateTags",
            "{security group}",
            {"ec2:CreateAction": "CreateSecurityGroup"},
        ),
        (roles.named("ProtectInstanceRole"), "ec2:ModifyInstanceAttribute", "{instance}", {}),
        (roles.named("LockMetadataRole"), "ec2:ModifyInstanceMetadataOptions", "{instance}", {}),
        (roles.named("TakeProfileRole"), "ec2:DisassociateIamInstanceProfile", "{instance}", {}),
        (roles.named("SnapshotVolumesRole"), "ec2:CreateSnapshots", "{volume}", {}),
        (
            roles.named("SnapshotVolumesRole"),
            "ec2:LockSnapshot",
            "{snapshot}",
            {"aws:ResourceTag/tourniquet:instance": "i-0123456789abcdef0", "ec2:SnapshotLockDuration": "90"},
        ),
        (roles.named("RecordInstanceRole"), "s3:PutObject", "{own evidence}", {}),
        (roles.named("CollectEvidenceRole"), "s3:PutObject", "{own evidence}", {}),
    ]
    answers = judge([ask(roles, *call) for call in asked])
    assert answers == ["Allowed"] * len(asked)


def test_only_one_role_may_update_keys_and_only_one_may_deny(roles: Roles) -> None:
    """Given the powers that change an account, each is alone in its own role."""
    deny = f"arn:aws:iam::aws:policy/{DENY_ALL}"
    keys, faces = ("DisableKeyRole", "UndoDisableKeyRole"), ("IsolateInstanceRole", "UndoIsolateInstanceRole")
    powers: dict[str, tuple[tuple[str, ...], str, dict[str, str]]] = {
        "iam:UpdateAccessKey": (keys, "{user}", {}),
        "iam:AttachUserPolicy": (("DenyPrincipalRole",), "{user}", {"iam:PolicyARN": deny}),
        "iam:AttachRolePolicy": (("DenyPrincipalRole",), "{role}", {"iam:PolicyARN": deny}),
        "iam:PutUserPermissionsBoundary": (("DenyPrincipalRole",), "{user}", {"iam:PermissionsBoundary": deny}),
        "iam:PutRolePermissionsBoundary": (("DenyPrincipalRole",), "{role}", {"iam:PermissionsBoundary": deny}),
        "iam:PutRolePolicy": (("RevokeSessionsRole",), "{role}", {}),
        "ec2:ModifyNetworkInterfaceAttribute": (faces, "{interface}", {}),
        "ec2:ModifyInstanceAttribute": (("ProtectInstanceRole", "UndoProtectInstanceRole"), "{instance}", {}),
        "ec2:DisassociateIamInstanceProfile": (("TakeProfileRole",), "{instance}", {}),
        "ec2:StopInstances": (("StopInstanceRole",), "{instance}", {}),
        "iam:DetachUserPolicy": (("UndoDenyPrincipalRole",), "{user}", {"iam:PolicyARN": deny}),
        "iam:DetachRolePolicy": (("UndoDenyPrincipalRole",), "{role}", {"iam:PolicyARN": deny}),
        "iam:DeleteRolePolicy": (("UndoRevokeSessionsRole",), "{role}", {}),
        "ec2:StartInstances": (("UndoStopInstanceRole",), "{instance}", {}),
        "ec2:AssociateIamInstanceProfile": (("UndoTakeProfileRole",), "{instance}", {}),
    }
    for power, (owners, target, context) in powers.items():
        answers = judge([ask(roles, role, power, target, context) for role in roles.policies])
        allowed = {role for role, answer in zip(roles.policies, answers, strict=True) if answer == "Allowed"}
        assert allowed == {roles.named(owner) for owner in owners}, power


def test_what_a_restore_may_it_may_not_do_otherwise(roles: Roles) -> None:
    """Given the roles of restore, what narrows their powers is refused: AWS' quarantine, our groups, other services."""
    answers = judge([ask(roles, roles.named(role), *call) for role, call in _NEVER_EVEN_SO])
    assert "Allowed" not in answers


def test_the_roles_of_restore_cannot_contain(roles: Roles) -> None:
    """Given every role of restore and every cut, the simulator refuses it, but for the status of keys.

    IAM has no condition for that one: the function's argument is a constant.
    """
    restoring = [
        role for role in roles.policies if role.startswith(("FunctionsUndo", "FunctionsRestore", "RestoreRole"))
    ]
    assert len(restoring) == len(undone()) + 2
    asked = [(role, *cut) for role in restoring for cut in _CUTS]
    answers = judge([ask(roles, *call) for call in asked])
    allowed = {call[:2] for call, answer in zip(asked, answers, strict=True) if answer == "Allowed"}
    assert allowed == {(roles.named("UndoDisableKeyRole"), "iam:UpdateAccessKey")}


def test_each_workflow_invokes_its_own_functions_only(roles: Roles, synthesized: Synthesized) -> None:
    """Given the workflows' roles, respond's may invoke no function that undoes, the others' none that contains."""
    functions = {one["FunctionName"] for one in synthesized.of_type("AWS::Lambda::Function").values()}
    undoing = {name for name in functions if name.startswith(("tourniquet-Undo", "tourniquet-Restore"))}
    investigating = {f"tourniquet-{one}" for one in INVESTIGATING}
    assert investigating < functions
    arns = {name: f"arn:aws:lambda:{_HERE}:function:{name}" for name in functions}
    for role, own in (
        ("RespondRole", functions - undoing - investigating),
        ("RestoreRole", undoing),
        ("InvestigateRole", investigating | {"tourniquet-Hold"}),
    ):
        (name,) = [one for one in roles.policies if one.startswith(role)]
        answers = judge([ask(roles, name, "lambda:InvokeFunction", arn, {}) for arn in arns.values()])
        allowed = {one for one, answer in zip(arns, answers, strict=True) if answer == "Allowed"}
        assert allowed == own


def test_every_role_lives_under_one_path_and_every_function_has_its_own(synthesized: Synthesized) -> None:
    """Given the stack, each role is under the responder's path, and no two functions share one."""
    for properties in synthesized.of_type("AWS::IAM::Role").values():
        assert properties["Path"] == ROLE_PATH
    functions = synthesized.of_type("AWS::Lambda::Function")
    assert len(functions) == len(actions.names()) + len(undone()) + len(HANDLERS)
    assert len({json.dumps(function["Role"]) for function in functions.values()}) == len(functions)


def denies_of(roles: Roles, name: str) -> list[dict[str, Any]]:
    """Give what a role is denied on roles and users by name: the responder's own, and what the owner protects."""
    return [
        one for one in roles.policies[name]["Statement"] if one.get("Sid") in {"NeverTouch", "NeverTouchPrincipals"}
    ]


#: IAM takes so many characters of a managed policy, without white space.
MOST_CHARACTERS = 6144


def test_what_is_protected_fits_into_its_policy(roles: Roles, synthesized: Synthesized) -> None:
    """Given the two policies of denies, each leaves room for what the settings allow: a VPC is named twice in them."""
    for policy in synthesized.of_type("AWS::IAM::ManagedPolicy").values():
        text = json.dumps(roles.filled(policy["PolicyDocument"]), separators=(",", ":"))
        named = [PROTECTED, PROTECTED_ROLE, PROTECTED_INSTANCE, PROTECTED_VPC]
        room = POLICY_ROOM if any(one in text for one in named) else 0
        assert len(text) + room <= MOST_CHARACTERS


def test_what_protects_itself_is_named_exactly(roles: Roles, synthesized: Synthesized) -> None:
    """Given the roles of the stack and of the CDK, each is denied by its whole name, never by a pattern."""
    own = {f"{_IAM}:role{ROLE_PATH}{role['RoleName']}" for role in synthesized.of_type("AWS::IAM::Role").values()}
    for name in roles.policies:
        denies = denies_of(roles, name)
        if name.startswith(
            ("RespondRole", "RestoreRole", "InvestigateRole", "SignalsStartRole")
        ):  # hold nothing that could touch a role
            assert denies == []
            continue
        denied = {arn for deny in denies for arn in deny["Resource"]}
        assert not [arn for arn in denied if "*" in arn or "?" in arn]
        assert denied >= own | {RESOURCES["cdk role"], PROTECTED, PROTECTED_ROLE}


def test_planning_protects_the_same_roles(roles: Roles, synthesized: Synthesized) -> None:
    """Given what triage is told, the roles that planning refuses are those that the policies deny."""
    triage = next(
        function
        for function in synthesized.of_type("AWS::Lambda::Function").values()
        if function["FunctionName"] == "tourniquet-Triage"
    )
    told = json.loads(roles.filled(triage["Environment"]["Variables"]["TOURNIQUET_GUARDRAILS"]))
    denied = {arn for deny in denies_of(roles, roles.named("TriageRole")) for arn in deny["Resource"]}
    own = {prefix + name for prefix, names in told["own"].items() for name in names}
    assert {f"{_IAM}:{one}" for one in own} | set(told["protected"]) == denied
    assert told["instances"] == [PROTECTED_INSTANCE]
    assert told["vpcs"] == [PROTECTED_VPC]
    assert (told["limit"], told["minutes"], told["then"]) == (10, 60, "expire")
    assert told["modes"] == {"unusual_use": [[4, "approve"], [8, "contain"]]}
    assert told["extras"] == {"compromised_instance": ["stop_instance"]}
