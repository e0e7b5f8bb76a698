"""AWS' own quarantine: the CloudTrail record of an attached ``AWSCompromisedKeyQuarantine*`` policy.

AWS attaches it in the name of the user whose key leaked, seconds after it was found: no signal is earlier. But anybody
may *call* AttachUserPolicy with that policy for somebody else's user, be refused, and be recorded. So the record is
believed only if the user that it names made the call; otherwise it counts if the policy is attached, which is not for
this module to ask: ``Signal.doubt``.

May touch: nothing.
Never: raises on odd input, or names a target that the record does not.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from lambdas.model import Incident, Kind, Signal, Target
from lambdas.signals import reading

if TYPE_CHECKING:
    from lambdas.model import Json

SOURCE = "aws.iam"
CALL = "AttachUserPolicy"
POLICY = "AWSCompromisedKeyQuarantine"

#: AWS' managed policies, in each partition; the policy's versions follow the prefix.
_PREFIXES = tuple(f"arn:{partition}:iam::aws:policy/{POLICY}" for partition in ("aws", "aws-cn", "aws-us-gov"))
_ARN = re.compile(rf"arn:aws(?:-cn|-us-gov)?:iam::aws:policy/({POLICY}[A-Za-z0-9_+=,.@-]{{0,64}})")

PATTERN: dict[str, Any] = {
    "source": [SOURCE],
    "detail-type": ["AWS API Call via CloudTrail"],
    "detail": {
        "eventName": [CALL],
        "requestParameters": {"policyArn": [{"prefix": prefix} for prefix in _PREFIXES]},
    },
}

_SEVERITY = 8.0
_FORGED = "a record like this can be forged by a call that was refused, so it counts only if the user has the policy."


def parse(event: Json) -> Incident:
    """Read a record of CloudTrail on EventBridge into an incident."""
    detail = reading.mapping(event, "detail")
    asked = reading.mapping(detail, "requestParameters")
    caller = reading.mapping(detail, "userIdentity")
    account = reading.account_id(detail.get("recipientAccountId"), event.get("account"))
    policy = _policy(detail, asked)
    name = reading.text(asked.get("userName"))
    targets: tuple[Target, ...] = ()
    notes: tuple[str, ...] = ()
    doubt = ""
    if not policy:
        notes = ("The record is not of a quarantine policy of AWS that was attached to a user.",)
    elif not reading.is_user_name(name):
        notes = ("The record does not say to which user AWS' quarantine policy was attached.",)
    elif _is_self(caller, name, account):
        targets = (_self(caller, name, account),)
    else:
        targets = (Target(kind=Kind.USER, name=name, account=account),)
        doubt = f"The call was made by {_who(caller)}: {_FORGED}"
    return Incident(
        signal=Signal(
            source=SOURCE,
            type=policy or reading.text(detail.get("eventName"), limit=128) or "unknown",
            id=reading.fingerprint(SOURCE, detail.get("eventID") or event.get("id")),
            account=account,
            region=reading.text(event.get("region")) or reading.text(detail.get("awsRegion")),
            severity=_SEVERITY if targets else 0.0,
            title=(
                "Somebody asked for AWS' quarantine of an IAM user of yours"
                if doubt
                else "AWS put an IAM user of yours in quarantine"
                if targets
                else "A call to IAM could not be understood"
            ),
            at=reading.text(detail.get("eventTime")) or reading.text(event.get("time")),
            doubt=doubt,
        ),
        targets=targets,
        notes=notes,
        context=_context(detail),
    )


def _policy(detail: Json, asked: Json) -> str:
    """Name the quarantine policy, or give ``""`` where the record is of something else."""
    if detail.get("eventName") != CALL or detail.get("eventSource") != "iam.amazonaws.com":
        return ""
    found = _ARN.fullmatch(reading.text(asked.get("policyArn")))
    return found[1] if found else ""


def _is_self(caller: Json, name: str, account: str) -> bool:
    """Tell whether the user made the call itself: AWS does, in its name; nobody else can without its credentials."""
    same = reading.text(caller.get("userName")) == name and reading.account_id(caller.get("accountId")) == account
    return caller.get("type") == "IAMUser" and same and account != ""


def _self(caller: Json, name: str, account: str) -> Target:
    """Give the key that the call was made with, if it is a long-term one, else the user."""
    key = reading.text(caller.get("accessKeyId"))
    if reading.is_key_id(key) and not reading.is_session_key(key):
        return Target(kind=Kind.ACCESS_KEY, id=key, name=name, account=account)
    unique = reading.text(caller.get("principalId"))
    return Target(kind=Kind.USER, id=unique if reading.is_user_id(unique) else "", name=name, account=account)


def _who(caller: Json) -> str:
    """Say who made a call, in characters that IAM allows."""
    issuer = reading.mapping(caller, "sessionContext", "sessionIssuer")
    owner = reading.account_id(caller.get("accountId"))
    words = {"IAMUser": "the user", "AssumedRole": "a session of the role", "FederatedUser": "the federated user"}
    kind = reading.text(caller.get("type"))
    name = reading.text(issuer.get("userName") if kind == "AssumedRole" else caller.get("userName"))
    if kind == "Root":
        who = "the root user"
    elif kind in words and reading.is_user_name(name):
        who = f"{words[kind]} {name}"
    else:
        who = "somebody who cannot be read from the record"
    return f"{who} of account {owner}" if owner else who


def _context(detail: Json) -> tuple[tuple[str, str], ...]:
    """Give where the call came from and how it ended."""
    pairs = (
        ("From", reading.text(detail.get("sourceIPAddress"), limit=256)),
        ("Error", reading.text(detail.get("errorCode"), limit=256)),
    )
    return tuple(pair for pair in pairs if pair[1])
