"""The one place that owns the logger.

May touch: standard output (CloudWatch Logs).
Never: logs an event, a whole key id or an exception's original text.
"""

from __future__ import annotations

from aws_lambda_powertools import Logger

logger = Logger(service="tourniquet")
