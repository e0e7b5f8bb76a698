"""E-mails of SNS subscriptions with the subject AWS gives them; LocalEmu gives all of them the same.

May touch: LocalEmu's e-mail publisher in this process.
Never does: send an e-mail anywhere but to LocalEmu's own mailbox.
"""

from __future__ import annotations

from typing import Any

from localemu.aws.connect import connect_to
from localemu.services.sns.publisher import EmailJsonTopicPublisher

_SENDER = "no-reply@sns.amazonaws.com"
_SUBJECT_OF_NONE = "AWS Notification Message"


def install() -> None:
    """Correct LocalEmu's e-mails in this process."""
    EmailJsonTopicPublisher._publish = _publish  # noqa: SLF001 - LocalEmu offers no setting for it


def _publish(self: Any, context: Any, subscriber: dict[str, Any]) -> None:  # noqa: ANN401 - LocalEmu is untyped
    mailbox = connect_to().ses
    address = subscriber["Endpoint"]
    for identity in (address, _SENDER):
        mailbox.verify_email_address(EmailAddress=identity)
    text = self.prepare_message(context.message, subscriber, topic_attributes=context.topic_attributes)
    mailbox.send_email(
        Source=_SENDER,
        Destination={"ToAddresses": [address]},
        Message={
            "Subject": {"Data": context.message.subject or _SUBJECT_OF_NONE},
            "Body": {"Text": {"Data": text}},
        },
    )
