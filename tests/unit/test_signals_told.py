"""Whatever arrives can be told: every incident has a plan, and an alert can be written of it."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lambdas.alert import compose
from lambdas.guardrails import Guardrails
from lambdas.planning import plan
from lambdas.playbooks import playbook_for
from tests.unit.cases import ACCOUNT, story
from tests.unit.samples import corpus, mutations, names, places, read, replaced, sample
from tests.unit.test_signals_total import JSON, SOURCES, TYPES

if TYPE_CHECKING:
    from lambdas.model import Incident

MUTATIONS = 600
_REPEATABLE = settings(
    derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=100
)


def tell(incident: Incident) -> None:
    """Plan the answer without a single fact, and write the alert that says so."""
    planned = plan(incident, {}, playbook_for(incident.signal), Guardrails(account=ACCOUNT))
    alert = compose(story(incident, planned))
    assert len(alert.message.encode()) < 262_144
    assert alert.subject.isascii()
    assert len(alert.subject) <= 100


@pytest.mark.parametrize("name", names())
def test_every_sample_can_be_told(name: str) -> None:
    """Given a sample event, when it is read, it has a plan, and an alert can be written."""
    tell(read(sample(name)))


def test_no_mutation_of_an_event_is_beyond_telling() -> None:
    """Given events with something wrong in them, when they are read and planned, an alert can be written of each."""
    for _, event in mutations(MUTATIONS, random.Random(229)):  # noqa: S311 - repeatable, not secret
        tell(read(event))


def test_the_larger_corpus_can_be_told() -> None:
    """Given real events, when each is read and planned, an alert can be written of it."""
    for event in corpus().values():
        tell(read(event))


@given(JSON)
@_REPEATABLE
def test_any_json_at_all_can_be_told(value: object) -> None:
    """Given any JSON value as input, when it is read, it is an incident that can be told."""
    tell(read(value))


@given(st.sampled_from(names()), st.integers(min_value=0), JSON)
@_REPEATABLE
def test_any_json_at_any_place_can_be_told(name: str, place: int, value: object) -> None:
    """Given a sample with any JSON at any of its places, when it is read, it is an incident that can be told."""
    event = sample(name)
    found = places(event)
    tell(read(replaced(event, found[place % len(found)], value)))


@given(st.sampled_from(SOURCES), st.sampled_from(TYPES), JSON, JSON)
@_REPEATABLE
def test_any_detail_of_a_known_source_can_be_told(source: str, kind: str, detail: object, account: object) -> None:
    """Given an envelope of a known source around anything, when it is read, it is an incident that can be told."""
    envelope = {"source": source, "detail-type": kind, "account": account, "region": account, "id": detail}
    tell(read({**envelope, "detail": detail}))
