"""GuardDuty: findings of every type, and the principals and instances that they name.

``resource.resourceType`` alone decides what a finding is about: findings carry blocks as filler (``instanceDetails`` in
one on an access key, say). ``detail.accountId`` says whose account it is, not the envelope.

In an attack sequence, who and what stand in ``service.detection.sequence``, under the member names of GuardDuty's REST
API (``credentialUid``, not ``CredentialUid``); a user's ``account`` may be an object or the bare id. Findings of custom
detection rules have such a sequence too, and AWS documents its actors as the principals who made the call. Which
resource type they carry is not documented, so a sequence is read wherever the type is none of those known here.

May touch: nothing.
Never: raises on odd input, or names a target that the finding does not.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from lambdas.model import Incident, Kind, Signal, Target
from lambdas.signals import reading

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lambdas.model import Json

SOURCE = "aws.guardduty"

#: No filter on type or resource: whatever GuardDuty finds is answered or at least announced.
PATTERN: dict[str, Any] = {"source": [SOURCE], "detail-type": ["GuardDuty Finding"]}

#: What GuardDuty writes into sample findings besides the flag: the first where nobody can choose the text.
_FILLER = "GeneratedFinding"
_SAMPLE_INSTANCE = "i-99999999"

_ROLES = {"ACTOR", "TARGET"}
_LONGEST_NAME = 256
_MOST_TOLD = 3
_NO_PRINCIPAL = "The finding names no access key, user or role that could be read."

#: The kinds of action that say from where.
_WITH_ADDRESS = ("awsApiCallAction", "networkConnectionAction", "kubernetesApiCallAction", "rdsLoginAttemptAction")

#: Resource types whose findings may say, in ``accessKeyDetails``, who called.
_WITH_CALLER = {"AccessKey", "EKSCluster"}
_WITH_CALLER_FAMILY = "S3"

#: What other findings are about: resource type → words for it, and where its name stands.
_ABOUT: dict[str, tuple[str, tuple[str, ...]]] = {
    "EKSCluster": ("the EKS cluster", ("eksClusterDetails", "name")),
    "ECSCluster": ("the ECS cluster", ("ecsClusterDetails", "name")),
    "Container": ("the container", ("containerDetails", "name")),
    "Lambda": ("the Lambda function", ("lambdaDetails", "functionName")),
    "RDSDBInstance": ("the database instance", ("rdsDbInstanceDetails", "dbInstanceIdentifier")),
    "RDSLimitlessDB": ("the Limitless database", ("rdsLimitlessDbDetails", "dbShardGroupIdentifier")),
    "S3Bucket": ("the S3 bucket", ("s3BucketDetails", "name")),
    "S3Object": ("an object of the S3 bucket", ("s3BucketDetails", "name")),
}

_KNOWN = {"Instance", *_WITH_CALLER, *_ABOUT}


def parse(event: Json) -> Incident:
    """Read a GuardDuty finding of EventBridge into an incident."""
    detail = reading.mapping(event, "detail")
    service = reading.mapping(detail, "service")
    account = reading.account_id(detail.get("accountId"), event.get("account"))
    named, notes = _named(detail, event, account)
    targets, left = reading.capped(named)
    role = reading.text(service.get("resourceRole")).upper()
    return Incident(
        signal=Signal(
            source=SOURCE,
            type=reading.text(detail.get("type")) or "unknown",
            id=reading.fingerprint(detail.get("id") or event.get("id"), reading.text(event.get("region"))),
            account=account,
            region=reading.text(detail.get("region")) or reading.text(event.get("region")),
            severity=reading.number(detail.get("severity")),
            title=reading.text(detail.get("title")) or "GuardDuty reports something without a title",
            at=reading.text(service.get("eventLastSeen")) or reading.text(event.get("time")),
            resource_role=role if role in _ROLES else "",
            inert=_inert(detail, service),
        ),
        targets=targets,
        notes=(*notes, *left),
        context=_context(service),
    )


def _named(detail: Json, event: Json, account: str) -> tuple[list[Target], tuple[str, ...]]:
    """Give what the finding names, by its resource type, and notes on what it does not."""
    resource = reading.mapping(detail, "resource")
    kind = reading.text(resource.get("resourceType"), limit=64)
    where = reading.region(detail.get("region"), event.get("region"))
    if kind == "Instance":
        return _instance(resource, account, where)
    if kind == "AttackSequence" or (kind not in _KNOWN and _has_sequence(detail)):
        return _sequence(detail, account, where)
    if kind in _WITH_CALLER or kind.startswith(_WITH_CALLER_FAMILY):
        targets, note = _principal(reading.mapping(resource, "accessKeyDetails"), account, _remote(detail))
        if targets or kind == "AccessKey":
            return targets, (note,) if note else ()
        return [], (_about(kind, resource), *((note,) if note != _NO_PRINCIPAL else ()))
    return [], (_about(kind, resource),)


def _instance(resource: Json, account: str, where: str) -> tuple[list[Target], tuple[str, ...]]:
    """Give the instance that a finding is about."""
    value = reading.text(reading.mapping(resource, "instanceDetails").get("instanceId"))
    if value == _SAMPLE_INSTANCE:
        return [], ("The instance is the one that GuardDuty writes into sample findings.",)
    if not reading.is_instance_id(value):
        return [], ("The finding is about an instance and gives no instance id that could be read.",)
    notes = () if where else ("The finding does not say in which region its instance is.",)
    return [Target(kind=Kind.INSTANCE, id=value, account=account, region=where)], notes


def _principal(key: Json, account: str, remote: str = "") -> tuple[list[Target], str]:
    """Give the principal of a block of access key details, or a note that says why there is none.

    ``remote`` is the account of a caller from elsewhere, where the finding gives one.
    """
    key_id = reading.text(key.get("accessKeyId"))
    principal_id = reading.text(key.get("principalId"), limit=_LONGEST_NAME)
    name = reading.text(key.get("userName"), limit=_LONGEST_NAME)
    user_type = "".join(ch for ch in reading.text(key.get("userType")).lower() if ch.isalnum())
    if _FILLER in key_id or _FILLER in principal_id:
        return [], "The principal is made up: GuardDuty writes such names into sample findings."
    alone = [Target(kind=Kind.ACCESS_KEY, id=key_id, account=account)] if reading.is_key_id(key_id) else []
    found: list[Target] = []
    match user_type:
        case "root":
            found = [Target(kind=Kind.ROOT, id=account, name="root", account=account)]
        case "assumedrole" | "role":
            found = _role(principal_id, name, account) or alone
        case "federateduser":
            found = _federated(principal_id, name, key_id, account) or alone
        case "awsaccount":
            found = _elsewhere(principal_id, name, remote)
            return found, "" if found else "The call came from another account, or from nobody who signed in."
        case "awsservice":
            return [], "The call was made by an AWS service."
        case "iamuser":
            found = _user(key_id, principal_id, name, account) or alone
        case _:
            found = alone
    return found, "" if found else _NO_PRINCIPAL


def _user(key_id: str, principal_id: str, name: str, account: str) -> list[Target]:
    """Give an IAM user's long-term key or, where its call was made with a session, the user."""
    unique = principal_id if reading.is_user_id(principal_id) else ""
    user = name if reading.is_user_name(name) and (unique or not _is_nobody(name)) else ""
    if reading.is_key_id(key_id) and not reading.is_session_key(key_id):
        return [Target(kind=Kind.ACCESS_KEY, id=key_id, name=user, account=account)]
    if user or (unique and not reading.is_key_id(key_id)):
        return [Target(kind=Kind.USER, id=unique, name=user, account=account)]
    return []


def _role(principal_id: str, name: str, account: str) -> list[Target]:
    """Give the session of a role where it is told, else the role."""
    role = name if reading.is_role_name(name) and not _is_nobody(name) else ""
    if reading.is_role_session_id(principal_id):
        return [Target(kind=Kind.ROLE_SESSION, id=principal_id, name=role, account=account)]
    unique = principal_id.partition(":")[0]
    unique = unique if reading.is_role_id(unique) else ""
    return [Target(kind=Kind.ROLE, id=unique, name=role, account=account)] if unique or role else []


def _federated(principal_id: str, name: str, key_id: str, account: str) -> list[Target]:
    """Give a federated user and the key of its session, which leads to the user who issued it."""
    owner, called = reading.federated(principal_id)
    if not called and not _is_nobody(name):
        owner, called = reading.federated(f"{account}:{name}")
    if not called:
        return []
    found = [Target(kind=Kind.FEDERATED_USER, id=f"{owner}:{called}", name=called, account=owner)]
    if reading.is_session_key(key_id):
        found.append(Target(kind=Kind.ACCESS_KEY, id=key_id, account=owner))
    return found


def _elsewhere(principal_id: str, name: str, remote: str) -> list[Target]:
    """Give a principal of another account, of whom little more may be known than that account."""
    owner = reading.account_id(principal_id, remote)
    unique = principal_id if reading.is_principal_id(principal_id) and not _is_nobody(principal_id) else owner
    called = name if reading.is_user_name(name) and not _is_nobody(name) else ""
    return [Target(kind=Kind.OTHER, id=unique, name=called, account=owner)] if unique or called else []


def _is_nobody(name: str) -> bool:
    """Tell a caller that did not sign in, an AWS service, or a sample's filler."""
    flat = name.lower()
    service = flat.endswith((".amazonaws.com", ".amazonaws.com.cn"))
    return flat in {"anonymous", "anonymous_principal"} or service or name.startswith(_FILLER)


def _remote(detail: Json) -> str:
    """Give the account of the caller where the finding says that it is another one."""
    call = reading.mapping(detail, "service", "action", "awsApiCallAction", "remoteAccountDetails")
    return reading.account_id(call.get("accountId"))


def _sequence(detail: Json, account: str, where: str) -> tuple[list[Target], tuple[str, ...]]:
    """Give the principals that acted in an attack sequence, then the keys and instances that it hit."""
    sequence = reading.mapping(detail, "service", "detection", "sequence")
    resources = [reading.mapping(one) for one in reading.items(sequence.get("resources"))]
    keys = [one for one in resources if _type_of(one) == "accesskey"]
    owners = {reading.text(one.get("uid")): reading.account_id(one.get("accountId")) for one in keys}
    targets: list[Target] = []
    acting: list[dict[str, str]] = []
    unread: list[str] = []
    for actor in reading.items(sequence.get("actors")):
        user = reading.mapping(actor, "user")
        if not user:
            continue
        block = _block(user, reading.mapping(actor, "session"))
        acting.append(block)
        owner = owners.get(block["accessKeyId"]) or block["issuedBy"]
        found, note = _principal(block, owner or block["actedIn"] or account, owner)
        targets += found
        unread += [note] if note else []
    for one in keys:
        block = _key_block(one)
        if not any(_same(block, other) for other in acting):
            targets += _principal(block, reading.account_id(one.get("accountId"), account))[0]
    for one in resources:
        if _type_of(one) == "ec2instance":
            owner = reading.account_id(one.get("accountId"), account)
            named = reading.instance(reading.text(one.get("uid")), owner, reading.region(one.get("region"), where))
            targets += [named] if named and named.id != _SAMPLE_INSTANCE else []
    if not targets and not unread:
        unread = ["The attack sequence names no principal and no instance that could be read."]
    return targets, tuple(dict.fromkeys(unread))


def _has_sequence(detail: Json) -> bool:
    """Tell whether a finding says in a sequence who acted."""
    return bool(reading.mapping(detail, "service", "detection", "sequence").get("actors"))


def _type_of(resource: Json) -> str:
    """Give a resource's type without case and underscores."""
    return reading.text(resource.get("resourceType"), limit=64).replace("_", "").lower()


def _block(user: Json, session: Json) -> dict[str, str]:
    """Give an actor's user in the form of access key details. The actor's own ``id`` is not read: its form may change.

    A role's name is taken from the role's ARN, ``issuer``, where there is one: ``name`` may be the session's. The
    user's ``account`` is where it acted, which need not be whose it is.
    """
    account, role = reading.role_of(reading.text(session.get("issuer")))
    given = user.get("account")
    principal_id, session_id = (reading.text(one.get("uid"), limit=_LONGEST_NAME) for one in (user, session))
    if reading.is_role_session_id(session_id) and session_id.partition(":")[0] == principal_id:
        principal_id = session_id
    return {
        "accessKeyId": reading.text(user.get("credentialUid")),
        "principalId": principal_id,
        "userName": role or reading.text(user.get("name"), limit=_LONGEST_NAME),
        "userType": reading.text(user.get("type")),
        "issuedBy": account,
        "actedIn": reading.account_id(reading.mapping(given).get("uid"), given),
    }


def _key_block(resource: Json) -> dict[str, str]:
    """Give a key among a sequence's resources in the form of access key details."""
    data = reading.mapping(resource, "data", "accessKey")
    return {
        "accessKeyId": reading.text(resource.get("uid")),
        "principalId": reading.text(data.get("principalId"), limit=_LONGEST_NAME),
        "userName": reading.text(data.get("userName"), limit=_LONGEST_NAME),
        "userType": reading.text(data.get("userType")),
    }


def _same(one: Json, other: Json) -> bool:
    """Tell whether two blocks mean the same principal: by key or by unique id."""
    return any(one[part] and one[part] == other[part] for part in ("accessKeyId", "principalId"))


def _about(kind: str, resource: Json) -> str:
    """Say in one sentence what a finding is about that names nobody."""
    if not kind:
        return "The finding does not say what kind of resource it is about, so nothing in it was taken for a target."
    words, (block, member) = _ABOUT.get(kind, ("", ("", "")))
    if not words:
        return f"The finding is about a resource of the type {kind}, for which there is no automatic answer."
    details = resource.get(block)
    name = next(
        filter(None, (reading.text(reading.mapping(one).get(member), 256) for one in reading.items(details))), ""
    )
    return f"The finding is about {words}{f' {name}' if name else ''}, and names no principal or instance to cut off."


def _inert(detail: Json, service: Json) -> str:
    """Say why this finding may not change anything, or ``""``."""
    resource = reading.mapping(detail, "resource")
    key = reading.mapping(resource, "accessKeyDetails")
    made_up = any(_FILLER in reading.text(key.get(part)) for part in ("accessKeyId", "principalId"))
    instance = reading.text(reading.mapping(resource, "instanceDetails").get("instanceId"))
    made_up |= resource.get("resourceType") == "Instance" and instance == _SAMPLE_INSTANCE
    if made_up or _is_sample(reading.mapping(service, "additionalInfo")):
        return "this is a sample finding"
    return "the finding is archived" if service.get("archived") in (True, "true", "True") else ""


def _is_sample(info: Json) -> bool:
    """Look for the sample flag, plain or inside the JSON string ``value``."""
    inner: object = {}
    try:
        inner = json.loads(reading.text(info.get("value"), limit=65_536) or "{}")
    except (ValueError, RecursionError):
        inner = {}
    flags = (info.get("sample"), reading.mapping(inner).get("sample"))
    return any(flag in (True, "true", "True") for flag in flags)


def _context(service: Json) -> tuple[tuple[str, str], ...]:
    """Give where it came from, which call or domain it was, and who acted in a sequence."""
    action = reading.mapping(service, "action")
    call = reading.mapping(action, "awsApiCallAction")
    caller = next(filter(None, (reading.mapping(action.get(one), "remoteIpDetails") for one in _WITH_ADDRESS)), {})
    sequence = reading.mapping(service, "detection", "sequence")
    addresses = [reading.text(reading.mapping(one).get("ip")) for one in reading.items(sequence.get("endpoints"))]
    actors = [_actor(reading.mapping(one, "user")) for one in reading.items(sequence.get("actors"))]
    pairs = (
        ("Call", _joined(":", (reading.text(call.get("serviceName")), reading.text(call.get("api"))))),
        ("From", reading.text(caller.get("ipAddressV4")) or reading.text(caller.get("ipAddressV6")) or _few(addresses)),
        ("Country", reading.text(reading.mapping(caller, "country").get("countryName"))),
        ("Domain", reading.text(reading.mapping(action, "dnsRequestAction").get("domain"))),
        ("Actors", _few(actors)),
    )
    return tuple((name, value[:2048]) for name, value in pairs if value)


def _actor(user: Json) -> str:
    """Say who an actor is: the type of its user and the name."""
    return _joined(" ", (reading.text(user.get(part), limit=_LONGEST_NAME) for part in ("type", "name")))


def _joined(between: str, parts: Iterable[str]) -> str:
    return between.join(part for part in parts if part)


def _few(values: list[str]) -> str:
    """Join the first few different values."""
    return ", ".join(list(dict.fromkeys(filter(None, values)))[:_MOST_TOLD])
