"""The guardrails: what the owner allows, and how far the responder may go with one item.

Protection is by exact ARN and id. What forbids acting (a sample, a closed event, ``mode=observe``) wins over
everything; then a person's wish, the setting ``playbook_modes``, the playbook. A change that may hit others than the
attacker goes no further than its playbook's ``wide``.

May touch: nothing.
Never: talks to AWS, reads the clock or the environment; trusts a name pattern or a tag.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lambdas.model import Fact, Kind, Mode, Standing
from lambdas.playbooks.shape import mode_at
from lambdas.signals import found, manual
from lambdas.targets import instance_of, session_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lambdas.model import Incident, PlanItem, Target
    from lambdas.playbooks.shape import Modes, Playbook

#: From the narrowest to the widest.
_ORDER = (Mode.OBSERVE, Mode.APPROVE, Mode.CONTAIN)
_MINUTES = 60
_OBSERVING = 'the setting "mode" is "observe"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Guardrails:
    """What the owner allows: the stack's settings that planning obeys.

    ``account`` is the account this runs in; ``observe_all`` the switch that makes everything observe;
    ``modes`` overrides per playbook. ``protected`` are ARNs of users and roles that are never changed, ``own`` the
    roles of the responder and of the CDK as ``role/<path><name>`` of this account, ``instances`` and ``vpcs`` ids.
    ``extras`` are actions that the owner adds to a playbook, by its name.
    ``limit`` is how many principals may be contained in an hour before the next one is asked about. ``minutes`` is how
    long a question waits for its answer; ``then`` what happens after that: ``expire`` or ``contain``. ``hold`` is for
    how many seconds the cuts are watched, ``look`` after how many minutes somebody looks again; 0 is not at all.
    ``investigate`` says whether what was done is looked up when something was cut.
    """

    account: str
    observe_all: bool = False
    modes: Mapping[str, Modes] = field(default_factory=dict)
    protected: frozenset[str] = frozenset()
    own: frozenset[str] = frozenset()
    instances: frozenset[str] = frozenset()
    vpcs: frozenset[str] = frozenset()
    extras: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    limit: int = 10
    minutes: float = _MINUTES
    then: str = "expire"
    hold: float = 0.0
    look: float = 0.0
    investigate: bool = False


def mode_of(incident: Incident, playbook: Playbook, guardrails: Guardrails) -> tuple[Mode, str]:
    """Choose how far to go with a signal, and say why."""
    if incident.signal.inert:
        return Mode.OBSERVE, incident.signal.inert
    if guardrails.observe_all:
        return Mode.OBSERVE, _OBSERVING
    if incident.wanted:
        return incident.wanted, "the request says so"
    modes = guardrails.modes.get(playbook.name, playbook.modes)
    said_by = (
        f'the setting "playbook_modes" says so for {playbook.name}'
        if playbook.name in guardrails.modes
        else f"the playbook {playbook.name} says so"
    )
    at = f" at severity {incident.signal.severity:g}" if len(modes) > 1 else ""
    return mode_at(modes, incident.signal.severity), said_by + at


def by_person(incident: Incident) -> bool:
    """Tell whether a person asked for this."""
    return incident.signal.source == manual.SOURCE


def was_found(incident: Incident) -> bool:
    """Tell whether an investigation found this, by a record that ties it to the credentials of a case."""
    return incident.signal.source == found.SOURCE


def insists(incident: Incident) -> bool:
    """Tell whether a person asked for this and said, by ``"mode": "contain"``, not to be asked again."""
    return by_person(incident) and incident.wanted is Mode.CONTAIN


def cautious(item: PlanItem, caution: str, incident: Incident, playbook: Playbook, *, beyond: bool) -> PlanItem:
    """Hold an item that may hit others to the playbook's ``wide``; ``caution`` says whom it may hit.

    A person who insists is not held up, but for what goes ``beyond`` the principal that they named.
    """
    if not caution or (insists(incident) and not beyond) or _ORDER.index(item.mode) <= _ORDER.index(playbook.wide):
        return item
    return replace(item, mode=playbook.wide, why=caution, needs_yes=True)


def ask_about(item: PlanItem, why: str) -> PlanItem:
    """Have a person asked about an item that would be made at once."""
    return replace(item, mode=Mode.APPROVE, why=why, needs_yes=True) if acts(item) else item


def wider(item: PlanItem, other: PlanItem) -> bool:
    """Tell whether an item goes further than another."""
    return _ORDER.index(item.mode) > _ORDER.index(other.mode)


def as_of_now(item: PlanItem, guardrails: Guardrails) -> PlanItem:
    """Hold an item that was planned earlier to the settings as they are now."""
    refused = item.refused or refusal(item, item.target, Fact(standing=Standing.UNKNOWN), guardrails)
    if guardrails.observe_all:
        return replace(item, mode=Mode.OBSERVE, why=_OBSERVING, refused=refused)
    return replace(item, refused=refused)


def acts(item: PlanItem) -> bool:
    """Tell whether an item is to be made at once."""
    return item.mode is Mode.CONTAIN and not item.refused


def asks(item: PlanItem) -> bool:
    """Tell whether an item waits for a person's answer."""
    return item.mode is Mode.APPROVE and not item.refused


def refusal(item: PlanItem, named: Target, fact: Fact, guardrails: Guardrails) -> str:
    """Say why an item may not be made at all, or give ``""``. ``named`` is the target that the signal means."""
    kind, name = ("user", item.args["user"]) if item.args.get("user") else ("role", item.args.get("role", ""))
    arn = fact.arn if kind == "user" else fact.role.arn if fact.role else ""
    if item.target.kind is Kind.INSTANCE:  # its role is known, and is not what the item changes
        arn = name = ""
    if _is_protected(arn, kind, name, guardrails.protected):
        return f'its {kind} is in the setting "protected_principals"'
    if kind == "role" and _is_own(arn, name, guardrails.own):
        return "its role is the responder's own or one that the CDK deploys with"
    instance = instance_of(item)
    if not instance and item.args.get("of_instances"):  # whoever else may assume a role may name a session as it likes
        instance = session_name(named)
    if not instance:
        return ""
    if instance in guardrails.instances:
        return 'its instance is in the setting "protected_instances"'
    if found := guardrails.vpcs & set(fact.vpcs or ()):
        return f'its instance is in {min(found)}, which is in the setting "protected_vpcs"'
    return ""


def doubt(named: Target, fact: Fact, guardrails: Guardrails) -> str:
    """Say that this may be a protected instance, or its session, where nobody could tell; else ``""``."""
    if named.kind is Kind.INSTANCE and guardrails.vpcs and fact.vpcs is None:
        return "EC2 did not say whether the instance is in a protected VPC"
    if not session_name(named).startswith("i-"):
        return ""
    if fact.role is None and session_name(named) in guardrails.instances:
        return "IAM did not say in time whether it is the session of a protected instance"
    if guardrails.vpcs and fact.vpcs is None and (fact.role is None or fact.role.of_instances):
        return "EC2 did not say whether its instance is in a protected VPC"
    return ""


def _is_protected(arn: str, kind: str, name: str, protected: Iterable[str]) -> bool:
    """Compare by ARN or, where the ARN is unknown, by name."""
    if arn:
        return arn in protected
    return name in {one.rsplit("/", 1)[-1] for one in protected if f":{kind}/" in one}


def _is_own(arn: str, name: str, own: Iterable[str]) -> bool:
    if arn:
        return arn.split(":", 5)[5] in own
    return name in {one.rsplit("/", 1)[-1] for one in own}
