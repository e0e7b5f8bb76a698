"""Take stock: what the account holds that is new, who its principals are, what it costs, what decides the next time.

Input: ``{"folder", "regions": […], "since": "<ISO 8601>", "execution": "<ARN>", "principals": [{"kind", "name"}, …]}``.
Output: ``{"things": <how many>, "unknown": <how many sentences>}``; all of it is in ``stock.json`` of the folder.

May touch: what ``investigation.stock``, ``stock_global``, ``posture``, ``principals``, ``cost`` and
``credential_report`` read, listed in their GRANTS; s3:GetObject, s3:ListBucket and s3:PutObject on the evidence bucket.
Never: changes anything; reads what is in an object, a secret or a parameter.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lambdas import aws
from lambdas.handlers import environment
from lambdas.investigation import (
    cost,
    credential_report,
    parts,
    posture,
    principals,
    stock,
    stock_global,
)
from lambdas.investigation.asking import Deadline
from lambdas.investigation.parts import Shelf
from lambdas.investigation.principals import Principal
from lambdas.investigation.readers import Where

if TYPE_CHECKING:
    from lambdas.model import Json

GRANTS = tuple(
    dict.fromkeys(
        (
            *stock.GRANTS,
            *stock_global.GRANTS,
            *posture.GRANTS,
            *principals.GRANTS,
            *cost.GRANTS,
            *credential_report.GRANTS,
            *parts.GRANTS,
        )
    )
)
_SECONDS = 150.0


def handler(event: Json, _context: object) -> Json:
    """Answer Step Functions with counts. Raises the named errors of ``lambdas.errors`` when the bucket fails."""
    partition, account = str(event["execution"]).split(":")[1], str(event["execution"]).split(":")[4]
    regions = [str(one) for one in event["regions"]]
    deadline = Deadline(_SECONDS)
    now, since = datetime.now(UTC), datetime.fromisoformat(str(event["since"]))
    where = Where(clients=aws.client, deadline=deadline, since=since, account=account, partition=partition)
    people, unknown_people = principals.describe(
        aws.client, [Principal(kind=str(one["kind"]), name=str(one["name"])) for one in event["principals"]], deadline
    )
    account_wide, unknown_account = stock_global.take(where)
    regional, unknown_regions = stock.take(where, regions)
    checks, unknown_checks = posture.take(
        posture.Where(clients=aws.client, deadline=deadline, account=account, regions=regions, now=now)
    )
    spent, unknown_cost = cost.since(aws.client, since, now, deadline, wanted=True, partition=partition)
    unknown = [*unknown_people, *unknown_account, *unknown_regions, *unknown_checks, *unknown_cost]
    things = [*account_wide, *regional]
    found = {
        "stock": things,
        "principals": people,
        "posture": checks,
        "cost": spent,
        "unknown": unknown,
    }
    Shelf(s3=aws.client("s3"), bucket=environment.get(environment.EVIDENCE), folder=str(event["folder"])).keep(
        "stock.json", found
    )
    return {"things": len(things), "unknown": len(unknown)}
