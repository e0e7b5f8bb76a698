"""Signals in the shapes that AWS sends them, for a key and a user of one's own.

Written after the documented and published forms of the events; ids and texts are made up.

May touch: nothing.
Never does: put anything on a bus; it says how, in ``entry``.
"""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import Any, NamedTuple

type Event = dict[str, Any]

ACCOUNT = "000000000000"
HOME = "us-east-1"


def entry(event: Event) -> Event:
    """Give what ``events:PutEvents`` takes for an event; the bus makes an envelope of its own."""
    return {
        "Source": event["source"],
        "DetailType": event["detail-type"],
        "Detail": json.dumps(event["detail"]),
        "Resources": event.get("resources", []),
    }


def _envelope(  # noqa: PLR0913 - the parts of an envelope
    source: str, detail_type: str, detail: Event, *, region: str, account: str, resources: list[str]
) -> Event:
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": detail_type,
        "source": source,
        "account": account,
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": region,
        "resources": resources,
        "detail": detail,
    }


def health(  # noqa: PLR0913 - the parts of an event that decide
    *entities: str,
    code: str = "AWS_RISK_CREDENTIALS_EXPOSED",
    user: str = "",
    region: str = HOME,
    account: str = ACCOUNT,
    status: str = "open",
    event_id: str = "AWS_RISK_CREDENTIALS_EXPOSED_4f1d",
) -> Event:
    """Give an AWS Health event about ``entities``: key ids, user names or ARNs."""
    metadata = {"accountId": account, "exposedUrl": "https://github.com/example/shop/blob/main/settings.py"}
    if user:
        metadata["userName"] = user
    detail = {
        "eventArn": f"arn:aws:health:global::event/RISK/{code}/{event_id}",
        "service": "RISK",
        "eventTypeCode": code,
        "eventTypeCategory": "issue",
        "eventScopeCode": "ACCOUNT_SPECIFIC",
        "communicationId": f"{event_id}-1",
        "startTime": "Fri, 20 Nov 2026 03:07:41 GMT",
        "lastUpdatedTime": "Fri, 20 Nov 2026 03:07:41 GMT",
        "statusCode": status,
        "eventRegion": "global",
        "eventDescription": [
            {"language": "en_US", "latestDescription": "We found an access key of your account that is public."}
        ],
        "eventMetadata": metadata,
        "affectedEntities": [
            {"entityValue": entity, "lastUpdatedTime": "Fri, 20 Nov 2026 03:07:41 GMT"} for entity in entities
        ],
        "affectedAccount": account,
        "page": "1",
        "totalPages": "1",
        "backupEvent": "false" if region == HOME else "true",
    }
    return _envelope("aws.health", "AWS Health Event", detail, region=region, account=account, resources=list(entities))


def trusted_advisor(  # noqa: PLR0913 - the parts of an item that decide
    key_id: str,
    user: str,
    *,
    fraud: str = "Exposed",
    status: str = "ERROR",
    account: str = ACCOUNT,
    updated: datetime | None = None,
) -> Event:
    """Give a Trusted Advisor item of the check "Exposed Access Keys"; ``updated`` is now, if it is not given."""
    milliseconds = int((updated or datetime.now(UTC)).timestamp() * 1000)
    detail = {
        "check-name": "Exposed Access Keys",
        "check-item-detail": {
            "Case ID": "02648f3b-e18f-4019-8d68-ce25efe080ff",
            "Usage (USD per Day)": "0",
            "User Name (IAM or Root)": user,
            "Deadline": str(milliseconds + 432_000_000),
            "Access Key ID": key_id,
            "Time Updated": str(milliseconds),
            "Fraud Type": fraud,
            "Location": "www.github.com/example/shop/blob/main/settings.py",
        },
        "status": status,
        "resource_id": "",
        "uuid": str(uuid.uuid4()),
    }
    kind = "Trusted Advisor Check Item Refresh Notification"
    return _envelope("aws.trustedadvisor", kind, detail, region=HOME, account=account, resources=[])


def guardduty(  # noqa: PLR0913 - the parts of a finding that decide
    key_id: str,
    user: str,
    *,
    finding: str = "UnauthorizedAccess:IAMUser/MaliciousIPCaller.Custom",
    severity: float = 5.0,
    user_type: str = "IAMUser",
    principal_id: str = "AIDAEXAMPLEEXAMPLEEX",
    sample: bool = False,
    archived: bool = False,
    account: str = ACCOUNT,
    resource_type: str = "AccessKey",
    resource_role: str = "TARGET",
    seen_at: str = "",
    region: str = HOME,
    finding_id: str = "",
    count: int = 1,
) -> Event:
    """Give a GuardDuty finding on a call made with a key; ``resource_type`` may be another that has a caller.

    ``seen_at`` is the latest activity (ISO 8601; now, if it is not given). The same ``finding_id`` with a higher
    ``count`` is how GuardDuty repeats itself.
    """
    resource = {
        "resourceType": resource_type,
        "accessKeyDetails": {
            "accessKeyId": key_id,
            "principalId": principal_id,
            "userType": user_type,
            "userName": user,
        },
    }
    service = {
        "action": {
            "actionType": "AWS_API_CALL",
            "awsApiCallAction": {
                "api": "ListBuckets",
                "serviceName": "s3.amazonaws.com",
                "callerType": "Remote IP",
                "remoteIpDetails": {"ipAddressV4": "203.0.113.77", "country": {"countryName": "Nowhere"}},
            },
        },
        "resourceRole": resource_role,
        "additionalInfo": {"threatListName": "example", "sample": sample, "value": "{}", "type": "default"},
        "archived": archived,
        "count": count,
    }
    title = f"API ListBuckets was called by {user} from a listed address."
    place = _Place(account, region, seen_at, finding_id)
    return _finding(finding, resource, service, severity=severity, title=title, place=place)


def instance_finding(  # noqa: PLR0913 - the parts of a finding that decide
    instance_id: str,
    finding: str = "Backdoor:EC2/C&CActivity.B!DNS",
    role: str = "ACTOR",
    region: str = HOME,
    vpc: str = "vpc-0a1b2c3d4e5f60718",
    *,
    severity: float = 8.0,
    profile_arn: str = "",
    sample: bool = False,
    archived: bool = False,
    account: str = ACCOUNT,
    seen_at: str = "",
    finding_id: str = "",
    interfaces: int = 1,
    count: int = 1,
) -> Event:
    """Give a GuardDuty finding on an instance. Findings of Runtime Monitoring have no ``role``: give ``""``.

    ``interfaces`` is how many network interfaces the finding lists: none of an instance that is gone. The same
    ``finding_id`` with a higher ``count`` is how GuardDuty repeats itself.
    """
    resource = {
        "resourceType": "Instance",
        "instanceDetails": {
            "instanceId": instance_id,
            "instanceType": "t3.small",
            "instanceState": "running",
            "launchTime": "2026-11-02T08:54:03.000Z",
            "availabilityZone": f"{region}a",
            "platform": None,
            "productCodes": [],
            "outpostArn": None,
            "imageId": "ami-0a1b2c3d4e5f60718",
            "imageDescription": None,
            "iamInstanceProfile": {"arn": profile_arn, "id": "AIPAEXAMPLEEXAMPLEEX"} if profile_arn else None,
            "networkInterfaces": [_interface(number, vpc) for number in range(interfaces)],
            "tags": [{"key": "Name", "value": "shop"}],
        },
    }
    service: Event = {
        "action": {
            "actionType": "DNS_REQUEST",
            "dnsRequestAction": {"domain": "command.example.net", "protocol": "UDP", "blocked": False},
        },
        "additionalInfo": {"sample": sample, "value": "{}", "type": "default"},
        "archived": archived,
        "count": count,
    }
    if role:
        service["resourceRole"] = role
    title = f"The instance {instance_id} asks for a domain on a list."
    place = _Place(account, region, seen_at, finding_id)
    return _finding(finding, resource, service, severity=severity, title=title, place=place)


def _interface(number: int, vpc: str) -> Event:
    address = f"10.0.0.{7 + number}"
    name = f"ip-10-0-0-{7 + number}.ec2.internal"
    return {
        "networkInterfaceId": f"eni-0a1b2c3d4e5f6071{8 + number:x}",
        "privateDnsName": name,
        "privateIpAddress": address,
        "privateIpAddresses": [{"privateDnsName": name, "privateIpAddress": address}],
        "ipv6Addresses": [],
        "publicDnsName": "",
        "publicIp": "198.51.100.7" if number == 0 else None,
        "securityGroups": [{"groupId": "sg-0a1b2c3d4e5f60718", "groupName": "web"}],
        "subnetId": "subnet-0a1b2c3d4e5f60718",
        "vpcId": vpc,
    }


def actor(  # noqa: PLR0913 - the parts of an actor that decide
    name: str,
    user_type: str = "IAMUser",
    *,
    uid: str = "",
    key_id: str = "",
    issuer: str = "",
    account: str = "",
) -> Event:
    """Give an actor of an attack sequence; ``issuer`` is the ARN of the role whose session it is."""
    user: Event = {"name": name, "uid": uid, "type": user_type, "credentialUid": key_id}
    user["account"] = {"uid": account} if account else None
    given = {"id": f"user:{user_type}:{name}", "user": {part: value for part, value in user.items() if value}}
    session = {"session": {"uid": uid, "mfaStatus": "DISABLED", "issuer": issuer}}
    return given | session if issuer else given


def hit(uid: str, kind: str = "ACCESS_KEY", *, account: str = "", region: str = HOME) -> Event:
    """Give a resource of an attack sequence: a key's id, or an instance's id or ARN with ``EC2_INSTANCE``."""
    given = {"uid": uid, "name": uid, "accountId": account, "region": region, "resourceType": kind}
    return {part: value for part, value in given.items() if value}


def attack_sequence(  # noqa: PLR0913 - the parts of a finding that decide
    *actors: Event,
    resources: tuple[Event, ...] = (),
    finding: str = "AttackSequence:IAM/CompromisedCredentials",
    severity: float = 9.0,
    resource_type: str = "AttackSequence",
    sample: bool = False,
    archived: bool = False,
    account: str = ACCOUNT,
    region: str = HOME,
    seen_at: str = "",
    finding_id: str = "",
) -> Event:
    """Give a GuardDuty finding on a sequence of calls, by ``actor(…)`` and about ``hit(…)``."""
    service = {
        "additionalInfo": {"sample": sample, "value": "{}", "type": "default"},
        "archived": archived,
        "count": 1,
        "detection": {
            "sequence": {
                "uid": "sequence-1",
                "description": "A sequence of calls that looks like the work of an intruder.",
                "actors": list(actors),
                "resources": list(resources),
                "endpoints": [{"id": "203.0.113.77", "ip": "203.0.113.77", "location": {"country": "Nowhere"}}],
                "signals": [{"uid": "s-1", "type": "CLOUD_TRAIL", "name": "CreateRole", "severity": 5.0, "count": 2}],
            }
        },
    }
    title = "Potential credential compromise: a sequence of calls in an unusual order."
    resource = {"resourceType": resource_type} if resource_type else {}
    place = _Place(account, region, seen_at, finding_id)
    return _finding(finding, resource, service, severity=severity, title=title, place=place)


class _Place(NamedTuple):
    """Where and when a finding was made; an empty time is now, an empty id a new one."""

    account: str
    region: str
    seen_at: str
    finding_id: str


def _finding(  # noqa: PLR0913 - the parts of a finding
    finding: str, resource: Event, service: Event, *, severity: float, title: str, place: _Place
) -> Event:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    seen = place.seen_at or now
    detail = {
        "schemaVersion": "2.0",
        "accountId": place.account,
        "region": place.region,
        "partition": "aws",
        "id": place.finding_id or uuid.uuid4().hex,
        "arn": f"arn:aws:guardduty:{place.region}:{place.account}:detector/0/finding/0",
        "type": finding,
        "resource": resource,
        "service": {
            "serviceName": "guardduty",
            "detectorId": "0",
            "eventFirstSeen": seen,
            "eventLastSeen": seen,
            **service,
        },
        "severity": severity,
        "createdAt": now,
        "updatedAt": now,
        "title": title,
        "description": title,
    }
    kind = "GuardDuty Finding"
    return _envelope("aws.guardduty", kind, detail, region=place.region, account=place.account, resources=[])


def abuse(
    *instances: str,
    code: str = "AWS_ABUSE_DOS_REPORT",
    event_region: str = HOME,
    region: str = HOME,
    account: str = ACCOUNT,
    status: str = "open",
) -> Event:
    """Give an AWS Health Abuse event about ``instances``: ids, which are in ``event_region``, or ARNs."""
    event_id = f"{code}_{uuid.uuid4().hex[:8]}"
    now = datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
    detail = {
        "eventArn": f"arn:aws:health:{event_region}::event/ABUSE/{code}/{event_id}",
        "service": "ABUSE",
        "eventTypeCode": code,
        "eventTypeCategory": "issue",
        "eventScopeCode": "ACCOUNT_SPECIFIC",
        "communicationId": f"{event_id}-1",
        "startTime": now,
        "lastUpdatedTime": now,
        "statusCode": status,
        "eventRegion": event_region,
        "eventDescription": [{"language": "en_US", "latestDescription": "Resources of yours take part in an attack."}],
        "affectedEntities": [{"entityValue": one, "lastUpdatedTime": now} for one in instances],
        "affectedAccount": account,
        "page": "1",
        "totalPages": "1",
        "backupEvent": "false",
    }
    kind = "AWS Health Abuse Event"
    return _envelope("aws.health", kind, detail, region=region, account=account, resources=list(instances))


def quarantine(  # noqa: PLR0913 - the parts of a record that decide
    user: str,
    key_id: str,
    *,
    policy: str = "AWSCompromisedKeyQuarantineV3",
    caller: str | Event = "",
    error: str = "",
    user_id: str = "AIDAEXAMPLEEXAMPLEEX",
    account: str = ACCOUNT,
    seen_at: str = "",
) -> Event:
    """Give CloudTrail's record of AWS' quarantine policy being attached to ``user``.

    ``caller`` is who made the call: another user's name, or a whole ``userIdentity``. As AWS does it, it is the user
    itself, with the key that leaked. With an ``error`` the call was refused.
    """
    who = caller if isinstance(caller, str) and caller else user
    identity = {
        "type": "IAMUser",
        "principalId": user_id,
        "arn": f"arn:aws:iam::{account}:user/{who}",
        "accountId": account,
        "accessKeyId": key_id,
        "userName": who,
    }
    detail = {
        "eventVersion": "1.09",
        "userIdentity": caller if isinstance(caller, dict) else identity,
        "eventTime": seen_at or datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": "iam.amazonaws.com",
        "eventName": "AttachUserPolicy",
        "awsRegion": HOME,
        "sourceIPAddress": "198.51.100.23" if caller else "AWS Internal",
        "userAgent": "aws-cli/2.17" if caller else "AWS Internal",
        "requestParameters": {"userName": user, "policyArn": f"arn:aws:iam::aws:policy/{policy}"},
        "responseElements": None,
        "requestID": str(uuid.uuid4()),
        "eventID": str(uuid.uuid4()),
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": account,
        "eventCategory": "Management",
    }
    if error:
        detail |= {"errorCode": error, "errorMessage": "The call was refused."}
    kind = "AWS API Call via CloudTrail"
    return _envelope("aws.iam", kind, detail, region=HOME, account=account, resources=[])
