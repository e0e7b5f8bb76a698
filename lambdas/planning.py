"""From an incident to a plan: which changes, on what, how far, and what is left to a person.

May touch: nothing.
Never: talks to AWS, reads the clock or the environment; the same input gives the same plan.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lambdas import guardrails as rails
from lambdas.answers import Answer, Question, answer, elsewhere
from lambdas.model import FOUND, Fact, Kind, Outcome, Result, Standing
from lambdas.signals.reading import is_session_key
from lambdas.targets import claim_key, describe, signal_key

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from lambdas.guardrails import Guardrails
    from lambdas.model import Change, Incident, Json, Mode, PlanItem, Target
    from lambdas.playbooks.shape import Playbook


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
    mode, why = rails.mode_of(incident, playbook, guardrails)
    unknown = Fact(standing=Standing.UNKNOWN)
    claims: list[str] = []
    not_done: list[str] = list(incident.notes)
    items: list[PlanItem] = []
    instances: set[str] = set()
    for target in incident.targets:
        fact = facts.get(target, unknown)
        meant = fact.means or target
        said = _answer(incident, target, fact, guardrails.account)
        allowed = {*playbook.actions, *guardrails.extras.get(playbook.name, ())}
        wanted = [one for one in said.wanted if one.item.action in allowed]
        of = {one.item.target.id for one in wanted if one.item.target.kind is Kind.INSTANCE}
        if len(instances | of) > MOST_INSTANCES:
            not_done.append(f"{describe(meant)}: {_TOO_MANY}")
            wanted = [one for one in wanted if one.item.target.kind is not Kind.INSTANCE]
        else:
            instances |= of
        doubt = rails.doubt(meant, fact, guardrails)
        for one in wanted:
            item = replace(one.item, mode=mode, why=why, args=_marked(one.item.args, incident))
            item = rails.cautious(item, one.caution or doubt, incident, playbook, beyond=one.beyond)
            items.append(replace(item, refused=rails.refusal(item, meant, fact, guardrails)))
        if not any(one.item.target.kind is target.kind for one in wanted):  # else that item claims it, by its id
            claims.append(claim_key(target))
        if wanted or not said.wanted:
            not_done.extend(said.notes)
        elif meant.kind is Kind.INSTANCE:
            not_done.append(f"{describe(meant)} was not isolated: nothing says that it acts for an attacker.")
    unique = _unique(items)
    claims += [claim_key(item.target) for item in unique]
    return Plan(
        mode=mode,
        why_mode=why,
        items=unique,
        claims=tuple(dict.fromkeys(claims)) or (signal_key(incident.signal),),
        not_done=tuple(dict.fromkeys(not_done)),
    )


def _marked(args: Json, incident: Incident) -> Json:
    """Mark what an investigation found: it came from the case's credentials, and is none that the case is about."""
    return {**args, FOUND: True} if rails.was_found(incident) else args


def _answer(incident: Incident, target: Target, fact: Fact, account: str) -> Answer:
    """Answer one target, unless it is another account's, or nothing proves what the signal says of it."""
    meant = fact.means or target
    if meant.account and meant.account != account:
        return Answer(notes=(elsewhere(meant),))
    if incident.signal.doubt and not fact.quarantined:
        attached = (
            "AWS' quarantine policy is not attached to it"
            if fact.quarantined is False
            else "IAM did not say whether AWS' quarantine policy is attached to it"
        )
        return Answer(notes=(f"{describe(meant)}: {incident.signal.doubt} {attached}. {_UNPROVEN}",))
    federated = any(one.kind is Kind.FEDERATED_USER for one in incident.targets) and is_session_key(target.id)
    return answer(
        Question(
            target=target,
            fact=fact,
            by_person=rails.by_person(incident),
            until=incident.signal.at,
            federated=federated,
            found=rails.was_found(incident),
        )
    )


def _unique(items: Collection[PlanItem]) -> tuple[PlanItem, ...]:
    """Keep of the same change on the same target the one that goes furthest, in the order of the first."""
    best: dict[tuple[str, Target], PlanItem] = {}
    for item in items:
        known = best.get((item.action, item.target))
        if known is None or rails.wider(item, known):
            best[(item.action, item.target)] = item
    return tuple(best.values())


def assign(items: Iterable[PlanItem], case_of: Mapping[str, str], otherwise: str) -> tuple[PlanItem, ...]:
    """Give each item the case that holds its target, or ``otherwise``."""
    return tuple(replace(item, incident_id=case_of.get(claim_key(item.target), otherwise)) for item in items)


def standing(
    items: Iterable[PlanItem], changes: Mapping[str, Change], waiting: Collection[str] = (), settled: str = ""
) -> dict[str, tuple[Result, str]]:
    """Say how each item of a plan ended: item id → result, error name.

    An item without a change was refused, only planned, waits for an answer (``waiting`` are the ids of those that
    people were asked about), was turned down (``settled`` is ``rejected`` or ``expired``) or, if it should have been
    made, failed.
    """
    ended: dict[str, tuple[Result, str]] = {}
    for item in items:
        if change := changes.get(item.id):
            gone = change.result is Result.FAILED and change.error == "TargetGone"
            ended[item.id] = (Result.SKIPPED if gone else change.result, change.error)
        elif item.refused:
            ended[item.id] = (Result.REFUSED, "Protected")
        elif rails.acts(item):
            ended[item.id] = (Result.FAILED, "NotRun")
        elif rails.asks(item) and (settled or item.id in waiting):
            ended[item.id] = (Result(settled) if settled else Result.PENDING, "")
        else:
            ended[item.id] = (Result.PLANNED, "")
    return ended


#: How many instances one run contains: all its changes together must fit into what the workflow carries.
MOST_INSTANCES = 8

_TOO_MANY = (
    f"one signal has at most {MOST_INSTANCES} instances isolated, and this one names more. Start the respond workflow "
    'for it with {"instance_id": "i-…", "region": "…"}.'
)
_UNPROVEN = (
    'Nothing was changed. If the user is compromised, start the respond workflow with {"user_name": "…"}; look at '
    "whoever made the call too."
)
_MADE = {Result.DONE, Result.ALREADY}
_OPEN = ((Result.PENDING, Outcome.PENDING), (Result.REJECTED, Outcome.REJECTED), (Result.EXPIRED, Outcome.EXPIRED))


def outcome(results: Iterable[Result]) -> Outcome:
    """Judge a case by how its items ended.

    Nothing to do, or every target gone: ANNOUNCED. All refused: REFUSED. Something failed: PARTIAL if anything was
    made, else FAILED. Something waits for an answer: PENDING; was turned down: REJECTED or EXPIRED. None was to be
    made: OBSERVED. Of those whose target is still there, all made: CONTAINED; otherwise PARTIAL.
    """
    kinds = [result for result in results if result is not Result.SKIPPED]
    if not kinds:
        return Outcome.ANNOUNCED
    if all(kind is Result.REFUSED for kind in kinds):
        return Outcome.REFUSED
    made = any(kind in _MADE for kind in kinds)
    if Result.FAILED in kinds:
        return Outcome.PARTIAL if made else Outcome.FAILED
    for result, judged in _OPEN:
        if result in kinds:
            return judged
    if not made:
        return Outcome.OBSERVED
    return Outcome.CONTAINED if all(kind in _MADE for kind in kinds) else Outcome.PARTIAL
