"""Revoke a role's sessions by an inline policy on the role: one session, or all that were issued until now.

One session (``AROA…:<session name>``) is denied by ``aws:userid``; every other session of the role goes on,
unless it has the same name. Where the target is the role itself, every session that was issued before 30
seconds from now is denied by ``aws:TokenIssueTime``, as in AWS' own console. Neither keeps anybody who may
assume the role from beginning a new session.

The policy's name holds the case and the item, so two cases on one role each keep their own deny. What
stands under that name counts only if it says exactly what is wanted. ``PutRolePolicy`` takes any policy and
IAM has no condition that narrows it, so the document is made of constants, a time, and an id in IAM's own
characters, and no other write to IAM is in the same role.

May touch: iam:PutRolePolicy, iam:GetRole, iam:GetRolePolicy.
Never: writes a policy that allows anything; deletes one (``undo`` does, in another role); touches the role's trust.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from lambdas import aws, commands, errors
from lambdas.actions.roles import ROLES, role
from lambdas.actions.shape import Action
from lambdas.aws import Grant
from lambdas.model import Kind

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

    from lambdas.model import Change, Json, PlanItem

_AHEAD = timedelta(seconds=30)
_TIME = "%Y-%m-%dT%H:%M:%SZ"
_SESSION = re.compile(r"(AROA[A-Z0-9]{12,124}):[A-Za-z0-9_+=,.@-]{2,64}")


def look(iam: IAMClient, item: PlanItem) -> Json:
    """Read ``{"role", "role_id", "policy", "session", "issued_until", "document"}``. Raises TargetGone or Unexpected.

    ``policy`` is the name of the item's inline policy and ``document`` what stands under that name, as JSON text,
    or ``""``. ``session`` is the session to deny, or ``""`` where it is all that there are. ``issued_until`` is the
    time of the latest activity known (ISO 8601, not in the future), or ``""``: what was in use then is to be denied.
    """
    session, role_id = _meant(item)
    found = role(iam, item.target.name, role_id)
    policy = f"Tourniquet-{item.incident_id}-{item.id}"
    return {
        "role": found["RoleName"],
        "role_id": found["RoleId"],
        "policy": policy,
        "session": session,
        "issued_until": _issued_until(item),
        "document": _document(iam, found["RoleName"], policy),
    }


def _meant(item: PlanItem) -> tuple[str, str]:
    """Give the session to deny, or ``""`` for all, and the role's id where it is known."""
    target = item.target
    if target.kind is Kind.ROLE:
        return "", target.id or str(item.args.get("role_id", ""))
    if target.kind is not Kind.ROLE_SESSION:
        raise errors.Unexpected(f"There are no sessions to revoke of a target of the kind {target.kind}.")
    read = _SESSION.fullmatch(target.id)
    if read is None:
        raise errors.Unexpected("The id of the session is not a role's id and a session name in IAM's characters.")
    return target.id, read[1]


def _issued_until(item: PlanItem) -> str:
    until = _moment(str(item.args.get("issued_until") or ""))
    return min(until, datetime.now(UTC)).isoformat() if until else ""


def _document(iam: IAMClient, name: str, policy: str) -> str:
    """Read an inline policy as text: a journal changes the numbers in a document, and an undo must not."""
    try:
        with aws.translated():
            return json.dumps(iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"])
    except errors.TargetGone:
        return ""


def verify(state: Json) -> bool:
    """Tell whether the policy is there and denies what is wanted, with every session known to have been in use."""
    until, denied = _moment(state["issued_until"]), _denied_until(state)
    return denied is not None and (until is None or until < denied)


def _denied_until(state: Json) -> datetime | None:
    """Give the time up to which the sessions issued are denied; None where the policy is not as this action writes it.

    The one session is denied whenever it was issued.
    """
    document = json.loads(state["document"] or "null")
    if state["session"]:
        return datetime.max.replace(tzinfo=UTC) if document == commands.session_denied(state["session"]) else None
    match document:
        case {"Statement": [{"Condition": {"DateLessThan": {"aws:TokenIssueTime": str(time)}}}]}:
            moment = _moment(time)
            if moment and moment.strftime(_TIME) == time and document == commands.older_sessions_denied(time):
                return moment
    return None


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def apply(iam: IAMClient, state: Json) -> None:
    """Write the policy, over whatever stands under its name."""
    if state["session"]:
        document = commands.session_denied(state["session"])
    else:
        document = commands.older_sessions_denied((datetime.now(UTC) + _AHEAD).strftime(_TIME))
    with aws.translated():
        iam.put_role_policy(RoleName=state["role"], PolicyName=state["policy"], PolicyDocument=json.dumps(document))


def fields(state: Json) -> Json:
    """Give what stands under the name of the item's policy, read."""
    return {"document": json.loads(state["document"] or "null")}


def rebase(before: Json, _again: Json) -> Json:
    """Give back what was there at first: whoever changed the policy meanwhile was undoing a containment."""
    return before


def undo(iam: IAMClient, change: Change) -> None:
    """Delete the policy; what somebody else wrote there since stays. Can be repeated.

    Raises TargetGone when the role is gone, or another one of the name, and StateChanged where another policy stood
    under the name before: writing that back takes a call that could grant anything, which this has not.
    """
    before = change.before
    name, policy = role(iam, before["role"], before["role_id"])["RoleName"], before["policy"]
    now = {**before, "document": _document(iam, name, policy)}
    if now["document"] == before["document"] or _denied_until(now) is None:
        return
    if before["document"]:
        raise errors.StateChanged(
            f"Another policy stood under the name {policy} before, and only a person may write it back."
        )
    with aws.translated():
        iam.delete_role_policy(RoleName=name, PolicyName=policy)


def undo_command(change: Change) -> tuple[str, ...]:
    """Give the shell line that takes the policy away, or that gives back what stood under its name."""
    before, after = change.before, change.after
    if not after or after["document"] == before["document"] or _denied_until(after) is None:
        return ()
    if before["document"]:
        return (commands.put_role_policy(before["role"], before["policy"], before["document"]),)
    return (commands.delete_role_policy(before["role"], before["policy"]),)


ACTION = Action(
    name="revoke_sessions",
    grants=(
        Grant(action="iam:GetRole", resource=ROLES),
        Grant(action="iam:GetRolePolicy", resource=ROLES),
        Grant(action="iam:PutRolePolicy", resource=ROLES),
    ),
    undo_grants=(
        Grant(action="iam:DeleteRolePolicy", resource=ROLES),
        Grant(action="iam:GetRole", resource=ROLES),
        Grant(action="iam:GetRolePolicy", resource=ROLES),
    ),
    look=look,
    verify=verify,
    apply=apply,
    fields=fields,
    rebase=rebase,
    undo=undo,
    undo_command=undo_command,
)
