"""Triage: understand the signal, gather the facts, make the plan, find the case.

Input: ``{"event": <the execution's input>, "execution": "<ARN>", "started_at": "<ISO 8601>"}``.
Output: see ``handoff.triaged``. Everything that decides is elsewhere; this puts it in order. A table
that does not answer holds up nothing: the plan then runs as a case of its own.

May touch: cloudtrail:LookupEvents, ec2:DescribeInstances, ec2:DescribeRegions, iam:GetAccessKeyLastUsed,
iam:GetInstanceProfile, iam:GetRole, iam:GetUser, iam:ListAccessKeys, iam:ListAttachedUserPolicies,
iam:ListInstanceProfilesForRole; states:DescribeExecution on the respond workflow; dynamodb:GetItem,
dynamodb:PutItem, dynamodb:Query and dynamodb:UpdateItem on the incident table.
Never: changes anything in the account.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambdas import actions, aws, errors, executions, facts, handoff, journal, meeting, planning
from lambdas import guardrails as rails
from lambdas.handlers import environment
from lambdas.meeting import Desk
from lambdas.model import Json, incident_id, placed
from lambdas.playbooks import playbook_for
from lambdas.signals import incident_from
from lambdas.telemetry import logger

if TYPE_CHECKING:
    from lambdas.handoff import Meeting

GRANTS = (*facts.GRANTS, *journal.CLAIM_GRANTS, *executions.GRANTS)


def handler(event: Json, _context: object) -> Json:
    """Answer Step Functions. Raises nothing on purpose: what cannot be understood is announced."""
    execution = str(event["execution"])
    incident = incident_from(event.get("event"))
    guardrails = environment.guardrails()
    playbook = playbook_for(incident.signal)
    known = facts.gather(_client, incident)
    plan = planning.plan(incident, known, playbook, guardrails)
    own = incident_id(execution, str(event.get("started_at", "")))
    opening = journal.Opening(
        incident_id=own,
        execution=execution,
        incident=incident,
        acting=[item.id for item in planning.assign(plan.items, {}, own) if rails.acts(item)],
        targets=journal.target_ids([*incident.targets, *(item.target for item in plan.items)]),
        at=environment.now(),
    )
    table = journal.Table(aws.client("dynamodb", hasty=True), environment.get(environment.TABLE))
    desk = Desk(table=table, opening=opening, guardrails=guardrails, alive=executions.alive, vouched=playbook.vouched)

    def answer(meetings: list[Meeting], breaker: int = 0) -> Json:
        return handoff.triaged(
            placed(incident, execution),
            playbook.name,
            plan,
            meetings,
            actions=actions.names(),
            observe_all=guardrails.observe_all,
            breaker=breaker,
            hold=guardrails.hold,
            investigate=guardrails.investigate and not rails.was_found(incident),
        )

    breaker = 0
    try:
        meetings = meeting.meet(desk, plan)
        meetings, breaker = meeting.brake(desk, meetings)
        meetings = meeting.ask(desk, meetings, answer)
    except errors.TourniquetError as error:
        logger.warning("the case could not be recorded: %s", error)
        meetings = meeting.alone(desk, plan)
    logger.info("triaged", extra={"playbook": playbook.name, "cases": [met.incident_id for met in meetings]})
    return answer(meetings, breaker)


def _client(service: str, region: str = "") -> object:
    return aws.client(service, region=region)
