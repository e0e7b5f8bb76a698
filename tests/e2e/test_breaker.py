"""Many findings at once: none is lost, the breaker's limit holds, and what AWS vouches for passes it."""

from __future__ import annotations

import json
import time
from collections import Counter
from functools import partial
from itertools import batched
from typing import TYPE_CHECKING, Any

import pytest

from demo import events

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.deployed import Deployed

MANY = 60
LIMIT = 20
FEW = 3  # the embedded AWS may keep triage waiting for its second: then the breaker lets pass, as it must
A_BATCH, PAUSE = 4, 3.0  # dozens are at work together all the same, but the table answers within triage's second
BREAKER = "circuit breaker"
TRIAGE = "tourniquet-Triage"


@pytest.fixture
def limited(alone: Deployed) -> Iterator[Deployed]:
    """Let the breaker open after a few principals, with nobody contained yet, and questions stay open long enough."""
    lambdas = alone.client("lambda")
    before = lambdas.get_function_configuration(FunctionName=TRIAGE)["Environment"]["Variables"]
    # Sixty watches beside sixty runs are too much for this machine; a crowd's watches have their own tests.
    guardrails = json.loads(before["TOURNIQUET_GUARDRAILS"]) | {"limit": LIMIT, "minutes": 30, "hold": 0}
    _forget_containments(alone)
    _configure(alone, before | {"TOURNIQUET_GUARDRAILS": json.dumps(guardrails)})
    yield alone
    _configure(alone, before)
    _forget_containments(alone)


def _configure(deployed: Deployed, variables: dict[str, str]) -> None:
    lambdas = deployed.client("lambda")
    lambdas.update_function_configuration(FunctionName=TRIAGE, Environment={"Variables": variables})

    def updated() -> bool:
        return bool(lambdas.get_function_configuration(FunctionName=TRIAGE)["LastUpdateStatus"] == "Successful")

    deployed.wait(updated, seconds=30, what="the function's update")


def _forget_containments(deployed: Deployed) -> None:
    for item in [*deployed.records("BREAKER", "SLOT#"), *deployed.records("BREAKER", "TRIPPED")]:
        deployed.table.delete_item(Key={"pk": item["pk"], "sk": item["sk"]})


def test_sixty_findings_at_once(limited: Deployed) -> None:
    """Given sixty stolen keys reported at once, as many are contained as the limit says, and the rest is asked about.

    The key that AWS itself reports at that moment is contained whatever the limit says.
    """
    *suspects, exposed = limited.at_once(*[partial(limited.user, keys=1)] * (MANY + 1))
    assert not any(limited.at_once(*(partial(limited.refused, keys[0]) for _, keys in [*suspects, exposed])))
    told_before = len(limited.alerts())
    findings = [events.guardduty(keys[0].id, user) for user, keys in suspects]
    report = events.health(exposed[1][0].id, user=exposed[0], event_id=exposed[0])
    batches = [list(batch) for batch in batched(findings, A_BATCH, strict=False)]
    batches[len(batches) // 2].append(report)
    executions = []
    for batch in batches:
        executions += limited.put(*batch)
        time.sleep(PAUSE)
    ended = [limited.ended(execution, seconds=240) for execution in executions]

    answers = [answer for output in ended for answer in output["cases"]]
    assert len(ended) == len(answers) == len({answer["incident_id"] for answer in answers}) == MANY + 1
    items = limited.items()
    by_key: dict[str, list[dict[str, Any]]] = {}
    for item in items:
        if item["sk"] == "INCIDENT":
            for target in item["targets"]:
                by_key.setdefault(target, []).append(item)
    outcomes = {}
    for user, (key,) in [*suspects, exposed]:
        (case,) = by_key[key.id]
        outcomes[user] = case.get("outcome", "none")
    slots = {item["holder"] for item in items if item["pk"] == "BREAKER" and str(item["sk"]).startswith("SLOT#")}
    of_suspects = slots - {f"user/{exposed[0]}"}
    assert outcomes.pop(exposed[0]) == "CONTAINED"
    assert len(slots) == LIMIT
    contained = {user for user, outcome in outcomes.items() if outcome == "CONTAINED"}
    assert Counter(outcomes.values()) == {"CONTAINED": len(contained), "PENDING": MANY - len(contained)}
    assert {f"user/{user}" for user in contained} >= of_suspects
    assert len(contained) <= len(of_suspects) + FEW
    expected = [user in contained for user, _ in suspects]
    assert limited.at_once(*(partial(limited.refused, keys[0]) for _, keys in suspects)) == expected
    assert limited.refused(exposed[1][0])

    cases = {answer["incident_id"] for answer in answers}

    def all_told() -> list[Any] | None:
        new = [one for one in limited.alerts()[told_before:] if isinstance(one, dict) and "signal" in one]
        about = {one["incident_id"] for one in new if one["signal"]["type"] != BREAKER}
        return new if about >= cases else None

    new = limited.wait(all_told, seconds=30, what="an alert about each case")
    (notice,) = [one for one in new if one["signal"]["type"] == BREAKER]
    assert f"its limit of {LIMIT} an hour" in notice["title"]
