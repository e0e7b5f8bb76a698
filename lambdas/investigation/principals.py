"""Who the compromised principals are: since when they exist, what they have, and what they were last used for.

AWS counts the services that a principal used up to four hours late, and forgets them after 400 days; of a key it tells
the last use only.

May touch: iam:GetUser, iam:GetRole, iam:ListAccessKeys, iam:GetAccessKeyLastUsed, iam:ListMFADevices,
iam:GetLoginProfile, iam:GenerateServiceLastAccessedDetails, iam:GetServiceLastAccessedDetails.
Never: changes anything; reads more than ``MOST`` principals.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lambdas import aws, errors
from lambdas.aws import Grant
from lambdas.investigation import asking
from lambdas.investigation.asking import Question

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lambdas.actions.shape import Clients
    from lambdas.investigation.asking import Deadline
    from lambdas.model import Json

MOST = 10
_SERVICES = 25
_PAUSE = 0.5

_ASKS = (
    "iam:GetUser",
    "iam:GetRole",
    "iam:ListAccessKeys",
    "iam:GetAccessKeyLastUsed",
    "iam:ListMFADevices",
    "iam:GetLoginProfile",
    "iam:GenerateServiceLastAccessedDetails",
    "iam:GetServiceLastAccessedDetails",
)
GRANTS = tuple(Grant(action=action, resource="*") for action in _ASKS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A principal to look at: ``kind`` is ``user`` or ``role``."""

    kind: str
    name: str


@dataclass(slots=True, kw_only=True)
class _Part:
    """What one question found out about one principal."""

    of: Principal
    said: Json


def describe(
    clients: Clients,
    principals: Sequence[Principal],
    deadline: Deadline,
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[list[Json], list[str]]:
    """Give the findings' ``principals``, and the sentences of what is not known. Raises nothing.

    Of what could not be read a user's ``mfa`` and ``password`` are None; who is gone has no ``made_at``.
    """
    wanted = list(dict.fromkeys(one for one in principals if one.kind in {"user", "role"}))
    questions = [question for one in wanted[:MOST] for question in _questions(clients, one, deadline, sleep)]
    answers = asking.ask(questions, deadline)
    found = {one: _empty(one) for one in wanted[:MOST]}
    for part in answers.given:
        used = part.said.pop("last_used", [])
        found[part.of] |= part.said
        found[part.of]["last_used"] += used
    for said in found.values():
        said["last_used"] = sorted(said["last_used"], key=lambda use: use["at"], reverse=True)[:_SERVICES]
    more = [f"{len(wanted) - MOST} more principals were not looked at."] if len(wanted) > MOST else []
    return list(found.values()), [*more, *asking.sentences(answers.missed)]


def _empty(one: Principal) -> Json:
    return {
        "kind": one.kind,
        "name": one.name[:256],
        "arn": "",
        "made_at": "",
        "last_used": [],
        "mfa": None,
        "password": None,
        "keys": 0,
    }


def _questions(
    clients: Clients, one: Principal, deadline: Deadline, sleep: Callable[[float], None]
) -> Iterator[Question[_Part]]:
    what = f"the {one.kind} {one.name[:64]}"

    def question(part: str, asks: str, said: Callable[[Any], Json]) -> Question[_Part]:
        return Question(what=f"{part} of {what}", asks=asks, ask=lambda: _Part(of=one, said=said(clients("iam"))))

    yield question("the services", "iam:GenerateServiceLastAccessedDetails", _used(one, deadline, sleep))
    if one.kind == "role":
        yield question("the making", "iam:GetRole", lambda iam: _entity(iam, one))
        return
    yield question("the making", "iam:GetUser", lambda iam: _entity(iam, one))
    yield question("the keys", "iam:ListAccessKeys", lambda iam: _keys(iam, one.name))
    yield question("the MFA", "iam:ListMFADevices", lambda iam: _mfa(iam, one.name))
    yield question("the password", "iam:GetLoginProfile", lambda iam: _password(iam, one.name))


def _entity(iam: Any, one: Principal) -> Json:  # noqa: ANN401  (boto3's clients are made at run time)
    """Read a user or a role. Raises TargetGone."""
    with aws.translated():
        if one.kind == "role":
            entity = iam.get_role(RoleName=one.name)["Role"]
        else:
            entity = iam.get_user(UserName=one.name)["User"]
    made_at = asking.moment(entity.get("CreateDate"))
    uses = (
        _use("console sign-in", entity, "PasswordLastUsed"),
        _use("any", entity.get("RoleLastUsed") or {}),
    )
    return {
        "arn": str(entity.get("Arn", "")),
        "made_at": asking.iso(made_at) if made_at else "",
        "last_used": [use for use in uses if use],
    }


def _keys(iam: Any, user: str) -> Json:  # noqa: ANN401  (as above)
    with aws.translated():
        keys = iam.list_access_keys(UserName=user)["AccessKeyMetadata"]
        uses = [iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])["AccessKeyLastUsed"] for key in keys]
    return {"keys": len(keys), "last_used": [use for one in uses if (use := _use(one.get("ServiceName"), one))]}


def _use(service: object, said: Json, name: str = "LastUsedDate") -> Json | None:
    at = asking.moment(said.get(name))
    return {"service": str(service)[:256], "at": asking.iso(at)} if at else None


def _mfa(iam: Any, user: str) -> Json:  # noqa: ANN401  (as above)
    with aws.translated():
        return {"mfa": bool(iam.list_mfa_devices(UserName=user)["MFADevices"])}


def _password(iam: Any, user: str) -> Json:  # noqa: ANN401  (as above)
    with aws.excused("NoSuchEntity") as said:
        iam.get_login_profile(UserName=user)
    return {"password": not said}


def _used(one: Principal, deadline: Deadline, sleep: Callable[[float], None]) -> Callable[[Any], Json]:
    def ask(iam: Any) -> Json:  # noqa: ANN401  (as above)
        with aws.translated():
            job = iam.generate_service_last_accessed_details(Arn=_entity(iam, one)["arn"])["JobId"]
            while (answer := iam.get_service_last_accessed_details(JobId=job))["JobStatus"] == "IN_PROGRESS":
                if deadline.left() <= _PAUSE:
                    raise errors.Unavailable("The last used services were not ready in time.")
                sleep(_PAUSE)
        if answer["JobStatus"] != "COMPLETED":
            raise errors.Unexpected("AWS could not tell the last used services.")
        rows = asking.rows(answer, ["ServicesLastAccessed"])
        return {"last_used": [use for row in rows if (use := _use(row.get("ServiceName"), row, "LastAuthenticated"))]}

    return ask
