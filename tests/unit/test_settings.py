"""Stories of settings: what is right is taken, what is wrong is a sentence that names it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lambdas.model import Mode
from stacks.settings import ALL, SIMPLE, Settings, SettingsError, read

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
        alert_email=EMAIL, home_region="us-east-1", mode="playbook", playbook_modes={}, protected_principals=()
    )


def test_everything_can_be_set() -> None:
    """Given every setting, when the settings are read, each is what was given."""
    settings = read(
        given(
            home_region="us-east-1",
            mode="observe",
            playbook_modes={"exposed_key": "observe", "unusual_use": "contain"},
            protected_principals=[USER, f"arn:aws:iam::{ACCOUNT}:role/team/deploy"],
        ),
        ACCOUNT,
    )
    assert settings.mode == "observe"
    assert settings.playbook_modes == {"exposed_key": Mode.OBSERVE, "unusual_use": Mode.CONTAIN}
    assert settings.protected_principals == (USER, f"arn:aws:iam::{ACCOUNT}:role/team/deploy")


def test_what_comes_on_the_command_line_wins() -> None:
    """Given the simple settings in the file and on the command line, when they are read, the latter counts."""
    context = given(mode="playbook") | {"alert_email": "other@example.com", "mode": "observe"}
    settings = read(context)
    assert (settings.alert_email, settings.mode) == ("other@example.com", "observe")


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
        ({"playbook_modes": []}, '"playbook_modes" must be an object'),
        ({"playbook_modes": "observe"}, '"playbook_modes" must be an object'),
        (
            {"playbook_modes": {"exposed": "observe"}},
            "\"playbook_modes\" names the playbook 'exposed'; the playbooks are: ",
        ),
        ({"playbook_modes": {"unknown": "contain"}}, "names the playbook 'unknown'"),
        ({"playbook_modes": {"exposed_key": "off"}}, "gives 'exposed_key' the mode 'off'"),
        ({"playbook_modes": {"exposed_key": None}}, "gives 'exposed_key' the mode None"),
        ({"protected_principals": USER}, '"protected_principals" must be a list'),
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


def test_more_protected_principals_than_a_function_can_carry_are_refused() -> None:
    """Given a list that would not fit into a function's environment, the sentence names the setting and the limit."""
    arns = [f"arn:aws:iam::123456789012:user/team-{number:03}" for number in range(100)]
    group = {"alert_email": "oncall@example.com", "protected_principals": arns}
    with pytest.raises(SettingsError, match=r'"protected_principals" holds 100 ARNs') as refused:
        read({"tourniquet": group})
    assert len(refused.value.sentences) == 1
