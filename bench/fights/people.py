"""Who is in the account beside the responder: the attacker, who undoes and makes, and the deployer, who only works.

May touch: nothing outside the process.
Never does: look into the future; let the attacker call with a credential that IAM refuses by now.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from bench.fights.account import ADMIN, ATTACKER, DENY, DEPLOYER, FILLERS, MOST_POLICIES, OWNER
from bench.fights.iam import Iam

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.fights.account import Account, Credential, Principal

#: The attacker makes a call so often, in seconds.
EVERY = 0.5
#: How often the attacker undoes what was made, where there is something to undo, rather than make something.
_UNDOES = 0.8
#: The deployer makes something after so many seconds, at least and at most, for so long.
_WORKS_EVERY = (2.0, 12.0)
_WORKS_FOR = 240.0
_TRUST = "{}"
#: What gives a denied credential back; the rest is worth something only beside it.
_FREES = {"detach", "unbound", "rebound", "allow session"}

type Step = Callable[[Iam], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """What an attacker does beside undoing.

    ``fills``: has filled the quota of policies, and does so again when the deny is gone. ``assumes``: has a session of
    the administrators' role as well, and begins others. ``renames``: gives the user other names, and takes its leaked
    key for a new one. ``goes_on``: makes the next calls also with what was made, not only with the victim's
    credentials. ``quick``: looks all the time, and undoes within a twentieth of a second.
    """

    fills: bool = False
    assumes: bool = False
    renames: bool = False
    goes_on: bool = False
    quick: bool = False


@dataclass(slots=True, kw_only=True)
class Attacker:
    """Somebody with the credentials of an administrator, who knows at once what the responder does."""

    account: Account
    victim: Principal
    role: Principal
    own: list[Credential]
    habits: Habits
    made: list[Credential] = field(default_factory=list)
    plans: list[Iterator[Step]] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    last_success: float = 0.0

    def begin(self) -> None:
        """Act every half second from some moment on."""
        chance = self.account.chance
        self.plans = [self._stay_as_user("backup"), self._stay_as_role("backup-role"), self._own_key()]
        if self.habits.assumes:
            self.plans.append(self._other_session())
        if self.habits.renames:
            self.plans += [self._rename(), self._rename()]
        chance.shuffle(self.plans)
        clock = self.account.clock
        clock.at(clock.now + chance.uniform(0, EVERY), self._act)

    def _act(self) -> None:
        clock = self.account.clock
        credential = self._usable()
        if credential is not None:
            iam = Iam(self.account, credential)
            step = self._next_step()
            if step is not None:
                self._try(iam, *step)
        elif all(self._is_over(one) for one in self._with()):
            clock.at(clock.now + 10 * EVERY, self._act)  # nothing changes soon
            return
        clock.at(clock.now + (EVERY / 10 if self.habits.quick else EVERY), self._act)

    def _with(self) -> list[Credential]:
        """Give what the attacker calls with; what was made is there only for later, unless the attacker goes on."""
        return [*self.own, *self.made] if self.habits.goes_on else self.own

    def _usable(self) -> Credential | None:
        return next((one for one in self._with() if self.account.allows(one)), None)

    def _is_over(self, one: Credential) -> bool:
        """Tell whether nothing that was written on a credential is still to be enforced."""
        now, of = self.account.clock.now, one.principal
        key = one.key is None or one.key.status.settled(now)
        return key and of.policies.settled(now) and of.boundary.settled(now) and of.inline.settled(now)

    def _try(self, iam: Iam, name: str, step: Step) -> None:
        try:
            step(iam)
            self.last_success = self.account.clock.now
        except ClientError as error:
            if "service control policy" in str(error):
                self.refused.add(name)

    def _next_step(self) -> tuple[str, Step] | None:
        """Choose what is most useful now: mostly to undo, now and then to make something to come back with."""
        undo = [(name, step) for name, step in self._undoing() if name not in self.refused]
        chance = self.account.chance
        if undo and (self.habits.quick or chance.random() < _UNDOES):
            return chance.choice([one for one in undo if one[0] in _FREES] or undo[:1])
        while self.plans:
            plan = self.plans[-1]
            step = next(plan, None)
            if step is not None:
                return "make", step
            self.plans.pop()
        return undo[0] if undo else None

    def _undoing(self) -> Iterator[tuple[str, Step]]:
        """Give what is worth undoing, the most useful first."""
        user, role = self.victim, self.role
        if DENY in user.policies.value:
            yield "detach", lambda iam: iam.detach_user_policy(UserName=user.name, PolicyArn=DENY)
        if user.boundary.value == DENY:
            yield (
                ("unbound", lambda iam: iam.delete_user_permissions_boundary(UserName=user.name))
                if self.account.chance.random() < 1 / 2
                else (
                    "rebound",
                    lambda iam: iam.put_user_permissions_boundary(UserName=user.name, PermissionsBoundary=ADMIN),
                )
            )
        if self.habits.assumes and role.inline.value:
            policy = next(iter(role.inline.value))
            yield "allow session", lambda iam: iam.delete_role_policy(RoleName=role.name, PolicyName=policy)
        if self.habits.fills and len(user.policies.value) < MOST_POLICIES and DENY not in user.policies.value:
            filler = next(one for one in FILLERS if one not in user.policies.value)
            yield "fill", lambda iam: iam.attach_user_policy(UserName=user.name, PolicyArn=filler)
        for key in user.keys.values():
            if key.status.value != "Active":
                yield "reactivate", _reactivation(user, key.id)

    def _stay_as_user(self, name: str) -> Iterator[Step]:
        yield lambda iam: iam.create_user(UserName=name)
        yield lambda iam: iam.attach_user_policy(UserName=name, PolicyArn=ADMIN)
        yield lambda iam: self._keep(iam, name)

    def _stay_as_role(self, name: str) -> Iterator[Step]:
        yield lambda iam: iam.create_role(RoleName=name, AssumeRolePolicyDocument=_TRUST)
        yield lambda iam: iam.attach_role_policy(RoleName=name, PolicyArn=ADMIN)

        def assume(_: Iam) -> None:
            self.made.append(self.account.make_session(self.account.roles[name], ATTACKER, "later"))

        yield assume

    def _own_key(self) -> Iterator[Step]:
        """Make a new key of the victim's, in the place of the leaked one."""
        if self.habits.renames:
            leaked = self.own[0]
            yield lambda iam: iam.delete_access_key(UserName=self.victim.name, AccessKeyId=leaked.id)
        yield lambda iam: self._keep(iam, self.victim.name)

    def _other_session(self) -> Iterator[Step]:
        def assume(iam: Iam) -> None:
            made = self.account.make_session(self.role, ATTACKER, "another")
            self.made.append(made)
            iam.tell("session", made.id, made)

        yield assume

    def _rename(self) -> Iterator[Step]:
        yield lambda iam: iam.update_user(UserName=self.victim.name, NewUserName=self.account.unique("ops-"))

    def _keep(self, iam: Iam, name: str) -> None:
        """Make a key of a user, and keep it."""
        iam.create_access_key(UserName=name)
        made = self.account.credentials[-1]
        (self.own if made.principal is self.victim else self.made).append(made)


def _reactivation(user: Principal, key_id: str) -> Step:
    return lambda iam: iam.update_access_key(UserName=user.name, AccessKeyId=key_id, Status="Active")


@dataclass(slots=True, kw_only=True)
class Deployer:
    """Somebody who makes users and roles for good reasons, meanwhile and with credentials of its own."""

    account: Account
    credential: Credential
    count: int = 0

    def begin(self) -> None:
        """Work on for some minutes."""
        clock, chance = self.account.clock, self.account.chance
        clock.at(clock.now + chance.uniform(*_WORKS_EVERY), self._work)

    def _work(self) -> None:
        clock, chance = self.account.clock, self.account.chance
        self.count += 1
        iam, name = Iam(self.account, self.credential), f"service-{self.count}"
        if chance.random() < 1 / 2:
            iam.create_role(RoleName=name, AssumeRolePolicyDocument=_TRUST)
            iam.attach_role_policy(RoleName=name, PolicyArn=ADMIN)
        else:
            iam.create_user(UserName=name)
            iam.create_access_key(UserName=name)
        if clock.now < _WORKS_FOR:
            clock.at(clock.now + chance.uniform(*_WORKS_EVERY), self._work)


def settle(account: Account, habits: Habits) -> tuple[Attacker, Deployer]:
    """Give the account those who were there before the alarm: the victim with an attacker, a deployer, a role."""
    few = account.chance.choice((MOST_POLICIES - 2, MOST_POLICIES - 1))
    filled = frozenset(FILLERS[:few]) if habits.fills else frozenset()
    victim = account.make("user", "ci-user", OWNER, policies=filled | {ADMIN}, old=True)
    role = account.make("role", "administrators", OWNER, policies=frozenset({ADMIN}), old=True)
    deployer = account.make("user", "deployer", OWNER, policies=frozenset({ADMIN}), old=True)
    own = [
        account.make_key(victim, ATTACKER, old=True),
        account.make_key(victim, OWNER, old=True),
        account.make_session(victim, ATTACKER),
    ]
    if habits.assumes:
        own.append(account.make_session(role, ATTACKER, "admin"))
    return (
        Attacker(account=account, victim=victim, role=role, own=own, habits=habits),
        Deployer(account=account, credential=account.make_key(deployer, DEPLOYER, old=True)),
    )
