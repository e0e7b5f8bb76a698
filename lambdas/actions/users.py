"""Finding an IAM user again, whatever happened to its name.

May touch: iam:GetUser, iam:ListAccessKeys, iam:GetAccessKeyLastUsed.
Never: changes anything.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from lambdas import aws, errors
from lambdas.text import tail

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_iam.type_defs import UserTypeDef

_CLOCKS_DIFFER = timedelta(minutes=1)
USERS = "arn:{partition}:iam::{account}:user/*"


def owner_of(iam: IAMClient, key_id: str) -> str:
    """Name the user that a key belongs to now. Raises TargetGone when IAM knows no such key here.

    AWS refuses (rather than says "not found") for a key of another account; both read as gone.
    """
    try:
        with aws.translated():
            return iam.get_access_key_last_used(AccessKeyId=key_id).get("UserName", "")
    except (errors.TargetGone, errors.NotPermitted):
        raise errors.TargetGone(f"IAM shows no access key {tail(key_id)} in this account.") from None


def user(iam: IAMClient, name: str, user_id: str = "") -> UserTypeDef:
    """Read a user by name. Raises TargetGone when there is none, or when it is another one by now.

    ``user_id`` (``AIDA…``) is compared where it is known: names are given again after a deletion.
    """
    with aws.translated():
        found = iam.get_user(UserName=name)["User"]
    if user_id and found["UserId"] != user_id:
        raise errors.TargetGone(f"The user {name} is not the one that was meant: it was made anew.")
    return found


def keys_of(iam: IAMClient, name: str) -> dict[str, str]:
    """List a user's access keys: id → ``Active`` or ``Inactive`` (or ``Expired``)."""
    found: dict[str, str] = {}
    with aws.translated():
        for page in iam.get_paginator("list_access_keys").paginate(UserName=name):
            found.update({key["AccessKeyId"]: str(key["Status"]) for key in page["AccessKeyMetadata"]})
    return found


def resolve(iam: IAMClient, name: str, user_id: str, key_id: str, not_after: str = "") -> UserTypeDef:
    """Find a user: by name where its unique id is known to compare with, else by its key, which nobody else can have.

    ``not_after`` is when the signal was sent (ISO 8601): of whom only the name is known must be older. Raises
    TargetGone when nothing leads to the user that was meant, and Doubtful when the key is gone and only a name is left.
    """
    if key_id and not user_id:
        try:
            return user(iam, owner_of(iam, key_id))
        except errors.TargetGone:
            if not name:
                raise
            user(iam, name)
            raise errors.Doubtful(
                "The key does not exist any more, and only a name leads to its user: if the key was rotated, the user "
                "is not the attacker's."
            ) from None
    if name:
        try:
            found = user(iam, name, user_id)
        except errors.TargetGone:
            if not key_id:
                raise
        else:
            if not user_id:
                older_than(found["CreateDate"], not_after)
            return found
    if not key_id:
        raise errors.TargetGone("Neither a user's name nor a key is known.")
    return user(iam, owner_of(iam, key_id), user_id)


def older_than(made: datetime, not_after: str) -> None:
    """Raise TargetGone when somebody was made after a time (ISO 8601; one that cannot be read bounds nothing)."""
    try:
        read = datetime.fromisoformat(not_after)
    except ValueError:
        return
    if made - _CLOCKS_DIFFER > (read if read.tzinfo else read.replace(tzinfo=UTC)):
        raise errors.TargetGone("Who has this name now was made after the event that gives it.")
