"""The template: what cdk prints, what cfn-lint says, and the parts that must be there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from moto.events.models import EventPattern

from demo import events
from lambdas.signals import PATTERNS
from stacks.misuse import POWERS
from tests.stacks.conftest import synth

if TYPE_CHECKING:
    from tests.stacks.conftest import Synthesized

ROOT = Path(__file__).resolve().parents[2]


def test_cdk_synth_prints_no_error_and_cdk_nag_has_no_question(tmp_path: Path) -> None:
    """Given nothing but an e-mail address, cdk synth ends well and reports nothing unexplained."""
    ran = synth(tmp_path, "alert_email=oncall@example.com")
    said = ran.stdout + ran.stderr
    assert ran.returncode == 0, said
    for word in ("error", "warning", "acknowledge", "nag"):
        assert word not in said.lower(), said


@pytest.mark.parametrize(
    ("context", "named"),
    [
        ([], "alert_email"),
        (["alert_email=not-an-address"], "alert_email"),
        (["alert_email=a@example.com", "home_region=eu-west-1"], "home_region"),
        (["alert_email=a@example.com", "mode=destroy"], "mode"),
    ],
)
def test_a_wrong_setting_is_one_sentence_and_no_stack(tmp_path: Path, context: list[str], named: str) -> None:
    """Given a wrong setting, cdk synth fails with one sentence that names it, and writes no template."""
    ran = synth(tmp_path, *context)
    assert ran.returncode != 0
    sentences = [row for row in ran.stderr.splitlines() if row.startswith("tourniquet: ")]
    assert len(sentences) == 1
    assert f'"{named}"' in sentences[0]
    assert "Traceback" not in ran.stderr
    assert not (tmp_path / "TourniquetResponder.template.json").exists()


def test_cfn_lint_finds_nothing(synthesized: Synthesized) -> None:
    """Given the template, cfn-lint has nothing to say."""
    template = synthesized.folder / "TourniquetResponder.template.json"
    command = [str(Path(sys.executable).parent / "cfn-lint"), "--region", "us-east-1", "--", str(template)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ})  # noqa: S603 - our own tool
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_every_rule_target_has_a_dead_letter_queue(synthesized: Synthesized) -> None:
    """Given every rule, what its target refuses goes to the queue that the alarm watches."""
    rules = synthesized.of_type("AWS::Events::Rule")
    assert len(rules) == len(PATTERNS) + len(POWERS) + 3  # and one for each workflow's deaths
    (queue,) = synthesized.of_type("AWS::SQS::Queue")
    for rule in rules.values():
        for target in rule["Targets"]:
            assert target["DeadLetterConfig"]["Arn"] == {"Fn::GetAtt": [queue, "Arn"]}
    (alarm,) = synthesized.of_type("AWS::CloudWatch::Alarm").values()
    (topic,) = synthesized.of_type("AWS::SNS::Topic")
    assert alarm["AlarmActions"] == [{"Ref": topic}]
    assert alarm["Dimensions"][0]["Value"] == {"Fn::GetAtt": [queue, "QueueName"]}
    assert alarm["Threshold"] == 1


def test_no_function_is_called_without_somebody_waiting_for_it(synthesized: Synthesized) -> None:
    """Given the template, no rule, topic or mapping invokes a function: only the workflow, which waits."""
    assert not synthesized.of_type("AWS::Lambda::Permission")
    assert not synthesized.of_type("AWS::Lambda::EventSourceMapping")


def test_the_topic_is_encrypted_so_that_rules_and_alarms_can_publish(synthesized: Synthesized) -> None:
    """Given the topic's own key, EventBridge and CloudWatch may use it; with the AWS-managed key they could not."""
    (topic,) = synthesized.of_type("AWS::SNS::Topic").values()
    (key_id,) = synthesized.of_type("AWS::KMS::Key")
    assert topic["KmsMasterKeyId"] == {"Fn::GetAtt": [key_id, "Arn"]}
    statements = synthesized.of_type("AWS::KMS::Key")[key_id]["KeyPolicy"]["Statement"]
    named = [s["Principal"].get("Service", []) for s in statements if "kms:GenerateDataKey*" in s["Action"]]
    services = {service for names in named for service in ([names] if isinstance(names, str) else names)}
    assert services == {"events.amazonaws.com", "cloudwatch.amazonaws.com"}
    (subscription,) = synthesized.of_type("AWS::SNS::Subscription").values()
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "oncall@example.com")


def test_a_dead_workflow_is_announced_without_any_code(synthesized: Synthesized) -> None:
    """Given the rules on execution status, one for each workflow, their target is the topic itself."""
    rules = [
        rule
        for rule in synthesized.of_type("AWS::Events::Rule").values()
        if rule["EventPattern"]["source"] == ["aws.states"]
    ]
    (topic,) = synthesized.of_type("AWS::SNS::Topic")
    machines = synthesized.of_type("AWS::StepFunctions::StateMachine")
    watched = [rule["EventPattern"]["detail"]["stateMachineArn"] for rule in rules]
    assert sorted(one["Ref"] for (one,) in watched) == sorted(machines)
    for rule in rules:
        assert rule["EventPattern"]["detail"]["status"] == ["FAILED", "TIMED_OUT", "ABORTED"]
        assert rule["Targets"][0]["Arn"] == {"Ref": topic}
        assert "RoleArn" not in rule["Targets"][0]


def test_the_records_outlive_the_stack_and_do_not_need_the_key(synthesized: Synthesized) -> None:
    """Given the incident table, it is kept, can be put back in time, and does not depend on the customer key."""
    (table,) = [
        resource
        for resource in synthesized.template["Resources"].values()
        if resource["Type"] == "AWS::DynamoDB::Table"
    ]
    assert table["DeletionPolicy"] == "Retain"
    assert table["Properties"]["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]
    assert table["Properties"]["DeletionProtectionEnabled"]
    assert not table["Properties"].get("SSESpecification", {}).get("SSEEnabled")


def test_the_outputs_are_those_of_the_contract(synthesized: Synthesized) -> None:
    """Given the stack, tools find the workflow, the topic and the table by these names."""
    names = set(synthesized.template["Outputs"])
    assert names >= {
        "RespondStateMachineArn",
        "RestoreStateMachineArn",
        "AlertTopicArn",
        "IncidentTableName",
        "DeadLetterQueueUrl",
    }


def test_no_null_reaches_a_rule(synthesized: Synthesized) -> None:
    """Given the patterns in the template, they are those of the modules: nothing was dropped on the way."""
    deployed = [rule["EventPattern"] for rule in synthesized.of_type("AWS::Events::Rule").values()]
    for pattern in PATTERNS.values():
        assert json.loads(json.dumps(pattern)) in deployed


SENT: list[tuple[str, events.Event, bool]] = [
    ("Health", events.health("AKIAIOSFODNN7EXAMPLE"), True),
    ("Health", events.health("AKIAIOSFODNN7EXAMPLE", code="AWS_RISK_NEW_ONE"), True),
    ("Health", events.health("vol-1", code="AWS_EBS_VOLUME_LOST"), False),
    ("Health", {**events.health("AKIAIOSFODNN7EXAMPLE"), "source": "awsmock.health"}, False),
    ("Health", {**events.health("AKIAIOSFODNN7EXAMPLE"), "detail": {}}, True),
    ("Health", {**events.health("AKIAIOSFODNN7EXAMPLE"), "detail": {"eventTypeCode": 7}}, True),
    ("Health", {**events.health("AKIAIOSFODNN7EXAMPLE"), "detail": {"eventTypeCode": True}}, True),
    ("Health", {**events.health("AKIAIOSFODNN7EXAMPLE"), "detail": {"eventTypeCode": {"a": 1}}}, True),
    ("TrustedAdvisor", events.trusted_advisor("AKIAIOSFODNN7EXAMPLE", "u"), True),
    ("TrustedAdvisor", {**events.trusted_advisor("A", "u"), "detail": {"check-name": 3}}, True),
    ("TrustedAdvisor", {**events.trusted_advisor("AKIAIOSFODNN7EXAMPLE", "u"), "source": "awsmock.x"}, False),
    ("TrustedAdvisor", {**events.trusted_advisor("A", "u"), "detail": {"check-name": "Amazon EBS Snapshots"}}, False),
    ("GuardDuty", events.guardduty("AKIAIOSFODNN7EXAMPLE", "u"), True),
    ("GuardDuty", events.guardduty("AKIAIOSFODNN7EXAMPLE", "u", finding="Brand:New/Type"), True),
    ("GuardDuty", {**events.guardduty("A", "u"), "detail": {"resource": {"resourceType": "Instance"}}}, True),
    ("GuardDuty", {**events.guardduty("A", "u"), "detail": {"resource": {"resourceType": 5}}}, True),
    ("GuardDuty", {**events.guardduty("A", "u"), "detail": {"resource": {"resourceType": None}}}, True),
    ("GuardDuty", {**events.guardduty("A", "u"), "detail": {"type": "Some:Type/WithoutResource"}}, True),
    ("GuardDuty", {**events.guardduty("A", "u"), "detail": {}}, True),
    ("HealthAbuse", events.abuse("i-0123456789abcdef0"), True),
    ("HealthAbuse", {**events.abuse("i-0123456789abcdef0"), "source": "awsmock.health"}, False),
    ("HealthAbuse", events.health("AKIAIOSFODNN7EXAMPLE"), False),
    ("Quarantine", events.quarantine("ci-user", "AKIAIOSFODNN7EXAMPLE"), True),
    ("Quarantine", events.quarantine("ci-user", "AKIAIOSFODNN7EXAMPLE", policy="AWSDenyAll"), False),
]


@pytest.mark.parametrize(("rule", "event", "wanted"), SENT, ids=range(len(SENT)))
def test_a_rule_lets_through_what_it_should(rule: str, event: dict[str, Any], *, wanted: bool) -> None:
    """Given an event, the rule of its source matches it if it is ours, of whatever type, and only then."""
    assert EventPattern.load(json.dumps(PATTERNS[rule])).matches_event(event) is wanted
