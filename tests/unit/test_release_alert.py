"""The alert about a restore: what a person reads at 3 a.m., and what a machine reads."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

import pytest

from lambdas import actions, alert, release_alert
from lambdas.model import Outcome, Result
from lambdas.release_alert import Ended, Release, Step
from tests.unit import cases

if TYPE_CHECKING:
    from lambdas.alert import Alert
    from lambdas.model import PlanItem

RESTORE = f"arn:aws:states:us-east-1:{cases.ACCOUNT}:stateMachine:tourniquet-restore"
EXECUTION = f"arn:aws:states:us-east-1:{cases.ACCOUNT}:execution:tourniquet-restore:1"
KEY_CASE = cases.planned(cases.incident(cases.key()), {cases.key(): cases.here()}).items
INSTANCE_CASE = cases.planned(
    cases.incident(cases.instance(), source="aws.guardduty", type_="CryptoCurrency:EC2/BitcoinTool.B", severity=8.0),
    {cases.instance(): cases.of_instance(group="web")},
    extras={"compromised_instance": ("stop_instance",)},
).items


def step(item: PlanItem, ended: Ended = Ended.UNDONE, **fields: Any) -> Step:
    """Give how the undo of an item's change ended."""
    made = cases.change(item)
    by_hand = actions.load(item.action).undo_command(made) if ended is Ended.FAILED else ()
    return Step(change=made, ended=ended, by_hand=by_hand, **fields)


def told(*steps: Step, **fields: Any) -> Alert:
    """Compose the alert about some steps."""
    given: dict[str, Any] = {"about": {"title": "A key leaked", "source": "aws.health", "type": "X"}} | fields
    return release_alert.compose(
        Release(
            incident_id=cases.CASE,
            steps=steps,
            execution=EXECUTION,
            restore=RESTORE,
            respond=cases.RESPOND,
            at=cases.AT,
            **given,
        )
    )


def read(ready: Alert) -> tuple[str, dict[str, Any]]:
    """Give the mail and the JSON."""
    forms = json.loads(ready.message)
    return forms["email"], json.loads(forms["default"])


def by(items: tuple[PlanItem, ...], action: str) -> PlanItem:
    """Give the item of an action."""
    return next(item for item in items if item.action == action)


def test_the_first_line_says_what_was_undone_and_that_the_key_stays_disabled() -> None:
    """Given a key case that was undone, the first line has it, the JSON the contract, and nothing has the key's id."""
    ready = told(step(by(KEY_CASE, "deny_principal")), step(by(KEY_CASE, "disable_key"), Ended.STAYS, why="it leaked"))
    mail, data = read(ready)
    first = mail.splitlines()[0]
    assert first.startswith("RELEASED: A key leaked. Undone: lifted the deny on user ci-user")
    assert "stays disabled" in first
    assert (data["outcome"], data["schema"], data["version"], data["source"]) == (
        "RELEASED",
        "tourniquet/1",
        "1.0",
        "custom",
    )
    assert [one["result"] for one in data["actions"]] == ["done", "skipped"]
    assert data["targets"][0].keys() == {"kind", "id", "name"}
    assert cases.KEY not in ready.message
    assert any("reactivate_keys" in one for one in data["next_steps"])
    assert "Replace the leaked key" in mail
    assert len(ready.subject) <= 100
    assert ready.attributes["outcome"]["StringValue"] == "RELEASED"


def test_what_could_not_be_undone_comes_first_with_the_difference_and_the_line_by_hand() -> None:
    """Given a step that found another state, the alert says so first, shows it, and has the line that works."""
    why = "the permissions boundary: Tourniquet left none, and now it is arn:aws:iam::aws:policy/ReadOnlyAccess"
    failed = step(by(KEY_CASE, "deny_principal"), Ended.FAILED, error="StateChanged", why=why)
    mail, data = read(told(failed))
    assert "NOT undone: lift the deny on user ci-user" in mail.splitlines()[0]
    assert why in data["not_done"][0]
    assert data["actions"][0] | {"held": None} == {
        "action": "deny_principal",
        "target": cases.USER_ID,
        "result": "failed",
        "held": None,
        "error": "StateChanged",
    }
    lines = [row.strip() for row in mail.splitlines() if row.strip().startswith("aws ")]
    assert any("detach-user-policy" in one for one in lines)
    assert all(shlex.split(one)[0] == "aws" for one in lines)
    assert any("start the restore again" in one for one in data["next_steps"])


@pytest.mark.parametrize("ended", Ended)
@pytest.mark.parametrize(
    "item",
    [one for one in (*KEY_CASE, *INSTANCE_CASE) if actions.load(one.action).undo_grants],
    ids=lambda item: item.action,
)
def test_every_undo_has_words_for_every_end(item: PlanItem, ended: Ended) -> None:
    """Given each action and each end, the alert has a sentence that names the target, and a result of the contract."""
    mail, data = read(told(step(item, ended, error="Unexpected", why="x"), kept=True))
    assert ("ci-user" in mail) or ("i-0123456789abcdef0" in mail) or ("…0001" in mail)
    assert data["actions"][0]["result"] in set(Result)
    assert "Evidence and snapshots stay" in mail
    assert cases.KEY not in mail


def test_a_hostile_reason_does_no_harm() -> None:
    """Given a reason with a key id, markup and lines, the alert shows it safe."""
    key = "AKIA" + "X" * 16
    ready = told(step(by(KEY_CASE, "deny_principal")), reason=f"<b>\n{key} http://evil.example")
    assert key not in ready.message
    assert "http://evil" not in ready.message


def test_a_key_that_is_active_again_is_a_warning() -> None:
    """Given a key that was made active, the first step says that whoever has it can use it."""
    _, data = read(told(step(by(KEY_CASE, "disable_key"))))
    assert "ACTIVE" in data["next_steps"][0]


def test_nothing_left_is_said() -> None:
    """Given a restore that found nothing to undo, the first line says so."""
    mail, _ = read(told())
    assert "There was nothing left to undo." in mail.splitlines()[0]


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.FAILED])
def test_a_refusal_says_what_to_do(outcome: Outcome) -> None:
    """Given a restore that was refused or could not begin, the alert says that nothing changed, and what to start."""
    ready = release_alert.refusal(cases.CASE, outcome, "A run is at work.", EXECUTION, RESTORE, cases.AT)
    mail, data = read(ready)
    assert mail.startswith(f"{outcome}: the restore of case {cases.CASE}")
    assert "nothing was changed" in mail
    assert RESTORE in data["next_steps"][0]


def story(**fields: Any) -> tuple[str, dict[str, Any]]:
    """Give mail and JSON of a leaked key that was contained, where there is a restore workflow."""
    found = cases.incident(cases.key())
    plan = cases.planned(found, {cases.key(): cases.here()})
    results = tuple(Result.DONE for _ in plan.items)
    return read(alert.compose(cases.story(found, plan, results=results, restore=RESTORE, **fields)))


def test_a_containments_undo_is_one_line_and_the_mail_has_the_lines_by_hand_below() -> None:
    """Given a containment, the JSON's undo is one line that restores; the mail has it first, the keys' after it."""
    mail, data = story()
    words = shlex.split(data["undo"])
    assert json.loads(words[words.index("--input") + 1]) == {"incident_id": cases.CASE}
    assert RESTORE in words
    assert "&&" not in words
    undo = mail.partition("HOW TO UNDO IT")[2]
    rows = [row.strip() for row in undo.splitlines() if row.strip()]
    assert rows[0] == data["undo"]
    assert rows[1].startswith("#")
    assert '"reactivate_keys": true' in rows[2]
    assert undo.index("by hand") < undo.index("detach-user-policy")
