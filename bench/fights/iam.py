"""IAM's client for the simulated account: the calls that the actions, the search and the attacker make.

May touch: nothing outside the process.
Never does: answer in another form than botocore describes; let a call pass that is denied or guarded.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from bench.fights.account import DENY, MOST_KEYS, MOST_POLICIES, RESPONDER, Credential, Write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.fights.account import Account, Key, Principal
    from lambdas.model import Json

#: A call takes so many seconds, at least and at most.
LATENCY = (0.02, 0.08)
_STATUS = {"NoSuchEntity": 404, "LimitExceeded": 409, "EntityAlreadyExists": 409, "AccessDenied": 403}
_TRUST: Json = {"Version": "2012-10-17", "Statement": []}


class _Refused(Exception):  # noqa: N818  (becomes botocore's own error)
    """IAM's code and sentence for a call that does not go through."""


def _name(call: str) -> str:
    return "".join(part.capitalize() for part in call.split("_"))


class Iam:
    """IAM as one caller sees it; ``by`` is ``None`` for the responder. The attacker's calls take no time."""

    def __init__(
        self, account: Account, by: Credential | None = None, *, seen: Callable[..., None] | None = None
    ) -> None:
        self._account = account
        self._by = by
        self._seen = seen

    def __getattr__(self, call: str) -> Callable[..., Json]:
        if call not in _CALLS:
            raise AttributeError(call)
        return lambda **given: self._call(call, given)

    def get_paginator(self, call: str) -> _Pages:
        """Give what asks for all pages; there is one."""
        return _Pages(self, call)

    def _call(self, call: str, given: Json) -> Json:
        """Let a call reach IAM, and its answer come back, each after half of the time that the call takes."""
        clock = self._account.clock
        answer: list[Json] = []
        refused: list[_Refused] = []

        def arrive() -> None:
            try:
                answer.append(self._do(call, given))
            except _Refused as error:
                refused.append(error)

        if self._by is None:
            takes = self._account.chance.uniform(*LATENCY)
            clock.at(clock.now + takes / 2, arrive)
            clock.sleep(takes)
        else:
            arrive()
        if refused:
            code, message = refused[0].args
            said: Any = {
                "Error": {"Code": code, "Message": message},
                "ResponseMetadata": {"HTTPStatusCode": _STATUS[code]},
            }
            raise ClientError(said, _name(call))
        if self._seen:
            self._seen(_name(call), given, answer[0])
        return answer[0]

    def _do(self, call: str, given: Json) -> Json:
        account = self._account
        on = _on(account, given)
        if self._by is not None:
            if not account.allows(self._by):
                raise _Refused("AccessDenied", "not authorized: with an explicit deny")
            if not account.guard.get((_name(call), _what(on, given)), True):
                raise _Refused("AccessDenied", "not authorized: with an explicit deny in a service control policy")
        answer = _CALLS[call](self, account, given)
        if self._by is None and not call.startswith(("get", "list")):
            key = account.keys.get(str(given.get("AccessKeyId", "")))
            made_by = key.made_by if key else on.made_by if on else ""
            account.writes.append(
                Write(at=account.clock.now, call=_name(call), name=on.name if on else "", made_by=made_by)
            )
        return answer

    @property
    def who(self) -> str:
        """Who calls."""
        return self._by.by if self._by else RESPONDER

    def tell(self, kind: str, made: str, credential: Credential | None = None) -> None:
        """Have CloudTrail tell of what this caller made."""
        if self._by:
            self._account.record(self._by, kind, made, credential)


class _Pages:
    def __init__(self, iam: Iam, call: str) -> None:
        self._iam, self._call = iam, call

    def paginate(self, PaginationConfig: Json | None = None, **given: Any) -> Iterator[Json]:  # noqa: N803  (boto3's)
        """Give the one page."""
        del PaginationConfig
        yield getattr(self._iam, self._call)(**given)


def _on(account: Account, given: Json) -> Principal | None:
    if "RoleName" in given:
        return account.roles.get(given["RoleName"])
    return account.users.get(given.get("UserName", ""))


def _what(on: Principal | None, given: Json) -> str:
    """Say which of the responder's denies a call is about, if any."""
    if given.get("PolicyArn") == DENY:
        return "attached"
    if on and on.boundary.value == DENY:
        return "boundary"
    return str(given.get("PolicyName", ""))[:11]


def _user(account: Account, given: Json) -> Principal:
    return _found(account.users.get(given["UserName"]), "user", given["UserName"])


def _role(account: Account, given: Json) -> Principal:
    return _found(account.roles.get(given["RoleName"]), "role", given["RoleName"])


def _found[Thing](found: Thing | None, kind: str, name: str) -> Thing:
    if found is None:
        raise _Refused("NoSuchEntity", f"The {kind} with name {name} cannot be found.")
    return found


def _said(account: Account, one: Principal) -> Json:
    kind = one.kind.capitalize()
    said: Json = {
        "Path": "/",
        f"{kind}Name": one.name,
        f"{kind}Id": one.id,
        "Arn": one.arn,
        "CreateDate": account.moment(one.made_at),
    }
    if one.kind == "role":
        said["AssumeRolePolicyDocument"] = _TRUST
    if one.boundary.value:
        said["PermissionsBoundary"] = {
            "PermissionsBoundaryType": "PermissionsBoundaryPolicy",
            "PermissionsBoundaryArn": one.boundary.value,
        }
    return said


def _said_key(account: Account, key: Key) -> Json:
    return {
        "UserName": key.owner.name,
        "AccessKeyId": key.id,
        "Status": key.status.value,
        "CreateDate": account.moment(key.made_at),
    }


def _attached(one: Principal) -> Json:
    policies = [{"PolicyName": arn.rpartition("/")[2], "PolicyArn": arn} for arn in sorted(one.policies.value)]
    return {"AttachedPolicies": policies, "IsTruncated": False}


def _attach(account: Account, one: Principal, policy: str) -> Json:
    if policy not in one.policies.value:
        if len(one.policies.value) >= MOST_POLICIES:
            raise _Refused("LimitExceeded", "Cannot exceed quota for PoliciesPerUser: 10")
        one.policies.write(one.policies.value | {policy}, account.clock.now)
    return {}


def _detach(account: Account, one: Principal, policy: str) -> Json:
    if policy not in one.policies.value:
        raise _Refused("NoSuchEntity", f"Policy {policy} was not found.")
    one.policies.write(one.policies.value - {policy}, account.clock.now)
    return {}


def _bound(account: Account, one: Principal, policy: str) -> Json:
    if not policy and not one.boundary.value:
        raise _Refused("NoSuchEntity", f"{one.name} has no permissions boundary.")
    one.boundary.write(policy, account.clock.now)
    return {}


def _get_role_policy(_iam: Iam, account: Account, given: Json) -> Json:
    document = _found(_role(account, given).inline.value.get(given["PolicyName"]), "role policy", given["PolicyName"])
    return {**given, "PolicyDocument": json.loads(document)}


def _put_role_policy(_iam: Iam, account: Account, given: Json) -> Json:
    role = _role(account, given)
    role.inline.write({**role.inline.value, given["PolicyName"]: given["PolicyDocument"]}, account.clock.now)
    return {}


def _delete_role_policy(_iam: Iam, account: Account, given: Json) -> Json:
    role = _role(account, given)
    _found(role.inline.value.get(given["PolicyName"]), "role policy", given["PolicyName"])
    rest = {name: document for name, document in role.inline.value.items() if name != given["PolicyName"]}
    role.inline.write(rest, account.clock.now)
    return {}


def _key(account: Account, given: Json, user: str = "") -> Key:
    key = account.keys.get(given["AccessKeyId"])
    if key is None or key.deleted or (user and key.owner.name != user):
        raise _Refused("NoSuchEntity", "The Access Key cannot be found.")
    return key


def _key_last_used(_iam: Iam, account: Account, given: Json) -> Json:
    """AWS refuses, rather than says "not found", for a key that it does not know."""
    try:
        key = _key(account, given)
    except _Refused:
        raise _Refused("AccessDenied", "not authorized to perform: iam:GetAccessKeyLastUsed") from None
    return {"UserName": key.owner.name, "AccessKeyLastUsed": {"ServiceName": "iam", "Region": "us-east-1"}}


def _update_key(_iam: Iam, account: Account, given: Json) -> Json:
    key = _key(account, given, given["UserName"])
    if key.status.value != given["Status"]:
        key.status.write(given["Status"], account.clock.now)
    return {}


def _delete_key(_iam: Iam, account: Account, given: Json) -> Json:
    key = _key(account, given, given["UserName"])
    key.status.write("", account.clock.now)
    key.deleted = True
    del key.owner.keys[key.id]
    return {}


def _create_key(iam: Iam, account: Account, given: Json) -> Json:
    user = _user(account, given)
    if len(user.keys) >= MOST_KEYS:
        raise _Refused("LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2")
    made = account.make_key(user, iam.who)
    iam.tell("access_key", made.id, made)
    key = account.keys[made.id]
    return {"AccessKey": {**_said_key(account, key), "SecretAccessKey": "-" * 40}}


def _create_user(iam: Iam, account: Account, given: Json) -> Json:
    if given["UserName"] in account.users:
        raise _Refused("EntityAlreadyExists", f"User with name {given['UserName']} already exists.")
    made = account.make("user", given["UserName"], iam.who)
    iam.tell("user", made.name)
    return {"User": _said(account, made)}


def _create_role(iam: Iam, account: Account, given: Json) -> Json:
    """Make a role; whoever makes it may begin sessions of it, also from outside the account."""
    if given["RoleName"] in account.roles:
        raise _Refused("EntityAlreadyExists", f"Role with name {given['RoleName']} already exists.")
    made = account.make("role", given["RoleName"], iam.who)
    made.open_to = iam.who
    iam.tell("role", made.name)
    return {"Role": _said(account, made)}


def _rename(_iam: Iam, account: Account, given: Json) -> Json:
    user = _user(account, given)
    if given["NewUserName"] in account.users:
        raise _Refused("EntityAlreadyExists", f"User with name {given['NewUserName']} already exists.")
    del account.users[user.name]
    user.name = given["NewUserName"]
    account.users[user.name] = user
    return {}


def _login_profile(_iam: Iam, account: Account, given: Json) -> Json:
    user = _user(account, given)
    if not user.password:
        raise _Refused("NoSuchEntity", f"Login Profile for User {user.name} cannot be found.")
    return {"LoginProfile": {"UserName": user.name, "CreateDate": account.moment(user.made_at)}}


_CALLS: dict[str, Callable[[Iam, Account, Json], Json]] = {
    "get_user": lambda _, account, given: {"User": _said(account, _user(account, given))},
    "get_role": lambda _, account, given: {"Role": _said(account, _role(account, given))},
    "list_users": lambda _, account, __: {
        "Users": [_said(account, one) for one in account.users.values()],
        "IsTruncated": False,
    },
    "list_roles": lambda _, account, __: {
        "Roles": [_said(account, one) for one in account.roles.values()],
        "IsTruncated": False,
    },
    "list_access_keys": lambda _, account, given: {
        "AccessKeyMetadata": [_said_key(account, key) for key in _user(account, given).keys.values()],
        "IsTruncated": False,
    },
    "get_access_key_last_used": _key_last_used,
    "get_login_profile": _login_profile,
    "list_attached_user_policies": lambda _, account, given: _attached(_user(account, given)),
    "list_attached_role_policies": lambda _, account, given: _attached(_role(account, given)),
    "get_role_policy": _get_role_policy,
    "attach_user_policy": lambda _, account, given: _attach(account, _user(account, given), given["PolicyArn"]),
    "attach_role_policy": lambda _, account, given: _attach(account, _role(account, given), given["PolicyArn"]),
    "detach_user_policy": lambda _, account, given: _detach(account, _user(account, given), given["PolicyArn"]),
    "detach_role_policy": lambda _, account, given: _detach(account, _role(account, given), given["PolicyArn"]),
    "put_user_permissions_boundary": lambda _, account, given: _bound(
        account, _user(account, given), given["PermissionsBoundary"]
    ),
    "put_role_permissions_boundary": lambda _, account, given: _bound(
        account, _role(account, given), given["PermissionsBoundary"]
    ),
    "delete_user_permissions_boundary": lambda _, account, given: _bound(account, _user(account, given), ""),
    "delete_role_permissions_boundary": lambda _, account, given: _bound(account, _role(account, given), ""),
    "put_role_policy": _put_role_policy,
    "delete_role_policy": _delete_role_policy,
    "update_access_key": _update_key,
    "delete_access_key": _delete_key,
    "create_access_key": _create_key,
    "create_user": _create_user,
    "create_role": _create_role,
    "update_user": _rename,
}
