"""Turn an instance's metadata service off, so that nothing on it can fetch the role's credentials anew.

Off, and not tokens required: whoever is on the instance can ask for a token. Credentials fetched before go on until
they expire or their session is denied (``revoke_sessions``). The endpoint is the only option of the call: EC2 refuses
others with it, and keeps them as they are. EC2 accepts the change before it holds on the instance; only the second
counts.

The grant's condition refuses to turn the service on where EC2 names the value, and lets pass a call without it.

May touch: ec2:ModifyInstanceMetadataOptions, ec2:DescribeInstances.
Never: turns the service on (``undo`` does, in another role); touches user data.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from lambdas import aws, commands
from lambdas.actions.instances import INSTANCES, instance
from lambdas.actions.shape import Action
from lambdas.aws import Grant

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import ModifyInstanceMetadataOptionsRequestTypeDef

    from lambdas.actions.shape import Place
    from lambdas.model import Change, Json, PlanItem

_OFF: Final = "disabled"
_ON: Final = "enabled"
_APPLIED = "applied"
_HOW = ("tokens", "hop_limit")
_TRIES = 10
_PAUSE_SECONDS = 0.5


def look(place: Place, item: PlanItem) -> Json:
    """Read ``{"instance", "region", "endpoint", "state", "tokens", "hop_limit"}``. Raises TargetGone.

    ``state`` is ``applied``, or ``pending`` while the instance does not have the options yet.
    """
    return _state(place.client("ec2"), item.target.id, item.target.region)


def _state(ec2: EC2Client, instance_id: str, region: str) -> Json:
    options = instance(ec2, instance_id).get("MetadataOptions", {})
    return {
        "instance": instance_id,
        "region": region,
        "endpoint": options.get("HttpEndpoint", _ON),
        "state": options.get("State", ""),
        "tokens": options.get("HttpTokens", ""),
        "hop_limit": options.get("HttpPutResponseHopLimit", 0),
    }


def verify(state: Json) -> bool:
    """Tell whether the service is off, or is to be so: a stopped instance gets its options when it is started."""
    return bool(state["endpoint"] == _OFF)


def apply(place: Place, state: Json) -> None:
    """Turn the service off, and wait for a few seconds until the instance has the new options."""
    ec2: EC2Client = place.client("ec2")
    with aws.translated():
        ec2.modify_instance_metadata_options(InstanceId=state["instance"], HttpEndpoint=_OFF)
    for _ in range(_TRIES):
        if _state(ec2, state["instance"], state["region"])["state"] in {"", _APPLIED}:
            return
        time.sleep(_PAUSE_SECONDS)


def fields(state: Json) -> Json:
    """Give whether the service is on, and how it is asked."""
    return {"endpoint": state["endpoint"], "tokens": state["tokens"], "hop_limit": int(state["hop_limit"])}


def rebase(before: Json, _again: Json) -> Json:
    """Give back what was there at first: whoever turned the service on meanwhile was undoing a containment."""
    return before


def undo(place: Place, change: Change) -> None:
    """Turn the service on if it is off still, with the tokens and the hop limit as before. Raises TargetGone.

    One of these that somebody changed since stays as it is. Can be repeated.
    """
    ec2: EC2Client = place.client("ec2")
    before, now = change.before, _state(ec2, change.target.id, change.target.region)
    if verify(before) or not verify(now):
        return
    kept = {name: before[name] if now[name] == change.after.get(name, before[name]) else now[name] for name in _HOW}
    options: ModifyInstanceMetadataOptionsRequestTypeDef = {"InstanceId": change.target.id, "HttpEndpoint": _ON}
    if kept["tokens"]:
        options["HttpTokens"] = kept["tokens"]
    if kept["hop_limit"]:
        options["HttpPutResponseHopLimit"] = int(kept["hop_limit"])
    with aws.translated():
        ec2.modify_instance_metadata_options(**options)


def undo_command(change: Change) -> tuple[str, ...]:
    """Give the shell line that turns the service on as it was."""
    if verify(change.before):
        return ()
    tokens, hops = change.before["tokens"], int(change.before["hop_limit"])
    return (commands.open_metadata(change.target.region, change.target.id, tokens, hops),)


ACTION = Action(
    name="lock_metadata",
    on_instances=True,
    grants=(
        Grant(action="ec2:DescribeInstances", resource="*"),
        Grant(
            action="ec2:ModifyInstanceMetadataOptions",
            resource=INSTANCES,
            condition=(("StringNotEquals", "ec2:Attribute/HttpEndpoint", _ON),),
        ),
    ),
    undo_grants=(
        Grant(action="ec2:DescribeInstances", resource="*"),
        Grant(
            action="ec2:ModifyInstanceMetadataOptions",
            resource=INSTANCES,
            condition=(("StringNotEquals", "ec2:Attribute/HttpEndpoint", _OFF),),
        ),
    ),
    look=look,
    verify=verify,
    apply=apply,
    fields=fields,
    rebase=rebase,
    undo=undo,
    undo_command=undo_command,
)
