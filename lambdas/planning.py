"""From an incident to a plan: which changes, on what, how far, and what is left to a person.

May touch: nothing.
Never: talks to AWS, reads the clock or the environment; the same input gives the same plan.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lambdas.model import Fact, Json, Kind, Mode, Outcome, PlanItem, Result, Standing, Target
from lambdas.signals.reading import is_session_key
from lambdas.text import line, tail

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lambdas.model import Change, Incident
    from lambdas.playbooks.shape import Playbook


@dataclass(frozen=True, slots=True, kw_only=True)
class Guardrails:
    """What the owner allows: the stack's settings that planning obeys.

    ``account`` is the account this runs in; ``observe_all`` the switch that makes everything observe;
    ``modes`` overrides per playbook; ``protected`` are ARNs that are never changed.
    """

    account: str
    observe_all: bool = False
    modes: Mapping[str, Mode] = field(default_factory=dict)
    protected: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be done about one signal.

    ``items`` are the changes; ``claims`` the targets that this case is about, as claim keys;
    ``not_done`` says in sentences what no item covers.
    """

    mode: Mode
    why_mode: str
    items: tuple[PlanItem, ...]
    claims: tuple[str, ...]
    not_done: tuple[str, ...]


def plan(incident: Incident, facts: Mapping[Target, Fact], playbook: Playbook, guardrails: Guardrails) -> Plan:
    """Plan the answer to one incident. Items are not assigned to a case yet (see ``assign``)."""
    mode, why = _mode(incident, playbook, guardrails)
    items: list[PlanItem] = []
    claims: list[str] = []
    not_done: list[str] = list(incident.notes)
    for target in incident.targets:
        if target.account and target.account != guardrails.account:
            claims.append(claim_key(target))
            not_done.append(
                f"{describe(target)} belongs to account {line(target.account)}, which is not this one: "
                "nothing was changed here. Respond in that account."
            )
            continue
        fact = facts.get(target, Fact(standing=Standing.UNKNOWN))
        wanted, notes = _answer(target, fact)
        wanted = [item for item in wanted if item.action in playbook.actions]
        if not any(item.target.kind is target.kind for item in wanted):  # else that item claims it, by its id
            claims.append(claim_key(target))
        not_done.extend(notes)
        items += wanted
    items.sort(key=lambda item: not item.args.get("key_gone", False))  # a live key's deny is the one that stays
    unique = {(item.action, item.target): item for item in items}
    guarded = tuple(
        _guarded(replace(item, mode=_item_mode(item, mode, incident)), facts.values(), guardrails)
        for item in unique.values()
    )
    claims += [claim_key(item.target) for item in guarded]
    return Plan(
        mode=mode,
        why_mode=why,
        items=guarded,
        claims=tuple(dict.fromkeys(claims)),
        not_done=tuple(dict.fromkeys(not_done)),
    )


def assign(items: Iterable[PlanItem], case_of: Mapping[str, str], otherwise: str) -> tuple[PlanItem, ...]:
    """Give each item the case that holds its target, or ``otherwise``."""
    return tuple(replace(item, incident_id=case_of.get(claim_key(item.target), otherwise)) for item in items)


def claim_key(target: Target) -> str:
    """Name a target so that every signal about it finds the same case."""
    return f"{target.kind}#{target.id or 'name/' + target.name}"


def describe(target: Target) -> str:
    """Say what a target is, for a person: ``access key …ABCD of user ci-user``."""
    name = line(target.name, 64)
    match target.kind:
        case Kind.ACCESS_KEY:
            return f"access key {tail(target.id)}" + (f" of user {name}" if name else "")
        case Kind.USER:
            return f"user {name or line(target.id, 64)}"
        case Kind.ROLE_SESSION:
            return f"a session of role {name or line(target.id, 64)}"
        case Kind.ROOT:
            return "the root user"
        case Kind.OTHER:
            return f"the principal {name or line(target.id, 64)}"


def standing(items: Iterable[PlanItem], changes: Mapping[str, Change]) -> dict[str, tuple[Result, str]]:
    """Say how each item of a plan ended: item id → result, error name.

    An item without a change was refused, only planned or, if it should have been made, failed.
    """
    ended: dict[str, tuple[Result, str]] = {}
    for item in items:
        if change := changes.get(item.id):
            gone = change.result is Result.FAILED and change.error == "TargetGone"
            ended[item.id] = (Result.SKIPPED if gone else change.result, change.error)
        elif item.refused:
            ended[item.id] = (Result.REFUSED, "Protected")
        elif item.mode is Mode.OBSERVE:
            ended[item.id] = (Result.PLANNED, "")
        else:
            ended[item.id] = (Result.FAILED, "NotRun")
    return ended


def outcome(results: Iterable[Result]) -> Outcome:
    """Judge a case by how its items ended.

    Nothing to do, or every target gone: ANNOUNCED. All refused: REFUSED. None was to be made: OBSERVED. Of
    those whose target is still there, all made: CONTAINED; none: FAILED; otherwise PARTIAL.
    """
    kinds = [result for result in results if result is not Result.SKIPPED]
    if not kinds:
        return Outcome.ANNOUNCED
    if all(kind is Result.REFUSED for kind in kinds):
        return Outcome.REFUSED
    if all(kind in {Result.PLANNED, Result.REFUSED} for kind in kinds):
        return Outcome.OBSERVED
    made = [kind in {Result.DONE, Result.ALREADY} for kind in kinds]
    if all(made):
        return Outcome.CONTAINED
    return Outcome.PARTIAL if any(made) else Outcome.FAILED


def _mode(incident: Incident, playbook: Playbook, guardrails: Guardrails) -> tuple[Mode, str]:
    """Choose how far to go: what forbids acting wins, then a person's wish, then settings, then the playbook."""
    if incident.signal.inert:
        return Mode.OBSERVE, incident.signal.inert
    if guardrails.observe_all:
        return Mode.OBSERVE, 'the setting "mode" is "observe"'
    if incident.wanted:
        return incident.wanted, "the request says so"
    if playbook.name in guardrails.modes:
        return guardrails.modes[playbook.name], f'the setting "playbook_modes" says so for {playbook.name}'
    return playbook.mode, f"the playbook {playbook.name} says so"


def _item_mode(item: PlanItem, mode: Mode, incident: Incident) -> Mode:
    """Only plan to deny a user whose leaked key is gone: it may have been rotated, and production runs on the new."""
    return Mode.OBSERVE if item.args.get("key_gone") and incident.wanted is None else mode


def _guarded(item: PlanItem, facts: Iterable[Fact], guardrails: Guardrails) -> PlanItem:
    """Refuse an item whose user is protected, by ARN or, where the ARN is unknown, by its name."""
    name = item.args.get("user") or item.target.name
    arn = next((fact.arn for fact in facts if fact.arn and fact.user == name), "")
    protected = arn in guardrails.protected if arn else name in _names(guardrails.protected)
    return replace(item, refused='its user is in the setting "protected_principals"') if protected else item


def _names(arns: Iterable[str]) -> set[str]:
    return {arn.rsplit("/", 1)[-1] for arn in arns if ":user/" in arn}


def _answer(target: Target, fact: Fact) -> tuple[list[PlanItem], list[str]]:
    """Give the items that answer one target, and what to tell about it."""
    if target.kind is Kind.ROOT or fact.standing is Standing.ROOT:
        return [], [_ROOT]
    if fact.standing is Standing.GONE:
        return [], [_gone(target)]
    match target.kind:
        case Kind.ACCESS_KEY:
            return _answer_key(target, fact)
        case Kind.USER:
            return _answer_user(target, fact)
        case Kind.ROLE_SESSION:
            return [], [f"{describe(target)}: {_ROLE_SESSION}"]
    return [], [f"{describe(target)} {_OTHER}"]


def _answer_key(target: Target, fact: Fact) -> tuple[list[PlanItem], list[str]]:
    notes = []
    if is_session_key(target.id) and not (fact.user or target.name):
        return [], [f"{describe(target)}: {_SESSION_KEY}"]
    if is_session_key(target.id):
        return [_deny(target, fact)], []
    if fact.gone_key:
        return [_deny(target, fact)], [f"{describe(target)} {_KEY_GONE}"]
    if fact.user and target.name and fact.user != target.name:
        notes.append(
            f"The event says that the key is of {line(target.name, 64)}; it is of {line(fact.user, 64)}, and that "
            "user was answered for."
        )
    return [_disable(target.id, fact.user or target.name, target), _deny(target, fact)], notes


def _answer_user(target: Target, fact: Fact) -> tuple[list[PlanItem], list[str]]:
    if fact.standing is Standing.UNKNOWN:
        return [_deny(target, fact)], [f"{describe(target)}: {_KEYS_UNKNOWN}"]
    return [*(_disable(key, fact.user, target) for key in fact.keys), _deny(target, fact)], []


_ROLE_SESSION = (
    "role sessions are not revoked automatically in this version. In the IAM console open the role, tab "
    '"Revoke sessions", and revoke active sessions (this ends every session of the role, also those of instances '
    "that use it); then find out who can assume it."
)
_OTHER = (
    "is not a user of this account: nothing can be done about it here. Look for the policy that lets it in, and for "
    "what it did, in CloudTrail."
)
_SESSION_KEY = (
    "these are temporary credentials, which cannot be disabled and whose principal the event does not name. Find it "
    "in CloudTrail and deny that user or role."
)
_KEY_GONE = (
    "does not exist (any more), so there was nothing to disable. Sessions made from it may live for up to 36 hours."
)
_KEYS_UNKNOWN = "IAM did not list its keys in time, so they are denied with the user but stay active."
_ROOT = (
    "The root user: no policy can stop it, so nothing was changed. Sign in as root now: delete its access keys "
    "(Security credentials), change its password, check its MFA device and the account's e-mail address. If "
    "you cannot sign in, contact AWS Support."
)


def _gone(target: Target) -> str:
    who = describe(target)
    if target.kind is Kind.ACCESS_KEY:
        return (
            f"{who}: IAM shows no such key or user in this account (any more), so there was nothing to disable; it "
            "answers the same where the responder's role is itself denied the question. Sessions made from the key "
            "may live for up to 36 hours: if you know the user, start the respond workflow with "
            '{"user_name": "…"}.'
        )
    return f"{who} does not exist in this account (any more), or was made after the event: nothing was changed."


def _disable(key_id: str, name: str, named: Target) -> PlanItem:
    target = Target(kind=Kind.ACCESS_KEY, id=key_id, name=name, account=named.account)
    return PlanItem(incident_id="", action="disable_key", target=target, args={"user": name}, mode=Mode.OBSERVE)


def _deny(named: Target, fact: Fact) -> PlanItem:
    """Deny the user; where not even its name is known, the item names the key and the action finds the user."""
    name = fact.user or named.name
    key = named.id if named.kind is Kind.ACCESS_KEY and not fact.gone_key else ""
    user_id = fact.user_id or (named.id if named.kind is Kind.USER else "")
    target = Target(kind=Kind.USER, id=user_id, name=name, account=named.account) if name else named
    args: Json = {"user": name, "via_key": key} if key else {"user": name}
    if fact.gone_key and not is_session_key(named.id):
        args["key_gone"] = True
    return PlanItem(incident_id="", action="deny_principal", target=target, args=args, mode=Mode.OBSERVE)
