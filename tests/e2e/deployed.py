"""The deployed stack as its tests meet it: clients, the bus, the alerts, fresh users and roles.

Everything waits with a limit and says what it waited for. Several tests use one of these at the same time.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from boto3.dynamodb.conditions import Key as Part
from botocore.config import Config
from botocore.exceptions import ClientError

from demo import events
from demo.aws import ACCOUNT, BUILD, REGION, EmbeddedAws, Mail, mails
from tests.estate import Estate, Machine, Place

if TYPE_CHECKING:
    from collections.abc import Callable

PROTECTED_USER = f"arn:aws:iam::{ACCOUNT}:user/emergency/break-glass"
PROTECTED_ROLE = f"arn:aws:iam::{ACCOUNT}:role/payroll"
ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
#: What is done to users whose names begin so counts three to four seconds later.
LATE = "late-"
DENY_ALL = "arn:aws:iam::aws:policy/AWSDenyAll"

#: What AWS' services say to a caller who may not, and to one whose key is inactive or unknown.
REFUSALS = {
    "AccessDenied",
    "AccessDeniedException",
    "UnauthorizedOperation",
    "AuthorizationError",
    "AuthorizationErrorException",
}
_NOBODY = {"InvalidClientTokenId", "UnrecognizedClientException"}
_QUICKLY = Config(retries={"total_max_attempts": 1, "mode": "standard"}, max_pool_connections=32)
_LOOK_AGAIN_SECONDS = 0.2
_ANSWERS_WITHIN = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """An access key, whole: id, secret and, for a session, its token."""

    id: str
    secret: str
    token: str | None = None

    @classmethod
    def of(cls, credentials: dict[str, Any]) -> Key:
        """Read the credentials that STS issued."""
        return cls(
            id=credentials["AccessKeyId"], secret=credentials["SecretAccessKey"], token=credentials["SessionToken"]
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A role: its name, its ARN and its unique id (``AROA…``)."""

    name: str
    arn: str
    id: str


def trusting(**principals: str) -> str:
    """Write a trust policy that lets ``AWS=…`` or ``Service=…`` in."""
    statement = {"Effect": "Allow", "Principal": principals, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


ANYBODY_HERE = trusting(AWS=f"arn:aws:iam::{ACCOUNT}:root")


@dataclass(frozen=True, slots=True, kw_only=True)
class Safe:
    """What the settings protect: an instance, and a VPC with an instance inside."""

    machine: Machine
    place: Place
    inside: Machine


class Deployed:
    """One embedded AWS with the stack in it."""

    def __init__(self, aws: EmbeddedAws, outputs: dict[str, str], safe: Safe) -> None:
        self.aws = aws
        self.outputs = outputs
        self.safe = safe
        self.estate = Estate(self.client)
        self._session = boto3.Session(region_name=REGION)
        self._making = threading.Lock()
        self._reading = threading.Lock()
        self._opening = threading.Lock()
        self._own: dict[str, Any] = {}
        self._alerts: list[Any] = []
        self._read_at = 0.0
        self.table = self._session.resource(
            "dynamodb", endpoint_url=aws.url, aws_access_key_id="test", aws_secret_access_key="test", config=_QUICKLY
        ).Table(outputs["IncidentTableName"])
        self.as_function = cache(self._as_function)
        self._subscribe()
        self.operator = self.user(keys=1)[1][0]

    def client(self, service: str, key: Key | None = None) -> Any:  # noqa: ANN401 - made at run time
        """Give a client of the owner's, or one with somebody's key."""
        with self._making:
            if key is None and service in self._own:
                return self._own[service]
            made = self._session.client(  # type: ignore[call-overload]  # any service
                service,
                endpoint_url=self.aws.url,
                config=_QUICKLY,
                aws_access_key_id=key.id if key else "test",
                aws_secret_access_key=key.secret if key else "test",
                aws_session_token=key.token if key else None,
            )
            if key is None:
                self._own[service] = made
            return made

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

    # Who is in the account.

    def user(self, *, keys: int = 2, path: str = "/", name: str = "") -> tuple[str, list[Key]]:
        """Make a user who may do everything, with keys; give its name and the keys."""
        iam = self.client("iam")
        name = name or f"user-{uuid.uuid4().hex[:10]}"
        iam.create_user(UserName=name, Path=path)
        iam.attach_user_policy(UserName=name, PolicyArn=ADMIN)
        made = [iam.create_access_key(UserName=name)["AccessKey"] for _ in range(keys)]
        return name, [Key(id=key["AccessKeyId"], secret=key["SecretAccessKey"]) for key in made]

    def role(self, trust: str = ANYBODY_HERE, *, name: str = "") -> Role:
        """Make a role that may do everything."""
        iam = self.client("iam")
        made = iam.create_role(RoleName=name or f"role-{uuid.uuid4().hex[:10]}", AssumeRolePolicyDocument=trust)["Role"]
        iam.attach_role_policy(RoleName=made["RoleName"], PolicyArn=ADMIN)
        return Role(name=made["RoleName"], arn=made["Arn"], id=made["RoleId"])

    def session(self, role: Role, name: str, *, by: Key | None = None) -> Key:
        """Begin a session of a role, as the operator or with somebody else's key."""
        sts = self.client("sts", by or self.operator)
        return Key.of(sts.assume_role(RoleArn=role.arn, RoleSessionName=name)["Credentials"])

    def _as_function(self, function: str) -> Key:
        """Give credentials of a function's role, as code running in it has them."""
        arn = self.client("lambda").get_function(FunctionName=f"tourniquet-{function}")["Configuration"]["Role"]
        iam, name = self.client("iam"), arn.rsplit("/", 1)[-1]
        with self._opening:
            trust = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
            opened = {**trust, "Statement": [*trust["Statement"], *json.loads(ANYBODY_HERE)["Statement"]]}
            iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(opened))
            try:
                return self.session(Role(name=name, arn=arn, id=""), uuid.uuid4().hex[:12])
            finally:
                iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trust))

    def refused(self, key: Key) -> bool:
        """Try what nobody without rights may do, with somebody's key."""
        tries: list[Callable[[], object]] = [
            lambda: self.client("sqs", key).list_queues(),
            lambda: self.client("dynamodb", key).list_tables(),
        ]
        said = [answer_to(attempt) for attempt in tries]
        assert set(said) <= {""} | REFUSALS | _NOBODY, said
        answers = [bool(code) for code in said]
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

    def denies(self, role: str) -> list[str]:
        """Read the names of the inline policies that the responder gave a role."""
        names = self.client("iam").list_role_policies(RoleName=role)["PolicyNames"]
        return [name for name in names if name.startswith("Tourniquet-")]

    def state_of_user(self, name: str) -> dict[str, Any]:
        """Read all that the responder could change of a user."""
        iam = self.client("iam")
        return {
            "keys": self.status(name),
            "attached": self.policies(name),
            "inline": iam.list_user_policies(UserName=name)["PolicyNames"],
            "boundary": iam.get_user(UserName=name)["User"].get("PermissionsBoundary"),
        }

    def state_of_role(self, name: str) -> dict[str, Any]:
        """Read all that the responder could change of a role, while no test has its trust opened."""
        iam = self.client("iam")
        with self._opening:
            role = iam.get_role(RoleName=name)["Role"]
        return {
            "trust": role["AssumeRolePolicyDocument"],
            "attached": iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"],
            "inline": iam.list_role_policies(RoleName=name)["PolicyNames"],
            "boundary": role.get("PermissionsBoundary"),
        }

    # What goes in.

    def put(self, *signals: dict[str, Any]) -> list[str]:
        """Put up to ten events on the default bus; give the ARNs of the executions that they start."""
        answer = self.client("events").put_events(Entries=[events.entry(signal) for signal in signals])
        assert answer["FailedEntryCount"] == 0, answer
        executions = self.outputs["RespondStateMachineArn"].replace(":stateMachine:", ":execution:")
        return [f"{executions}:{entry['EventId']}" for entry in answer["Entries"]]

    def ended(self, execution: str, *, seconds: float = _ANSWERS_WITHIN) -> dict[str, Any]:
        """Wait until an execution has ended well; give what it answered."""

        def over() -> dict[str, Any] | None:
            try:
                found: dict[str, Any] = self.client("stepfunctions").describe_execution(executionArn=execution)
            except self.client("stepfunctions").exceptions.ExecutionDoesNotExist:
                return None
            return found if found.get("status", "RUNNING") != "RUNNING" else None  # LocalEmu's first answer may lack it

        ended = self.wait(over, seconds=seconds, what=f"{execution} to end", every=0.3)
        assert ended["status"] == "SUCCEEDED", ended
        output: dict[str, Any] = json.loads(ended["output"])
        return output

    def respond(self, signal: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
        """Put an event and wait for the answer; give the alert about its one case."""
        (execution,) = self.put(signal)
        return self._answer_of(execution)

    def request(self, wish: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
        """Start the workflow as a person does; give the alert about the one case."""
        started = self.client("stepfunctions").start_execution(
            stateMachineArn=self.outputs["RespondStateMachineArn"], input=json.dumps(wish)
        )
        return self._answer_of(started["executionArn"])

    def _answer_of(self, execution: str) -> Any:  # noqa: ANN401 - JSON
        (case,) = self.ended(execution)["cases"]
        return self.told(case["incident_id"], case["outcome"])

    def paste(self, command: str) -> str:
        """Run a line of the alert in a shell, as a person would, with AWS' own command line; give what it said."""
        assert shlex.split(command)[0] == "aws"
        own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        path = f"{BUILD / 'emulator' / 'bin'}:{own['PATH']}"
        ran = subprocess.run(  # noqa: S602 - a person pastes it into a shell too
            command,
            shell=True,
            env={**own, **self.aws.environment(), "PATH": path, "AWS_PAGER": ""},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    def start_pasted(self, command: str) -> dict[str, Any]:
        """Paste a line that starts the workflow; give what the workflow answered."""
        return self.ended(json.loads(self.paste(command))["executionArn"])

    # What comes out.

    def told(self, incident_id: str, outcome: str, *, seconds: float = _ANSWERS_WITHIN) -> Any:  # noqa: ANN401 - JSON
        """Wait for the alert that says that a case ended so."""

        def matches(alert: Any) -> bool:  # noqa: ANN401 - JSON or text
            return isinstance(alert, dict) and (alert.get("incident_id"), alert.get("outcome")) == (
                incident_id,
                outcome,
            )

        return self.alert(matches, seconds=seconds, what=f"{outcome} of {incident_id}")

    def alert(
        self,
        matches: Callable[[Any], bool],
        *,
        seconds: float = _ANSWERS_WITHIN,
        what: str = "an alert",
    ) -> Any:  # noqa: ANN401 - JSON or text
        """Wait for an alert (JSON as parsed, anything else as text)."""
        return self.wait(lambda: next(filter(matches, self.alerts()), None), seconds=seconds, what=what)

    def alerts(self) -> list[Any]:
        """Give every alert that arrived until a moment ago."""
        sqs = self.client("sqs")
        with self._reading:
            if time.monotonic() - self._read_at < _LOOK_AGAIN_SECONDS:
                return list(self._alerts)
            while found := sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10).get("Messages"):
                for message in found:
                    try:
                        self._alerts.append(json.loads(message["Body"]))
                    except ValueError:
                        self._alerts.append(message["Body"])
                    sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
            self._read_at = time.monotonic()
            return list(self._alerts)

    def mail(self, matches: Callable[[Mail], bool], *, what: str = "the mail") -> Mail:
        """Wait for a mail."""
        return self.wait(
            lambda: next(filter(matches, mails(self.aws)), None), seconds=_ANSWERS_WITHIN, what=what, every=0.3
        )

    def items(self) -> list[dict[str, Any]]:
        """Read the whole incident table."""
        pages = self.table.meta.client.get_paginator("scan").paginate(TableName=self.table.name, ConsistentRead=True)
        return [item for page in pages for item in page["Items"]]

    def cases(self) -> list[dict[str, Any]]:
        """Read every case's own item."""
        return [item for item in self.items() if item["sk"] == "INCIDENT"]

    def case(self, incident_id: str) -> dict[str, Any]:
        """Read a case's own item."""
        (found,) = self.records(incident_id, "INCIDENT")
        return found

    def records(self, incident_id: str, kind: str) -> list[dict[str, Any]]:
        """Read the items of a case whose sort key begins so (``SIGNAL#``, ``CHANGE#``, ``ASK#``)."""
        wanted = Part("pk").eq(incident_id) & Part("sk").begins_with(kind)
        found: list[dict[str, Any]] = self.table.query(KeyConditionExpression=wanted, ConsistentRead=True)["Items"]
        return found

    @staticmethod
    def at_once[T](*calls: Callable[[], T]) -> list[T]:
        """Make calls at the same time; give what they answered, in their order."""
        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(lambda call: call(), calls))

    @staticmethod
    def wait[T](look: Callable[[], T | None], *, seconds: float, what: str, every: float = 0.1) -> T:
        """Look until there is something to see."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if (found := look()) is not None and found is not False:
                return found
            time.sleep(every)
        raise AssertionError(f"waited {seconds} s for {what}")


def assert_refused(attempt: Callable[[], object]) -> None:
    """Make a call that the caller's policies must not allow."""
    code = answer_to(attempt)
    assert code in REFUSALS, code or "the call was not refused"


def answer_to(attempt: Callable[[], object]) -> str:
    """Make a call; give the code of the error that AWS answers with, or nothing when it works."""
    try:
        attempt()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


def names_user(user: str) -> Callable[[Any], bool]:
    """Match the alerts about a user."""
    return lambda alert: isinstance(alert, dict) and user in json.dumps(alert)
