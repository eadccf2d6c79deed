"""What a trace says of a program that runs on trio, and whose every step, wait and waker is known."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.programs import run_recorded, show_json, write_program

pytest.importorskip("trio")

SCRIPT = """\
import asyncio, contextlib, json, os, signal, socket, sys, threading, time
import trio, coroscope

took_s = {}

@contextlib.contextmanager
def timed(name):
    began_s = time.monotonic()
    yield
    took_s[name] = time.monotonic() - began_s

async def sleeper():
    with timed("sleeper"):
        await trio.sleep(0.05)

async def setter(event):
    await trio.sleep(0.02)
    event.set()

async def waiter(event):
    await event.wait()

async def never():
    await trio.sleep(10)

async def limited():
    with trio.move_on_after(0.01):
        await trio.sleep(10)
    await trio.lowlevel.checkpoint()

async def threaded():
    await trio.to_thread.run_sync(time.sleep, 0.03)

async def blocker():
    await trio.sleep(0)
    with timed("blocker"):
        for _ in range(30): time.sleep(0.005)  # not in one go, which a stop of the machine might hide

async def late():
    await trio.sleep(0.01)

async def failing():
    raise ValueError("as it should")

async def reader(stream):
    coroscope.mark("reading")
    await stream.receive_some()

async def signalled(signals):
    async for number in signals:
        break

async def server(task_status):
    with trio.CancelScope() as scope:
        task_status.started(scope)
        await trio.sleep_forever()

async def background():
    await trio.sleep_forever()

async def forgotten():
    pass

async def main():
    trio.lowlevel.spawn_system_task(background)
    event = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(setter, event, name="setter")
        nursery.start_soon(waiter, event, name="waiter")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(sleeper)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(never)
        nursery.start_soon(limited)
        await trio.sleep(0.2)
        nursery.cancel_scope.cancel()
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(failing)
    except* ValueError:
        pass
    await threaded()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(blocker)
        nursery.start_soon(late)
    a, b = socket.socketpair()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(reader, trio.SocketStream(trio.socket.from_stdlib_socket(a)))
        await trio.sleep(0.01)
        b.send(b"x")
    b.close()
    with trio.open_signal_receiver(signal.SIGTERM) as signals:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(signalled, signals)
            await trio.sleep(0.01)
            signal.raise_signal(signal.SIGTERM)
    async with trio.open_nursery() as nursery:
        scope = await nursery.start(lambda task_status: server(task_status))
        scope.cancel()
    forgotten()

async def in_thread():
    await trio.sleep(0.01)

async def guest(event):
    await event.wait()
    coroscope.mark("in guest")
    await trio.to_thread.run_sync(time.sleep, 0.01)
    return "guest"

async def host():
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    event = trio.Event()
    trio.lowlevel.start_guest_run(
        guest, event, run_sync_soon_threadsafe=loop.call_soon_threadsafe, done_callback=done.set_result
    )
    await asyncio.sleep(0.01)
    coroscope.mark("in host")
    event.set()
    return (await done).unwrap()

async def with_anyio():
    import anyio
    async with anyio.create_task_group() as group:
        group.start_soon(anyio.sleep, 0.01, name="anyio's")

trio.run(main)
threads = [threading.Thread(target=trio.run, args=(in_thread,)) for _ in range(2)]
for thread in threads: thread.start()
for thread in threads: thread.join()
took_s["host"] = asyncio.run(host())
import anyio
anyio.run(with_anyio, backend="trio")
print(json.dumps(took_s))
"""


def line_of(text: str) -> int:
    return SCRIPT[: SCRIPT.index(text)].count("\n") + 1


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What is shown of the program, and as `took_s` what it has measured itself."""
    program = write_program(tmp_path_factory.mktemp("trio"), SCRIPT)
    ran = run_recorded(program)
    assert ran.returncode == 0, ran.stderr
    shown = show_json(program.with_suffix(".coroscope"))
    shown["tasks"] = [task for task in shown["tasks"] if task["kind"] == "task"]
    return {**shown, "took_s": json.loads(ran.stdout.splitlines()[0])}


def tasks(recorded: dict[str, Any], coroutine: str) -> list[dict[str, Any]]:
    return [task for task in recorded["tasks"] if task["coroutine"] == coroutine]


def task(recorded: dict[str, Any], coroutine: str) -> dict[str, Any]:
    (found,) = tasks(recorded, coroutine)
    return found


def test_every_task_of_the_program_is_there_and_none_of_trios_own(recorded: dict[str, Any]) -> None:
    assert [task["coroutine"] for task in recorded["tasks"] if task["kind"] == "task"] == [
        "main", "background", "setter", "waiter", "sleeper", "never", "limited", "failing", "blocker", "late",
        "reader", "signalled", "server", "in_thread", "in_thread", "host", "guest", "with_anyio",
        "TaskHandle._run_coro",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("coroutine", "steps", "outcome"),
    [
        ("setter", 2, "returned"),
        ("waiter", 2, "returned"),
        ("never", 2, "cancelled"),
        ("limited", 3, "returned"),
        ("failing", 1, "raised"),
        ("blocker", 2, "returned"),
        ("server", 2, "returned"),
        ("background", 2, "cancelled"),
        ("guest", 4, "returned"),
    ],
)
def test_steps_and_outcome_are_those_of_the_program(
    recorded: dict[str, Any], coroutine: str, steps: int, outcome: str
) -> None:
    found = task(recorded, coroutine)
    assert (found["steps"], found["outcome"], found["kind"]) == (steps, outcome, "task")


def test_the_spawning_task_is_the_parent(recorded: dict[str, Any]) -> None:
    main = task(recorded, "main")
    mains = ("main", "in_thread", "host", "guest", "with_anyio")
    assert [t["coroutine"] for t in recorded["tasks"] if t["parent"] is None and t["kind"] == "task"] == [
        "main", "in_thread", "in_thread", "host", "guest", "with_anyio"
    ]  # fmt: skip
    of_main = [t for t in recorded["tasks"] if t["loop"] == main["loop"] and t is not main]
    assert {t["parent"] for t in of_main} == {main["id"]}
    assert recorded["concurrency"]["max"] < len(recorded["tasks"]) - len(mains)


def test_names_are_trios(recorded: dict[str, Any]) -> None:
    assert task(recorded, "setter")["name"] == "setter"
    assert task(recorded, "sleeper")["name"] == "__main__.sleeper"


def test_a_timer_wakes_a_sleeper_at_the_line_where_it_sleeps(recorded: dict[str, Any]) -> None:
    sleeper = task(recorded, "sleeper")
    (wait,) = sleeper["waits"]
    assert (wait["woken_by"], wait["line"]) == ("timer", line_of("await trio.sleep(0.05)"))
    assert wait["end_s"] - wait["start_s"] >= 0.05 - sleeper["running_s"]
    assert wait["end_s"] - wait["start_s"] <= recorded["took_s"]["sleeper"]


def test_a_deadline_of_a_scope_is_a_timer_and_a_checkpoint_is_no_wait(recorded: dict[str, Any]) -> None:
    (wait,) = task(recorded, "limited")["waits"]
    assert (wait["woken_by"], wait["line"]) == ("timer", line_of("await trio.sleep(10)\n    await trio.low"))


@pytest.mark.parametrize(
    ("coroutine", "waker"), [("waiter", "setter"), ("never", "main"), ("server", "main"), ("guest", "host")]
)
def test_the_task_that_sets_an_event_or_cancels_is_the_waker(
    recorded: dict[str, Any], coroutine: str, waker: str
) -> None:
    wait = task(recorded, coroutine)["waits"][0]
    assert (wait["woken_by"], wait["waker"]) == ("task", task(recorded, waker)["id"])


def test_the_last_task_of_a_nursery_wakes_it_at_the_line_of_the_block(recorded: dict[str, Any]) -> None:
    wait = task(recorded, "main")["waits"][0]
    assert (wait["woken_by"], wait["waker"]) == ("task", task(recorded, "waiter")["id"])
    assert wait["line"] == line_of("async with trio.open_nursery()")


def test_threads_sockets_and_signals_are_what_wakes(recorded: dict[str, Any]) -> None:
    (wait,) = [w for w in task(recorded, "main")["waits"] if w["line"] == line_of("await trio.to_thread")]
    assert wait["woken_by"] == "thread"
    assert [w["woken_by"] for w in task(recorded, "reader")["waits"]] == ["io"]
    assert [w["woken_by"] for w in task(recorded, "signalled")["waits"]] == ["signal"]
    assert task(recorded, "guest")["waits"][1]["woken_by"] == "thread"


def test_a_stall_names_the_line_that_blocked(recorded: dict[str, Any]) -> None:
    (stall,) = [stall for stall in recorded["stalls"] if stall["line"] == line_of("time.sleep(0.005)")]
    blocker = task(recorded, "blocker")
    assert stall["task"] == blocker["id"]
    assert recorded["took_s"]["blocker"] <= stall["duration_s"] <= blocker["running_s"]


def test_a_deadline_that_passed_during_a_stall_counts_from_when_it_was_due(recorded: dict[str, Any]) -> None:
    found = task(recorded, "late")
    (wait,) = found["waits"]
    # Which of the two begins is drawn by lot.
    stalled = [stall for stall in recorded["stalls"] if stall["task"] == task(recorded, "blocker")["id"]]
    assert wait["end_s"] - wait["start_s"] < 0.05
    assert found["ready_s"] > 0.1
    assert stalled


def test_marks_belong_to_the_task_that_makes_them(recorded: dict[str, Any]) -> None:
    assert {mark["name"]: mark["task"] for mark in recorded["marks"]} == {
        "reading": task(recorded, "reader")["id"],
        "in guest": task(recorded, "guest")["id"],
        "in host": task(recorded, "host")["id"],
    }


def test_each_run_is_a_loop_of_its_own_in_its_thread(recorded: dict[str, Any]) -> None:
    one, two = tasks(recorded, "in_thread")
    main, host, guest = (task(recorded, name) for name in ("main", "host", "guest"))
    assert len({t["loop"] for t in (main, one, two, host, guest)}) == 5
    assert len({t["thread"] for t in (main, one, two)}) == 3
    assert main["thread"] == host["thread"] == guest["thread"]


def test_a_coroutine_that_is_never_awaited_is_found(recorded: dict[str, Any]) -> None:
    found = [f for f in recorded["findings"] if f["name"] == "never-awaited"]
    assert [(f["line"], f["task"]) for f in found] == [
        (line_of("    forgotten()"), task(recorded, "main")["id"])
    ]


def test_states_add_up_to_the_life_of_a_task(recorded: dict[str, Any]) -> None:
    for found in recorded["tasks"]:
        if found["kind"] == "thread":
            continue
        life_s = found["ended_s"] - found["created_s"]
        assert found["running_s"] + found["ready_s"] + found["waiting_s"] == pytest.approx(life_s, abs=1e-6)
