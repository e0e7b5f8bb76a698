"""Signals in the shapes that AWS sends them, for a key and a user of one's own.

Written after the documented and published forms of the events; ids and texts are made up.

May touch: nothing.
Never does: put anything on a bus; it says how, in ``entry``.
"""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import Any

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


def trusted_advisor(
    key_id: str, user: str, *, fraud: str = "Exposed", status: str = "ERROR", account: str = ACCOUNT
) -> Event:
    """Give a Trusted Advisor item of the check "Exposed Access Keys"."""
    detail = {
        "check-name": "Exposed Access Keys",
        "check-item-detail": {
            "Case ID": "02648f3b-e18f-4019-8d68-ce25efe080ff",
            "Usage (USD per Day)": "0",
            "User Name (IAM or Root)": user,
            "Deadline": "1440453299248",
            "Access Key ID": key_id,
            "Time Updated": "1440021299248",
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
) -> Event:
    """Give a GuardDuty finding on an access key."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    detail = {
        "schemaVersion": "2.0",
        "accountId": account,
        "region": HOME,
        "partition": "aws",
        "id": uuid.uuid4().hex,
        "arn": f"arn:aws:guardduty:{HOME}:{account}:detector/0/finding/0",
        "type": finding,
        "resource": {
            "resourceType": "AccessKey",
            "accessKeyDetails": {
                "accessKeyId": key_id,
                "principalId": principal_id,
                "userType": user_type,
                "userName": user,
            },
        },
        "service": {
            "serviceName": "guardduty",
            "detectorId": "0",
            "action": {
                "actionType": "AWS_API_CALL",
                "awsApiCallAction": {
                    "api": "ListBuckets",
                    "serviceName": "s3.amazonaws.com",
                    "callerType": "Remote IP",
                    "remoteIpDetails": {"ipAddressV4": "203.0.113.77", "country": {"countryName": "Nowhere"}},
                },
            },
            "resourceRole": "TARGET",
            "additionalInfo": {"threatListName": "example", "sample": sample, "value": "{}", "type": "default"},
            "eventFirstSeen": now,
            "eventLastSeen": now,
            "archived": archived,
            "count": 1,
        },
        "severity": severity,
        "createdAt": now,
        "updatedAt": now,
        "title": f"API ListBuckets was called by {user} from a listed address.",
        "description": "An API was called from an address on a list.",
    }
    return _envelope("aws.guardduty", "GuardDuty Finding", detail, region=HOME, account=account, resources=[])
