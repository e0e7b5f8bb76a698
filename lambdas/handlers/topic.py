"""The alert topic, as every handler publishes to it.

May touch: sns:Publish on the alert topic, with kms:Decrypt and kms:GenerateDataKey on its key.
Never: composes an alert.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambdas import aws
from lambdas.aws import Grant
from lambdas.handlers import environment

if TYPE_CHECKING:
    from lambdas.alert import Alert

GRANTS = (
    Grant(action="sns:Publish", resource="{topic}"),
    Grant(action="kms:Decrypt", resource="{key}", implied_by="sns:Publish"),
    Grant(action="kms:GenerateDataKey", resource="{key}", implied_by="sns:Publish"),
)


def publish(ready: Alert) -> None:
    """Send an alert, in all its forms. Raises the named errors."""
    with aws.translated():
        aws.client("sns").publish(
            TopicArn=environment.get(environment.TOPIC),
            Subject=ready.subject,
            Message=ready.message,
            MessageStructure="json",
            MessageAttributes=ready.attributes,
        )
