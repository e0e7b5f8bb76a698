"""The story of a leaked key, of what it led to, of a fight and of the way back, then of an instance.

May touch: the embedded AWS that it starts, `.build/` of the project, the terminal.
Never does: show a whole access key id; leave a process.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import ClientError

from demo import events, fight_story, instance_story, investigation_story
from demo.aws import BUILD, REGION, EmbeddedAws, EmbeddedAwsError, Mail, deploy, free_port, mails
from demo.instance_story import Scene
from lambdas.text import tail

if TYPE_CHECKING:
    from collections.abc import Iterator

USER = "ci-deployer"
_ALERT_EMAIL = "oncall@example.com"
_HOLD_SECONDS = "6"  # twenty, as it comes, would only be longer to watch
_WAIT_SECONDS = 90
_PAUSE_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """Something the attacker holds: a key of the user's, or a session made from one."""

    name: str
    key_id: str
    secret: str
    token: str | None = None


class Terminal:
    """Writes lines with the seconds since the story's zero; colours only where somebody watches."""

    def __init__(self) -> None:
        self._colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self._zero = time.time()

    def zero(self) -> None:
        """Make now the zero of the clock."""
        self._zero = time.time()

    def title(self, text: str) -> None:
        """Begin a chapter."""
        print(f"\n{self._paint(text, '1')}\n", flush=True)

    def say(self, text: str) -> None:
        """Write a line without a time."""
        print(f"  {text}", flush=True)

    def at(self, text: str, moment: float | None = None) -> None:
        """Write a line with its time: now, or a moment given in seconds since the epoch."""
        seconds = (time.time() if moment is None else moment) - self._zero
        print(f"  {seconds:+7.2f} s  {text}", flush=True)

    def call(self, who: str, what: str, *, worked: bool, said: str = "") -> None:
        """Write what a call of the attacker's came to."""
        mark = self._paint("works  ", "31") if worked else self._paint("refused", "32")
        print(f"  {mark}  {who:<34} {what:<22} {said}", flush=True)

    def _paint(self, text: str, code: str) -> str:
        return f"\033[{code}m{text}\033[0m" if self._colour else text


def run() -> int:
    """Tell the story; the exit status says whether it ended as it should: 0 when everything was refused."""
    terminal = Terminal()
    terminal.title("Tourniquet: a leaked access key and a compromised instance, from the alarm to the mail")
    terminal.say("Everything happens on an AWS embedded in this machine, with IAM enforced. No account is involved.")
    scratch = BUILD / "demo-state"
    try:
        os.environ["DEMO_LATE_USERS"] = fight_story.FIGHTER
        with EmbeddedAws.start(port=free_port(), scratch=scratch, log=BUILD / "demo.log", say=terminal.say) as aws:
            terminal.title("1. Deploying, as you would: cdk bootstrap, cdk deploy")
            outputs = deploy(
                aws,
                context={"alert_email": _ALERT_EMAIL, "hold_seconds": _HOLD_SECONDS, "investigate": "false"},
                outputs=BUILD / "demo-outputs.json",
                say=terminal.say,
            )
            return _tell(terminal, aws, outputs)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def session(aws: EmbeddedAws, credential: Credential | None = None) -> boto3.Session:
    """Give a session on the embedded AWS: the owner's, or one with a credential of the attacker's."""
    own = aws.environment()
    return boto3.Session(
        aws_access_key_id=credential.key_id if credential else own["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=credential.secret if credential else own["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=credential.token if credential else None,
        region_name=REGION,
    )


class _Stage:
    """Where the story plays: the embedded AWS, the stack in it, and the runs of respond that were told already."""

    def __init__(self, terminal: Terminal, aws: EmbeddedAws, outputs: dict[str, str]) -> None:
        self.terminal, self.aws, self.outputs = terminal, aws, outputs
        self.machine = outputs["RespondStateMachineArn"]
        self.told: set[str] = set()

    def client(self, service: str, credential: Credential | None = None, region: str = REGION) -> Any:  # noqa: ANN401 - made at run time
        """Give a client of the owner's, or one with a credential of the attacker's."""
        return session(self.aws, credential).client(  # type: ignore[call-overload]  # any service
            service, endpoint_url=self.aws.url, region_name=region
        )

    def follow(self, run: str) -> None:
        """Tell each step of a run that a reader wants to know of, until it ends."""
        for name, moment in _steps(self.client("stepfunctions"), run):
            if _is_worth_telling(name):
                self.terminal.at(name, moment)

    def contain(self, event: events.Event) -> Mail:
        """Put an event on the bus, tell the run that it starts, give the last mail."""
        seen = len(_mails(self.aws))
        self.terminal.zero()
        _put(self.client("events"), event)
        self.terminal.at("the event is on the bus")
        run = _newest(self.client("stepfunctions"), self.machine, self.told)
        self.told.add(run)
        self.follow(run)
        return _mail(self.aws, after=seen, count=2)

    def restore(self, request: dict[str, str]) -> Mail:
        """Start the workflow that undoes a case, tell its run, give its mail."""
        return self._run("RestoreStateMachineArn", request)[1]

    def investigate(self, request: dict[str, str]) -> tuple[dict[str, Any], Mail]:
        """Start the workflow that finds out what was done, tell its run, give its answer and its mail."""
        return self._run("InvestigateStateMachineArn", request)

    def _run(self, machine: str, request: dict[str, str]) -> tuple[dict[str, Any], Mail]:
        seen = len(_mails(self.aws))
        run = self.client("stepfunctions").start_execution(
            stateMachineArn=self.outputs[machine], input=json.dumps(request)
        )["executionArn"]
        self.follow(run)
        answer = self.client("stepfunctions").describe_execution(executionArn=run)["output"]
        return json.loads(answer), _mail(self.aws, after=seen)

    def handed_over(self, case: str) -> None:
        """Tell the run of respond that contains what an investigation found."""
        for _ in _waiting("what was found to be handed over"):
            listed = self.client("stepfunctions").list_executions(stateMachineArn=self.machine)["executions"]
            found = [str(one["executionArn"]) for one in listed if one["name"].startswith(f"found-{case}")]
            if found:
                self.told.update(found)
                self.follow(found[0])
                return

    def scene(self) -> Scene:
        """Give what the parts of the story play with."""
        return Scene(
            terminal=self.terminal,
            client=self.client,
            outputs=self.outputs,
            contain=self.contain,
            restore=self.restore,
            investigate=self.investigate,
            handed_over=self.handed_over,
        )


def _tell(terminal: Terminal, aws: EmbeddedAws, outputs: dict[str, str]) -> int:
    stage = _Stage(terminal, aws, outputs)
    client, scene = stage.client, stage.scene()
    terminal.title(f"2. A user of yours, {USER}, whose key gets into a public repository")
    stolen = _compromise(client("iam"), lambda credential: client("sts", credential))
    _attack(terminal, client, stolen)
    spread = investigation_story.spread(client, stolen[0], Credential)
    terminal.say(
        f"\n  With it the attacker takes your role {investigation_story.ROLE}, makes the user "
        f"{investigation_story.BACKDOOR} to come back as,\n  and starts an instance in {investigation_story.REGION}."
    )

    terminal.title("3. AWS finds the key and sends a Health event")
    event = events.health(stolen[0].key_id, user=USER)
    terminal.say(f"{event['source']}  {event['detail']['eventTypeCode']}  key {tail(stolen[0].key_id)}  user {USER}")
    mail = stage.contain(event)

    terminal.title("4. The same calls, with everything the attacker had")
    working = _attack(terminal, client, stolen)

    terminal.title("5. The mail that wakes somebody")
    terminal.say("The first one came when the cuts were made. This is the last one, which says whether they held.\n")
    terminal.say(f"To:      {mail.to}\n  Subject: {mail.subject}\n")
    print("\n".join(f"  | {row}".rstrip() for row in mail.body.splitlines()))

    terminal.title("6. What stays in the account")
    _take_stock(terminal, client, outputs["IncidentTableName"])

    working += investigation_story.tell(scene, fight_story.case_of(scene, stolen[0].key_id), spread)
    working += fight_story.tell(scene, Credential)
    working += fight_story.give_back(scene, USER, stolen[1], stolen[0])
    working += instance_story.tell(scene, Credential)
    if working:
        raise EmbeddedAwsError(f"{working} calls did not end as they should have: this is a bug.")
    terminal.say("\n  The same AWS to play with: make up, and make down when you are done.")
    return 0


def _is_worth_telling(step: str) -> bool:
    """Tell whether a reader wants to know of a step: of its end, if it is not only a turning of the way."""
    return "ended" in step or (step.endswith("done") and not step.startswith(_TURNINGS))


_TURNINGS = ("Is ", "No ", "Let ", "Begin", "Contain and hold")
_CALLS = (
    ("iam", "list_users", "iam:ListUsers"),
    ("s3", "list_buckets", "s3:ListAllMyBuckets"),
    ("dynamodb", "list_tables", "dynamodb:ListTables"),
)


def _compromise(iam: Any, sts: Any) -> list[Credential]:  # noqa: ANN401 - clients are made at run time
    """Make the user and give what an attacker with its key has: both keys, and a session that outlives them."""
    iam.create_user(UserName=USER, Path="/pipelines/")
    iam.attach_user_policy(UserName=USER, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    keys = [iam.create_access_key(UserName=USER)["AccessKey"] for _ in range(2)]
    found = [
        Credential(name=f"{label} {tail(key['AccessKeyId'])}", key_id=key["AccessKeyId"], secret=key["SecretAccessKey"])
        for label, key in zip(("the leaked key", "the user's second key"), keys, strict=True)
    ]
    made = sts(found[0]).get_session_token()["Credentials"]
    return [
        *found,
        Credential(
            name="a session made from the leaked key",
            key_id=made["AccessKeyId"],
            secret=made["SecretAccessKey"],
            token=made["SessionToken"],
        ),
    ]


def _attack(terminal: Terminal, client: Any, stolen: list[Credential]) -> int:  # noqa: ANN401 - makes clients
    """Make the attacker's calls with everything it has; give how many worked."""
    working = 0
    for credential in stolen:
        for service, operation, name in _CALLS:
            worked, said = _works(client(service, credential), operation)
            terminal.call(credential.name, name, worked=worked, said=said)
            working += worked
    return working


def _take_stock(terminal: Terminal, client: Any, table: str) -> None:  # noqa: ANN401 - makes clients
    for key in client("iam").list_access_keys(UserName=USER)["AccessKeyMetadata"]:
        terminal.say(f"access key {tail(key['AccessKeyId'])} of {USER}: {key['Status']}")
    for policy in client("iam").list_attached_user_policies(UserName=USER)["AttachedPolicies"]:
        terminal.say(f"policy attached to {USER}: {policy['PolicyName']}")
    for case in _cases(client("dynamodb"), table):
        terminal.say(f"case {case['incident_id']['S']}: {case['outcome']['S']}")
    terminal.say("Nothing was deleted.")


def _works(client: Any, operation: str) -> tuple[bool, str]:  # noqa: ANN401 - made at run time
    try:
        getattr(client, operation)()
    except ClientError as error:
        return False, error.response["Error"]["Code"]
    return True, ""


def _put(bus: Any, event: events.Event) -> None:  # noqa: ANN401 - made at run time
    answer = bus.put_events(Entries=[events.entry(event)])
    if answer["FailedEntryCount"]:
        raise EmbeddedAwsError(f"The bus did not take the event: {answer['Entries']}")


def _newest(stepfunctions: Any, machine: str, before: set[str]) -> str:  # noqa: ANN401 - made at run time
    """Wait for an execution, another one than those before."""
    for _ in _waiting("the rule to start the workflow"):
        found = stepfunctions.list_executions(stateMachineArn=machine)["executions"]
        arns = [str(one["executionArn"]) for one in found if one["executionArn"] not in before]
        if arns:
            return arns[0]
    raise AssertionError  # _waiting raises first


def _steps(stepfunctions: Any, execution: str) -> Iterator[tuple[str, float]]:  # noqa: ANN401 - made at run time
    """Give each step of the workflow as it begins and ends, with the moment it did."""
    told = 0
    for _ in _waiting("the workflow to end"):
        history = stepfunctions.get_execution_history(executionArn=execution, maxResults=1000)["events"]
        for entry in history[told:]:
            moment = entry["timestamp"].timestamp()
            if "stateEnteredEventDetails" in entry:
                yield f"{entry['stateEnteredEventDetails']['name']} …", moment
            elif "stateExitedEventDetails" in entry:
                yield f"{entry['stateExitedEventDetails']['name']}: done", moment
            elif entry["type"].startswith("Execution") and entry["type"] != "ExecutionStarted":
                yield f"the workflow ended: {entry['type'].removeprefix('Execution').lower()}", moment
                return
        told = len(history)


def _mails(aws: EmbeddedAws) -> list[Mail]:
    return [mail for mail in mails(aws) if "Tourniquet" in mail.subject]


def _mail(aws: EmbeddedAws, after: int = 0, count: int = 1) -> Mail:
    """Wait for so many mails after so many, and give the last one."""
    for _ in _waiting("the mail to arrive"):
        found = _mails(aws)
        if len(found) >= after + count:
            return found[after + count - 1]
    raise AssertionError  # _waiting raises first


def _cases(dynamodb: Any, table: str) -> list[dict[str, Any]]:  # noqa: ANN401 - made at run time
    found = dynamodb.scan(TableName=table)["Items"]
    return [item for item in found if item["sk"]["S"] == "INCIDENT"]


def _waiting(what: str) -> Iterator[None]:
    """Tick until the caller has what it waits for. Raises EmbeddedAwsError when that takes too long."""
    deadline = time.monotonic() + _WAIT_SECONDS
    while time.monotonic() < deadline:
        yield
        time.sleep(_PAUSE_SECONDS)
    raise EmbeddedAwsError(f"Waited {_WAIT_SECONDS} s for {what}; see {BUILD / 'demo.log'}.")
