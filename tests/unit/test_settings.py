"""Stories of settings: what is right is taken, what is wrong is a sentence that names it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lambdas.model import Mode
from lambdas.playbooks import PLAYBOOKS
from stacks.settings import (
    ALL,
    ENVIRONMENT_ROOM,
    POLICY_ROOM,
    SIMPLE,
    Settings,
    SettingsError,
    in_environment,
    in_policy,
    read,
)

ACCOUNT = "123456789012"
EMAIL = "oncall@example.com"
USER = f"arn:aws:iam::{ACCOUNT}:user/break-glass"


def given(**settings: Any) -> dict[str, Any]:
    """Give a context as cdk.json holds it, with an address unless said otherwise."""
    return {"tourniquet": {"alert_email": EMAIL, **settings}}


def wrong(context: Any, account: str | None = None) -> tuple[str, ...]:  # noqa: ANN401 - whatever is in cdk.json
    """Give the sentences that say what is wrong with a context."""
    with pytest.raises(SettingsError) as caught:
        read(context, account)
    assert str(caught.value) == "\n".join(caught.value.sentences)
    return caught.value.sentences


def test_an_address_is_all_that_is_needed() -> None:
    """Given an address alone, when the settings are read, everything else is as it comes."""
    assert read(given()) == Settings(
        alert_email=EMAIL,
        home_region="us-east-1",
        mode="playbook",
        playbook_modes={},
        protected_principals=(),
        protected_instances=(),
        protected_vpcs=(),
        max_containments_per_hour=10,
        approval_timeout_minutes=60,
        approval_timeout_then="expire",
        evidence_retention_days=90,
    )


def test_everything_can_be_set() -> None:
    """Given every setting, when the settings are read, each is what was given."""
    settings = read(
        given(
            home_region="us-east-1",
            mode="observe",
            playbook_modes={
                "exposed_key": "observe",
                "suspected_key": "approve",
                "unusual_use": {"contain": 9, "approve": 4.5},
            },
            protected_principals=[USER, f"arn:aws:iam::{ACCOUNT}:role/team/deploy"],
            protected_instances=["i-0123456789abcdef0", "i-01234567"],
            protected_vpcs=["vpc-0123456789abcdef0", "vpc-01234567"],
            max_containments_per_hour=3,
            approval_timeout_minutes=0.5,
            approval_timeout_then="contain",
            evidence_retention_days=365,
        ),
        ACCOUNT,
    )
    assert settings == Settings(
        alert_email=EMAIL,
        home_region="us-east-1",
        mode="observe",
        playbook_modes={
            "exposed_key": ((0.0, Mode.OBSERVE),),
            "suspected_key": ((0.0, Mode.APPROVE),),
            "unusual_use": ((4.5, Mode.APPROVE), (9.0, Mode.CONTAIN)),
        },
        protected_principals=(USER, f"arn:aws:iam::{ACCOUNT}:role/team/deploy"),
        protected_instances=("i-0123456789abcdef0", "i-01234567"),
        protected_vpcs=("vpc-0123456789abcdef0", "vpc-01234567"),
        max_containments_per_hour=3,
        approval_timeout_minutes=0.5,
        approval_timeout_then="contain",
        evidence_retention_days=365,
    )


def test_what_comes_on_the_command_line_wins() -> None:
    """Given the simple settings in the file and on the command line, when they are read, the latter counts."""
    context = given(mode="playbook") | {"alert_email": "other@example.com", "mode": "observe"}
    settings = read(context)
    assert (settings.alert_email, settings.mode) == ("other@example.com", "observe")


def test_a_number_on_the_command_line_is_text_and_read_as_a_number() -> None:
    """Given the simple settings as the CDK hands them on, which is text, when they are read, they are what they say."""
    context = {"max_containments_per_hour": "25", "approval_timeout_minutes": "7.5", "approval_timeout_then": "contain"}
    context["evidence_retention_days"] = "30"
    settings = read(given(max_containments_per_hour=3) | context)
    assert settings.max_containments_per_hour == 25
    assert isinstance(settings.max_containments_per_hour, int)
    assert settings.evidence_retention_days == 30
    assert isinstance(settings.evidence_retention_days, int)
    assert settings.approval_timeout_minutes == 7.5
    assert settings.approval_timeout_then == "contain"


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("max_containments_per_hour", 1, 100),
        ("approval_timeout_minutes", 0.5, 1440),
        ("evidence_retention_days", 1, 3650),
    ],
)
def test_a_number_may_be_anything_between_its_limits(name: str, least: float, most: float) -> None:
    """Given the least and the most that a number may be, when they are read, both are taken."""
    for value in (least, most):
        assert getattr(read(given(**{name: value})), name) == value


@pytest.mark.parametrize(
    ("modes", "steps"),
    [
        ("contain", ((0.0, Mode.CONTAIN),)),
        ({"contain": 0}, ((0.0, Mode.CONTAIN),)),
        ({"contain": 7}, ((7.0, Mode.CONTAIN),)),
        ({"contain": 7, "observe": 0, "approve": 4}, ((0.0, Mode.OBSERVE), (4.0, Mode.APPROVE), (7.0, Mode.CONTAIN))),
        ({"contain": 2, "observe": 7}, ((2.0, Mode.CONTAIN), (7.0, Mode.OBSERVE))),
        ({"approve": 10}, ((10.0, Mode.APPROVE),)),
    ],
)
def test_modes_by_severity_are_steps_in_ascending_order(modes: object, steps: object) -> None:
    """Given a playbook's mode, or modes with their least severity, when they are read, they are steps that go up."""
    assert read(given(playbook_modes={"unusual_use": modes})).playbook_modes == {"unusual_use": steps}


def test_the_command_line_alone_is_enough() -> None:
    """Given nothing in the file, when the address comes on the command line, the settings are complete."""
    assert read({"alert_email": EMAIL}).alert_email == EMAIL


def test_the_settings_that_ship_are_right_but_for_the_address() -> None:
    """Given the project's own cdk.json, when it is read, only the address is missing."""
    context = json.loads((Path(__file__).resolve().parents[2] / "cdk.json").read_text())["context"]
    (sentence,) = wrong(context)
    assert sentence.startswith('"alert_email" is not set')
    assert read(context | {"alert_email": EMAIL}).mode == "playbook"
    assert set(context["tourniquet"]) == set(ALL)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"alert_email": ""}, '"alert_email" is not set'),
        ({"alert_email": None}, '"alert_email" is not set'),
        ({"alert_email": "oncall"}, "\"alert_email\" is 'oncall', which is not one e-mail address."),
        ({"alert_email": "a@example"}, "not one e-mail address"),
        ({"alert_email": "a@example.com, b@example.com"}, "not one e-mail address"),
        ({"alert_email": "a@example.com\n"}, "not one e-mail address"),
        ({"alert_email": "a b@example.com"}, "not one e-mail address"),
        ({"alert_email": "a@-example.com"}, "not one e-mail address"),
        ({"alert_email": "a" * 250 + "@example.com"}, "not one e-mail address"),
        ({"alert_email": ["a@example.com"]}, "not one e-mail address"),
        ({"alert_email": 7}, "not one e-mail address"),
        ({"home_region": "eu-west-1"}, '"home_region" is \'eu-west-1\'; it must be "us-east-1"'),
        ({"home_region": None}, '"home_region" is None'),
        ({"home_region": ["us-east-1"]}, '"home_region"'),
        ({"mode": "contain"}, '"mode" is \'contain\'; it must be "playbook"'),
        ({"mode": "Observe"}, '"mode"'),
        ({"mode": True}, '"mode" is True'),
        ({"mode": ["observe"]}, '"mode"'),
        ({"playbook_extras": []}, '"playbook_extras" must be an object'),
        ({"playbook_extras": {"exposed_key": ["stop_instance"]}}, "those that isolate instances are: "),
        ({"playbook_extras": {"compromised_instance": "stop_instance"}}, "it must be a list of: stop_instance"),
        ({"playbook_extras": {"compromised_instance": ["disable_key"]}}, "it must be a list of: stop_instance"),
        ({"playbook_extras": {"compromised_instance": [None]}}, "gives 'compromised_instance' [None]"),
        ({"playbook_modes": []}, '"playbook_modes" must be an object'),
        ({"playbook_modes": "observe"}, '"playbook_modes" must be an object'),
        (
            {"playbook_modes": {"exposed": "observe"}},
            "\"playbook_modes\" names the playbook 'exposed'; the playbooks are: ",
        ),
        ({"playbook_modes": {"unknown": "contain"}}, "names the playbook 'unknown'"),
        ({"playbook_modes": {"exposed_key": "off"}}, "gives 'exposed_key' the mode 'off'"),
        ({"playbook_modes": {"exposed_key": None}}, "gives 'exposed_key' the mode None"),
        ({"playbook_modes": {"exposed_key": {}}}, "gives 'exposed_key' the mode {}"),
        ({"playbook_modes": {"exposed_key": {"off": 1}}}, "gives 'exposed_key' the mode {'off': 1}"),
        ({"playbook_modes": {"exposed_key": {"contain": 11}}}, "from which severity (0 to 10) on"),
        ({"playbook_modes": {"exposed_key": {"contain": -1}}}, "gives 'exposed_key' the mode"),
        ({"playbook_modes": {"exposed_key": {"contain": "7"}}}, "gives 'exposed_key' the mode"),
        ({"playbook_modes": {"exposed_key": {"contain": True}}}, "gives 'exposed_key' the mode"),
        ({"playbook_modes": {"exposed_key": {"contain": None}}}, "gives 'exposed_key' the mode"),
        ({"playbook_modes": {"exposed_key": {"contain": float("nan")}}}, "gives 'exposed_key' the mode"),
        ({"playbook_modes": {"exposed_key": {"approve": 4, "contain": 4}}}, "gives 'exposed_key' the mode"),
        ({"playbook_modes": {"exposed_key": {"approve": 4, "contain": [7]}}}, "gives 'exposed_key' the mode"),
        ({"protected_principals": USER}, '"protected_principals" must be a list'),
        ({"protected_instances": "i-01234567"}, '"protected_instances" must be a list of ids.'),
        ({"protected_instances": ["i-0123456"]}, "holds 'i-0123456', which is not the exact id of an instance (i-…)."),
        ({"protected_instances": ["i-0123456789ABCDEF0"]}, "not the exact id of an instance"),
        ({"protected_instances": ["i-*"]}, "not the exact id of an instance"),
        ({"protected_instances": ["i-01234567\n"]}, "not the exact id of an instance"),
        ({"protected_instances": [7]}, '"protected_instances" holds 7'),
        ({"protected_vpcs": None}, '"protected_vpcs" must be a list of ids.'),
        ({"protected_vpcs": ["i-01234567"]}, "holds 'i-01234567', which is not the exact id of a VPC (vpc-…)."),
        ({"protected_vpcs": [["vpc-01234567"]]}, "not the exact id of a VPC"),
        (
            {"max_containments_per_hour": 0},
            '"max_containments_per_hour" is 0; it must be a whole number from 1 to 100.',
        ),
        ({"max_containments_per_hour": 101}, '"max_containments_per_hour" is 101'),
        ({"max_containments_per_hour": 2.5}, '"max_containments_per_hour" is 2.5'),
        ({"max_containments_per_hour": True}, '"max_containments_per_hour" is True'),
        ({"max_containments_per_hour": None}, '"max_containments_per_hour" is None'),
        ({"max_containments_per_hour": "many"}, "\"max_containments_per_hour\" is 'many'"),
        ({"max_containments_per_hour": "inf"}, "\"max_containments_per_hour\" is 'inf'"),
        ({"approval_timeout_minutes": 0.4}, '"approval_timeout_minutes" is 0.4; it must be a number from 0.5 to 1440'),
        ({"approval_timeout_minutes": 1441}, '"approval_timeout_minutes" is 1441'),
        ({"approval_timeout_minutes": float("nan")}, '"approval_timeout_minutes" is nan'),
        ({"approval_timeout_minutes": [60]}, '"approval_timeout_minutes" is [60]'),
        ({"evidence_retention_days": 0}, '"evidence_retention_days" is 0; it must be a whole number from 1 to 3650.'),
        ({"evidence_retention_days": 3651}, '"evidence_retention_days" is 3651'),
        ({"evidence_retention_days": 1.5}, '"evidence_retention_days" is 1.5'),
        ({"evidence_retention_days": False}, '"evidence_retention_days" is False'),
        ({"evidence_retention_days": None}, '"evidence_retention_days" is None'),
        ({"evidence_retention_days": "90 days"}, "\"evidence_retention_days\" is '90 days'"),
        ({"approval_timeout_then": "approve"}, '"approval_timeout_then" is \'approve\'; it must be "expire"'),
        ({"approval_timeout_then": None}, '"approval_timeout_then" is None'),
        ({"approval_timeout_then": ["contain"]}, '"approval_timeout_then"'),
        ({"protected_principals": None}, '"protected_principals" must be a list'),
        ({"protected_principals": ["break-glass"]}, "holds 'break-glass', which is not the exact ARN"),
        ({"protected_principals": [f"arn:aws:iam::{ACCOUNT}:user/*"]}, "no wildcards"),
        ({"protected_principals": [f"arn:aws:iam::{ACCOUNT}:user/a*/b"]}, "no wildcards"),
        ({"protected_principals": [f"arn:aws:iam::{ACCOUNT}:root"]}, "not the exact ARN"),
        ({"protected_principals": [f"arn:aws:iam::{ACCOUNT}:group/a"]}, "not the exact ARN"),
        ({"protected_principals": ["arn:aws:iam::1234:user/a"]}, "not the exact ARN"),
        ({"protected_principals": [f"arn:aws:sts::{ACCOUNT}:assumed-role/a/b"]}, "not the exact ARN"),
        ({"protected_principals": [f"arn:aws:iam::{ACCOUNT}:user/{'a' * 65}"]}, "not the exact ARN"),
        ({"protected_principals": [7]}, "holds 7"),
        (
            {"protected_principals": ["arn:aws:iam::210987654321:user/a"]},
            "of account 210987654321, but this deploys to",
        ),
        ({"alert_emial": EMAIL}, '"alert_emial" is not a setting. Did you mean "alert_email"?'),
        ({"protected_principal": []}, 'Did you mean "protected_principals"?'),
        ({"zzz": 1}, '"zzz" is not a setting. The settings are: alert_email, home_region, mode, '),
    ],
)
def test_a_wrong_setting_is_one_sentence_that_names_it(settings: dict[str, Any], says: str) -> None:
    """Given one wrong setting, when the settings are read, there is one sentence and it says which and what."""
    (sentence,) = wrong(given(**settings), ACCOUNT)
    assert says in sentence
    assert "\n" not in sentence
    assert sentence.endswith((".", "?"))


@pytest.mark.parametrize("mode", [["observe"], {"mode": "observe"}])
def test_a_mode_of_the_wrong_type_is_a_sentence_too(mode: object) -> None:
    """Given a playbook's mode that is a list or an object, when the settings are read, a sentence names it."""
    (sentence,) = wrong(given(playbook_modes={"exposed_key": mode}))
    assert "'exposed_key'" in sentence


def test_every_wrong_setting_has_its_sentence() -> None:
    """Given several wrong settings, when the settings are read, all are said at once."""
    sentences = wrong(
        given(alert_email="", mode="on", home_region="mars", playbook_modes=7, protected_principals=7, x=1)
    )
    assert len(sentences) == 6


@pytest.mark.parametrize("group", [None, [], "observe", 7])
def test_the_group_must_be_an_object(group: object) -> None:
    """Given something else under the context's key, when the settings are read, it is said."""
    (sentence,) = wrong({"tourniquet": group})
    assert '"tourniquet"' in sentence
    assert "object" in sentence


@pytest.mark.parametrize(
    ("name", "meant"),
    [("alert_emial", "alert_email"), ("alertemail", "alert_email"), ("home-region", "home_region"), ("modes", "mode")],
)
def test_a_misspelt_word_on_the_command_line_is_noticed(name: str, meant: str) -> None:
    """Given -c with a name that is nearly a setting's, when the settings are read, the right one is suggested."""
    (sentence,) = wrong(given() | {name: "x"})
    assert sentence == f'"-c {name}=…" is not a setting; did you mean "{meant}"?'


@pytest.mark.parametrize("name", [name for name in ALL if name not in SIMPLE])
def test_a_setting_that_is_no_word_cannot_come_on_the_command_line(name: str) -> None:
    """Given -c with a setting that is a list or an object, when the settings are read, it is said where it belongs."""
    (sentence,) = wrong(given() | {name: "x"})
    assert f'"{name}" cannot be given with -c' in sentence


def test_other_peoples_context_is_left_alone() -> None:
    """Given the context of the CDK and of other tools, when the settings are read, it does not matter."""
    assert read(given() | {"@aws-cdk/core:checkSecretUsage": True, "availability-zones:x": [], "stage": "x"})


@pytest.mark.parametrize("account", [None, ""])
def test_where_the_account_is_not_known_yet_any_account_may_be_protected(account: str | None) -> None:
    """Given a synthesis without an account, when the settings are read, ARNs are only held to their form."""
    assert read(given(protected_principals=[USER, "arn:aws-us-gov:iam::210987654321:user/a/b/c"]), account)


ROLES = [f"arn:aws:iam::{ACCOUNT}:role/team-{number:03}" for number in range(200)]
INSTANCES = [f"i-{number:017x}" for number in range(200)]
VPCS = [f"vpc-{number:017x}" for number in range(200)]
MODES = {one.name: {"approve": 4, "contain": 7} for one in PLAYBOOKS if one.actions}


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"protected_vpcs": VPCS[:51]}, "take 5610 characters of each role's policy, which has room for 5000"),
        ({"protected_instances": INSTANCES[:87]}, "take 5046 characters of each role's policy"),
        ({"protected_vpcs": VPCS[:40], "protected_instances": INSTANCES[:11]}, "take 5038 characters of each role's"),
        ({"protected_principals": ROLES[:60]}, "characters of a function's environment, which has room for 2400"),
        ({"protected_principals": ROLES[:40], "playbook_modes": MODES}, "characters of a function's environment"),
    ],
)
def test_more_protected_than_fits_is_refused(settings: dict[str, Any], says: str) -> None:
    """Given lists that would not fit into a role's policy or a function's environment, a sentence says so."""
    (sentence,) = wrong(given(**settings), ACCOUNT)
    assert '"protected_principals", "protected_instances" and "protected_vpcs"' in sentence
    assert says in sentence


@pytest.mark.parametrize(
    "settings",
    [
        {"protected_vpcs": VPCS[:44]},
        {"protected_instances": INSTANCES[:86]},
        {"protected_principals": ROLES[:53]},
        {"protected_vpcs": VPCS[:10], "playbook_modes": MODES},
    ],
)
def test_as_much_as_fits_may_be_protected(settings: dict[str, Any]) -> None:
    """Given lists that just fit, when the settings are read, all of them are taken."""
    found = read(given(**settings))
    assert in_policy(found) <= POLICY_ROOM
    assert in_environment(found) <= ENVIRONMENT_ROOM
    assert {name: list(getattr(found, name)) for name in settings if name.startswith("protected")} == {
        name: value for name, value in settings.items() if name.startswith("protected")
    }
