"""Look back: make the look-ups of one round in the event histories of some regions, as far as the time goes.

Input: ``{"regions": [<name>], "folder", "round"}``. Output: ``{"regions", "done": true | false, "left": [<region>],
"silent": [<region>], "truncated": <look-ups that were cut>}``: ``left`` are the regions that have more, ``silent``
those that gave an error. Called again until ``done``; what is written stays, and is not asked for again.

The regions go side by side, each at its own pace, because CloudTrail counts calls by region: a group takes as long as
its slowest region.

May touch: cloudtrail:LookupEvents in the regions; s3:GetObject, s3:ListBucket and s3:PutObject on the evidence bucket.
Never: asks a region more than twice a second; lets a region that fails stop another; changes anything in the account.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from lambdas import aws, errors
from lambdas.handlers import environment
from lambdas.investigation import lookback, parts, rounds
from lambdas.investigation.parts import Shelf
from lambdas.telemetry import logger

if TYPE_CHECKING:
    from lambdas.model import Json

GRANTS = (*lookback.GRANTS, *parts.GRANTS)

#: The function has five minutes; what is not done by then is gone on with by the next call.
_SECONDS = 220.0
#: A region that was busy is asked again after so many seconds each.
_PAUSES = (1.0, 4.0)


def handler(event: Json, _context: object) -> Json:
    """Answer Step Functions with counts. Raises what is not one of the named errors of ``lambdas.errors``."""
    regions = [str(one) for one in event["regions"]]
    shelf = Shelf(s3=aws.client("s3"), bucket=environment.get(environment.EVIDENCE), folder=str(event["folder"]))
    with ThreadPoolExecutor(len(regions)) as pool:
        said = list(pool.map(partial(_look, shelf, int(event["round"])), regions))
    left = [one["region"] for one in said if not one["done"] and not one.get("silent")]
    return {
        "regions": regions,
        "done": not left,
        "left": left,
        "silent": [one["region"] for one in said if one.get("silent")],
        "truncated": sum(int(one["truncated"]) for one in said),
    }


def _look(shelf: Shelf, number: int, region: str) -> Json:
    """Look up in one region; where that goes on failing, say that the region is silent."""
    ends = time.monotonic() + _SECONDS
    for pause in (*_PAUSES, None):
        try:
            cloudtrail = aws.client("cloudtrail", once=True, region=region)
            return rounds.look_up(cloudtrail, shelf, region, number, seconds=max(1.0, ends - time.monotonic()))
        except (errors.Throttled, errors.Unavailable) as error:
            logger.warning("region %s was busy: %s", region, error)
            if pause is not None:
                time.sleep(pause)
        except errors.TourniquetError as error:
            logger.warning("region %s does not answer: %s", region, error)
            break
    return {"region": region, "done": False, "silent": True, "truncated": 0}
