"""Whether an execution of the respond workflow still runs.

May touch: states:DescribeExecution on the respond workflow.
Never: changes anything.
"""

from __future__ import annotations

from lambdas import aws, errors
from lambdas.aws import Grant
from lambdas.telemetry import logger

GRANTS = (Grant(action="states:DescribeExecution", resource="{executions}"),)

_STILL_RUNNING = "RUNNING"


def alive(execution: str) -> bool:
    """Tell of an execution's ARN whether it runs; one that cannot be asked about counts as dead."""
    try:
        return runs(execution)
    except errors.TourniquetError as error:
        logger.warning("an execution could not be looked up: %s", error)
        return False


def runs(execution: str) -> bool:
    """Tell of an execution's ARN whether it runs. Raises the named errors when nobody says."""
    if not execution:
        return False
    try:
        with aws.translated():
            found = aws.client("stepfunctions").describe_execution(executionArn=execution)
    except errors.TargetGone:
        return False
    return bool(found["status"] == _STILL_RUNNING)
