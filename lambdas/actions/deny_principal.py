"""Deny an IAM user everything, by the AWS-managed policy ``AWSDenyAll``.

This ends the user's other keys, its console and every session made from its keys. Where the user
already has as many policies as IAM allows (an attacker can fill the quota), ``AWSDenyAll`` becomes
its permissions boundary instead: that slot is always free to replace, and what it held is kept.
Both calls are narrowed to this one policy by condition, so this power cannot grant anything.

May touch: iam:AttachUserPolicy and iam:PutUserPermissionsBoundary, both only with AWSDenyAll;
iam:GetUser, iam:ListAttachedUserPolicies, iam:GetAccessKeyLastUsed.
Never: detaches or deletes anything (``undo`` does, in another role); touches AWS' quarantine policies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambdas import aws, commands, errors
from lambdas.actions.shape import Action
from lambdas.actions.users import USERS, resolve
from lambdas.aws import DENY_ALL, Grant
from lambdas.model import Kind

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

    from lambdas.model import Change, Json, PlanItem

_POLICY = "arn:{partition}:iam::aws:policy/" + DENY_ALL
_ONLY_DENY_ALL = (("ArnEquals", "iam:PolicyARN", _POLICY),)
_ONLY_AS_BOUNDARY = (("StringEquals", "iam:PermissionsBoundary", _POLICY),)


def look(iam: IAMClient, item: PlanItem) -> Json:
    """Read ``{"user", "user_id", "via_key", "deny_policy", "attached", "boundary"}``. Raises TargetGone.

    ``deny_policy`` is AWSDenyAll's ARN in this partition, ``attached`` whether it is attached, ``boundary``
    the ARN of the permissions boundary or ``""``, and ``via_key`` a key by which a renamed user is found.
    """
    target = item.target
    user_id = target.id if target.kind is Kind.USER else ""
    return _read(iam, target.name, user_id, str(item.args.get("via_key", "")))


def _read(iam: IAMClient, name: str, user_id: str, via_key: str) -> Json:
    user = resolve(iam, name, user_id, via_key)
    policy = f"arn:{user['Arn'].split(':')[1]}:iam::aws:policy/{DENY_ALL}"
    with aws.translated():
        pages = iam.get_paginator("list_attached_user_policies").paginate(UserName=user["UserName"])
        attached = {entry["PolicyArn"] for page in pages for entry in page["AttachedPolicies"]}
    return {
        "user": user["UserName"],
        "user_id": user["UserId"],
        "via_key": via_key,
        "deny_policy": policy,
        "attached": policy in attached,
        "boundary": user.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn", ""),
    }


def verify(state: Json) -> bool:
    """Tell whether the user is denied everything, by policy or by boundary."""
    return bool(state["attached"]) or state["boundary"] == state["deny_policy"]


def apply(iam: IAMClient, state: Json) -> None:
    """Attach the deny or, when the quota is full, set it as the boundary."""
    try:
        with aws.translated():
            iam.attach_user_policy(UserName=state["user"], PolicyArn=state["deny_policy"])
    except errors.QuotaFull:
        with aws.translated():
            iam.put_user_permissions_boundary(UserName=state["user"], PermissionsBoundary=state["deny_policy"])


def rebase(before: Json, again: Json) -> Json:
    """Give back the boundary that was there the last time: it may be one that the owner set meanwhile."""
    boundary = before["boundary"] if again["boundary"] == again["deny_policy"] else again["boundary"]
    return {**before, "user": again["user"], "boundary": boundary}


def undo(iam: IAMClient, change: Change) -> None:
    """Take back the deny, and give back the boundary that was there; what was there before stays.

    Follows a renamed user, and raises TargetGone when the name is another user's by now. What is not
    there any more is not taken back again.
    """
    before, deny = change.before, change.before["deny_policy"]
    now = _read(iam, before["user"], before["user_id"], before["via_key"])
    with aws.translated():
        if now["attached"] and not before["attached"]:
            iam.detach_user_policy(UserName=now["user"], PolicyArn=deny)
        if now["boundary"] == deny != before["boundary"]:
            if before["boundary"]:
                iam.put_user_permissions_boundary(UserName=now["user"], PermissionsBoundary=before["boundary"])
            else:
                iam.delete_user_permissions_boundary(UserName=now["user"])


def undo_command(change: Change) -> tuple[str, ...]:
    """Give the shell lines that lift the deny; a boundary that is not ours is not touched."""
    before, after = change.before, change.after
    lines: list[str] = []
    if after.get("attached") and not before.get("attached"):
        lines.append(commands.detach_policy(after["user"], after["deny_policy"]))
    if after.get("boundary") == after.get("deny_policy") != before.get("boundary"):
        lines.append(commands.set_boundary(after["user"], before.get("boundary", "")))
    return tuple(lines)


ACTION = Action(
    name="deny_principal",
    grants=(
        Grant(action="iam:AttachUserPolicy", resource=USERS, condition=_ONLY_DENY_ALL),
        Grant(action="iam:GetAccessKeyLastUsed", resource=USERS),
        Grant(action="iam:GetUser", resource=USERS),
        Grant(action="iam:ListAttachedUserPolicies", resource=USERS),
        Grant(action="iam:PutUserPermissionsBoundary", resource=USERS, condition=_ONLY_AS_BOUNDARY),
    ),
    undo_grants=(
        Grant(action="iam:DeleteUserPermissionsBoundary", resource=USERS),
        Grant(action="iam:DetachUserPolicy", resource=USERS, condition=_ONLY_DENY_ALL),
        Grant(action="iam:GetAccessKeyLastUsed", resource=USERS),
        Grant(action="iam:GetUser", resource=USERS),
        Grant(action="iam:ListAttachedUserPolicies", resource=USERS),
        Grant(action="iam:PutUserPermissionsBoundary", resource=USERS),
    ),
    look=look,
    verify=verify,
    apply=apply,
    rebase=rebase,
    undo=undo,
    undo_command=undo_command,
)
