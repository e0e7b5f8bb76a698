"""Stories of actions on an instance that are killed after a call, or of which a call fails, and then are made again."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
from moto.iam.models import iam_backends

from lambdas import actions, errors
from lambdas.model import Change, Result
from tests.unit.cases import ACCOUNT, CASE
from tests.unit.test_actions_instances import (
    ACTIONS,
    BACKENDS,
    REGION,
    Killed,
    Machine,
    Region,
    all_rules,
    contain,
    forget,
    is_contained,
    keep_metadata_options,
    open_up,
    prepared,
    undo,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lambdas.model import Json

LEFT_OPEN = "left open"
SITUATIONS = (*((action, "") for action in ACTIONS), ("isolate_instance", LEFT_OPEN))
CODES = {
    "UnauthorizedOperation": errors.NotPermitted,
    "Throttling": errors.Throttled,
    "RequestLimitExceeded": errors.Throttled,
}


@pytest.fixture(scope="module")
def region(aws_account: None) -> Iterator[Region]:  # noqa: ARG001 - the account must be there first
    """Give a region of this module's own account."""
    with pytest.MonkeyPatch.context() as patch:
        keep_metadata_options(patch)
        patch.setattr("time.sleep", lambda _: None)
        yield Region()


def _copied(made: list[Any]) -> list[Any]:
    """Copy what moto has of a region, all but IAM's part: making it anew takes a hundred calls."""
    iam = iam_backends[ACCOUNT]["aws"]
    return copy.deepcopy(made, {id(iam): iam})


class Story:
    """An instance in its situation, as it is at first, and what an action reads of it then.

    It is made once, without what others made, and is as it was then each time that it is begun again.
    """

    def __init__(self, region: Region, action: str, situation: str) -> None:
        region.calls.reset()
        forget()
        self.region = region
        self.action = action
        if action == "isolate_instance":
            self.machine: Machine = region.instance(*[region.vpc()] * 2)
        else:
            self.machine = prepared(region, action)
        self.item = self.machine.item(action)
        self.had = self.machine.state()
        self.seen: Json = actions.load(action).look(region.place, self.item)
        if situation == LEFT_OPEN:
            self.leave_open()
        self._kept = _copied([backends[ACCOUNT][REGION] for backends in BACKENDS])
        self.begin()

    def begin(self) -> None:
        """Begin, with the region as it was when this was made."""
        for backends, kept in zip(BACKENDS, _copied(self._kept), strict=True):
            dict.__setitem__(backends[ACCOUNT], REGION, kept)
        self.looked = False
        self.region.calls.reset()

    def leave_open(self) -> None:
        """Leave one interface in the open group, as a run that was killed does."""
        (vpc,) = self.machine.vpcs()
        left = self.region.group(vpc, f"tourniquet-open-{self.machine.id}", {"tourniquet": "open"})
        open_up(self.region, left)
        name = min(self.machine.interfaces())
        self.region.ec2.modify_network_interface_attribute(NetworkInterfaceId=name, Groups=[left])

    def apply(self) -> None:
        """Read and change, as a function does that may be killed."""
        action = actions.load(self.action)
        state = action.look(self.region.place, self.item)
        self.looked = True
        action.apply(self.region.place, state)

    def end_well(self) -> None:
        """Make it once more, now undisturbed: it holds, nothing else is changed, and it can be taken back."""
        self.region.calls.reset()
        contain(self.region, self.item)
        assert is_contained(self.machine, self.action)
        if self.action == "isolate_instance":
            (vpc,) = self.machine.vpcs()
            groups = self.region.groups(vpc)  # the open group may be left, but not open
            assert "tourniquet-isolation" in groups
            assert set(groups) <= {"tourniquet-isolation", f"tourniquet-open-{self.machine.id}"}
            assert not any(all_rules(self.region, group) for group, _ in groups.values())
        item = self.item
        made = Change(  # the journal kept what was there at first, and nothing of what came after
            item_id=item.id,
            incident_id=CASE,
            action=item.action,
            target=item.target,
            before=self.seen,
            result=Result.DONE,
        )
        undo(self.region, made)
        assert self.machine.state() == self.had

    def nothing_stands_open(self) -> bool:
        """Tell whether each interface has the groups that it had, or only groups without rules."""
        return all(
            groups == self.had["interfaces"][name] or not any(all_rules(self.region, group) for group in groups)
            for name, groups in self.machine.interfaces().items()
        )


def calls_of(story: Story) -> int:
    """Count the calls of reading and changing, undisturbed."""
    story.begin()
    story.apply()
    made = len(story.region.calls.made)
    assert is_contained(story.machine, story.action)
    return made


@pytest.mark.parametrize(("action", "situation"), SITUATIONS)
def test_a_run_that_is_killed_after_any_call_is_finished_by_the_next(
    region: Region, action: str, situation: str
) -> None:
    """Given an action that is killed after a call, and killed there again, when it is made again, it holds."""
    story = Story(region, action, situation)
    for number in range(1, calls_of(story) + 1):
        story.begin()
        for _ in range(2):
            region.calls.reset()
            region.calls.kill_after(number)
            try:
                story.apply()
            except Killed:
                pass
            else:
                assert len(region.calls.made) < number, f"call {number} was not the last"
        story.end_well()


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize(("action", "situation"), SITUATIONS)
def test_any_call_may_fail_and_nothing_stands_open(region: Region, action: str, situation: str, code: str) -> None:
    """Given an action of which one call fails, nothing stands open then, and when it is made again, it holds.

    What a run that was killed left open is closed as soon as it can be read what that is.
    """
    story = Story(region, action, situation)
    total = calls_of(story)
    said = []
    for number in range(1, total + 1):
        story.begin()
        region.calls.fail(number, code)
        try:
            story.apply()
        except (CODES[code], errors.StillTracked) as error:
            said.append(str(error))
        closed = story.nothing_stands_open() or (situation == LEFT_OPEN and not story.looked)
        assert closed, f"call {number}, {region.calls.made[number - 1]}, left an interface open"
        story.end_well()
    assert said
    assert all("injected" in message for message in said)
    if action != "isolate_instance":  # whose open group is closed in two ways
        assert len(said) == total
