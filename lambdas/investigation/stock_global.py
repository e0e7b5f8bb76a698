"""What the account itself holds that was made since the credential was first misused: identities, buckets, domains.

Read once, in no region. Keys, passwords and the date of a key are asked of each user, of the newest ``USERS`` users;
what a trust lets in has no date, so every role that lets in somebody from outside is listed.

A bucket's date is not only its making: AWS moves it when the bucket's policy is changed. Domains are what was ordered
since, which is what a stolen key is used for; what it was used for inside a domain is not read.

May touch: iam:ListUsers, iam:ListRoles, iam:ListGroups, iam:ListPolicies, iam:ListInstanceProfiles,
iam:ListSAMLProviders, iam:ListOpenIDConnectProviders, iam:GetOpenIDConnectProvider, iam:ListVirtualMFADevices,
iam:ListServiceSpecificCredentials, iam:ListAccessKeys, iam:GetLoginProfile; route53domains:ListOperations;
s3:ListAllMyBuckets, s3:GetBucketPolicyStatus, s3:GetBucketAcl, s3:GetBucketPublicAccessBlock.
Never: changes anything; reads an object, a secret or a policy of a bucket.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lambdas import aws
from lambdas.investigation import asking, readers, trust
from lambdas.investigation.readers import Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lambdas.investigation.readers import Asked, Where
    from lambdas.model import Json

#: So many users are asked for their keys and passwords, and so many buckets and providers looked into.
USERS = 300
_BUCKETS = 60
_PROVIDERS = 25
_EACH_AT_ONCE = 4

#: The region where the registrar answers; it is part of the partition ``aws`` only.
_REGISTRAR = "us-east-1"
_ORDERS = ["REGISTER_DOMAIN", "TRANSFER_IN_DOMAIN", "INTERNAL_TRANSFER_IN_DOMAIN", "CHANGE_DOMAIN_OWNER"]

#: The services that users can have keys of their own for; those of Bedrock are bearer tokens that cost money.
_OWN_KEYS = ("bedrock.amazonaws.com", "codecommit.amazonaws.com", "cassandra.amazonaws.com")

#: These roles let in a federation or a service because AWS made them so.
_OF_AWS = ("/aws-service-role/", "/aws-reserved/")

_GROUPS_OF_ALL = (
    "http://acs.amazonaws.com/groups/global/AllUsers",
    "http://acs.amazonaws.com/groups/global/AuthenticatedUsers",
)


def _role(row: Json, where: Where) -> Sequence[str]:
    outside = trust.outside(row.get("AssumeRolePolicyDocument"), where.account)
    if not outside:
        return ()
    return (f"It lets in from outside: {asking.some(outside)}; since when, AWS does not say.",)


def _lets_in(row: Json, where: Where) -> bool:
    """Say whether a role lets in somebody from outside, and was not made so by AWS."""
    if str(row.get("Path", "")).startswith(_OF_AWS):
        return False
    return bool(trust.outside(row.get("AssumeRolePolicyDocument"), where.account))


def _saml(asked: Asked) -> Iterator[Json]:
    for row in asked.rows("list_saml_providers", "SAMLProviderList"):
        yield row | {"name": _last(str(row.get("Arn", "")))}


def _oidc(asked: Asked) -> Iterator[Json]:
    for number, arn in enumerate(asked.rows("list_open_id_connect_providers", "OpenIDConnectProviderList", "Arn")):
        if not asked.goes_on("get_open_id_connect_provider", number, _PROVIDERS):
            return
        for row in asked.pages("get_open_id_connect_provider", OpenIDConnectProviderArn=arn):
            yield {"Arn": arn, "name": str(row.get("Url", "")), "CreateDate": row.get("CreateDate")}


def _mfa_devices(asked: Asked) -> Iterator[Json]:
    for row in asked.rows("list_virtual_mfa_devices", "VirtualMFADevices", AssignmentStatus="Assigned"):
        user = row.get("User")
        name = user.get("UserName") if isinstance(user, dict) else None
        yield {"SerialNumber": row.get("SerialNumber"), "EnableDate": row.get("EnableDate"), "UserName": name}


def _service_credentials(asked: Asked) -> Iterator[Json]:
    for service in _OWN_KEYS:
        with aws.excused("NoSuchEntity", "NotSupportedService", "ValidationError"):
            call = "list_service_specific_credentials"
            yield from asked.rows(call, "ServiceSpecificCredentials", AllUsers=True, ServiceName=service)


def _service_credential(row: Json, _: Where) -> Sequence[str]:
    return (f"It is for {str(row.get('ServiceName'))[:80]}, and {str(row.get('Status'))[:20].lower()}.",)


def _of_users(asked: Asked, call: str, ask: Callable[[str], Iterator[Json]]) -> Iterator[Json]:
    """Ask each of the newest users, several at a time; who was not asked in time is noted."""
    rows = [row for row in asked.rows("list_users", "Users", MaxItems=1000) if isinstance(row.get("UserName"), str)]
    rows.sort(key=lambda row: str(row.get("CreateDate")), reverse=True)
    names = [str(row["UserName"]) for row in rows]
    if len(names) > USERS:
        asked.cut.append(call)
    questions = [asking.Question(what=call, ask=_listed(ask, name)) for name in names[:USERS]]
    answers = asking.ask(questions, asked.where.deadline, at_once=_EACH_AT_ONCE)
    if answers.missed:
        asked.cut.append(call)
    for given in answers.given:
        yield from given


def _listed(ask: Callable[[str], Iterator[Json]], name: str) -> Callable[[], list[Json]]:
    return lambda: list(ask(name))


def _keys(asked: Asked) -> Iterator[Json]:
    def ask(name: str) -> Iterator[Json]:
        yield from asked.rows("list_access_keys", "AccessKeyMetadata", UserName=name)

    return _of_users(asked, "list_access_keys", ask)


def _key(row: Json, _: Where) -> Sequence[str]:
    return (f"It is {str(row.get('Status'))[:20].lower()}.",)


def _passwords(asked: Asked) -> Iterator[Json]:
    def ask(name: str) -> Iterator[Json]:
        with aws.excused("NoSuchEntity"):
            yield from asked.rows("get_login_profile", "LoginProfile", UserName=name)

    return _of_users(asked, "get_login_profile", ask)


def _orders(asked: Asked) -> Iterator[Json]:
    if asked.where.partition != "aws":
        return
    since: Any = asked.where.since
    yield from asked.rows("list_operations", "Operations", SubmittedSince=since, Type=_ORDERS)


def _order(row: Json, _: Where) -> Sequence[str]:
    return (f"{str(row.get('Type'))[:60]}: {str(row.get('Status'))[:40]}.",)


def _buckets(asked: Asked) -> Iterator[Json]:
    """Give the buckets, the newest first; of the first ones, what makes them public."""
    rows = [row for row in asked.rows("list_buckets", "Buckets") if isinstance(row, dict)]
    rows.sort(key=lambda row: str(row.get("CreationDate")), reverse=True)
    if len(rows) > _BUCKETS:
        asked.cut.append("get_bucket_policy_status")
    first = [str(row.get("Name")) for row in rows[:_BUCKETS]]
    questions = [asking.Question(what="buckets", ask=_said_of(asked.client, name)) for name in first]
    answers = asking.ask(questions, asked.where.deadline, at_once=_EACH_AT_ONCE)
    if answers.missed:
        asked.cut.append("get_bucket_policy_status")
    said = dict(answers.given)
    for row in rows:
        yield row | {"said": said.get(str(row.get("Name")), ())}


def _said_of(s3: Any, name: str) -> Callable[[], tuple[str, tuple[str, ...]]]:  # noqa: ANN401  (boto3's clients are made at run time)
    return lambda: (name, tuple(_public_by(s3, name)))


def _public_by(s3: Any, name: str) -> Iterator[str]:  # noqa: ANN401  (as above)
    """Say what makes a bucket public, unless its own public access block makes it nothing."""
    blocks: list[Json] = []
    with aws.excused("NoSuchPublicAccessBlockConfiguration"):
        blocks.append(s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"])
    block = blocks[0] if blocks else {}
    with aws.excused("NoSuchBucketPolicy"):
        status = s3.get_bucket_policy_status(Bucket=name)["PolicyStatus"]
        if status.get("IsPublic") is True and block.get("RestrictPublicBuckets") is not True:
            yield "Its policy makes it public."
    with aws.translated():
        granted = s3.get_bucket_acl(Bucket=name).get("Grants", [])
    open_to_all = any(uri in _GROUPS_OF_ALL for uri in asking.rows(granted, ["Grantee", "URI"]))
    if open_to_all and block.get("IgnorePublicAcls") is not True:
        yield "Its access list makes it public."


def _bucket(row: Json, _: Where) -> Sequence[str]:
    return tuple(row.get("said", ()))


def _is_public(row: Json, _: Where) -> bool:
    return bool(row.get("said"))


def _last(arn: str) -> str:
    return arn.rpartition("/")[2]


_ALL: tuple[tuple[str, Any], ...] = (("MaxItems", 1000),)

READERS: tuple[Reader, ...] = (
    Reader(
        kind="user",
        service="iam",
        call="list_users",
        asks=("iam:ListUsers",),
        path=("Users",),
        id="UserName",
        args=_ALL,
        dates=(("CreateDate", "Made"),),
    ),
    Reader(
        kind="role",
        service="iam",
        call="list_roles",
        asks=("iam:ListRoles",),
        path=("Roles",),
        id="RoleName",
        args=_ALL,
        dates=(("CreateDate", "Made"),),
        remarks=_role,
        always=_lets_in,
    ),
    Reader(
        kind="group",
        service="iam",
        call="list_groups",
        asks=("iam:ListGroups",),
        path=("Groups",),
        id="GroupName",
        args=_ALL,
        dates=(("CreateDate", "Made"),),
    ),
    Reader(
        kind="policy",
        service="iam",
        call="list_policies",
        asks=("iam:ListPolicies",),
        path=("Policies",),
        id="Arn",
        name="PolicyName",
        args=(*_ALL, ("Scope", "Local")),
        dates=(("CreateDate", "Made"), ("UpdateDate", "Changed")),
        note="Of inline policies and of what was attached to whom AWS tells no time; the look-back has to name those.",
    ),
    Reader(
        kind="instance_profile",
        service="iam",
        call="list_instance_profiles",
        asks=("iam:ListInstanceProfiles",),
        path=("InstanceProfiles",),
        id="InstanceProfileName",
        args=_ALL,
        dates=(("CreateDate", "Made"),),
    ),
    Reader(
        kind="saml_provider",
        service="iam",
        call="list_saml_providers",
        asks=("iam:ListSAMLProviders",),
        path=("SAMLProviderList",),
        id="Arn",
        name="name",
        dates=(("CreateDate", "Made"),),
        read=_saml,
    ),
    Reader(
        kind="open_id_connect_provider",
        service="iam",
        call="get_open_id_connect_provider",
        asks=("iam:ListOpenIDConnectProviders", "iam:GetOpenIDConnectProvider"),
        path=("OpenIDConnectProviderList",),
        id="Arn",
        name="name",
        dates=(("CreateDate", "Made"),),
        read=_oidc,
    ),
    Reader(
        kind="mfa_device",
        service="iam",
        named=False,
        call="list_virtual_mfa_devices",
        asks=("iam:ListVirtualMFADevices",),
        path=("VirtualMFADevices",),
        id="SerialNumber",
        owner="UserName",
        dates=(("EnableDate", "Switched on"),),
        read=_mfa_devices,
    ),
    Reader(
        kind="service_specific_credential",
        service="iam",
        named=False,
        call="list_service_specific_credentials",
        asks=("iam:ListServiceSpecificCredentials",),
        path=("ServiceSpecificCredentials",),
        id="ServiceSpecificCredentialId",
        owner="UserName",
        dates=(("CreateDate", "Made"),),
        remarks=_service_credential,
        read=_service_credentials,
    ),
    Reader(
        kind="access_key",
        service="iam",
        named=False,
        call="list_access_keys",
        asks=("iam:ListUsers", "iam:ListAccessKeys"),
        path=("AccessKeyMetadata",),
        id="AccessKeyId",
        owner="UserName",
        dates=(("CreateDate", "Made"),),
        remarks=_key,
        read=_keys,
    ),
    Reader(
        kind="login_profile",
        service="iam",
        named=False,
        call="get_login_profile",
        asks=("iam:ListUsers", "iam:GetLoginProfile"),
        path=("LoginProfile",),
        id="UserName",
        owner="UserName",
        dates=(("CreateDate", "Made"),),
        read=_passwords,
        note="Of a console password AWS tells when it was made, not when it was last changed.",
    ),
    Reader(
        kind="domain",
        service="route53domains",
        call="list_operations",
        asks=("route53domains:ListOperations",),
        path=("Operations",),
        id="DomainName",
        dates=(("SubmittedDate", "Ordered"),),
        remarks=_order,
        read=_orders,
    ),
    Reader(
        kind="bucket",
        service="s3",
        call="list_buckets",
        asks=("s3:ListAllMyBuckets", "s3:GetBucketPolicyStatus", "s3:GetBucketAcl", "s3:GetBucketPublicAccessBlock"),
        path=("Buckets",),
        id="Name",
        dates=(("CreationDate", "Made, or its policy changed,"),),
        remarks=_bucket,
        always=_is_public,
        read=_buckets,
    ),
)

GRANTS = readers.grants(READERS)


def take(where: Where, table: Sequence[Reader] = READERS) -> tuple[list[Json], list[str]]:
    """Take stock of the account: give the findings' ``stock`` and the sentences of what is not known. Raises nothing.

    ``where`` names the region whose IAM and S3 are asked, or none for the function's own.
    """
    questions = [readers.question(reader, _asked_in(reader, where), "") for reader in table]
    answers = asking.ask(questions, where.deadline)
    things = [thing for found in answers.given for thing in found.things]
    return things, [*readers.told(answers.given), *asking.sentences(answers.missed)]


def _asked_in(reader: Reader, where: Where) -> Where:
    return replace(where, region=_REGISTRAR) if reader.service == "route53domains" else where
