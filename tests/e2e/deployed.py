"""The deployed stack as its tests meet it: clients, the bus, the alerts, fresh users.

Everything waits with a limit and says what it waited for.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from demo import events
from demo.aws import REGION, EmbeddedAws

if TYPE_CHECKING:
    from collections.abc import Callable

_QUICKLY = Config(retries={"total_max_attempts": 1, "mode": "standard"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """An access key, whole: id, secret and, for a session, its token."""

    id: str
    secret: str
    token: str | None = None


class Deployed:
    """One embedded AWS with the stack in it."""

    def __init__(self, aws: EmbeddedAws, outputs: dict[str, str]) -> None:
        self.aws = aws
        self.outputs = outputs
        self._own = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION)
        self._lock = threading.Lock()
        self._alerts: list[Any] = []
        self._subscribe()

    def client(self, service: str, key: Key | None = None) -> Any:  # noqa: ANN401 - made at run time
        """Give a client of the owner's, or one with somebody's key."""
        session = self._own
        if key:
            session = boto3.Session(
                aws_access_key_id=key.id,
                aws_secret_access_key=key.secret,
                aws_session_token=key.token,
                region_name=REGION,
            )
        with self._lock:
            return session.client(service, endpoint_url=self.aws.url, config=_QUICKLY)  # type: ignore[call-overload]  # any

    def _subscribe(self) -> None:
        sqs = self.client("sqs")
        self._queue = sqs.create_queue(QueueName=f"reader-{uuid.uuid4().hex[:8]}")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": self.outputs["AlertTopicArn"]}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        sqs.set_queue_attributes(QueueUrl=self._queue, Attributes={"Policy": policy})
        self.client("sns").subscribe(
            TopicArn=self.outputs["AlertTopicArn"],
            Protocol="sqs",
            Endpoint=arn,
            Attributes={"RawMessageDelivery": "true"},
        )

    def user(self, *, keys: int = 2, path: str = "/", policy: str = "AdministratorAccess") -> tuple[str, list[Key]]:
        """Make a user who may do everything, with keys; give its name and the keys."""
        iam = self.client("iam")
        name = f"user-{uuid.uuid4().hex[:10]}"
        iam.create_user(UserName=name, Path=path)
        iam.attach_user_policy(UserName=name, PolicyArn=f"arn:aws:iam::aws:policy/{policy}")
        made = [iam.create_access_key(UserName=name)["AccessKey"] for _ in range(keys)]
        return name, [Key(id=key["AccessKeyId"], secret=key["SecretAccessKey"]) for key in made]

    def put(self, event: dict[str, Any]) -> None:
        """Put an event on the default bus."""
        answer = self.client("events").put_events(Entries=[events.entry(event)])
        assert answer["FailedEntryCount"] == 0, answer

    def refused(self, key: Key) -> bool:
        """Try what nobody without rights may do, with somebody's key."""
        tries: list[Callable[[], object]] = [
            lambda: self.client("iam", key).list_users(),
            lambda: self.client("dynamodb", key).list_tables(),
        ]
        answers = []
        for attempt in tries:
            try:
                attempt()
                answers.append(False)
            except ClientError:
                answers.append(True)
        assert len(set(answers)) == 1, "one call is refused and the other is not"
        return answers[0]

    def status(self, user: str) -> dict[str, str]:
        """Read the status of a user's keys."""
        listed = self.client("iam").list_access_keys(UserName=user)["AccessKeyMetadata"]
        return {key["AccessKeyId"]: key["Status"] for key in listed}

    def policies(self, user: str) -> set[str]:
        """Read the names of the policies attached to a user."""
        attached = self.client("iam").list_attached_user_policies(UserName=user)["AttachedPolicies"]
        return {policy["PolicyName"] for policy in attached}

    def alert(self, matches: Callable[[Any], bool], *, seconds: float = 15, what: str = "an alert") -> Any:  # noqa: ANN401 - JSON or text
        """Wait for an alert (JSON as parsed, anything else as text)."""
        return self.wait(lambda: next(filter(matches, self.alerts()), None), seconds=seconds, what=what)

    def alerts(self) -> list[Any]:
        """Give every alert that arrived until now."""
        sqs = self.client("sqs")
        with self._lock:
            while found := sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10).get("Messages"):
                for message in found:
                    try:
                        self._alerts.append(json.loads(message["Body"]))
                    except ValueError:
                        self._alerts.append(message["Body"])
                    sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
            return list(self._alerts)

    def cases(self) -> list[dict[str, Any]]:
        """Read every case's own item."""
        table = boto3.resource(
            "dynamodb",
            region_name=REGION,
            endpoint_url=self.aws.url,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        ).Table(self.outputs["IncidentTableName"])
        self._items = table.scan(ConsistentRead=True)["Items"]
        return [item for item in self._items if item["sk"] == "INCIDENT"]

    def signals(self, incident_id: str) -> list[dict[str, Any]]:
        """Read the signals of a case, as of the latest ``cases``."""
        return [item for item in self._items if item["pk"] == incident_id and str(item["sk"]).startswith("SIGNAL#")]

    @staticmethod
    def wait[T](look: Callable[[], T | None], *, seconds: float, what: str) -> T:
        """Look until there is something to see."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if (found := look()) is not None and found is not False:
                return found
            time.sleep(0.1)
        raise AssertionError(f"waited {seconds} s for {what}")


def names_user(user: str) -> Callable[[Any], bool]:
    """Match the alerts about a user."""
    return lambda alert: isinstance(alert, dict) and user in json.dumps(alert)
