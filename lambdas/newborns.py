"""What was born since an incident: users and roles, and the keys and passwords of those and of the case's users.

IAM says when something was made, not by whom: an attacker makes a user to stay, and an innocent deployment makes roles
meanwhile. So what is found here is told, and nothing is done about it for this alone.

May touch: iam:ListUsers, iam:ListRoles, iam:ListAccessKeys, iam:GetLoginProfile.
Never: changes anything; takes a role that AWS itself makes for a service for somebody's.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from lambdas import aws, errors
from lambdas.actions.users import USERS
from lambdas.aws import Grant

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from mypy_boto3_iam import IAMClient

    from lambdas.model import Json

GRANTS = (
    Grant(action="iam:GetLoginProfile", resource=USERS),
    Grant(action="iam:ListAccessKeys", resource=USERS),
    Grant(action="iam:ListRoles", resource="*"),
    Grant(action="iam:ListUsers", resource="*"),
)

#: The clocks of a signal's source and of IAM differ by so much at most.
_CLOCKS_DIFFER = timedelta(minutes=1)
#: A signal may come hours late: what was born so long before the run at most is looked for.
_AT_MOST = timedelta(hours=1)
#: Of so many of the users that were born are keys and passwords looked for.
_MOST_USERS = 20
_A_PAGE = 1000
#: Nobody but AWS can make a role under this path; under any other, whoever makes a role chooses.
_OF_SERVICES = "/aws-service-role/"


def since(signal_at: str, started_at: str) -> datetime:
    """Give the time from which on something is newly born: the signal's, but at most an hour before the run."""
    started = _moment(started_at) or datetime.now(UTC)
    at = _moment(signal_at) or started
    return max(min(at, started), started - _AT_MOST) - _CLOCKS_DIFFER


def _moment(text: str) -> datetime | None:
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        return None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def born(iam: IAMClient, after: datetime, users: Collection[str]) -> list[Json]:
    """Give what was born after a time, each ``{"kind", "id", "name", "at", "of_case"}``.

    ``kind`` is ``user``, ``role``, ``access_key`` or ``password`` (a login profile), ``name`` the user's or the role's.
    ``users`` are the names of the case's own users, whose new keys and passwords count too. Raises the named errors.
    """
    with aws.translated():
        listed = [one for page in _pages(iam, "list_users") for one in page["Users"]]
        roles = [one for page in _pages(iam, "list_roles") for one in page["Roles"]]
    made = [one for one in listed if one["CreateDate"] >= after]
    found = [_said("user", one["UserId"], one["UserName"], one["CreateDate"]) for one in made]
    found += [
        _said("role", one["RoleId"], one["RoleName"], one["CreateDate"])
        for one in roles
        if one["CreateDate"] >= after and not one["Path"].startswith(_OF_SERVICES)
    ]
    for name in [*users, *(one["UserName"] for one in made[:_MOST_USERS] if one["UserName"] not in users)]:
        try:
            found += _credentials(iam, name, after, of_case=name in users)
        except errors.TargetGone:
            continue
    return found


def _pages(iam: IAMClient, call: str) -> Iterator[Json]:
    yield from iam.get_paginator(call).paginate(PaginationConfig={"PageSize": _A_PAGE})  # type: ignore[call-overload]  # either of the two


def _credentials(iam: IAMClient, name: str, after: datetime, *, of_case: bool) -> Iterator[Json]:
    """Give the keys and the password of a user that were made after a time. Raises TargetGone."""
    with aws.translated():
        for page in iam.get_paginator("list_access_keys").paginate(UserName=name):
            for key in page["AccessKeyMetadata"]:
                if key["CreateDate"] >= after:
                    yield _said("access_key", key["AccessKeyId"], name, key["CreateDate"], of_case=of_case)
    try:
        with aws.translated():
            profile = iam.get_login_profile(UserName=name)["LoginProfile"]
    except errors.TargetGone:
        return
    if profile["CreateDate"] >= after:
        yield _said("password", name, name, profile["CreateDate"], of_case=of_case)


def _said(kind: str, one: str, name: str, at: datetime, *, of_case: bool = False) -> Json:
    return {"kind": kind, "id": one, "name": name, "at": at.astimezone(UTC).isoformat(), "of_case": of_case}
