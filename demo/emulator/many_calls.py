"""What keeps LocalEmu slow while much happens at once, as none of AWS' services is.

- For each call moto asks a dozen times for an account's state, each time under one lock of the whole process, and the
  threads of sixty workflows spend nearly all their time in that queue. The lock is needed only to make the state, once.
- Each call also looks its session up eight times under one lock, for a single read of a dictionary.
- Each execution of a state machine parses the whole definition again, for a second or so.
- Each DynamoDB transaction copies its whole table once for each item that it writes, to put it back if it fails. The
  partitions that it writes to are enough.
- Python stops everything for a second or two to look for garbage in all of a gigabyte, again and again.
- Who asks every region for instances has moto make the default resources of twenty regions, for a second or more. Three
  regions are switched on here.
- While many executions compute, an answer waits for Python's interpreter lock behind each of them, again and again.

May touch: moto's dictionary of accounts, its list of regions and its DynamoDB tables, LocalEmu's lock on sessions and
its parser of definitions, in this process.
Never does: change what a call or a state machine answers, but for the list of regions.
"""

from __future__ import annotations

import contextlib
import copy
import gc
import sys
import threading
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from localemu.services.stepfunctions.asl.parse.asl_parser import AmazonStateLanguageParser
from localemu.services.stepfunctions.asl.parse.preprocessor import Preprocessor
from localemu.services.sts import models as sts
from moto.core.base_backend import BackendDict
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table
from moto.ec2.models.availability_zones_and_regions import RegionsAndZonesBackend

if TYPE_CHECKING:
    from collections.abc import Callable

_transaction = threading.local()
_GARBAGE = (50_000, 50, 100)  # rarely, and all of it hardly ever
_REGIONS = {"us-east-1", "us-west-2", "eu-west-1"}
_TURN_SECONDS = 0.0005  # a tenth of what Python gives a thread that computes


def install() -> None:
    """Make LocalEmu faster in this process. To be called once."""
    gc.set_threshold(*_GARBAGE)
    sys.setswitchinterval(_TURN_SECONDS)
    RegionsAndZonesBackend.regions = [one for one in RegionsAndZonesBackend.regions if one.name in _REGIONS]
    sts.sts_store_lock = contextlib.nullcontext()
    BackendDict._create_account_specific_backend = _once()  # noqa: SLF001 - moto offers no setting for it
    AmazonStateLanguageParser.parse = staticmethod(_parsed_once())
    DynamoDBBackend.transact_write_items = _remembering_what_it_writes()
    Table.__deepcopy__ = _copied_where_written


def _once() -> Callable[[Any, str], None]:
    make: Callable[[Any, str], None] = BackendDict._create_account_specific_backend  # noqa: SLF001 - replaced above

    def make_once(self: Any, account_id: str) -> None:  # noqa: ANN401 - moto is untyped
        if account_id not in self:
            make(self, account_id)

    return make_once


def _parsed_once() -> Callable[[str], tuple[Any, Any]]:
    parse: Callable[[str], tuple[Any, Any]] = AmazonStateLanguageParser.parse
    trees: dict[str, Any] = {}
    one_at_a_time = threading.Lock()

    def parsed(definition: str) -> tuple[Any, Any]:
        with one_at_a_time:
            tree = trees.get(definition)
            if tree is None:
                program, trees[definition] = parse(definition)
                return program, trees[definition]
            return Preprocessor().visit(tree), tree  # the program of an execution is its own

    return parsed


def _remembering_what_it_writes() -> Callable[[Any, list[dict[str, Any]]], None]:
    write: Callable[[Any, list[dict[str, Any]]], None] = DynamoDBBackend.transact_write_items

    def transact_write_items(self: Any, transact_items: list[dict[str, Any]]) -> None:  # noqa: ANN401 - moto is untyped
        _transaction.writes = [request for item in transact_items for request in item.values()]
        try:
            write(self, transact_items)
        finally:
            _transaction.writes = None

    return transact_write_items


def _copied_where_written(self: Any, memo: dict[int, Any]) -> Any:  # noqa: ANN401 - moto is untyped
    """Copy a table: within a transaction the partitions that it writes to, and otherwise everything."""
    writes = getattr(_transaction, "writes", None)
    made = copy.copy(self)
    memo[id(self)] = made
    if writes is None:
        made.__dict__.update(copy.deepcopy(self.__dict__, memo))
        return made
    name = self.hash_key_attr
    keys = [request.get("Key") or request.get("Item") or {} for request in writes]
    written = {DynamoType(key[name]) for key in keys if name in key}
    made.items = defaultdict(dict, self.items)
    for partition in written & self.items.keys():
        made.items[partition] = copy.deepcopy(self.items[partition], memo)
    return made
