"""An AWS account inside this process: moto, the real ASL, the real handlers.

Step Functions' interpreter is moto's; each Lambda invocation runs the handler itself, in the
interpreter's own thread, with that function's environment.
"""

from __future__ import annotations

import json
import threading
import time
import traceback
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from moto.sns.models import sns_backends

from demo.emulator import moto_fixes
from lambdas import actions, aws
from lambdas.handlers import (
    act,
    approval,
    environment,
    hold,
    investigate,
    look_back,
    notify,
    report,
    restore,
    take_stock,
    triage,
    undo,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ROOT = Path(__file__).resolve().parents[2]
ACCOUNT = "123456789012"
REGION = "us-east-1"

_local = threading.local()


def placeholder(action: str) -> str:
    """Give the name under which the workflow knows an action's function."""
    return "".join(part.capitalize() for part in action.split("_")) + "FunctionArn"


def of_the_same_function(submit: Callable[..., Any]) -> Callable[..., Any]:
    """Let a thread that a function starts be that function's too."""

    def submit_for(pool: object, work: Callable[..., Any], *args: Any, **named: Any) -> Any:  # noqa: ANN401 - a future
        of = dict(_local.__dict__)

        def run(*args: Any, **named: Any) -> Any:  # noqa: ANN401 - whatever the work gives
            _local.__dict__.update(of)
            return work(*args, **named)

        return submit(pool, run, *args, **named)

    return submit_for


def variable(name: str) -> str:
    """Read a variable of the function that runs in this thread."""
    value: str = _local.variables[name]
    return value


class Account:
    """One account with the responder's table, topic and respond workflow in it."""

    def __init__(self, *, settings: Mapping[str, Any] | None = None) -> None:
        self.iam = boto3.client("iam", region_name=REGION)
        self.dynamodb = boto3.client("dynamodb", region_name=REGION)
        self.sns = boto3.client("sns", region_name=REGION)
        self.sqs = boto3.client("sqs", region_name=REGION)
        self.stepfunctions = boto3.client("stepfunctions", region_name=REGION)
        self.failures: dict[str, list[Exception]] = {}
        self.before: dict[str, Callable[[], object]] = {}
        self.always: dict[str, Callable[[], object]] = {}
        self.after: dict[str, list[Exception]] = {}
        self.tracebacks: list[str] = []
        self._table()
        self._bucket()
        self._topic()
        self._workflow(settings or {})

    def _table(self) -> None:
        self.table = "incidents"
        self.dynamodb.create_table(
            TableName=self.table,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
            ],
            BillingMode="PAY_PER_REQUEST",
        )

    def _bucket(self) -> None:
        self.bucket = "evidence"
        self.s3 = boto3.client("s3", region_name=REGION)
        self.s3.create_bucket(Bucket=self.bucket, ObjectLockEnabledForBucket=True)

    def _topic(self) -> None:
        self.topic = self.sns.create_topic(Name="alerts")["TopicArn"]
        self.queue = self.sqs.create_queue(QueueName="reader")["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        self.sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})

    def _workflow(self, settings: Mapping[str, Any]) -> None:
        trust = json.dumps({"Version": "2012-10-17", "Statement": []})
        role = self.iam.create_role(RoleName="workflow", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        guardrails = {
            "account": ACCOUNT,
            "observe_all": False,
            "modes": {},
            "protected": [],
            "own": {},
            "instances": [],
            "vpcs": [],
            "extras": {},
            "limit": 100,
            "minutes": 600,  # far longer than all the tests: none may end in another one's account
            "then": "expire",
            "hold": 0,
            "look": 0,
            "investigate": False,
            **settings,
        }
        self._minutes = float(guardrails["minutes"])
        self.respond = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:tourniquet-respond"
        self.restorer = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:tourniquet-restore"
        shared = {
            environment.TABLE: self.table,
            environment.TOPIC: self.topic,
            environment.RESPOND: self.respond,
            environment.RESTORE: self.restorer,
        }
        self.investigator = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:tourniquet-investigate"
        guarded = {**shared, environment.GUARDRAILS: json.dumps(guardrails)}
        evidence = {environment.EVIDENCE: self.bucket, environment.RETENTION: "90"}
        self.functions: dict[str, tuple[Callable[..., Any], dict[str, str]]] = {
            "TriageFunctionArn": (triage.handler, guarded),
            "NotifyFunctionArn": (notify.handler, shared),
            "ApprovalFunctionArn": (approval.handler, guarded),
            "HoldFunctionArn": (hold.handler, shared),
            "InvestigateFunctionArn": (investigate.handler, {**guarded, **evidence}),
            "LookBackFunctionArn": (look_back.handler, {**guarded, **evidence}),
            "TakeStockFunctionArn": (take_stock.handler, {**guarded, **evidence}),
            "ReportFunctionArn": (report.handler, {**guarded, **evidence}),
            "RestoreFunctionArn": (restore.handler, shared),
        }
        for name in actions.names():
            more = {environment.ACTION: name, **(evidence if actions.load(name).on_instances else {})}
            self.functions[placeholder(name)] = (act.handler, {**shared, **more})
            if actions.load(name).undo_grants:
                self.functions[f"Undo{placeholder(name)}"] = (undo.handler, {**shared, environment.ACTION: name})
        client = boto3.client("lambda", region_name=REGION)
        values = {"AlertTopicArn": self.topic, "RespondArn": self.respond, "InvestigateArn": self.investigator}
        for name in self.functions:
            function = client.create_function(
                FunctionName=f"tourniquet-{name.removesuffix('FunctionArn')}",
                Runtime="python3.13",
                Role=role,
                Handler="x.x",
                Code={"ZipFile": b""},
            )
            values[name] = function["FunctionArn"]
        self._values, self._role, self._machines = values, role, set[str]()
        self.deploy("respond")
        if guardrails["investigate"]:
            self.deploy("investigate")

    def deploy(self, workflow: str) -> None:
        """Make a workflow, once: each takes a while, and few tests need them all."""
        if workflow in self._machines:
            return
        self._machines.add(workflow)
        own = self.respond.replace("tourniquet-respond", f"tourniquet-{workflow}")
        definition = (ROOT / "state_machines" / f"{workflow}.asl.json").read_text()
        for name, value in {**self._values, "OwnArn": own}.items():
            definition = definition.replace(f"${{{name}}}", value)
        self.stepfunctions.create_state_machine(
            name=f"tourniquet-{workflow}", definition=definition, roleArn=self._role
        )

    def deploy_again(self, **settings: Any) -> None:
        """Deploy again with other settings: the ids of what is protected are known only once it is there."""
        for _, variables in self.functions.values():
            if environment.GUARDRAILS not in variables:
                continue
            settings = {**json.loads(variables[environment.GUARDRAILS]), **settings}
            variables[environment.GUARDRAILS] = json.dumps(settings)

    def on_call(self, when: str, service: str, operation: str, do: Callable[..., None]) -> None:
        """Have something happen ``before`` or ``after`` each call of one kind that a function makes."""
        aws._session().events.register(f"{when}-call.{service}.{operation}", do)  # noqa: SLF001 - every client of the functions

    def invoke(self, name: str, payload: str) -> tuple[str, bool]:
        """Run one function as Lambda would: its answer as JSON, and whether it is an error."""
        handler, variables = self.functions[name]
        caller = dict(_local.__dict__)  # one function may call another
        _local.variables, _local.name = variables, name
        try:
            self._disturb(name)
            answer = json.dumps(handler(json.loads(payload or "{}"), None))
            self._fail(self.after, name)
        except Exception as error:  # noqa: BLE001 - Lambda catches everything too
            self.tracebacks.append(traceback.format_exc())
            return json.dumps({"errorMessage": str(error), "errorType": type(error).__name__}), True
        finally:
            _local.__dict__.clear()
            _local.__dict__.update(caller)
        return answer, False

    def _disturb(self, name: str) -> None:
        """Do what a test wants to happen just before a function runs."""
        if name in self.before:
            self.before.pop(name)()
        if name in self.always:
            self.always[name]()
        self._fail(self.failures, name)

    @staticmethod
    def _fail(planned: dict[str, list[Exception]], name: str) -> None:
        if planned.get(name):
            raise planned[name].pop(0)

    def user(self, name: str = "ci-user", *, path: str = "/", keys: int = 1) -> list[str]:
        """Make a user with access keys; give their ids."""
        self.iam.create_user(UserName=name, Path=path)
        return [self.iam.create_access_key(UserName=name)["AccessKey"]["AccessKeyId"] for _ in range(keys)]

    def fill_policy_quota(self, user: str) -> None:
        """Attach as many managed policies to a user as IAM allows."""
        statement = {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        for number in range(moto_fixes.POLICIES_PER_IDENTITY):
            policy = self.iam.create_policy(PolicyName=f"{user}-{number}", PolicyDocument=document)["Policy"]["Arn"]
            self.iam.attach_user_policy(UserName=user, PolicyArn=policy)

    def start(self, event: Any) -> str:  # noqa: ANN401 - any JSON
        """Start the respond workflow; give the execution's ARN."""
        started = self.stepfunctions.start_execution(
            stateMachineArn=self.respond, name=uuid.uuid4().hex, input=json.dumps(event)
        )
        return started["executionArn"]

    def start_restore(self, event: Any) -> str:  # noqa: ANN401 - any JSON
        """Start the restore workflow; give the execution's ARN."""
        self.deploy("restore")
        started = self.stepfunctions.start_execution(
            stateMachineArn=self.restorer, name=uuid.uuid4().hex, input=json.dumps(event)
        )
        return started["executionArn"]

    def restore(self, incident_id: str, **more: Any) -> dict[str, Any]:
        """Restore a case, wait, and give what the workflow said."""
        ended = self.finish(self.start_restore({"incident_id": incident_id, **more}))
        assert ended["status"] == "SUCCEEDED", (ended.get("error"), ended.get("cause"), self.tracebacks)
        said: dict[str, Any] = json.loads(ended["output"])
        return said

    def finish(self, execution: str, seconds: float = 60) -> dict[str, Any]:
        """Wait for an execution; give its description."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found: dict[str, Any] = dict(self.stepfunctions.describe_execution(executionArn=execution))
            if found["status"] != "RUNNING":
                return found
            time.sleep(0.02)
        raise TimeoutError(execution)

    def run(self, event: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - any JSON
        """Start the workflow, wait, and give what Notify answered for each case."""
        ended = self.finish(self.start(event))
        assert ended["status"] == "SUCCEEDED", (ended.get("error"), ended.get("cause"), self.tracebacks)
        cases: list[dict[str, Any]] = json.loads(ended["output"]).get("cases", [])
        return cases

    def waiting(self, incident_id: str) -> list[str]:
        """List the executions that wait for an answer in a case, running or not: their ARNs."""
        found = self.stepfunctions.list_executions(stateMachineArn=self.respond, maxResults=1000)["executions"]
        return [one["executionArn"] for one in found if one["name"].startswith(f"ask-{incident_id}")]

    def finish_waiting_to_begin(self, incident_id: str, seconds: float = 10) -> None:
        """Wait until the run that waits for an answer has kept its token."""
        deadline = time.monotonic() + seconds
        while not all(one.get("token") for one in self.records(incident_id, "ASK#")):
            assert time.monotonic() < deadline, "nobody waits for the answer"
            time.sleep(0.02)

    def settle_down(self) -> None:
        """Wait for the questions whose time is short, so that none of them ends in another test's account."""
        if self._minutes * 60 > 5:
            return
        for record in self.cases():
            for waiting in self.waiting(record["pk"]):
                self.finish(waiting)

    def answer(self, incident_id: str, answer: str, **more: Any) -> dict[str, Any]:
        """Answer the question of a case; give what the workflow said to that."""
        ended = self.finish(self.start({"incident_id": incident_id, "answer": answer, **more}))
        assert ended["status"] == "SUCCEEDED", (ended.get("error"), ended.get("cause"), self.tracebacks)
        said: dict[str, Any] = json.loads(ended["output"])
        return said

    def alerts(self) -> list[dict[str, Any]]:
        """Read and remove what arrived in the queue that is subscribed to the topic."""
        found: list[dict[str, Any]] = []
        while messages := self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                found.append(json.loads(message["Body"]))
                self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        return found

    def by_hand(self, incident_id: str) -> str:
        """Give the lines that the latest mail about a case has for an undo by hand, joined for a shell."""
        sent = sns_backends[ACCOUNT][REGION].topics[self.topic].sent_notifications
        mails = [json.loads(message)["email"] for _, message, *_ in sent]
        text = next(mail for mail in reversed(mails) if incident_id in mail).partition("# by hand")[2]
        rows = [row.strip() for row in text.partition("THE CASE")[0].splitlines()]
        return " && ".join(row for row in rows if row.startswith("aws "))

    def records(self, incident_id: str, kind: str = "") -> list[dict[str, Any]]:
        """Read what the incident table holds of a case."""
        table = boto3.resource("dynamodb", region_name=REGION).Table(self.table)
        items = table.scan()["Items"]
        return [item for item in items if item["pk"] == incident_id and str(item["sk"]).startswith(kind)]

    def cases(self) -> list[dict[str, Any]]:
        """Read every case's own item."""
        table = boto3.resource("dynamodb", region_name=REGION).Table(self.table)
        return [item for item in table.scan()["Items"] if item["sk"] == "INCIDENT"]

    def status(self, user: str) -> dict[str, str]:
        """Read the status of a user's keys."""
        listed = self.iam.list_access_keys(UserName=user)["AccessKeyMetadata"]
        return {key["AccessKeyId"]: key["Status"] for key in listed}

    def denied(self, user: str) -> bool:
        """Read whether AWSDenyAll is attached to a user."""
        attached = self.iam.list_attached_user_policies(UserName=user)["AttachedPolicies"]
        return aws.DENY_ALL in {policy["PolicyName"] for policy in attached}
