"""The guard: whom it lets through, that it only denies, and what it refuses to make."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stacks import guard, print_guard
from stacks.functions import PREFIX, ROLE_PATH

ACCOUNT = "123456789012"
IAM = f"arn:aws:iam::{ACCOUNT}"
DEPLOY = f"{IAM}:role/cdk-tourniquet-cfn-exec-role-{ACCOUNT}-us-east-1,{IAM}:role/cdk-tourniquet-deploy-role-{ACCOUNT}"
GLASS = f"{IAM}:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_BreakGlass_0123456789abcdef"
ONCALL = f"{IAM}:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_OnCall_0123456789abcdef"
OWN = f"{IAM}:role{ROLE_PATH}{PREFIX}*"

NAMES = st.text("ABCxyz019_+=,.@-", min_size=1, max_size=20).map(lambda name: name.replace(",", "_"))
ARNS = st.builds(lambda kind, name: f"{IAM}:{kind}/{name}", st.sampled_from(["role", "user"]), NAMES)


def made(deploy: str = DEPLOY, glass: str = GLASS, operators: str = "") -> dict[str, Any]:
    """Make the guard of the account."""
    return guard.policy(guard.named(account=ACCOUNT, deployers=deploy, break_glass=glass, operators=operators))


@given(
    deploy=st.lists(NAMES.map(lambda name: f"{IAM}:role/{name}"), min_size=1, max_size=3),
    glass=st.lists(ARNS, min_size=1, max_size=3),
    operators=st.lists(ARNS, max_size=3),
)
def test_it_only_denies_and_lets_the_named_and_the_responder_through(
    deploy: list[str], glass: list[str], operators: list[str]
) -> None:
    """Given any principals, every statement is a deny that passes the responder's own roles and whom it concerns."""
    policy = made(",".join(deploy), ", ".join(glass), ",".join(operators))
    besides = {"Own": set(deploy), "Key": set(deploy), "Start": set(operators)}
    for statement in policy["Statement"]:
        assert statement["Effect"] == "Deny"
        passed = statement["Condition"]["ArnNotLike"]["aws:PrincipalArn"]
        assert set(passed) == {OWN, *glass} | besides.get(statement["Sid"], set())
        assert [arn for arn in passed if "*" in arn or "?" in arn] == [OWN]
    assert len({statement["Sid"] for statement in policy["Statement"]}) == len(policy["Statement"])


def test_nobody_else_may_make_what_the_pattern_of_own_roles_would_let_through() -> None:
    """Given the pattern of the responder's own roles, what it covers is among what only they may change."""
    (own,) = [one for one in made()["Statement"] if one["Sid"] == "Own"]
    assert f"{IAM}:role{ROLE_PATH}*" in own["Resource"]
    assert not [action for action in own["NotAction"] if action.startswith("iam:") and "PassRole" in action]


def test_who_could_become_one_that_is_let_through_is_kept_from_it() -> None:
    """Given deployers and break-glass principals, everything but reading on them is denied to others."""
    (own,) = [one for one in made()["Statement"] if one["Sid"] == "Own"]
    assert {*DEPLOY.split(","), GLASS} <= set(own["Resource"])
    assert "sts:AssumeRole" not in own["NotAction"]


def test_wildcards_of_calls_stand_at_the_end() -> None:
    """Given the calls, a wildcard is their last character: AWS took no other in such a policy for long."""
    for statement in made(operators=ONCALL)["Statement"]:
        for call in statement.get("Action", statement.get("NotAction")):
            assert "*" not in call[:-1]
            assert "?" not in call


def test_what_is_printed_fits_with_long_names() -> None:
    """Given two deployers and roles of Identity Center, the text has no blank and is as short as AWS wants it."""
    whom = guard.named(account=ACCOUNT, deployers=DEPLOY, break_glass=GLASS, operators=ONCALL)
    written = guard.text(whom)
    assert len(written) <= guard.LIMIT - 500
    assert guard.LIMIT == 5120
    assert " " not in written
    assert json.loads(written) == guard.policy(whom)


def test_too_many_principals_are_refused_with_the_figures() -> None:
    """Given more principals than fit, there is one sentence with both numbers, and no policy."""
    many = ",".join(f"{IAM}:role/{'x' * 60}{place}" for place in range(9))
    with pytest.raises(guard.GuardError, match=r"^The policy has \d+ characters, and AWS takes 5120: [^\n]+$"):
        guard.text(guard.named(account=ACCOUNT, deployers=DEPLOY, break_glass=many))


def test_other_partitions_are_those_of_the_principals() -> None:
    """Given principals of GovCloud, everything is of that partition."""
    glass = GLASS.replace("arn:aws:", "arn:aws-us-gov:")
    text = json.dumps(made(DEPLOY.replace("arn:aws:", "arn:aws-us-gov:"), glass))
    assert "arn:aws:" not in text
    assert "arn:aws-us-gov:iam::aws:policy/AWSDenyAll" in text


def test_an_operator_who_may_break_the_glass_is_named_once() -> None:
    """Given a principal named twice, it is let through as what may do more."""
    assert (
        guard.named(account=ACCOUNT, deployers=DEPLOY, break_glass=GLASS, operators=f"{GLASS},{GLASS}").operators == ()
    )


@pytest.mark.parametrize(
    ("given_as", "said"),
    [
        ({"account": "1234"}, 'ACCOUNT is "1234"'),
        ({"account": "\u0661" * 12}, "ACCOUNT is"),
        ({"deployers": " , "}, "DEPLOY_ROLE is missing"),
        ({"break_glass": ""}, "BREAK_GLASS is missing"),
        ({"break_glass": f"{IAM}:role/*"}, "is a pattern"),
        ({"break_glass": f"{IAM}:role/glass?"}, "is a pattern"),
        ({"operators": f"{IAM}:role/on*"}, "OPERATORS names"),
        ({"break_glass": f"{IAM}:root"}, "is not the ARN of an IAM user or role"),
        ({"break_glass": "glass"}, "is not the ARN of an IAM user or role"),
        ({"break_glass": f"arn:aws:sts::{ACCOUNT}:assumed-role/glass/me"}, "name the role"),
        ({"break_glass": f'{IAM}:role/"glass'}, "is not the ARN of an IAM user or role"),
        ({"break_glass": f"{IAM}:role/${{aws:username}}"}, "is not the ARN of an IAM user or role"),
        ({"break_glass": "arn:aws:iam::210987654321:role/glass"}, f"is not in account {ACCOUNT}"),
        ({"deployers": f"{IAM}:user/deployer"}, "is not a role"),
        ({"break_glass": f"arn:aws-cn:iam::{ACCOUNT}:role/glass"}, "more than one partition"),
    ],
)
def test_nonsense_is_refused_with_one_sentence(given_as: dict[str, str], said: str) -> None:
    """Given one thing that is wrong, there is no guard and one sentence that names it."""
    right = {"account": ACCOUNT, "deployers": DEPLOY, "break_glass": GLASS}
    with pytest.raises(guard.GuardError, match=r"^[^\n]+$") as refused:
        guard.named(**{**right, **given_as})
    assert said in str(refused.value)


def test_several_wrongs_are_several_sentences() -> None:
    """Given three things that are wrong, each has its sentence."""
    with pytest.raises(guard.GuardError) as refused:
        guard.named(account="x", deployers="", break_glass="y")
    assert len(str(refused.value).splitlines()) == 3


def test_the_policy_is_all_that_goes_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    """Given the command, what can be redirected to a file is the policy; how to attach it and its limits are beside."""
    assert print_guard.main([ACCOUNT, DEPLOY, GLASS, ONCALL]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out) == made(operators=ONCALL)
    for needed in ("create-policy", f"attach-policy --target-id {ACCOUNT}", "--path-prefix /tourniquet/"):
        assert needed in printed.err
    for limit in ("management account", "service-linked", "UpdateAccessKey", "PutRolePolicy", "delay", "root user"):
        assert limit in printed.err
    assert "Note:" not in printed.err


def test_a_role_that_other_stacks_share_is_pointed_out(capsys: pytest.CaptureFixture[str]) -> None:
    """Given the default bootstrap's role, the policy is made, and the reader is told who else acts as that role."""
    assert print_guard.main([ACCOUNT, f"{IAM}:role/cdk-hnb659fds-cfn-exec-role-{ACCOUNT}-us-east-1", GLASS]) == 0
    assert "Note: arn:aws:iam::123456789012:role/cdk-hnb659fds-cfn-exec-role" in capsys.readouterr().err


def test_what_is_wrong_prints_no_policy(capsys: pytest.CaptureFixture[str]) -> None:
    """Given nothing to break the glass with, or too few words, there is no policy, and how it is called is said."""
    assert print_guard.main([ACCOUNT, DEPLOY, ""]) == 1
    assert print_guard.main([ACCOUNT]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "guard: BREAK_GLASS is missing" in printed.err
    assert "make guard ACCOUNT=" in printed.err
