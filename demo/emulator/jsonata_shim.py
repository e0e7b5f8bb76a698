"""JSONata for state machines, by a port to Python instead of a Java virtual machine.

LocalEmu and moto share one interpreter of the Amazon States Language, and both leave JSONata to Java.
This puts `jsonata-python` in that place, with the two of AWS' own functions that the interpreter lacks and
answers with a text for, `$hash` and `$uuid`.

May touch: the modules of the named package in this process.
Never does: read a file, open a socket or start a process.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import sys
import threading
import uuid
from typing import TYPE_CHECKING

import jsonata

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_HOMES = {
    "localemu": "localemu.services.stepfunctions.asl",
    "moto": "moto.stepfunctions.parser.asl",
}
_IMPORTERS = (
    "component.common.string.string_expression",
    "eval.states",
    "eval.variable_store",
    "jsonata.validations",
)

_LONG = 200
_MOST_VALUES = 20_000
_values: dict[str, str] = {}
_keeping = threading.Lock()

#: Python computes one thing at a time; sixty threads that all want to would keep everybody else waiting.
_one_at_a_time = threading.Lock()


def _hash(value: str, algorithm: str) -> str:
    # AWS names them MD5, SHA-1, SHA-256, SHA-384 and SHA-512.
    return hashlib.new(algorithm.replace("-", ""), value.encode(), usedforsecurity=False).hexdigest()


def _uuid() -> str:
    return str(uuid.uuid4())


def _value(key: str) -> object:
    return json.loads(_values[key])


_OWN_FUNCTIONS: dict[str, Callable[..., object]] = {"hash": _hash, "uuid": _uuid, "value": _value}


def install(package: str) -> None:
    """Make the state machines of ``package``, "localemu" or "moto", evaluate JSONata in this process.

    Installing twice is the same as installing once. Raises KeyError for any other package.
    """
    home = _HOMES[package]
    language = importlib.import_module(f"{home}.jsonata.jsonata")
    for importer in _IMPORTERS:
        importlib.import_module(f"{home}.{importer}")
    declared = importlib.import_module(f"{home}.component.intrinsic.jsonata")
    for function in _OWN_FUNCTIONS:
        declared._DECLARATION_BY_VARIABLE_REFERENCE.pop(f"${function}", None)  # noqa: SLF001 - would hide ours
    replacements: dict[str, Callable[..., object]] = {
        "eval_jsonata_expression": _evaluator(language.JSONataException),
        "encode_jsonata_variable_declarations": _declare,
    }
    for name, module in list(sys.modules.items()):
        if not name.startswith(home):
            continue
        for function, replacement in replacements.items():
            if hasattr(module, function):
                setattr(module, function, replacement)


def _evaluator(failure: Callable[[str, str], Exception]) -> Callable[[str], object]:
    def evaluate(expression: str) -> object:
        try:
            with _one_at_a_time:
                parsed = jsonata.Jsonata(expression)
                for name, function in _OWN_FUNCTIONS.items():
                    parsed.register_lambda(name, function)
                return _as_json(parsed.evaluate(None))
        except Exception as error:
            raise failure(str(getattr(error, "error", "UNKNOWN")), str(error)) from error

    return evaluate


def _declare(bindings: Mapping[str, object]) -> str:
    # Both packages put a string between quotes as it is, so that a quote or a line break within it breaks the
    # whole expression.
    return "".join(f"{name}:={_literal(json.dumps(value, default=str))};" for name, value in bindings.items())


def _literal(text: str) -> str:
    """Give what stands for a JSON value in an expression: a long one is not worth parsing as a part of it each time."""
    if len(text) < _LONG:
        return text
    key = hashlib.sha256(text.encode()).hexdigest()
    with _keeping:
        _values[key] = text
        if len(_values) > _MOST_VALUES:
            del _values[next(iter(_values))]
    return f'$value("{key}")'


def _as_json(value: object) -> object:
    match value:
        case dict():
            return {name: _as_json(item) for name, item in value.items()}
        case list() | tuple():
            return [_as_json(item) for item in value]
        case float() if value.is_integer():
            return int(value)
        case _:
            return value
