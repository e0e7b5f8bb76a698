"""Look back: make the look-ups of one round in one region's event history of CloudTrail, as far as the time goes.

Input: ``{"region", "folder", "round"}``. Output: see ``investigation.lookback.look_back``; called again until ``done``.

May touch: cloudtrail:LookupEvents in the region; s3:GetObject, s3:ListBucket and s3:PutObject on the evidence bucket.
Never: asks more than twice a second; changes anything in the account.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambdas import aws
from lambdas.handlers import environment
from lambdas.investigation import lookback, parts, rounds
from lambdas.investigation.parts import Shelf

if TYPE_CHECKING:
    from lambdas.model import Json

GRANTS = (*lookback.GRANTS, *parts.GRANTS)

#: The function has five minutes; what is not done by then is gone on with by the next call.
_SECONDS = 220.0


def handler(event: Json, _context: object) -> Json:
    """Answer Step Functions with counts. Raises the named errors of ``lambdas.errors``."""
    region = str(event["region"])
    shelf = Shelf(s3=aws.client("s3"), bucket=environment.get(environment.EVIDENCE), folder=str(event["folder"]))
    cloudtrail = aws.client("cloudtrail", once=True, region=region)
    return rounds.look_up(cloudtrail, shelf, region, int(event["round"]), seconds=_SECONDS)
