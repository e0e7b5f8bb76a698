"""Deny an IAM user or a role everything, by the AWS-managed policy ``AWSDenyAll``.

Of a user this ends the other keys, the console and every session made from its keys; of a role, every
session that there is and every one that begins later. Where the principal already has as many policies
as IAM allows (an attacker can fill the quota), ``AWSDenyAll`` becomes its permissions boundary instead:
that slot is always free to replace, and what it held is kept. All four calls are narrowed to this one
policy by condition, so this power cannot grant anything.

May touch: iam:AttachUserPolicy, iam:AttachRolePolicy, iam:PutUserPermissionsBoundary and
iam:PutRolePermissionsBoundary, all four only with AWSDenyAll; iam:GetUser, iam:ListAttachedUserPolicies,
iam:GetAccessKeyLastUsed, iam:GetRole, iam:ListAttachedRolePolicies.
Never: detaches or deletes anything (``undo`` does, in another role); touches AWS' quarantine policies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambdas import aws, commands, errors
from lambdas.actions.roles import ROLES, role
from lambdas.actions.shape import Action
from lambdas.actions.users import USERS, older_than, resolve
from lambdas.aws import DENY_ALL, Grant
from lambdas.model import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from mypy_boto3_iam import IAMClient
    from mypy_boto3_iam.type_defs import (
        ListAttachedRolePoliciesResponseTypeDef,
        ListAttachedUserPoliciesResponseTypeDef,
        RoleTypeDef,
        UserTypeDef,
    )

    from lambdas.model import Change, Json, PlanItem, Target

    type _Page = ListAttachedRolePoliciesResponseTypeDef | ListAttachedUserPoliciesResponseTypeDef

_POLICY = "arn:{partition}:iam::aws:policy/" + DENY_ALL
_ONLY_DENY_ALL = (("ArnEquals", "iam:PolicyARN", _POLICY),)
_ONLY_AS_BOUNDARY = (("StringEquals", "iam:PermissionsBoundary", _POLICY),)
_ANOTHER_BOUNDARY = (("StringNotEquals", "iam:PermissionsBoundary", _POLICY),)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Principal:
    """What IAM has for one kind of principal: calls, which take its name, and the lines for a shell."""

    attached: Callable[[IAMClient, str], Iterable[_Page]]
    attach: Callable[[IAMClient, str, str], object]
    detach: Callable[[IAMClient, str, str], object]
    bound: Callable[[IAMClient, str, str], object]
    unbound: Callable[[IAMClient, str], object]
    detach_line: Callable[[str, str], str]
    boundary_line: Callable[[str, str], str]


_USER = _Principal(
    attached=lambda iam, name: iam.get_paginator("list_attached_user_policies").paginate(UserName=name),
    attach=lambda iam, name, policy: iam.attach_user_policy(UserName=name, PolicyArn=policy),
    detach=lambda iam, name, policy: iam.detach_user_policy(UserName=name, PolicyArn=policy),
    bound=lambda iam, name, policy: iam.put_user_permissions_boundary(UserName=name, PermissionsBoundary=policy),
    unbound=lambda iam, name: iam.delete_user_permissions_boundary(UserName=name),
    detach_line=commands.detach_policy,
    boundary_line=commands.set_boundary,
)
_ROLE = _Principal(
    attached=lambda iam, name: iam.get_paginator("list_attached_role_policies").paginate(RoleName=name),
    attach=lambda iam, name, policy: iam.attach_role_policy(RoleName=name, PolicyArn=policy),
    detach=lambda iam, name, policy: iam.detach_role_policy(RoleName=name, PolicyArn=policy),
    bound=lambda iam, name, policy: iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=policy),
    unbound=lambda iam, name: iam.delete_role_permissions_boundary(RoleName=name),
    detach_line=commands.detach_role_policy,
    boundary_line=commands.set_role_boundary,
)
_PRINCIPALS: Mapping[str, _Principal] = {"user": _USER, "role": _ROLE}


def look(iam: IAMClient, item: PlanItem) -> Json:
    """Read ``{"kind", "user", "user_id", "via_key", "deny_policy", "attached", "boundary"}``. Raises TargetGone.

    Of a role ``kind`` is ``role``, the names are ``role`` and ``role_id``, and there is no ``via_key``, which is a key
    by which a renamed user is found. ``deny_policy`` is AWSDenyAll's ARN in this partition, ``attached`` whether it
    is attached, ``boundary`` the ARN of the permissions boundary or ``""``. Raises Unexpected for any other target.
    """
    known = _meant(item.target, item.args)
    return _read(iam, known, str(item.args.get("not_after", "")))


def _meant(target: Target, args: Json) -> Json:
    """Say what is known of a principal; an earlier reading may have told its unique id."""
    match target.kind:
        case Kind.ROLE:
            role_id = target.id or str(args.get("role_id", ""))
            return {"kind": "role", "role": target.name, "role_id": role_id}
        case Kind.USER | Kind.ACCESS_KEY:
            user_id = (target.id if target.kind is Kind.USER else "") or str(args.get("user_id", ""))
            via_key = str(args.get("via_key", ""))
            return {"kind": "user", "user": target.name, "user_id": user_id, "via_key": via_key}
        case other:
            raise errors.Unexpected(f"A target of the kind {other} is neither a user nor a role.")


def _read(iam: IAMClient, known: Json, not_after: str = "") -> Json:
    """Find the principal again by what is known of it, and read how it stands."""
    kind, of = _kind(known)
    found: RoleTypeDef | UserTypeDef
    if kind == "role":
        found = role(iam, known["role"], known["role_id"])
        if not known["role_id"]:
            older_than(found["CreateDate"], not_after)
        identity = {"role": found["RoleName"], "role_id": found["RoleId"]}
    else:
        found = resolve(iam, known["user"], known["user_id"], known["via_key"], not_after)
        identity = {"user": found["UserName"], "user_id": found["UserId"], "via_key": known["via_key"]}
    policy = f"arn:{found['Arn'].split(':')[1]}:iam::aws:policy/{DENY_ALL}"
    with aws.translated():
        attached = {
            entry["PolicyArn"] for page in of.attached(iam, identity[kind]) for entry in page["AttachedPolicies"]
        }
    return {
        "kind": kind,
        **identity,
        "deny_policy": policy,
        "attached": policy in attached,
        "boundary": found.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn", ""),
    }


def _kind(state: Json) -> tuple[str, _Principal]:
    """Give the name of the kind of principal, and what IAM has for it; a state without one is of a user."""
    kind = str(state.get("kind", "user"))
    return kind, _PRINCIPALS[kind]


def verify(state: Json) -> bool:
    """Tell whether the principal is denied everything, by policy or by boundary."""
    return bool(state["attached"]) or state["boundary"] == state["deny_policy"]


def apply(iam: IAMClient, state: Json) -> None:
    """Attach the deny or, when the quota is full, set it as the boundary."""
    kind, of = _kind(state)
    try:
        with aws.translated():
            of.attach(iam, state[kind], state["deny_policy"])
    except errors.QuotaFull:
        with aws.translated():
            of.bound(iam, state[kind], state["deny_policy"])


def fields(state: Json) -> Json:
    """Give whether the deny is attached, and the permissions boundary."""
    return {name: state[name] for name in ("attached", "boundary")}


def rebase(before: Json, again: Json) -> Json:
    """Give back the boundary that was there the last time: it may be one that the owner set meanwhile."""
    kind, _ = _kind(before)
    boundary = before["boundary"] if again["boundary"] == again["deny_policy"] else again["boundary"]
    return {**before, kind: again[kind], "boundary": boundary}


def undo(iam: IAMClient, change: Change) -> None:
    """Take back the deny, and give back the boundary that was there; what was there before stays.

    Follows a renamed user, and raises TargetGone when the name is another one's by now. What is not
    there any more is not taken back again.
    """
    before, deny = change.before, change.before["deny_policy"]
    kind, of = _kind(before)
    now = _read(iam, before)
    with aws.translated():
        if now["attached"] and not before["attached"]:
            of.detach(iam, now[kind], deny)
        if now["boundary"] == deny != before["boundary"]:
            if before["boundary"]:
                of.bound(iam, now[kind], before["boundary"])
            else:
                of.unbound(iam, now[kind])


def undo_command(change: Change) -> tuple[str, ...]:
    """Give the shell lines that lift the deny; a boundary that is not ours is not touched."""
    before, after = change.before, change.after
    kind, of = _kind(after)
    lines: list[str] = []
    if after.get("attached") and not before.get("attached"):
        lines.append(of.detach_line(after[kind], after["deny_policy"]))
    if after.get("boundary") == after.get("deny_policy") != before.get("boundary"):
        lines.append(of.boundary_line(after[kind], before.get("boundary", "")))
    return tuple(lines)


ACTION = Action(
    name="deny_principal",
    grants=(
        Grant(action="iam:AttachRolePolicy", resource=ROLES, condition=_ONLY_DENY_ALL),
        Grant(action="iam:AttachUserPolicy", resource=USERS, condition=_ONLY_DENY_ALL),
        Grant(action="iam:GetAccessKeyLastUsed", resource=USERS),
        Grant(action="iam:GetRole", resource=ROLES),
        Grant(action="iam:GetUser", resource=USERS),
        Grant(action="iam:ListAttachedRolePolicies", resource=ROLES),
        Grant(action="iam:ListAttachedUserPolicies", resource=USERS),
        Grant(action="iam:PutRolePermissionsBoundary", resource=ROLES, condition=_ONLY_AS_BOUNDARY),
        Grant(action="iam:PutUserPermissionsBoundary", resource=USERS, condition=_ONLY_AS_BOUNDARY),
    ),
    undo_grants=(
        Grant(action="iam:DeleteRolePermissionsBoundary", resource=ROLES),
        Grant(action="iam:DeleteUserPermissionsBoundary", resource=USERS),
        Grant(action="iam:DetachRolePolicy", resource=ROLES, condition=_ONLY_DENY_ALL),
        Grant(action="iam:DetachUserPolicy", resource=USERS, condition=_ONLY_DENY_ALL),
        Grant(action="iam:GetAccessKeyLastUsed", resource=USERS),
        Grant(action="iam:GetRole", resource=ROLES),
        Grant(action="iam:GetUser", resource=USERS),
        Grant(action="iam:ListAttachedRolePolicies", resource=ROLES),
        Grant(action="iam:ListAttachedUserPolicies", resource=USERS),
        Grant(action="iam:PutRolePermissionsBoundary", resource=ROLES, condition=_ANOTHER_BOUNDARY),
        Grant(action="iam:PutUserPermissionsBoundary", resource=USERS, condition=_ANOTHER_BOUNDARY),
    ),
    look=look,
    verify=verify,
    apply=apply,
    fields=fields,
    rebase=rebase,
    undo=undo,
    undo_command=undo_command,
)
