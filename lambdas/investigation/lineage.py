"""Whose credential led to whose: what each credential did, and the tree of credentials that grew from the first.

Records are folded one by one, in any order, repeated or not, into one ``History`` per caller. ``Lineage.tree`` then
starts from what was compromised and follows what records prove: credentials that a caller was issued (AssumeRole,
GetSessionToken, GetFederationToken, CreateAccessKey …), and users, roles and instances that it made, whose
credentials are its own too. A user whose password the attacker set, and a session that somebody signed in to the
console with, have credentials with no record of their issue: those of the console that were used after it count.
``next_lookups`` says what is to be looked up next, each once.

May touch: nothing.
Never: ties a credential to the case without a record of a call that succeeded; follows one twice; holds a record.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lambdas.investigation import made
from lambdas.investigation.makings import MADE
from lambdas.investigation.parts import Lookup
from lambdas.signals.reading import items, mapping, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lambdas.investigation.records import Principal, Record
    from lambdas.model import Json

#: So many sources, and agents of one, are remembered of a caller; of more, only that there were more.
_MOST_SOURCES, _MOST_AGENTS = 200, 20
#: So many credentials and principals that came from one caller are remembered.
MOST_BIRTHS = 5_000


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Subject:
    """A principal by which callers are recognised.

    ``kind`` says by what: ``key`` (the access key's id), ``user`` (the name), ``role`` (the name), ``instance`` (the
    id, which is the name of its role's session), ``principal`` (the unique id), ``console`` (the unique id, only in
    sessions of the console), ``signed_in`` (the name of a user, only in sessions of the console). ``account`` and
    ``after`` narrow it: callers of other accounts, and what was called before, do not count.
    """

    kind: str
    value: str
    account: str = ""
    after: str = ""
    arn: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Birth:
    """A credential, or a principal whose credentials follow, that a record says came from a caller."""

    subject: Subject
    kind: str
    event: str
    event_id: str
    at: str
    account: str = ""
    region: str = ""
    expires: str = ""
    name: str = ""
    principal: str = ""
    arn: str = ""


@dataclass(slots=True, kw_only=True)
class Source:
    """An address that a caller called from."""

    events: int = 0
    denied: int = 0
    first: str = ""
    last: str = ""
    agents: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True, kw_only=True)
class History:
    """What one caller did."""

    actor: str
    key_id: str
    by: Principal
    console: bool = False
    account: str = ""
    events: int = 0
    denied: int = 0
    writes: int = 0
    first: str = ""
    last: str = ""
    regions: Counter[str] = field(default_factory=Counter)
    names: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    sources: dict[str, Source] = field(default_factory=dict)
    births: list[Birth] = field(default_factory=list)
    forgotten: int = 0

    @property
    def keys_created(self) -> list[str]:
        """The ids of the access keys that it made."""
        return sorted({one.subject.value for one in self.births if one.kind == "access_key"})

    @property
    def sts_credentials_issued(self) -> list[str]:
        """The ids of the temporary credentials that it was issued."""
        keys = (one for one in self.births if one.subject.kind == "key" and one.kind != "access_key")
        return sorted({one.subject.value for one in keys})

    def add(self, record: Record) -> None:
        """Count a record in."""
        self.events += 1
        self.denied += record.denied
        self.writes += not record.read_only
        self.first, self.last = _span(self.first, self.last, record.at)
        self.regions[record.region] += 1
        self.names[record.name] += 1
        if record.error:
            self.errors[record.error] += 1
        source = self.sources.get(record.address)
        if source is None and len(self.sources) < _MOST_SOURCES:
            source = self.sources[record.address] = Source()
        if source is not None:
            source.events += 1
            source.denied += record.denied
            source.first, source.last = _span(source.first, source.last, record.at)
            if record.agent in source.agents or len(source.agents) < _MOST_AGENTS:
                source.agents[record.agent] += 1
        for birth in births(record):
            if len(self.births) < MOST_BIRTHS:
                self.births.append(birth)
            else:
                self.forgotten += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A caller, or a credential that nobody has called with yet, in the tree.

    ``id`` is the key's id, or the caller in brackets where it signs with none. ``parent`` is the id of the one that it
    came from, ``""`` at the root; ``birth`` is the record that proves it.
    """

    id: str
    depth: int
    parent: str = ""
    birth: Birth | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tie:
    """Why a subject is followed: the record, and whose call it was; neither at the root.

    ``shared`` says that it leads to a role of which all callers are followed, innocent ones among them.
    """

    birth: Birth | None = None
    parent: str = ""
    depth: int = 0
    shared: bool = False


@dataclass(slots=True, kw_only=True)
class Tree:
    """The callers of the case, by id, and the subjects that were followed, with what ties them to it."""

    nodes: dict[str, Node] = field(default_factory=dict)
    ties: dict[Subject, Tie] = field(default_factory=dict)

    def __contains__(self, actor: object) -> bool:
        return actor in self.nodes

    def children(self, node_id: str) -> list[Node]:
        """Give the nodes that came from a node, in the order in which they did."""
        found = [node for node in self.nodes.values() if node.parent == node_id and node.id != node_id]
        return sorted(found, key=lambda node: (node.birth.at if node.birth else "", node.id))


@dataclass(slots=True, kw_only=True)
class Lineage:
    """Everything that the records say of the callers in them, and who made ``resources`` (ids or ARNs)."""

    resources: frozenset[str] = frozenset()
    makers: dict[str, set[str]] = field(default_factory=dict)
    histories: dict[str, History] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)

    def fold(self, records: Iterable[Record]) -> None:
        """Count records in; a repeated one counts once."""
        for record in records:
            if record.event_id in self.seen:
                continue
            self.seen.add(record.event_id)
            history = self.histories.get(record.actor)
            if history is None:
                history = History(actor=record.actor, key_id=record.key_id, by=record.by, account=record.account)
                self.histories[record.actor] = history
            history.console = history.console or record.console
            history.add(record)
            if self.resources and record.key_id:
                self._note_maker(record)

    def _note_maker(self, record: Record) -> None:
        """Remember who made one of the things whose maker is wanted."""
        for one in made.resources(record):
            for name in {one.id, one.arn} & self.resources if one.change == MADE else ():
                self.makers.setdefault(name, set()).add(record.key_id)

    def tree(self, roots: Iterable[Subject]) -> Tree:
        """Follow what the records prove, from what was compromised; whoever is met twice keeps the shorter way."""
        tree, known = Tree(), _Known(self.histories.values())
        waiting = _Waiting()
        waiting.add((root, Tie(shared=root.kind == "role")) for root in roots)
        while item := waiting.next():
            subject, tie = item
            if subject in tree.ties:
                continue
            tree.ties[subject] = tie
            waiting.add((Subject(kind="key", value=key_id), tie) for key_id in self._makers(subject))
            for one in known.sessions(subject):
                tree.ties.setdefault(one.subject, replace(tie, birth=one))
                self._take(tree, waiting, one.subject.value, replace(tie, birth=one))
            for actor in known.actors(subject):
                self._take(tree, waiting, actor, tie)
        return tree

    def _makers(self, subject: Subject) -> Iterable[str]:
        return sorted(self.makers.get(subject.value, ())) if subject.kind == "resource" else ()

    def _take(self, tree: Tree, waiting: _Waiting, actor: str, tie: Tie) -> None:
        if actor not in tree.nodes:
            tree.nodes[actor] = Node(id=actor, depth=tie.depth, parent=tie.parent, birth=tie.birth)
            waiting.add(self._next(actor, tie.depth + 1, shared=tie.shared))

    def _next(self, actor: str, depth: int, *, shared: bool) -> Iterator[tuple[Subject, Tie]]:
        """Say what came from a caller, in order."""
        history = self.histories.get(actor)
        for birth in sorted(history.births, key=lambda one: (one.at, one.event_id)) if history else ():
            yield birth.subject, Tie(birth=birth, parent=actor, depth=depth, shared=shared)


class _Waiting:
    """What is to be followed: credentials first, for who was issued one is its parent, and not who made its role."""

    def __init__(self) -> None:
        self.keys: deque[tuple[Subject, Tie]] = deque()
        self.others: deque[tuple[Subject, Tie]] = deque()

    def add(self, some: Iterable[tuple[Subject, Tie]]) -> None:
        """Put some more at the end."""
        for subject, tie in some:
            (self.keys if subject.kind == "key" else self.others).append((subject, tie))

    def next(self) -> tuple[Subject, Tie] | None:
        """Take the next one; None at the end."""
        first = self.keys or self.others
        return first.popleft() if first else None


class _Known:
    """The callers, by what they can be recognised by."""

    def __init__(self, histories: Iterable[History]) -> None:
        self.by: dict[tuple[str, str], list[History]] = {}
        self.of_roles: dict[str, list[Birth]] = {}
        for history in histories:
            for way in _ways(history):
                self.by.setdefault(way, []).append(history)
            for one in history.births:
                if one.kind == "role_session":
                    self.of_roles.setdefault(one.name, []).append(one)

    def sessions(self, subject: Subject) -> Iterator[Birth]:
        """Find the sessions of a role that the case made, whoever was issued them."""
        for one in self.of_roles.get(subject.value, []) if subject.kind == "role" else []:
            if one.at >= subject.after:
                yield one

    def actors(self, subject: Subject) -> Iterator[str]:
        """Name the callers that are this subject; a key is itself, whether or not anybody has called with it."""
        if subject.kind == "key":
            yield subject.value
            return
        for history in self.by.get((subject.kind, subject.value), []):
            other = subject.account and history.account and history.account != subject.account
            if not other and history.first >= subject.after:
                yield history.actor


def _ways(history: History) -> Iterator[tuple[str, str]]:
    by = history.by
    if by.type == "Root":
        yield "root", "root"
    if by.type == "IAMUser" and by.name:
        yield "user", by.name
        if history.console or not history.key_id:
            yield "signed_in", by.name
    if by.issuer_name and by.type == "AssumedRole":
        yield "role", by.issuer_name
        session = by.id.partition(":")[2]
        if session.startswith("i-"):
            yield "instance", session
    if by.id:
        yield "principal", by.id
        if history.console:
            yield "console", by.id


def births(record: Record) -> Iterator[Birth]:
    """Find what a record says came from its caller; from a call that failed nothing did."""
    if not record.ok:
        return
    for issued in record.issued:
        yield _birth(
            record,
            Subject(kind="key", value=issued.key_id),
            issued.kind,
            expires=issued.expires,
            name=issued.name,
            principal=issued.principal,
            arn=issued.arn,
        )
    yield from _principals(record)


def _principals(record: Record) -> Iterator[Birth]:
    """Find the principals that a caller made, or signed in as."""
    match record.name:
        case "CreateUser" if record.service.startswith("iam."):
            yield from _made(record, "user", mapping(record.response, "user"))
        case "CreateRole" if record.service.startswith("iam."):
            yield from _made(record, "role", mapping(record.response, "role"))
        case "CreateLoginProfile":
            name = text(mapping(record.response, "loginProfile").get("userName"), 256)
            if name := name or text(record.request.get("userName"), 256):
                yield _birth(record, _newborn(record, "signed_in", name), "password", name=name)
        case "RunInstances":
            ids = (
                text(mapping(one).get("instanceId"), 64)
                for one in items(mapping(record.response, "instancesSet").get("items"))
            )
            for found in filter(None, ids):
                yield _birth(record, _newborn(record, "instance", found), "instance", name=found)
        case "GetSigninToken" if record.by.id:
            yield _birth(record, _newborn(record, "console", record.by.id), "console", name=record.by.name)


def _made(record: Record, kind: str, made: Json) -> Iterator[Birth]:
    """Read a user or a role that IAM made."""
    name = text(made.get(f"{kind}Name"), 256) or text(record.request.get(f"{kind}Name"), 256)
    if name:
        unique_id, arn = text(made.get(f"{kind}Id"), 256), text(made.get("arn"))
        yield _birth(record, _newborn(record, kind, name, arn), kind, name=name, principal=unique_id, arn=arn)


def _newborn(record: Record, kind: str, value: str, arn: str = "") -> Subject:
    return Subject(kind=kind, value=value, account=record.account, after=record.at, arn=arn)


def _birth(record: Record, subject: Subject, kind: str, **found: str) -> Birth:
    return Birth(
        subject=subject,
        kind=kind,
        event=record.name,
        event_id=record.event_id,
        at=record.at,
        account=record.account,
        region=record.region,
        **found,
    )


def next_lookups(tree: Tree, done: Iterable[Lookup]) -> list[Lookup]:
    """Say what is to be looked up because of what is in the tree, without what was done."""
    before = set(done)
    wanted = (lookup for subject in tree.ties for lookup in _lookups(subject))
    return [lookup for lookup in dict.fromkeys(wanted) if lookup not in before]


def first_lookups(roots: Iterable[Subject]) -> list[Lookup]:
    """Say what is to be looked up of what was compromised."""
    return list(dict.fromkeys(lookup for root in roots for lookup in _lookups(root)))


def _lookups(subject: Subject) -> Iterator[Lookup]:
    """Say how CloudTrail is asked for a subject: for a role's session ``Username`` is the session's name."""
    match subject.kind:
        case "key":
            yield Lookup(by="AccessKeyId", value=subject.value)
        case "user" | "signed_in" | "instance":
            yield Lookup(by="Username", value=subject.value)
        case "principal" | "console" if name := subject.value.partition(":")[2]:
            yield Lookup(by="Username", value=name)
        case "resource":
            yield Lookup(by="ResourceName", value=subject.value)
        case "root":
            yield Lookup(by="Username", value="root")
        case "role":  # AssumeRole names the role by its ARN, IAM's own calls by its name
            yield from (Lookup(by="ResourceName", value=one) for one in (subject.arn, subject.value) if one)


def _span(first: str, last: str, at: str) -> tuple[str, str]:
    """Widen a span of time by a moment; an unknown one does not."""
    if not at:
        return first, last
    return min(first or at, at), max(last, at)
