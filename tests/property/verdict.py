"""What must be true once everything has arrived: the promises, checked over a whole world."""

from __future__ import annotations

from collections import Counter

from tests.property.history import Change, History
from tests.property.watched import WatchedToy
from tests.property.world import World

__all__ = ["judge"]


def judge(world: World) -> None:
    """See that every browser is in sync, that nothing is under way, and what became of every change."""
    for replica in world.standing:
        _is_in_sync(world, replica)
    for document in world.documents.values():
        _each_counts_once(world.history, document)
        if document.raised:
            world.note("a callback raised")
    for change in world.history.changes.values():
        world.note(f"a change was {_became_of(world, change)}")
    for replica in world.apps:
        _was_told_of_refusals(world, replica)


def _is_in_sync(world: World, replica: int) -> None:
    shown = world.standing[replica]
    live = world.sessions[shown["session"]]
    core = live._built.core
    assert core is not None
    document = world.documents[core.epoch]
    assert (shown["epoch"], shown["seq"]) == (core.epoch, core.seq)
    assert shown["document"] == document.state(), f"replica {replica} differs from its document"
    assert shown["models"] == len(shown["document"]), "what is gone was evicted"
    assert not world.history.pending(shown["client"], shown["epoch"]), "everything was answered"
    known = core.replicas[shown["client"]]
    assert known.received == known.answered
    assert not known.lagging
    assert not known.snapshot_waits
    assert document.known <= set(document.reachable())


def _each_counts_once(history: History, document: WatchedToy) -> None:
    """Each change is applied to the document that it was made on, once, and its callback runs once."""
    twice = [number for number, times in document.applied.items() if times > 1]
    assert not twice, "a change was applied twice"
    assert not document.applied.keys() & document.refused, "what was refused was applied"
    for number in document.applied:
        assert history.changes[number].epoch == document.epoch
    calling = Counter({number: 1 for number in document.applied if _calls(history.changes[number])})
    if document.ended:
        assert document.called <= calling
    else:
        assert document.called == calling, "callbacks do not match what was applied"


def _calls(change: Change) -> bool:
    return change.kind == "signal" or (change.key or "").endswith(" value")


def _became_of(world: World, change: Change) -> str:
    """What became of a change; that it is one of these is promise 2."""
    history = world.history
    document = world.documents[change.epoch]
    number = change.number
    if number in document.applied:
        return "applied"
    if number in document.refused:
        return "refused"
    if number in document.skipped:
        return "skipped"
    if change.too_big:
        return "too big"
    if change.state == "stopped":
        return "made on what had ended"
    later = [
        each for each in history.changes.values() if each.client == change.client and each.number > number
    ]
    if change.mergeable and any(each.key == change.key for each in later):
        if change.cseq is None:
            return "merged"
        if change.cseq in history.superseded[change.client]:
            return "superseded"
    if change.load < world.loads[change.replica]:
        return "made on a page that was left"
    told = [each for each in history.told[change.replica] if each.at > change.at]
    for each in told:
        if (each.name == "rejected" and each.what["reason"] == "lost") or each.name in ("ended", "restored"):
            return "lost and told"
    raise AssertionError(f"nobody knows what became of {change}")


def _was_told_of_refusals(world: World, replica: int) -> None:
    """The person was told of each refused edit of the session that is still there."""
    history = world.history
    client = world.standing[replica]["client"]
    refused: set[int] = set()
    document = world.documents[world.standing[replica]["epoch"]]
    changes = [each for each in history.changes.values() if each.client == client]
    for change in changes:
        if change.number in document.refused and change.cseq is not None:
            refused.add(change.cseq)
    first = min((each.at for each in changes), default=0)
    told = sum(
        each.what["edits"]
        for each in history.told[replica]
        if each.at > first
        and each.name == "rejected"
        and each.what["reason"] == "refused"
        and each.what["code"] != "too-big"
    )
    assert told >= len(refused), f"{len(refused)} edits were refused, the person was told of {told}"
