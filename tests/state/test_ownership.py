"""Who owns a pipeline, among real processes."""

from __future__ import annotations

import os
import socket

import pytest

from fluxion_core.spi import FencedError


def test_a_second_process_is_refused_and_told_who_owns_the_pipeline(owner, store) -> None:
    first = owner()
    assert "claimed 1" == first.answer()
    with pytest.raises(FencedError) as caught:
        store().claim("p")
    expected = rf"state.db: pipeline 'p' is already running: process {first.pid} on {socket.gethostname()} since "
    assert expected in str(caught.value)
    assert "owns it; stop that one first, or start this one with --takeover" in str(caught.value)


def test_of_two_processes_that_start_together_one_wins(owner) -> None:
    both = [owner(), owner()]
    answers = [one.answer() for one in both]
    assert 1 == answers.count("")  # the loser said nothing on its standard output
    loser = both[answers.index("")].process
    assert loser.stderr is not None
    assert "FencedError" in loser.stderr.read()


def test_a_killed_owner_owns_nothing(owner, store) -> None:
    first = owner()
    first.answer()
    first.kill()
    assert 2 == store().claim("p").epoch


def test_an_owner_that_closed_owns_nothing(store) -> None:
    first = store()
    first.claim("p")
    first.close()
    assert 2 == store().claim("p").epoch


def test_a_refused_claim_costs_the_owner_nothing(owner, store) -> None:
    first = owner()
    first.answer()
    with pytest.raises(FencedError):
        store().claim("p")
    assert "sealed 1" == first.seal()


def test_a_takeover_fences_a_living_process(owner, store, request_of, path) -> None:
    first = owner()
    first.answer()
    assert "sealed 1" == first.seal()
    heir = store()
    lease = heir.claim("p", takeover=True)
    assert (2, 1) == (lease.epoch, heir.load().sealed["sink"])
    assert (
        f"fenced {path}: pipeline 'p' was taken over (now owned by process {os.getpid()} on {socket.gethostname()} since "
        in first.seal()
    )
    heir.seal(request_of(lease, 2))
    assert {"0": 2} == heir.load().positions


def test_after_a_takeover_the_new_owner_is_respected(owner, store, request_of) -> None:
    """Once the former one has noticed, the lock goes over to the new owner."""
    first = owner()
    first.answer()
    heir = store()
    lease = heir.claim("p", takeover=True)
    first.seal()
    heir.seal(request_of(lease, 1))
    with pytest.raises(FencedError, match="is already running"):
        store().claim("p")


def test_a_takeover_by_a_process_fences_this_one(owner, store, request_of) -> None:
    mine = store()
    lease = mine.claim("p")
    other = owner("takeover")
    assert "claimed 2" == other.answer()
    with pytest.raises(FencedError, match=f"now owned by process {other.pid}"):
        mine.seal(request_of(lease, 1))
    assert "sealed 1" == other.seal()


def test_the_former_owner_stays_fenced(owner, store) -> None:
    first = owner()
    first.answer()
    store().claim("p", takeover=True)
    assert ["fenced", "fenced"] == [first.seal().split()[0] for _ in range(2)]


def test_other_pipelines_in_the_same_file_are_free(owner, store) -> None:
    first = owner()
    first.answer()
    assert 1 == store().claim("another").epoch
    assert "sealed 1" == first.seal()
