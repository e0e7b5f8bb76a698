"""Disable an access key: ``Active`` becomes ``Inactive``; nothing is deleted.

Sessions that were made from the key stay valid for up to 36 hours: denying the user ends those.
The call takes ``Active`` as well and IAM has no condition that narrows it, so the argument is a
constant here and the call is alone in its role.

May touch: iam:UpdateAccessKey, iam:ListAccessKeys, iam:GetAccessKeyLastUsed.
Never: activates a key (``undo`` does, in another role), deletes one, touches another key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambdas import aws, commands, errors
from lambdas.actions.shape import Action
from lambdas.actions.users import USERS, keys_of, owner_of
from lambdas.aws import Grant
from lambdas.text import tail

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

    from lambdas.model import Change, Json, PlanItem


def look(iam: IAMClient, item: PlanItem) -> Json:
    """Read ``{"user", "key_id", "status"}``; follows a renamed user. Raises TargetGone."""
    return _find(iam, item.target.id, item.target.name)


def _find(iam: IAMClient, key_id: str, name: str) -> Json:
    keys: dict[str, str] = {}
    if name:
        try:
            keys = keys_of(iam, name)
        except errors.TargetGone:
            keys = {}
    if key_id not in keys:
        name = owner_of(iam, key_id)
        keys = keys_of(iam, name)
    if key_id not in keys:
        raise errors.TargetGone(f"The access key {tail(key_id)} does not exist any more.")
    return {"user": name, "key_id": key_id, "status": keys[key_id]}


def verify(state: Json) -> bool:
    """Tell whether the key can not be used."""
    return bool(state["status"] != "Active")


def apply(iam: IAMClient, state: Json) -> None:
    """Make the key inactive."""
    with aws.translated():
        iam.update_access_key(UserName=state["user"], AccessKeyId=state["key_id"], Status="Inactive")


def fields(state: Json) -> Json:
    """Give the key's status."""
    return {"status": state["status"]}


def rebase(before: Json, again: Json) -> Json:
    """Give back what was there at first: whoever made the key active meanwhile was undoing a containment."""
    return {**before, "user": again["user"]}


def undo(iam: IAMClient, change: Change) -> None:
    """Make the key active again if it was so before; otherwise do nothing. Follows a renamed user."""
    if change.before.get("status") != "Active":
        return
    now = _find(iam, change.before["key_id"], change.before["user"])
    if now["status"] != "Active":
        with aws.translated():
            iam.update_access_key(UserName=now["user"], AccessKeyId=now["key_id"], Status="Active")


def undo_command(change: Change) -> tuple[str, ...]:
    """Give the shell line that reactivates the key."""
    if change.before.get("status") != "Active":
        return ()
    now = change.after or change.before
    return (commands.set_key_status(now["user"], now["key_id"], "Active"),)


ACTION = Action(
    name="disable_key",
    grants=(
        Grant(action="iam:GetAccessKeyLastUsed", resource=USERS),
        Grant(action="iam:ListAccessKeys", resource=USERS),
        Grant(action="iam:UpdateAccessKey", resource=USERS),
    ),
    undo_grants=(
        Grant(action="iam:GetAccessKeyLastUsed", resource=USERS),
        Grant(action="iam:ListAccessKeys", resource=USERS),
        Grant(action="iam:UpdateAccessKey", resource=USERS),
    ),
    look=look,
    verify=verify,
    apply=apply,
    fields=fields,
    rebase=rebase,
    undo=undo,
    undo_command=undo_command,
)
