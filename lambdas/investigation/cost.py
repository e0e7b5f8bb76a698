"""What the days since cost, by day and by service: one question to Cost Explorer, for which AWS asks one cent.

Cost Explorer is a day behind, and an account that never opened it has nothing to say for a day.

May touch: ce:GetCostAndUsage.
Never: asks twice; asks when it is not wanted.
"""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any

from lambdas import aws
from lambdas.aws import Grant
from lambdas.investigation import asking
from lambdas.investigation.asking import Question

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from lambdas.actions.shape import Clients
    from lambdas.investigation.asking import Deadline
    from lambdas.model import Json

GRANTS = (Grant(action="ce:GetCostAndUsage", resource="*"),)

#: Where Cost Explorer answers, in the partitions that have one.
_REGIONS = {"aws": "us-east-1", "aws-cn": "cn-northwest-1"}
_METRIC = "UnblendedCost"
_DAYS = 90
_SERVICES = 20
_NOT_READY = ("DataUnavailableException", "BillExpirationException")
_LATE = "Cost Explorer is about a day behind: what the last day cost is not all in the figures."


def since(  # noqa: PLR0913  (a question is all of these)
    clients: Clients, first: datetime, last: datetime, deadline: Deadline, *, wanted: bool, partition: str = "aws"
) -> tuple[Json | None, list[str]]:
    """Give the findings' ``cost`` of the days from ``first`` to ``last``, or None, and sentences of what is not known.

    Nothing is asked unless it is ``wanted``. Raises nothing.
    """
    if not wanted:
        return None, ["What the days since cost was not asked: the question costs a cent and is switched off."]
    region = _REGIONS.get(partition)
    if region is None:
        return None, ["What the days since cost is not known: this partition has no Cost Explorer of its own."]
    question = Question(
        what="the cost of the days since",
        asks="ce:GetCostAndUsage",
        ask=lambda: _asked(clients("ce", once=True, region=region), first, last),
    )
    answers = asking.ask([question], deadline, at_once=1)
    if not answers.given:
        return None, asking.sentences(answers.missed)
    return answers.given[0]


def _asked(client: Any, first: datetime, last: datetime) -> tuple[Json | None, list[str]]:  # noqa: ANN401  (boto3's clients are made at run time)
    end = last.astimezone(UTC).date() + timedelta(days=1)
    start = max(first.astimezone(UTC).date(), end - timedelta(days=_DAYS))
    start = min(start, end - timedelta(days=1))
    answers: list[Any] = []
    with aws.excused(*_NOT_READY):
        answers.append(
            client.get_cost_and_usage(
                TimePeriod={"Start": start.isoformat(), "End": end.isoformat()},
                Granularity="DAILY",
                Metrics=[_METRIC],
                GroupBy=[{"Type": "DIMENSION", "Key": "SERVICE"}],
            )
        )
    if not answers:
        return None, ["What the days since cost is not known: Cost Explorer has no figures yet."]
    more = ["Not all services are in the cost."] if answers[0].get("NextPageToken") else []
    return _summed(answers[0]), [_LATE, *more]


def _summed(answer: Json) -> Json:
    days: dict[str, float] = dict.fromkeys(_days(answer), 0.0)
    services: dict[str, float] = {}
    currency = ""
    for day, service, amount, unit in _amounts(answer):
        days[day] = days.get(day, 0.0) + amount
        services[service] = services.get(service, 0.0) + amount
        currency = currency or unit
    dearest = sorted(services.items(), key=lambda pair: -pair[1])[:_SERVICES]
    return {
        "currency": currency,
        "days": [{"day": day, "amount": round(amount, 2)} for day, amount in sorted(days.items())],
        "services": [{"name": name, "amount": round(amount, 2)} for name, amount in dearest if round(amount, 2)],
    }


def _days(answer: Json) -> Iterator[str]:
    for start in asking.rows(answer, ["ResultsByTime", "TimePeriod", "Start"]):
        yield str(start)[:10]


def _amounts(answer: Json) -> Iterator[tuple[str, str, float, str]]:
    for result in asking.rows(answer, ["ResultsByTime"]):
        day = str(result.get("TimePeriod", {}).get("Start", ""))[:10]
        for group in asking.rows(result, ["Groups"]):
            metric = group.get("Metrics", {}).get(_METRIC, {})
            name = ", ".join(str(key) for key in group.get("Keys", []))[:256]
            yield day, name, float(metric.get("Amount", 0)), str(metric.get("Unit", ""))[:10]
