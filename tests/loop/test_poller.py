"""The poller as a selector: it answers as the platform's own, where there is epoll and where there is not."""

from __future__ import annotations

import asyncio
import gc
import os
import select
import selectors
import socket
import weakref
from collections.abc import Callable, Iterator
from selectors import EVENT_READ, EVENT_WRITE
from typing import Any

import pytest

import coroscope
from coroscope.loop.poller import IN, OUT, Poller

BOTH = EVENT_READ | EVENT_WRITE
HAS_EPOLL = hasattr(select, "epoll")
PORTABLE: dict[str, Any] = {
    "without epoll, default": selectors.DefaultSelector,
    "without epoll, select": selectors.SelectSelector,
}
if hasattr(selectors, "PollSelector"):
    PORTABLE["without epoll, poll"] = selectors.PollSelector


def without_epoll(monkeypatch: pytest.MonkeyPatch, default: Any) -> None:
    """As on a platform that has no epoll, where `default` is the best selector."""
    monkeypatch.delattr(select, "epoll", raising=False)
    monkeypatch.setattr(selectors, "DefaultSelector", default)


@pytest.fixture(params=["selectors", "poller", *PORTABLE])
def selector(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The platform's selector, then our poller, then that on platforms without epoll: a test holds for all."""
    if request.param in PORTABLE:
        without_epoll(monkeypatch, PORTABLE[request.param])
    selector: Any = selectors.DefaultSelector() if request.param == "selectors" else Poller()
    yield selector
    selector.close()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends of a connection, of which the first is to be watched."""
    near, peer = socket.socketpair()
    with near, peer:
        yield near, peer


Pair = tuple[socket.socket, socket.socket]


def callbacks(events: int, name: str = "") -> tuple[str | None, str | None]:
    """What a poller needs as the data of a descriptor that is watched for `events`."""
    return (
        name + "reader" if events & EVENT_READ else None,
        name + "writer" if events & EVENT_WRITE else None,
    )


def register(selector: Any, fileobj: Any, events: int) -> Any:
    return selector.register(fileobj, events, callbacks(events))


def modify(selector: Any, fileobj: Any, events: int) -> Any:
    return selector.modify(fileobj, events, callbacks(events))


def ready(selector: Any) -> dict[int, int]:
    """The events of each descriptor that is ready now."""
    return {key.fd: events for key, events in selector.select(0)}


def test_what_is_registered_is_told_when_it_is_ready(selector: Any, pair: Pair) -> None:
    near, peer = pair
    register(selector, near, BOTH)
    assert ready(selector) == {near.fileno(): EVENT_WRITE}
    peer.send(b"hello")
    assert ready(selector) == {near.fileno(): BOTH}


def test_what_is_registered_is_told_with_its_data(selector: Any, pair: Pair) -> None:
    near, _ = pair
    register(selector, near, EVENT_WRITE)
    [(key, _)] = selector.select()
    assert key == (near, near.fileno(), EVENT_WRITE, callbacks(EVENT_WRITE))


def test_only_what_is_watched_for_is_told(selector: Any, pair: Pair) -> None:
    near, peer = pair
    peer.send(b"hello")
    for events in (EVENT_READ, EVENT_WRITE):
        register(selector, near, events)
        assert ready(selector) == {near.fileno(): events}
        selector.unregister(near)
    assert ready(selector) == {}


def test_what_is_modified_is_told_anew(selector: Any, pair: Pair) -> None:
    near, _ = pair
    register(selector, near, EVENT_READ)
    assert ready(selector) == {}
    for events, expected in ((BOTH, {near.fileno(): EVENT_WRITE}), (EVENT_READ, {})):
        assert modify(selector, near, events) == (near, near.fileno(), events, callbacks(events))
        assert ready(selector) == expected


def test_several_descriptors_are_told_at_once(selector: Any) -> None:
    pairs = [socket.socketpair() for _ in range(5)]
    for near, _ in pairs:
        register(selector, near, EVENT_WRITE)
    assert ready(selector) == {near.fileno(): EVENT_WRITE for near, _ in pairs}
    for near, peer in pairs:
        near.close()
        peer.close()


def test_the_peers_end_wakes_both_sides(selector: Any, pair: Pair) -> None:
    near, peer = pair
    register(selector, near, BOTH)
    peer.close()
    assert ready(selector) == {near.fileno(): BOTH}


def test_a_hang_up_is_told_to_who_waits_to_read_alone(selector: Any, pair: Pair) -> None:
    near, peer = pair
    register(selector, near, EVENT_READ)
    peer.close()
    assert ready(selector) == {near.fileno(): EVENT_READ}


def test_a_hang_up_of_which_there_is_nothing_to_read_is_told(selector: Any) -> None:
    """epoll and poll have a mask of its own for it, without that for reading."""
    reader, writer = os.pipe()
    register(selector, reader, EVENT_READ)
    os.close(writer)
    assert ready(selector) == {reader: EVENT_READ}
    selector.unregister(reader)
    os.close(reader)


def test_a_time_that_has_passed_does_not_block(selector: Any, pair: Pair) -> None:
    assert selector.select(-1) == []
    register(selector, pair[0], EVENT_READ)
    assert selector.select(-1) == []


# Keys


def test_the_key_of_what_is_registered(selector: Any, pair: Pair) -> None:
    near, _ = pair
    key = register(selector, near, EVENT_READ)
    assert key == (near, near.fileno(), EVENT_READ, callbacks(EVENT_READ))
    assert selector.get_key(near) == selector.get_key(near.fileno()) == key
    assert selector.unregister(near) == key


def test_a_number_is_its_own_object(selector: Any, pair: Pair) -> None:
    number = pair[0].fileno()
    key = register(selector, number, EVENT_READ)
    assert key == (number, number, EVENT_READ, callbacks(EVENT_READ))
    assert selector.get_key(pair[0]) == key
    assert selector.unregister(pair[0]) == key
    assert ready(selector) == {}


def test_the_map_is_of_descriptors_and_finds_objects(selector: Any, pair: Pair) -> None:
    near, peer = pair
    assert len(selector.get_map()) == 0
    key = register(selector, near, EVENT_READ)
    known = selector.get_map()
    assert list(known) == [near.fileno()]
    assert list(known.values()) == [key]
    assert known[near] == known[near.fileno()] == known.get(near) == key
    assert near in known
    assert peer not in known
    assert known.get(peer) is None
    with pytest.raises(KeyError, match=r"^'<socket\.socket .*> is not registered'$"):
        known[peer]


def test_what_is_unregistered_may_be_registered_again(selector: Any, pair: Pair) -> None:
    for events in (EVENT_READ, BOTH, EVENT_WRITE):
        register(selector, pair[0], events)
        assert selector.get_key(pair[0]).events == events
        selector.unregister(pair[0])
    assert len(selector.get_map()) == 0


# Mistakes


def test_what_is_registered_cannot_be_registered_again(selector: Any, pair: Pair) -> None:
    near, _ = pair
    register(selector, near, EVENT_READ)
    for again in (near, near.fileno()):
        with pytest.raises(KeyError, match=rf" \(FD {near.fileno()}\) is already registered'$|^'{again} "):
            register(selector, again, EVENT_WRITE)
    assert selector.get_key(near).events == EVENT_READ


def test_what_is_not_registered_is_not_known(selector: Any, pair: Pair) -> None:
    for fileobj in (pair[0], pair[0].fileno()):
        for ask in (selector.unregister, selector.get_key, lambda it: modify(selector, it, EVENT_READ)):
            with pytest.raises(KeyError, match=r" is not registered'$"):
                ask(fileobj)


@pytest.mark.parametrize(
    ("fileobj", "message"),
    [
        ("text", r"^Invalid file object: 'text'$"),
        (None, r"^Invalid file object: None$"),
        (-1, r"^Invalid file descriptor: -1$"),
    ],
)
def test_what_has_no_descriptor_is_refused(selector: Any, fileobj: Any, message: str) -> None:
    for ask in (selector.unregister, selector.get_key, lambda it: register(selector, it, EVENT_READ)):
        with pytest.raises(ValueError, match=message):
            ask(fileobj)


@pytest.mark.parametrize("events", [0, 4, 7])
def test_events_that_make_no_sense_are_refused(selector: Any, pair: Pair, events: int) -> None:
    with pytest.raises(ValueError, match=f"^Invalid events: {events}$"):
        register(selector, pair[0], events)
    assert len(selector.get_map()) == 0


def test_a_descriptor_that_the_system_refuses_is_not_kept(selector: Any, pair: Pair) -> None:
    """Where the selector asks the system at once: epoll takes no closed descriptor."""

    class Closed:
        def fileno(self) -> int:
            return number

    number = pair[0].detach()
    socket.socket(fileno=number).close()
    closed = Closed()
    try:
        register(selector, closed, EVENT_READ)
    except OSError:
        assert len(selector.get_map()) == 0
        with pytest.raises(KeyError):
            selector.get_key(closed)
    else:
        selector.unregister(closed)
    freed = weakref.ref(closed)
    del closed
    gc.collect()
    assert freed() is None


# Descriptors that are closed while they are watched


def test_an_object_that_is_closed_first_can_be_unregistered(selector: Any, pair: Pair) -> None:
    near, _ = pair
    key = register(selector, near, BOTH)
    near.close()
    assert near in selector.get_map()
    assert selector.get_key(near) == key
    assert selector.unregister(near) == key
    assert len(selector.get_map()) == 0
    with pytest.raises(ValueError, match=r"^Invalid file descriptor: -1$"):
        selector.unregister(near)


def test_a_number_that_is_closed_first_can_be_unregistered(selector: Any, pair: Pair) -> None:
    near, _ = pair
    number = near.fileno()
    register(selector, number, BOTH)
    near.close()
    assert selector.unregister(number).fd == number
    assert ready(selector) == {}


def test_what_could_not_be_modified_is_not_registered_any_more(selector: Any, pair: Pair) -> None:
    """Where the selector asks the system at once: epoll has forgotten a descriptor that was closed."""
    near, _ = pair
    number = near.fileno()
    register(selector, near, EVENT_READ)
    near.close()
    try:
        modify(selector, number, BOTH)
    except OSError:
        assert len(selector.get_map()) == 0
        with pytest.raises(ValueError, match=r"^Invalid file descriptor: -1$"):
            selector.get_key(near)
    else:
        assert selector.unregister(number).events == BOTH


def test_a_duplicate_of_what_was_closed_and_unregistered_is_not_told(selector: Any, pair: Pair) -> None:
    """epoll goes on to tell of it, under the number that was closed."""
    near, _ = pair
    register(selector, near, EVENT_WRITE)
    duplicate = os.dup(near.fileno())
    near.close()
    selector.unregister(near)
    assert selector.select(0) == []
    os.close(duplicate)


# As the loop uses it


@pytest.fixture(params=["with epoll", *PORTABLE])
def new_poller(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    if request.param in PORTABLE:
        without_epoll(monkeypatch, PORTABLE[request.param])
    return Poller


def test_a_poll_tells_descriptors_with_epolls_masks(new_poller: Callable[[], Poller], pair: Pair) -> None:
    near, peer = pair
    with new_poller() as poller:
        poller.watch(near, "reader", "writer")
        assert poller.poll(0, 1) == [(near.fileno(), OUT)]
        peer.send(b"hello")
        assert poller.poll(None, 1) == [(near.fileno(), IN | OUT)]
        poller.watch(near.fileno(), "reader", None)
        assert poller.poll(0, 1) == [(near.fileno(), IN)]
        poller.watch(near, None, None)
        assert poller.poll(0, 1) == []
        assert poller.watched == {}


def test_whoever_is_watched_for_may_change_at_any_time(new_poller: Callable[[], Poller], pair: Pair) -> None:
    number = pair[0].fileno()
    with new_poller() as poller:
        for callbacks_ in (("one", None), ("two", None), ("two", "three"), (None, "four")):
            poller.watch(number, *callbacks_)
            assert poller.watched == {number: callbacks_}


class CountingEpoll:
    """An epoll that writes down what it is asked to change."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.poll: Any = lambda *_: []
        self.close = lambda: None

    def register(self, fd: int, mask: int) -> None:
        self.calls.append(("register", fd, mask))

    def modify(self, fd: int, mask: int) -> None:
        self.calls.append(("modify", fd, mask))

    def unregister(self, fd: int) -> None:
        self.calls.append(("unregister", fd))


def test_only_another_mask_is_told_to_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    epoll = CountingEpoll()
    monkeypatch.setattr(select, "epoll", lambda: epoll, raising=False)
    poller = Poller()
    for reader, writer in (("one", None), ("two", None), ("two", "three"), ("four", "five"), (None, "six")):
        poller.watch(7, reader, writer)
    poller.watch(7, None, None)
    assert epoll.calls == [
        ("register", 7, IN),
        ("modify", 7, IN | OUT),
        ("modify", 7, OUT),
        ("unregister", 7),
    ]


@pytest.mark.skipif(not HAS_EPOLL, reason="there is no epoll to do without")
@pytest.mark.parametrize("kind", PORTABLE)
def test_a_loop_serves_without_epoll(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    without_epoll(monkeypatch, PORTABLE[kind])

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read())
        writer.close()

    async def main() -> bytes:
        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(bytes(1 << 20))
            writer.write_eof()
            answered = await reader.read()
            writer.close()
            return answered

    assert coroscope.run(main()) == bytes(1 << 20)
