"""How an alert says what each action does, what was read back, and how a person does it by hand.

May touch: nothing.
Never: shows a whole key id, or untrusted text that was not made safe.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambdas import by_hand as by_hand_lines
from lambdas import commands
from lambdas.model import Kind
from lambdas.targets import describe
from lambdas.text import line, tail

if TYPE_CHECKING:
    from lambdas.model import Change, Json, PlanItem


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrase:
    """What an item does to whom: ``done`` ("disabled"), ``to_do`` ("disable"), and the object of both."""

    done: str
    to_do: str
    object: str


#: What the isolation of an instance does not end, by AWS' documentation of connection tracking.
SURVIVES = (
    "Not everything is cut by the isolation. A connection may go on until it ends by itself if it runs through a NAT "
    "gateway, a Network Load Balancer, PrivateLink, an egress-only internet gateway, Global Accelerator, Network "
    "Firewall, a gateway endpoint or a Lambda function, and so may ICMP. DNS queries to the VPC's resolver are not "
    "filtered by security groups: data can leave in them. Tasks and pods on the instance that have a network interface "
    "of their own keep it. Only a deny in the network ACL, a DNS firewall rule or a stop ends those; a stop loses the "
    "memory."
)

#: What each action on an instance does: (done, to do, object).
_ON_INSTANCES = {
    "isolate_instance": ("isolated", "isolate", "{}"),
    "stop_instance": ("stopped", "stop", "{}"),
    "take_profile": ("took away", "take away", "the instance profile of {}"),
    "leave_groups": ("detached", "detach", "{} from its Auto Scaling group"),
    "leave_balancers": ("deregistered", "deregister", "{} from load balancers"),
    "protect_instance": ("protected", "protect", "{} and its volumes from termination"),
    "lock_metadata": ("switched off", "switch off", "the metadata service of {}"),
    "snapshot_volumes": ("snapshotted", "snapshot", "the volumes of {}"),
    "record_instance": ("recorded", "record", "what {} was before"),
    "collect_evidence": ("collected", "collect", "evidence about {}"),
}
#: What a step by hand says besides, of what its line does not do.
_BESIDES = {
    "isolate_instance": (
        "Connections that are open may go on until they end, and an interface in another VPC needs a group there. That "
        "a rule to be revoked does not exist is no fault"
    ),
}
_ALREADY = {
    "take_profile": "it has none",
    "leave_groups": "it is in none, or leaves it already",
    "leave_balancers": "no Elastic Load Balancing target group and no classic load balancer sends to it",
    "snapshot_volumes": "they were snapshotted already, or it has none on EBS",
    "record_instance": "it was done already",
    "collect_evidence": "it was done already",
}


def phrase(item: PlanItem) -> Phrase:
    """Say what an item does."""
    shown = _object(item)
    if item.action in _ON_INSTANCES:
        done, to_do, of = _ON_INSTANCES[item.action]
        return Phrase(done=done, to_do=to_do, object=of.format(shown))
    match item.action:
        case "disable_key":
            return Phrase(done="disabled", to_do="disable", object=shown)
        case "revoke_sessions" if item.target.kind is Kind.ROLE:
            return Phrase(done="revoked", to_do="revoke", object=f"every session of {shown} that began until now")
    return Phrase(done="denied everything to", to_do="deny everything to", object=shown)


def _object(item: PlanItem) -> str:
    """Name what an action acts on; a deny may know its user only by a key."""
    if item.action == "deny_principal" and item.target.kind is Kind.ACCESS_KEY:
        return f"the user of access key {tail(item.target.id)}"
    return describe(item.target)


def already(item: PlanItem) -> str:
    """Say why there was nothing to make."""
    return _ALREADY.get(item.action, "it was so already")


def read_back(change: Change) -> str:
    """Say what was read back after a change."""
    if change.action in _ON_INSTANCES:
        return _read_of_instance(change)
    match change.action:
        case "disable_key":
            return "the key reads Inactive"
        case "revoke_sessions":
            policy = line(change.after.get("policy", ""), 128)
            return f"the role has the inline policy {policy}"
    if change.after.get("attached"):
        return "the policy AWSDenyAll is attached"
    return "its permissions boundary is AWSDenyAll, because it has as many policies as IAM allows"


def _read_of_instance(change: Change) -> str:  # noqa: C901, PLR0911  (one sentence an action)
    """Say what was read back of an instance."""
    after, before = change.after, change.before
    match change.action:
        case "isolate_instance":
            return _read_of_interfaces(after)
        case "leave_groups":
            left = "it is leaving its group" if after.get("lifecycle") == "Detaching" else "it is in no group"
            return f"{left}; {line(before.get('group', 'its group'), 128)} is to start another one in its place"
        case "leave_balancers":
            return "no Elastic Load Balancing target group and no classic load balancer sends new connections to it"
        case "protect_instance" if after.get("spot"):
            return "its volumes stay when it is terminated; a Spot instance cannot be protected itself"
        case "protect_instance":
            return "termination protection is on, a shutdown only stops it, and its volumes stay"
        case "take_profile":
            return f"it has none any more; it had {line(before.get('profile', '').rpartition('/')[2], 128)}"
        case "lock_metadata" if after.get("state") == "pending":
            return "it reads disabled, and the instance does not have that yet; a stopped one gets it at its start"
        case "lock_metadata":
            return "the service is off"
        case "snapshot_volumes":
            found = after.get("volumes", {})
            kept = ", ".join(line(snapshot, 40) for snapshot in sorted(found.values()))
            at_once = "made in one moment and " if _is_one_set(change) else ""
            return f"{kept}, {at_once}locked for {int(after.get('days', 0))} days"
        case "stop_instance":
            return "it is stopped, or about to be"
    where = after.get("key") or f"{after.get('folder', '')}manifest.json"
    return f"s3://{line(after.get('bucket', ''), 80)}/{line(where, 200)}"


def _is_one_set(change: Change) -> bool:
    """Tell whether one call made all the snapshots: nothing was kept before, and no volume came later."""
    before = change.before.get("volumes", {})
    return all(before.get(volume) == "" for volume in change.after.get("volumes", {}))


def _read_of_interfaces(after: Json) -> str:
    """Say which groups the interfaces of an instance have, and what is left of the way there."""
    groups = sorted({line(one["id"], 40) for one in after.get("groups", {}).values()})
    count = len(after.get("interfaces", {}))
    shown = f"each of its {count} network interfaces has" if count != 1 else "its network interface has"
    named = f"of its VPC ({', '.join(groups)})" if len(groups) > 1 else "".join(groups)
    said = f"{shown} the isolation group {named} only, which has no rules"
    through = sorted(line(one["id"], 40) for one in after.get("open", {}).values())
    if not through:
        return said
    noun, are = ("groups", "are") if len(through) > 1 else ("group", "is")
    left = f"the {noun} {', '.join(through)}, which it went through, {are} left without rules and can be deleted"
    return f"{said}; {left}"


def by_hand(item: PlanItem, deny: str, error: str) -> tuple[str, str] | None:  # noqa: PLR0911  (one line an action)
    """Give the step, and the line for a shell, that makes an item by hand; ``None`` where the name is not known.

    ``deny`` is the ARN of AWSDenyAll, ``error`` what the responder failed with, if it tried. The line is ``""`` where
    no single line does it.
    """
    name, words = item.target.name, phrase(item)
    if item.target.kind is Kind.INSTANCE:
        return _by_hand_of_instance(item, error)
    if not name or (item.action == "revoke_sessions" and error == "QuotaFull"):  # it would be refused again
        return None
    step = _step(words)
    match item.action, item.target.kind:
        case "disable_key", _:
            return step, commands.set_key_status(name, item.target.id, "Inactive")
        case "revoke_sessions", Kind.ROLE_SESSION:
            return step, commands.deny_session(name, _policy(item), item.target.id)
        case "revoke_sessions", _:
            return step, commands.deny_older_sessions(name, _policy(item))
        case _, Kind.ROLE:
            bound = commands.set_role_boundary if error == "QuotaFull" else commands.attach_role_policy
            return step, bound(name, deny)
    set_deny = commands.set_boundary if error == "QuotaFull" else commands.attach_policy
    return step, set_deny(name, deny)


def _by_hand_of_instance(item: PlanItem, error: str) -> tuple[str, str]:
    """Give the same for an item on an instance; where an isolation cannot end what goes on, that is a stop."""
    stop = by_hand_lines.line("stop_instance", item.target)
    shown = _object(item)
    if is_half_done(item, error):
        return f"Stop {shown} if its open connections must end; that loses its memory:", stop
    if item.action == "isolate_instance" and error == "QuotaFull":
        full = f"{shown[0].upper()}{shown[1:]} cannot be isolated: the account has as many security groups as it may"
        return f"{full}. Stop it, which loses its memory, or delete a group and isolate it:", stop
    by_line = by_hand_lines.line(item.action, item.target)
    return _step(phrase(item), _BESIDES.get(item.action, "") if by_line else ""), by_line


def is_half_done(item: PlanItem, error: str) -> bool:
    """Tell whether an item that failed with this error was made all the same, but for open connections."""
    return item.action == "isolate_instance" and error == "StillTracked"


def still_tracked(item: PlanItem, reason: str) -> str:
    """Say of an instance that is isolated why its open connections may go on; ``reason`` is what the responder said."""
    shown = line(reason, 600).rstrip(".")
    how = shown.partition("may go on")[2] or (shown and f" ({shown})")
    return f"{phrase(item).done.capitalize()} {_object(item)}, but connections that were open may go on{how}."


def _step(words: Phrase, besides: str = "") -> str:
    return f"{words.to_do[0].upper()}{words.to_do[1:]} {words.object} by hand{besides and f'. {besides}'}:"


def _policy(item: PlanItem) -> str:
    return f"Tourniquet-{item.incident_id}-{item.id}"


def request(item: PlanItem) -> dict[str, str] | None:
    """Give the request that has the workflow make an item and what belongs to it; ``None`` where there is none.

    A single session has no request of its own: its key id may not be shown, and its role is more than was asked.
    """
    name = item.target.name
    if item.target.kind is Kind.INSTANCE and item.target.region:
        return {"instance_id": item.target.id, "region": item.target.region}
    if not name:
        return None
    match item.action, item.target.kind:
        case ("disable_key", _) | ("deny_principal", Kind.USER | Kind.ACCESS_KEY):
            return {"user_name": name}
        case "deny_principal", Kind.ROLE:
            return {"role_name": name}
    return None
