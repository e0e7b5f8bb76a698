"""The guard: a service control policy that lets few principals change what is the responder's.

It denies and allows nothing. Whom it lets through, it names exactly, but for the responder's own roles: those are all
that begin with ``tourniquet-`` under the responder's path, so nobody else may make a role there or pass one.
Deployers are let through where a deployment needs it, which is what has an ARN and the key. The denies:

- everything but reading, on what has an ARN that is known beforehand, and on the principals that are let through:
  who could change or assume them could do what they may;
- starting the responder's workflows, which operators may do besides, and taking over an operator;
- taking ``AWSDenyAll`` away as a permissions boundary;
- changes to the topic's key, whose ARN nobody knows beforehand, by its tag;
- detaching ``AWSDenyAll``, and two ways round all this: a queue that calls the responder's functions, and leaving the
  organisation. The condition keys of these have no call in common, so that one statement holds each by its own.

Which condition keys a call has is from AWS' Service Authorization Reference.

May touch: nothing.
Never: allows anything; lets a pattern of a reader's through; is longer than AWS takes.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lambdas.aws import DENY_ALL
from stacks import fixed

if TYPE_CHECKING:
    from collections.abc import Iterable

type Policy = dict[str, Any]

LIMIT = 5120
"""How many characters AWS takes of a service control policy, blanks included."""

READS = (
    "cloudformation:Describe*",
    "cloudformation:Get*",
    "cloudformation:List*",
    "cloudwatch:Describe*",
    "cloudwatch:Get*",
    "cloudwatch:List*",
    "dynamodb:BatchGet*",
    "dynamodb:Describe*",
    "dynamodb:Get*",
    "dynamodb:List*",
    "dynamodb:PartiQLSelect",
    "dynamodb:Query",
    "dynamodb:Scan",
    "events:Describe*",
    "events:List*",
    "iam:Generate*",
    "iam:Get*",
    "iam:List*",
    "iam:Simulate*",
    "lambda:Get*",
    "lambda:List*",
    "logs:Describe*",
    "logs:Filter*",
    "logs:Get*",
    "logs:List*",
    "logs:StartLiveTail",
    "logs:StartQuery",
    "s3:Get*",
    "s3:List*",
    "sns:Get*",
    "sns:List*",
    "sqs:Get*",
    "sqs:List*",
    "states:Describe*",
    "states:Get*",
    "states:List*",
)
"""What everybody may go on doing with what is the responder's. A wildcard stands at the end only."""

_ELSEWHERE = ("states:StartExecution", "sts:AssumeRoleWith*", "sts:TagSession")
"""Starting has a statement of its own; who comes from an identity provider is no principal of the account yet."""

_TAKING_OVER = ("iam:Create*", "iam:Deactivate*", "iam:Delete*", "iam:Enable*", "iam:PassRole", "iam:Update*")
_KEY_CHANGES = (
    "kms:CreateGrant",
    "kms:Disable*",
    "kms:Put*",
    "kms:ScheduleKeyDeletion",
    "kms:TagResource",
    "kms:UntagResource",
    "kms:Update*",
)

_ACCOUNT = re.compile(r"[0-9]{12}")
_ARN = re.compile(
    r"arn:(aws(?:-[a-z]+)*):iam::(\d{12}):(user|role)/(?:[!-)+->@-~]+/)*[A-Za-z0-9_+=,.@-]{1,64}", re.ASCII
)


class GuardError(Exception):
    """What was asked for makes no guard; the message is one sentence for each reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """Whom the guard of one account lets through, by exact ARN."""

    account: str
    deployers: tuple[str, ...]
    break_glass: tuple[str, ...]
    operators: tuple[str, ...] = ()

    @property
    def partition(self) -> str:
        """Give the partition that the ARNs are of."""
        return self.deployers[0].split(":")[1]


def named(*, account: str, deployers: str, break_glass: str, operators: str = "") -> Named:
    """Read whom the guard lets through; several ARNs stand between commas. Raises GuardError."""
    lists = {
        "DEPLOY_ROLE": _split(deployers),
        "BREAK_GLASS": _split(break_glass),
        "OPERATORS": _split(operators),
    }
    wrong = []
    if not _ACCOUNT.fullmatch(account):
        wrong.append(f'ACCOUNT is "{account}", which is not an account id of 12 digits.')
    if not lists["DEPLOY_ROLE"]:
        wrong.append("DEPLOY_ROLE is missing: without it nobody could deploy a new version.")
    if not lists["BREAK_GLASS"]:
        wrong.append("BREAK_GLASS is missing: without it nobody could repair a broken responder.")
    for name, arns in lists.items():
        wrong += [sentence for arn in arns if (sentence := _wrong(name, arn, account))]
    if len({arn.split(":")[1] for arns in lists.values() for arn in arns if arn.count(":")}) > 1 and not wrong:
        wrong.append("The ARNs are of more than one partition.")
    if wrong:
        raise GuardError("\n".join(wrong))
    return Named(
        account=account,
        deployers=lists["DEPLOY_ROLE"],
        break_glass=lists["BREAK_GLASS"],
        operators=tuple(arn for arn in lists["OPERATORS"] if arn not in lists["BREAK_GLASS"]),
    )


def _split(listed: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.strip() for one in listed.split(",") if one.strip()))


def _wrong(name: str, arn: str, account: str) -> str:
    """Say what is wrong with an ARN, or ``""``."""
    if "*" in arn or "?" in arn:
        return f'{name} names "{arn}", which is a pattern: whoever may make roles could make one that fits.'
    read = _ARN.fullmatch(arn)
    if read is None:
        return f'{name} names "{arn}", which is not the ARN of an IAM user or role (of a session, name the role).'
    if read[2] != account and _ACCOUNT.fullmatch(account):
        return f'{name} names "{arn}", which is not in account {account}.'
    if name == "DEPLOY_ROLE" and read[3] != "role":
        return f'{name} names "{arn}", which is not a role.'
    return ""


def policy(whom: Named) -> Policy:
    """Give the guard of one account."""
    iam = f"arn:{whom.partition}:iam::{whom.account}"
    own_roles = f"{iam}:role{fixed.ROLE_PATH}"
    own_policies = f"{iam}:policy{fixed.ROLE_PATH}*"
    through = (f"{own_roles}{fixed.PREFIX}*", *whom.break_glass)
    deploying = (*through, *whom.deployers)
    machines, *others = _own(whom)
    deny_all = f"arn:{whom.partition}:iam::aws:policy/{DENY_ALL}"
    named_ones = (*whom.deployers, *whom.break_glass)
    return {
        "Version": "2012-10-17",
        "Statement": [
            _deny(
                "Own",
                deploying,
                {
                    "NotAction": [*READS, *_ELSEWHERE],
                    "Resource": [machines, *others, f"{own_roles}*", own_policies, *named_ones],
                },
            ),
            _deny(
                "Start",
                (*through, *whom.operators),
                {
                    "Action": ["states:StartExecution", *(_TAKING_OVER if whom.operators else ())],
                    "Resource": [machines, *whom.operators],
                },
            ),
            _deny(
                "Boundary",
                through,
                {
                    "Action": ["iam:DeleteRolePermissionsBoundary", "iam:DeleteUserPermissionsBoundary"],
                    "Resource": "*",
                },
                {"ArnEquals": {"iam:PermissionsBoundary": deny_all}},
            ),
            _deny(
                "Key",
                deploying,
                {"Action": list(_KEY_CHANGES), "Resource": "*"},
                {"StringEquals": {f"aws:ResourceTag/{fixed.TAG}": fixed.ALERTS}},
            ),
            _deny(
                "Deny",
                through,
                {
                    "Action": [
                        "iam:DetachRolePolicy",
                        "iam:DetachUserPolicy",
                        "lambda:CreateEventSourceMapping",
                        "lambda:UpdateEventSourceMapping",
                        "organizations:LeaveOrganization",
                    ],
                    "Resource": "*",
                },
                {
                    "ArnEqualsIfExists": {"iam:PolicyARN": deny_all},
                    "ArnLikeIfExists": {"lambda:FunctionArn": _functions(whom)},
                },
            ),
        ],
    }


def _own(whom: Named) -> tuple[str, ...]:
    """List what is the responder's, by ARN, its workflows first: CloudFormation's names begin with the stack's."""

    def there(service: str, resource: str) -> str:
        return f"arn:{whom.partition}:{service}:*:{whom.account}:{resource}"

    return (
        there("states", f"stateMachine:{fixed.PREFIX}*"),
        there("states", f"execution:{fixed.PREFIX}*"),
        _functions(whom),
        there("cloudformation", f"stack/{fixed.STACK}/*"),
        there("cloudwatch", f"alarm:{fixed.STACK}-*"),
        there("dynamodb", f"table/{fixed.STACK}-*"),
        there("events", f"rule/{fixed.STACK}-*"),
        there("logs", f"log-group:{fixed.STACK}-*"),
        there("sns", f"{fixed.STACK}-*"),
        there("sqs", f"{fixed.STACK}-*"),
        f"arn:{whom.partition}:s3:::{fixed.STACK.lower()}-*",
    )


def _functions(whom: Named) -> str:
    return f"arn:{whom.partition}:lambda:*:{whom.account}:function:{fixed.PREFIX}*"


def _deny(name: str, through: Iterable[str], what: Policy, condition: Policy | None = None) -> Policy:
    """Deny something to all but some."""
    but = {"ArnNotLike": {"aws:PrincipalArn": list(through)}}
    return {"Sid": name, "Effect": "Deny", **what, "Condition": {**but, **(condition or {})}}


def text(whom: Named) -> str:
    """Give the guard as AWS takes it, without a blank. Raises GuardError when it is too long."""
    written = json.dumps(policy(whom), separators=(",", ":"))
    if len(written) > LIMIT:
        raise GuardError(
            f"The policy has {len(written)} characters, and AWS takes {LIMIT}: name fewer principals, or shorter ones."
        )
    return written
