"""What planning needs to know of the account: whose the credentials are, and who else a cut would hit.

The event is a hint. A key's owner is asked of IAM, because users are renamed and events do not always name them. Whose
temporary credentials are, IAM does not say: CloudTrail is asked who called with them, in the signal's region and in the
one where IAM's and STS' global calls are recorded. Everything is asked at once, within two seconds; what was not
answered by then is unknown, which planning knows how to live with.

Where an instance is, is asked of the region that the event names; of the credentials of an instance, which are
used anywhere, of every region. Whether an instance has its role for itself is asked of every region too, and only
waited for half of the time: it makes the cut wider, and the cut waits for it.

May touch: iam:GetAccessKeyLastUsed, iam:GetUser, iam:ListAccessKeys, iam:ListAttachedUserPolicies, iam:GetRole,
iam:GetInstanceProfile, iam:ListInstanceProfilesForRole; cloudtrail:LookupEvents; ec2:DescribeInstances,
ec2:DescribeRegions.
Never: changes anything, raises, or waits longer than its time.
"""

from __future__ import annotations

import json
import re
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from functools import partial
from threading import Event
from typing import TYPE_CHECKING, Any, Protocol

from lambdas import aws, errors
from lambdas.actions.roles import ROLES, role
from lambdas.actions.users import USERS, keys_of, older_than, owner_of, user
from lambdas.aws import Grant
from lambdas.model import Fact, InstanceFact, Json, Kind, RoleFact, Standing, Target
from lambdas.signals import reading
from lambdas.signals.reading import is_root_name, is_session_key, is_user_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lambdas.model import Incident, Signal

SECONDS = 2.0
_AT_ONCE = 8
_REGIONS_AT_ONCE = 10

#: Where the calls to IAM and to STS' global endpoint are recorded.
_GLOBAL = "us-east-1"

#: All records of one key name the same principal; a few are read in case one of them is odd.
_RECORDS = 10

_ASKED = {Kind.ACCESS_KEY, Kind.USER, Kind.ROLE, Kind.ROLE_SESSION, Kind.FEDERATED_USER, Kind.INSTANCE}

_INSTANCE = re.compile(r"i-[0-9a-f]{8,17}")
_USER_ARN = re.compile(r"arn:aws[a-z-]*:iam::(\d{12}):user/(?:[A-Za-z0-9_+=,.@/-]*/)?[A-Za-z0-9_+=,.@-]{1,64}")
_QUARANTINE = re.compile(r"arn:aws[a-z-]*:iam::aws:policy/(?:[!-~]*/)?AWSCompromisedKeyQuarantine[^/]*")

PROFILES = "arn:{partition}:iam::{account}:instance-profile/*"

#: In these states an instance is gone, though EC2 shows it for an hour.
_OVER = {"shutting-down", "terminated"}
_OF_GROUP = "aws:autoscaling:groupName"

#: IAM keeps these paths for AWS itself, whatever a customer calls a role.
_OF_SERVICES = "/aws-service-role/"
_OF_IDENTITY_CENTER = ("/aws-reserved/sso.amazonaws.com/", "AWSReservedSSO_")

#: The service whose callers may name their sessions themselves (``acceptRoleSessionName`` of its profiles).
_LETS_CALLERS_NAME = "rolesanywhere.amazonaws.com"

#: Who alone gives sessions to instances, and names each after its instance.
_INSTANCES = {("Service", "ec2.amazonaws.com"), ("Service", "ec2.amazonaws.com.cn")}

GRANTS = (
    Grant(action="iam:GetAccessKeyLastUsed", resource=USERS),
    Grant(action="iam:GetUser", resource=USERS),
    Grant(action="iam:ListAccessKeys", resource=USERS),
    Grant(action="iam:ListAttachedUserPolicies", resource=USERS),
    Grant(action="iam:GetRole", resource=ROLES),
    Grant(action="cloudtrail:LookupEvents", resource="*"),
    Grant(action="ec2:DescribeInstances", resource="*"),
    Grant(action="ec2:DescribeRegions", resource="*"),
    Grant(action="iam:GetInstanceProfile", resource=PROFILES),
    Grant(action="iam:ListInstanceProfilesForRole", resource=ROLES),
)


class Clients(Protocol):
    """Gives the client of a service: in the function's own region, or in the one that is named."""

    def __call__(self, service: str, region: str = "", /) -> Any:  # noqa: ANN401  (boto3's clients are made at run time)
        """Give the client; may raise botocore's error for a region that cannot be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """What one question brought: fields of the fact, and what is to be asked because of it.

    ``federated`` is the federated user that temporary credentials turned out to be, by its id: the answer is also of
    the target that names it. ``wider`` are those of ``then`` that only make a cut wider.
    """

    said: Json = field(default_factory=dict)
    then: tuple[Callable[[], _Answer], ...] = ()
    wider: tuple[Callable[[], _Answer], ...] = ()
    federated: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A question that waits for its answer: about which targets, and whether it only makes a cut wider."""

    targets: tuple[Target, ...]
    wider: bool = False


def gather(client: Clients, incident: Incident, seconds: float = SECONDS) -> dict[Target, Fact]:
    """Ask AWS about every target of the incident that it can be asked about; ``seconds`` bounds the whole."""
    began = time.monotonic()
    asked = dict.fromkeys(target for target in incident.targets if target.kind in _ASKED)
    facts = dict.fromkeys(asked, Fact(standing=Standing.UNKNOWN))
    asking = _Asking(client=client, signal=incident.signal)
    pool = ThreadPoolExecutor(max_workers=_AT_ONCE)
    try:
        waiting: dict[Future[_Answer], _Asked] = {
            pool.submit(_answer, question): _Asked(targets=(target,))
            for target in asked
            for question in asking.first(target)
        }
        while waiting:
            most = seconds / 2 if all(one.wider for one in waiting.values()) else seconds
            if (left := began + most - time.monotonic()) <= 0:
                break
            done, _ = wait(waiting, timeout=left, return_when=FIRST_COMPLETED)
            for future in done:
                targets = waiting.pop(future).targets
                answer = _Answer() if future.exception() else future.result()
                if answer.federated:
                    targets += tuple(target for target in asked if _is_federated(target, answer.federated))
                if "means" in answer.said:  # a second region's records tell the same again
                    targets = tuple(target for target in targets if facts[target].means is None)
                facts.update({target: replace(facts[target], **answer.said) for target in targets})
                for question in answer.then if targets else ():
                    wider = question in answer.wider
                    waiting[pool.submit(_answer, question)] = _Asked(targets=targets, wider=wider)
    finally:
        asking.over.set()
        pool.shutdown(wait=False, cancel_futures=True)
    return facts


def _answer(question: Callable[[], _Answer]) -> _Answer:
    try:
        with aws.translated():
            return question()
    except errors.TargetGone:
        return _Answer(said={"standing": Standing.GONE})
    except errors.TourniquetError:
        return _Answer()


def _is_federated(target: Target, federated: str) -> bool:
    return target.kind is Kind.FEDERATED_USER and target.id == federated


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asking:
    """The questions about one signal's targets. ``over`` is set when nobody waits for answers any more."""

    client: Clients
    signal: Signal
    over: Event = field(default_factory=Event)

    def first(self, target: Target) -> Iterator[Callable[[], _Answer]]:
        """Give the questions that a target raises, each to be asked at the same time as the others."""
        match target.kind:
            case Kind.ACCESS_KEY if is_session_key(target.id) and not target.name:
                for region in dict.fromkeys((self.signal.region or _GLOBAL, _GLOBAL)):
                    yield partial(self._caller, target, region)
            case Kind.ACCESS_KEY:
                yield partial(self._key, target)
            case Kind.USER:
                yield partial(self._user, target)
            case Kind.ROLE | Kind.ROLE_SESSION if target.name:
                yield partial(self._role, target)
            case Kind.INSTANCE if target.id:
                yield partial(self._instance, target)
        if target.kind is Kind.ROLE_SESSION and _INSTANCE.fullmatch(_session_name(target)):
            yield partial(self._instance_of, target)

    def _key(self, target: Target) -> _Answer:
        """Find the key's owner by the key, and only if that fails by the name that the event gives."""
        iam = self.client("iam")
        try:
            owner = _owner(iam, target.id)
        except errors.TargetGone:
            if not target.name:
                raise
            named = self._named(iam, Target(kind=Kind.USER, name=target.name))
            here = named["standing"] is Standing.HERE
            return _Answer(said={**named, "gone_key": here and target.id not in named["keys"]})
        if not is_user_name(owner):
            return _Answer(said={"standing": Standing.ROOT})
        try:
            return _Answer(said=_of_user(iam, owner))
        except errors.TargetGone:
            return _Answer(said={"standing": Standing.ROOT if is_root_name(owner) else Standing.GONE})

    def _user(self, target: Target) -> _Answer:
        """Read a user and, where the signal is doubted, what AWS itself has attached to it."""
        said = self._named(self.client("iam"), target)
        doubted = self.signal.doubt and said["standing"] is Standing.HERE
        return _Answer(said=said, then=(partial(self._quarantine, said["user"]),) if doubted else ())

    def _named(self, iam: Any, target: Target) -> Json:  # noqa: ANN401  (boto3's client)
        """Read a user by name; one that was made after the signal is not the one that it means.

        IAM finds nobody by a unique id alone.
        """
        if target.id and not target.name:
            return {"standing": Standing.UNKNOWN}
        if not is_user_name(target.name):
            return {"standing": Standing.ROOT if is_root_name(target.name) else Standing.GONE}
        try:
            return _of_user(iam, target.name, target.id, not_after=self.signal.at)
        except errors.TargetGone:
            if is_root_name(target.name):
                return {"standing": Standing.ROOT}
            raise

    def _quarantine(self, name: str) -> _Answer:
        """Look for a quarantine policy of AWS' own: anybody can give a policy of theirs the same name."""
        try:
            with aws.translated():
                pages = self.client("iam").get_paginator("list_attached_user_policies").paginate(UserName=name)
                attached = [policy["PolicyArn"] for page in pages for policy in page["AttachedPolicies"]]
        except errors.TourniquetError:
            return _Answer()
        return _Answer(said={"quarantined": any(_QUARANTINE.fullmatch(arn) for arn in attached)})

    def _role(self, target: Target) -> _Answer:
        """Read a role by name; one that was made after the signal is not the one that it means."""
        if not is_user_name(target.name):  # IAM has the same rule for the names of both
            raise errors.TargetGone("No role can have this name.")
        role_id = target.id.partition(":")[0]
        found = role(self.client("iam"), target.name, role_id)
        if not role_id:
            older_than(found["CreateDate"], self.signal.at)
        return _Answer(said={"standing": Standing.HERE, "role": _role_fact(found)})

    def _instance(self, target: Target) -> _Answer:
        """Describe an instance; one that is terminated is gone, though EC2 still shows it for an hour."""
        region = target.region or self.signal.region
        found = _described(self.client("ec2", region), target.id)
        if reading.text(reading.mapping(found, "State").get("Name")) in _OVER:
            raise errors.TargetGone("The instance is terminated.")
        fact = _instance_fact(found, region)
        then = (partial(self._role_of, target.id, fact),) if fact.profile else ()
        return _Answer(said={"standing": Standing.HERE, "vpcs": _vpcs(found), "instance": fact}, then=then)

    def _instance_of(self, target: Target) -> _Answer:
        """Say which instance's session this is and where it is; without one, the session is no less real."""
        instance_id = _session_name(target)
        try:
            region = target.region or self.signal.region
            found = _described(self.client("ec2", region), instance_id)
        except errors.TargetGone:
            filters = [{"Name": "instance-id", "Values": [instance_id]}]
            elsewhere = [(place, one) for place, ones in self._everywhere(filters).items() for one in ones]
            if not elsewhere:
                return _Answer(said={"vpcs": ()})
            region, found = elsewhere[0]
        if reading.text(reading.mapping(found, "State").get("Name")) in _OVER:
            return _Answer(said={"vpcs": _vpcs(found)})
        fact = _instance_fact(found, region)
        then = (partial(self._alone, target.name, instance_id, fact),) if target.name and not fact.group else ()
        return _Answer(said={"vpcs": _vpcs(found), "instance": fact}, then=then, wider=then)

    def _role_of(self, instance_id: str, fact: InstanceFact) -> _Answer:
        """Read the role of an instance's profile; what cannot be read says nothing about the instance."""
        try:
            with aws.translated():
                name = fact.profile.rpartition("/")[2]
                profile = self.client("iam").get_instance_profile(InstanceProfileName=name)["InstanceProfile"]
        except errors.TourniquetError:
            return _Answer()
        if profile["Arn"] != fact.profile or not profile["Roles"]:  # another one of its name, or one without a role
            return _Answer()
        role = _role_fact(profile["Roles"][0])
        alone = partial(self._alone, role.name, instance_id, fact)
        then = (alone,) if role.of_instances and not fact.group else ()
        return _Answer(said={"role": role}, then=then, wider=then)

    def _alone(self, role_name: str, instance_id: str, fact: InstanceFact) -> _Answer:
        """Tell whether no other instance has the role, in any region; a region that does not answer may have one."""
        try:
            with aws.translated():
                pages = self.client("iam").get_paginator("list_instance_profiles_for_role").paginate(RoleName=role_name)
                profiles = [one["Arn"] for page in pages for one in page["InstanceProfiles"]]
            found = self._everywhere([{"Name": "iam-instance-profile.arn", "Values": profiles}]) if profiles else {}
        except errors.TourniquetError:
            return _Answer()
        having = {reading.text(one.get("InstanceId")) for ones in found.values() for one in ones}
        return _Answer(said={"instance": replace(fact, alone=having == {instance_id})})

    def _everywhere(self, filters: list[Json]) -> dict[str, list[Json]]:
        """List the instances of every region that some filters match. Raises Unavailable where one does not answer."""
        try:
            with aws.translated():
                regions = [one["RegionName"] for one in self.client("ec2").describe_regions()["Regions"]]
            with ThreadPoolExecutor(_REGIONS_AT_ONCE) as pool:
                found = pool.map(partial(self._matching, filters), regions)
                return dict(zip(regions, found, strict=True))
        except errors.TourniquetError as error:
            raise errors.Unavailable(str(error)) from None

    def _matching(self, filters: list[Json], region: str) -> list[Json]:
        if self.over.is_set():
            raise errors.Unavailable("Nobody waits for the answer any more.")
        with aws.translated():
            pages = self.client("ec2", region).get_paginator("describe_instances").paginate(Filters=filters)
            listed = [one for page in pages for reservation in page["Reservations"] for one in reservation["Instances"]]
        return [one for one in listed if one["State"]["Name"] not in _OVER]

    def _caller(self, target: Target, region: str) -> _Answer:
        """Ask CloudTrail who called with temporary credentials. It lags by minutes: no record means nothing."""
        answer = self.client("cloudtrail", region).lookup_events(
            LookupAttributes=[{"AttributeKey": "AccessKeyId", "AttributeValue": target.id}], MaxResults=_RECORDS
        )
        account = target.account or self.signal.account
        for event in reading.items(answer.get("Events")):
            identity = _identity(reading.mapping(event).get("CloudTrailEvent"), target.id, account)
            if means := _principal(identity):
                federated = reading.text(identity.get("type")) == "FederatedUser"
                return _Answer(
                    said={"means": means} | ({"standing": Standing.ROOT} if means.kind is Kind.ROOT else {}),
                    then=tuple(self.first(means)),
                    federated=reading.text(identity.get("principalId")) if federated else "",
                )
        return _Answer()


def _owner(iam: Any, key_id: str) -> str:  # noqa: ANN401  (boto3's client)
    """Name a long-term key's user; temporary credentials are no user's key. Raises TargetGone."""
    if is_session_key(key_id):
        raise errors.TargetGone("Temporary credentials are not a key of a user.")
    return owner_of(iam, key_id)


def _of_user(iam: Any, name: str, user_id: str = "", not_after: str = "") -> Json:  # noqa: ANN401  (boto3's client)
    found = user(iam, name, user_id)
    if not user_id:
        older_than(found["CreateDate"], not_after)
    return {
        "standing": Standing.HERE,
        "user": found["UserName"],
        "user_id": found["UserId"],
        "arn": found["Arn"],
        "keys": keys_of(iam, found["UserName"]),
    }


def _session_name(target: Target) -> str:
    return target.id.partition(":")[2]


def _described(ec2: Any, instance_id: str) -> Json:  # noqa: ANN401  (boto3's client)
    """Describe one instance. Raises TargetGone when EC2 does not show it in this region."""
    with aws.translated():
        answer = ec2.describe_instances(InstanceIds=[instance_id])
    for reservation in reading.items(answer.get("Reservations")):
        for instance in reading.items(reading.mapping(reservation).get("Instances")):
            if reading.mapping(instance).get("InstanceId") == instance_id:
                return reading.mapping(instance)
    raise errors.TargetGone("EC2 shows no such instance in this region.")


def _instance_fact(instance: Json, region: str) -> InstanceFact:
    tags = [reading.mapping(tag) for tag in reading.items(instance.get("Tags"))]
    return InstanceFact(
        region=region,
        profile=reading.text(reading.mapping(instance, "IamInstanceProfile").get("Arn"), limit=2048),
        group=next((reading.text(tag.get("Value")) for tag in tags if tag.get("Key") == _OF_GROUP), ""),
    )


def _vpcs(instance: Json) -> tuple[str, ...]:
    """Give the VPCs of an instance: its own, and those of all its interfaces."""
    interfaces = [reading.mapping(interface) for interface in reading.items(instance.get("NetworkInterfaces"))]
    named = {reading.text(place.get("VpcId")) for place in (instance, *interfaces)}
    return tuple(sorted(named - {""}))


def _identity(record: object, key_id: str, account: str) -> Json:
    """Read who made a recorded call, if it was made with this key, by a principal of the account it was recorded in.

    Where the event names no account, that account is this one.
    """
    try:
        read = json.loads(reading.text(record, limit=262_144) or "{}")
    except (ValueError, RecursionError):
        return {}
    identity = reading.mapping({"read": read}, "read", "userIdentity")
    own = reading.account_id(identity.get("accountId"))
    recorded = reading.account_id(reading.mapping({"read": read}, "read").get("recipientAccountId")) or own
    mine = own and own == recorded == (account or recorded)
    return identity if mine and reading.text(identity.get("accessKeyId")) == key_id else {}


def _principal(identity: Json) -> Target | None:
    """Give the principal that temporary credentials stand for, as a deny would have to name it."""
    account = reading.account_id(identity.get("accountId"))
    issuer = reading.mapping(identity, "sessionContext", "sessionIssuer")
    principal_id = reading.text(identity.get("principalId"), limit=256)
    match reading.text(identity.get("type")):
        case "Root":
            return Target(kind=Kind.ROOT, id=account, name="root", account=account)
        case "IAMUser":
            return _named_user(identity, account)
        case "FederatedUser" if reading.text(issuer.get("type")) == "Root":
            return Target(kind=Kind.ROOT, id=account, name="root", account=account)
        case "FederatedUser" if reading.text(issuer.get("type")) == "IAMUser":
            return _named_user(issuer, account)
        case "AssumedRole":
            name = reading.text(issuer.get("userName"))
            role_id, _, session = principal_id.partition(":")
            if is_user_name(name) and role_id.isalnum() and session:
                return Target(kind=Kind.ROLE_SESSION, id=principal_id, name=name, account=account)
    return None


def _named_user(who: Json, account: str) -> Target | None:
    """Read a user with its unique id; without both, the record does not say enough to act on."""
    name, user_id = reading.text(who.get("userName")), reading.text(who.get("principalId"), limit=128)
    if not (is_user_name(name) and user_id.isalnum()) or reading.account_id(who.get("accountId"), account) != account:
        return None
    return Target(kind=Kind.USER, id=user_id, name=name, account=account)


def _role_fact(found: Any) -> RoleFact:  # noqa: ANN401  (IAM's answer; what is in a trust policy is the customer's)
    arn, name = found["Arn"], found["RoleName"]
    principals = list(_trusted(found.get("AssumeRolePolicyDocument")))
    only = principals[0][1] if len(set(principals)) == 1 and principals[0][0] == "AWS" else ""
    one_user = _USER_ARN.fullmatch(only)
    return RoleFact(
        name=name,
        role_id=found["RoleId"],
        arn=arn,
        unchangeable=_unchangeable(found["Path"], name),
        shared=not (one_user and one_user[1] == arn.split(":")[4]),
        names_chosen=not principals or any(not _names_itself(kind, name) for kind, name in principals),
        of_instances=bool(principals) and set(principals) <= _INSTANCES,
    )


def _unchangeable(path: str, name: str) -> str:
    """Decide by the path, which a customer cannot give a role; a name alone says nothing."""
    reserved, prefix = _OF_IDENTITY_CENTER
    if path.startswith(_OF_SERVICES):
        return "service-linked"
    return "identity-center" if path.startswith(reserved) and name.startswith(prefix) else ""


def _names_itself(kind: str, name: str) -> bool:
    return kind == "Service" and name not in {"", "*", _LETS_CALLERS_NAME}


def _trusted(document: object) -> Iterator[tuple[str, str]]:
    """Give everybody whom a trust policy lets in, as (kind, name); ``("?", "")`` for what cannot be read.

    Conditions are not looked at: they let in fewer, never others.
    """
    statements = reading.mapping(document).get("Statement") if isinstance(document, dict) else [None]
    for statement in reading.items(statements):
        said = reading.mapping(statement)
        if said.get("Effect") == "Deny":
            continue
        principal = said.get("Principal")
        if said.get("Effect") != "Allow" or "NotPrincipal" in said or not isinstance(principal, dict) or not principal:
            yield ("*", "*") if principal == "*" else ("?", "")
            continue
        for kind, named in principal.items():
            for one in named if isinstance(named, list) else [named]:
                yield (kind, one) if isinstance(one, str) and isinstance(kind, str) else ("?", "")
