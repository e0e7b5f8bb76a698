"""Where LocalEmu's CloudTrail differs from AWS, and whoever asks it "whose is this key?" would notice.

Every record says who called, as the userIdentity element of AWS has it. LocalEmu takes each caller for an IAM user
that is called like its access key. What this corrects:

- a user's own key and a session of GetSessionToken are the user, with its name and unique id (IAMUser); the session
  has a sessionContext besides;
- a role's session is `<role's unique id>:<session name>`, with the role as its sessionIssuer (AssumedRole);
- a session of GetFederationToken is `<account>:<name>`, with the IAM user who asked for it as its sessionIssuer
  (FederatedUser);
- root is Root, and a caller that the account does not know is Unknown;
- a record of RunInstances names the instances where EC2's own do;
- the event history, which LookupEvents reads, has management events only. What was done to the objects of a bucket or
  to the items of a table is not in it;
- calls that only read are not put on the event bus, which costs a thread and another call each.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail-management.html

May touch: LocalEmu's record of calls in this process; reads moto's users and roles and LocalEmu's sessions.
Never does: delay a record, as AWS does by minutes.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from localemu.services.cloudtrail import event_store, recording_hook
from localemu.services.iam_enforcement import enforcer
from localemu.services.sts.models import sts_store_lock, sts_stores
from moto.iam.models import iam_backends

if TYPE_CHECKING:
    from collections.abc import Callable

_READING = ("Describe", "Get", "List")
_ISSUING = ("GetFederationToken", "GetSessionToken")  # AWS counts these as changes
_SESSIONS_ARE_IN = "us-east-1"  # LocalEmu's one store for all regions


def install() -> None:
    """Correct LocalEmu's CloudTrail in this process. To be called once."""
    event_store.CloudTrailEvent = _recorded_as_on_aws(event_store.CloudTrailEvent)
    event_store.CloudTrailEventStore.record = _management_events_only()
    recording_hook._emit_cloudtrail_to_eventbridge = _changes_only()  # noqa: SLF001 - LocalEmu offers no setting for it


def _management_events_only() -> Callable[[Any, Any], None]:
    record: Callable[[Any, Any], None] = event_store.CloudTrailEventStore.record

    def record_management(self: object, event: Any) -> None:  # noqa: ANN401 - LocalEmu is untyped
        if event.event_category == "Management":
            record(self, event)

    return record_management


def _changes_only() -> Callable[..., None]:
    emit: Callable[..., None] = recording_hook._emit_cloudtrail_to_eventbridge  # noqa: SLF001 - replaced above

    def emit_changes(*, event: Any, **rest: Any) -> None:  # noqa: ANN401 - LocalEmu is untyped
        if not event.event_name.startswith(_READING) or event.event_name in _ISSUING:
            emit(event=event, **rest)

    return emit_changes


def _recorded_as_on_aws(original: Any) -> type[Any]:  # noqa: ANN401 - LocalEmu is untyped
    class Recorded(original):  # type: ignore[misc]  # LocalEmu is untyped
        """A record that keeps who the caller was when it called: users are renamed and deleted afterwards."""

        def __init__(self, **fields: Any) -> None:
            super().__init__(**fields)
            self.identity = user_identity(self.access_key_id, self.account_id)
            self.username: str = _name(self.identity) or fields["username"]

        def to_cloudtrail_event_json(self) -> str:
            """Give the record with its caller as on AWS."""
            record: dict[str, Any] = json.loads(super().to_cloudtrail_event_json())
            return json.dumps(_as_ec2_says(record) | {"userIdentity": self.identity})

    return Recorded


def _as_ec2_says(record: dict[str, Any]) -> dict[str, Any]:
    """Give the instances of a RunInstances call as EC2's own records have them: ``instancesSet.items``."""
    answer = record.get("responseElements")
    if record.get("eventName") != "RunInstances" or not isinstance(answer, dict):
        return record
    listed: list[dict[str, Any]] = answer.get("instances") or []
    items = [{"instanceId": one.get("instanceId")} for one in listed]
    return record | {"responseElements": {"instancesSet": {"items": items}}} if items else record


def user_identity(key_id: str, account: str) -> dict[str, Any]:
    """Give the userIdentity element of a call that was made with an access key."""
    caller = enforcer.resolve_caller(key_id, account, _SESSIONS_ARE_IN)
    who: dict[str, Any] = {"type": "Unknown", "accountId": account, "accessKeyId": key_id}
    if caller is None or caller.principal_type == "Anonymous":
        return who
    who["arn"] = caller.arn
    iam = iam_backends[account]["global"]
    user = iam.users.get(caller.username)
    role = next((role for role in iam.roles.values() if role.name == caller.role_name), None)
    session = _session_context(key_id, account)
    if caller.principal_type == "Root":
        return who | {"type": "Root", "principalId": account} | session
    if caller.principal_type == "User" and user is not None:
        return who | {"type": "IAMUser", "principalId": user.id, "userName": user.name} | session
    if caller.principal_type == "FederatedUser" and user is not None:
        session["sessionContext"]["sessionIssuer"] = _issuer("IAMUser", user, account)
        return who | {"type": "FederatedUser", "principalId": f"{account}:{_last(caller.arn)}"} | session
    if caller.principal_type == "AssumedRole" and role is not None:
        session["sessionContext"]["sessionIssuer"] = _issuer("Role", role, account)
        return who | {"type": "AssumedRole", "principalId": f"{role.id}:{caller.session_name}"} | session
    return who


def _session_context(key_id: str, account: str) -> dict[str, Any]:
    """Give the sessionContext of temporary credentials, and nothing for a key that is none."""
    with sts_store_lock:
        session = sts_stores[account][_SESSIONS_ARE_IN].sessions.get(key_id)
    if session is None:
        return {}
    issued = session.get("issued_at")
    attributes = {"mfaAuthenticated": str(bool(session.get("mfa_authenticated"))).lower()}
    if issued is not None:
        attributes["creationDate"] = issued.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"sessionContext": {"attributes": attributes}}


def _issuer(kind: str, who: Any, account: str) -> dict[str, str]:  # noqa: ANN401 - moto is untyped
    return {"type": kind, "principalId": who.id, "arn": str(who.arn), "accountId": account, "userName": who.name}


def _name(identity: dict[str, Any]) -> str:
    """Give what LookupEvents calls the user name: of a session, the session's name."""
    match identity["type"]:
        case "Root":
            return "root"
        case "IAMUser":
            return str(identity["userName"])
        case "AssumedRole" | "FederatedUser":
            return str(identity["principalId"]).partition(":")[2]
    return ""


def _last(arn: str) -> str:
    return arn.rpartition("/")[2]
