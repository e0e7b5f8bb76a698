"""What triage hands on: the plan as each case runs it, in the one form that every later step reads.

Also what a question keeps of it, and what becomes of that once the question is answered.

May touch: nothing.
Never: decides what is done; it only writes down what was decided.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from lambdas import guardrails as rails
from lambdas.model import Json, Mode, PlanItem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lambdas.guardrails import Guardrails
    from lambdas.model import Incident
    from lambdas.planning import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """How an execution meets one case: whether it opened it, what was told and made, which items it runs.

    ``planned`` says that the signal's plan has items for the case, whether or not this execution runs them.
    ``ask`` is the question that people are asked about some of the items: ``{"id", "answer_by", "then", "seconds"}``.
    """

    incident_id: str
    opened: bool
    told: tuple[str, ...] = ()
    made: tuple[str, ...] = ()
    recorded: bool = True
    signalled: bool = True
    items: tuple[PlanItem, ...]
    planned: bool = True
    ask: Json | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """How a question ended.

    ``answer`` is ``approve``, ``reject`` or ``expire``, or ``contain`` when the time was up and the owner's setting
    makes the changes then. ``at`` is ISO 8601, ``reason`` the person's own words, ``by`` the ARN of the execution that
    took the answer.
    """

    answer: str
    at: str
    asked_at: str
    reason: str = ""
    by: str = ""


def triaged(  # noqa: PLR0913  (what triage knows)
    incident: Incident,
    playbook: str,
    plan: Plan,
    meetings: Iterable[Meeting],
    *,
    actions: Iterable[str],
    observe_all: bool,
    breaker: int = 0,
    hold: float = 0,
    investigate: bool = False,
) -> Json:
    """Give what the workflow carries on: the incident, the cases, one list of items per action to run, the questions.

    ``breaker`` is the limit of the circuit breaker where this execution is to tell people that it opened, else 0.
    ``hold`` is for how many seconds the cuts are watched, ``investigate`` whether an investigation is started.
    """
    cases, names = [_case(meeting) for meeting in meetings], list(actions)
    return {
        "incident": asdict(incident),
        "playbook": playbook,
        "mode": plan.mode,
        "why_mode": plan.why_mode,
        "observe_all": observe_all,
        "not_done": list(plan.not_done),
        "cases": cases,
        "actions": names,
        "run": _run(names, cases),
        "asks": [_start(case["incident_id"], case["ask"]) for case in cases if case["ask"]],
        "breaker": breaker,
        "hold": hold,
        "investigate": investigate,
    }


def question(answer: Mapping[str, object], meeting: Meeting) -> Json:
    """Give what a question keeps: triage's answer for one case and the items that are asked about."""
    asked = replace(meeting, items=tuple(item for item in meeting.items if rails.asks(item)), ask=None)
    return {**answer, "cases": [_case(asked)], "run": {}, "asks": [], "breaker": 0}


def resumed(
    payload: Json, decision: Decision, told: Iterable[str], made: Iterable[str], guardrails: Guardrails
) -> Json:
    """Give what the workflow goes on with once a question is answered, by the settings as they are then."""
    silent = decision.answer == "contain"
    why = "a person approved it" if decision.answer == "approve" else "nobody answered in time, and the setting says so"
    cases = []
    for case in payload["cases"]:
        items = [PlanItem.from_json(item) for item in case["items"]]
        if decision.answer in {"approve", "contain"}:
            items = [
                item
                if silent and item.needs_yes
                else rails.as_of_now(replace(item, mode=Mode.CONTAIN, why=why), guardrails)
                for item in items
            ]
        cases.append(
            {
                **case,
                "opened": False,
                "told": sorted(told),
                "made": sorted(made),
                "items": [item.to_json() for item in items],
                "decision": asdict(decision),
            }
        )
    observe_all = payload["observe_all"] or guardrails.observe_all
    run = _run(payload["actions"], cases)
    return {
        **payload,
        "cases": cases,
        "observe_all": observe_all,
        "run": run,
        "hold": guardrails.hold,
        "investigate": guardrails.investigate,
    }


def _case(meeting: Meeting) -> Json:
    fields = {key: value for key, value in asdict(meeting).items() if key != "items"}
    return {**fields, "items": [item.to_json() for item in meeting.items], "decision": None}


def _run(actions: Iterable[str], cases: Iterable[Json]) -> Json:
    """Sort the items that are to be made at once into one list per action."""
    run: dict[str, list[Json]] = {name: [] for name in actions}
    for case in cases:
        for data in case["items"]:
            if rails.acts(PlanItem.from_json(data)):
                run[data["action"]].append(data)
    return run


def _start(incident_id: str, ask: Json) -> Json:
    """Give the name and the input of the execution that waits for an answer."""
    waiting = {"incident_id": incident_id, "id": ask["id"], "seconds": ask["seconds"]}
    return {"name": waiting_name(incident_id, ask["id"]), "id": ask["id"], "input": {"ask": waiting}}


def waiting_name(incident_id: str, ask_id: str) -> str:
    """Name the execution that waits for the answer to a question; the same question gives the same name."""
    return f"ask-{incident_id}-{ask_id}"
