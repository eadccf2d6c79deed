"""A list is the same list when it comes back from where no frame could see it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.stepper.test_heap import recording_of

_BACK = {
    "a for loop over a list of lists": "for row in [[MARK]]:\n    pass",
    "an iterator": "it = iter([[MARK]])\nrow = next(it)",
    "zip": "for row, other in zip([[MARK]], [[2]]):\n    pass",
    "enumerate": "for number, row in enumerate([[MARK]]):\n    pass",
    "the items of a dict": "for key, row in {'a': [MARK]}.items():\n    pass",
    "map": "row = next(map(lambda row: row, [[MARK]]))",
    "reversed": "row = next(reversed([[MARK]]))",
    "itertools.chain": "import itertools\nrow = next(itertools.chain([[MARK]], [[2]]))",
    "itertools.product": "import itertools\n[[row]] = itertools.product([[MARK]])",
    "a slice": "row = slice([MARK], None).start",
    "a bound method of a list": "more = [MARK].__iter__\nrow = more.__self__",
    "functools.partial": "import functools\npart = functools.partial(len, [MARK])\n[row] = part.args",
    "a cache": (
        "import functools\n"
        "@functools.lru_cache\ndef cached(number):\n    return [number]\n"
        "cached(MARK)\nrow = cached(MARK)"
    ),
    "an OrderedDict": "import collections\nkept = collections.OrderedDict(a=[MARK])\nrow = kept['a']",
    "a ChainMap": "import collections\nkept = collections.ChainMap({'a': [MARK]})\nrow = kept['a']",
    "a SimpleNamespace": "import types\nkept = types.SimpleNamespace(a=[MARK])\nrow = kept.a",
    "a queue": "import queue\nkept = queue.Queue()\nkept.put([MARK])\nrow = kept.get()",
    "a simple queue": "import queue\nkept = queue.SimpleQueue()\nkept.put([MARK])\nrow = kept.get()",
    "a thread": (
        "import threading\nout = []\n"
        "kept = threading.Thread(target=out.append, args=([MARK],))\nkept.start()\nkept.join()\n[row] = out"
    ),
    "a pool's future": (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "with ThreadPoolExecutor(1) as pool:\n    kept = pool.submit(lambda: [MARK])\n    row = kept.result()"
    ),
    "a context variable": (
        "import contextvars\nkept = contextvars.ContextVar('kept')\nkept.set([MARK])\nrow = kept.get()"
    ),
    "a context manager": (
        "import contextlib\n"
        "@contextlib.contextmanager\ndef opened(row):\n    yield row\n"
        "with opened([MARK]) as row:\n    pass"
    ),
    "sorted with a key": "other, row = sorted([[MARK], [0]], key=lambda row: row[0])",
    "a list while it is sorted": "rows = [[MARK], [0]]\nrows.sort(key=lambda row: row[0])\nother, row = rows",
    "max with a key": "row = max([[MARK], [0]], key=lambda row: row[0])",
    "functools.reduce": "import functools\nrow = functools.reduce(lambda first, _: first, [[MARK], [2]])",
    "a list of what a generator yields": (
        "def generate():\n    yield [MARK]\n    yield [2]\nrow, other = list(generate())"
    ),
    "a list of what a generator yields to zip": (
        "def generate():\n    yield [MARK]\n    yield [2]\n(row, one), (other, two) = list(zip(generate(), (1, 2)))"
    ),
    "what next gives, of a generator that dies then": (
        "def generate():\n    try:\n        yield [MARK]\n    finally:\n        other = [0]\nrow = next(generate())"
    ),
    "what a list iterator went through": "row = (MARK,)\nrow = [*iter([MARK] for _ in row)][0]",
    "what a generator yields, sorted": (
        "def generate():\n    yield [2]\n    yield [MARK]\nrow, other = sorted(generate(), key=len)"
    ),
    "a list of what map has called": "row, other = list(map(lambda number: [number], (MARK, 2)))",
    "a list that is extended by what is mapped": "def same(row):\n    return row\nrows = [*map(same, [[MARK]])]",
}
_BACK_IN_A_LOOP = {
    "a future's result": (
        "    future = asyncio.get_running_loop().create_future()\n"
        "    future.set_result([MARK])\n"
        "    row = await future"
    ),
    "a future's result by another name": (
        "    future = asyncio.get_running_loop().create_future()\n"
        "    future.set_result([MARK])\n"
        "    row = future.result()"
    ),
    "a task's result": (
        "    async def work():\n        return [MARK]\n"
        "    task = asyncio.create_task(work())\n"
        "    await task\n"
        "    row = task.result()"
    ),
    "what a library's coroutine gives": "    row = await asyncio.sleep(0, [MARK])",
    "what is put into a queue that is full": (
        "    queue = asyncio.Queue(1)\n"
        "    async def put():\n        await queue.put([0])\n        await queue.put([MARK])\n"
        "    task = asyncio.create_task(put())\n"
        "    await asyncio.sleep(0)\n"
        "    await queue.get()\n"
        "    row = await queue.get()"
    ),
    "an asynchronous queue": (
        "    queue = asyncio.Queue()\n    queue.put_nowait([MARK])\n    row = await queue.get()"
    ),
}
_FIRST, _FIRST_IN_LOOP = 1001, 2001


def _in_loops() -> dict[str, tuple[str, str]]:
    return {
        f"{name}, {loop}": (source, loop)
        for name, source in _BACK_IN_A_LOOP.items()
        for loop in ("asyncio.new_event_loop", "coroscope.Loop")
    }


@pytest.fixture(scope="module")
def lists(tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """How many lists there were with nothing but its number in them, for each of the programs, run in one."""
    program = "import asyncio, coroscope\n"
    for number, source in enumerate(_BACK.values(), _FIRST):
        program += source.replace("MARK", str(number)) + "\n"
    for number, (source, loop) in enumerate(_in_loops().values(), _FIRST_IN_LOOP):
        program += f"async def main():\n{source}\n".replace("MARK", str(number))
        program += f"with asyncio.Runner(loop_factory={loop}) as runner:\n    runner.run(main())\n"
    recording = recording_of(program, tmp_path_factory.mktemp("holders"))
    found: dict[str, set[int]] = {}
    for moment in recording.iter_moments():
        for value in (*(moment.stack or ()), *moment.locals.values()):
            if value.object and recording.objects[value.object - 1].type == "list":
                found.setdefault(value.text, set()).add(value.object)
    return {text: len(objects) for text, objects in found.items()}


@pytest.mark.parametrize("number", range(_FIRST, _FIRST + len(_BACK)), ids=_BACK)
def test_a_list_that_only_the_library_holds_is_the_same_when_it_comes_back(
    number: int, lists: Mapping[str, int]
) -> None:
    assert lists[f"[{number}]"] == 1


@pytest.mark.parametrize("number", range(_FIRST_IN_LOOP, _FIRST_IN_LOOP + len(_in_loops())), ids=_in_loops())
def test_a_list_in_a_future_is_the_same_when_it_comes_back(number: int, lists: Mapping[str, int]) -> None:
    assert lists[f"[{number}]"] == 1


def test_an_exception_in_a_task_is_the_same_when_it_comes_back(tmp_path: Path) -> None:
    source = """\
import asyncio
async def work():
    raise ValueError(1)
async def main():
    task = asyncio.create_task(work())
    await asyncio.wait([task])
    error = task.exception()
asyncio.run(main())
"""
    assert [facts.type for facts in recording_of(source, tmp_path).objects].count("ValueError") == 1


def test_a_tuple_that_zip_fills_anew_shows_what_is_in_it_now(tmp_path: Path) -> None:
    source = "found = []\nfor pair in zip('ab', 'cd'):\n    first = pair[0]\n    del pair\n    found.append(first)\n"
    assert "['a', 'b']" in [value.text for value in recording_of(source, tmp_path).at(-1).locals.values()]


def test_a_list_is_no_other_that_died_unseen_at_its_address(tmp_path: Path) -> None:
    # The iterator goes to C code, and takes with it the function, whose default holds what holds the first list.
    source = """\
def run():
    found = list(iter(lambda it=iter([[80], None]): next(it), None))
    outer = [[81]]
    return outer
run()
"""
    recording = recording_of(source, tmp_path)
    shown = [
        moment.stack[-1].text
        for moment in recording.iter_moments()
        if moment.instruction.base == "STORE_FAST" and moment.instruction.meaning == "outer" and moment.stack
    ]
    assert shown == ["[[81]]"]


def test_what_a_call_drops_is_not_the_same_as_what_comes_next(tmp_path: Path) -> None:
    source = """\
def generate():
    for number in range(5):
        yield [number]
total = sum(len(each) for each in generate())
"""
    yielded = [
        moment.stack[-1]
        for moment in recording_of(source, tmp_path).iter_moments()
        if moment.instruction.base == "YIELD_VALUE"
        and moment.stack
        and moment.frame.code.qualified_name == "generate"
    ]
    assert [value.text for value in yielded] == ["[0]", "[1]", "[2]", "[3]", "[4]"]
    assert len({value.object for value in yielded}) == 5


def test_an_exception_in_a_group_of_tasks_is_the_same_when_it_comes_back(tmp_path: Path) -> None:
    source = """\
import asyncio
async def work():
    await asyncio.sleep(0)
    raise ValueError(1)
async def main():
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(work())
            group.create_task(asyncio.sleep(0))
    except* ValueError as failed:
        error = failed.exceptions[0]
asyncio.run(main())
"""
    assert [facts.type for facts in recording_of(source, tmp_path).objects].count("ValueError") == 1


def test_a_constant_is_one_object_and_lives_as_long_as_its_code(tmp_path: Path) -> None:
    source = "def run():\n    for number in range(3):\n        pair = ('a', 'b')\n        del pair\nrun()\n"
    tuples = [facts for facts in recording_of(source, tmp_path).objects if facts.type == "tuple"]
    assert [facts.died for facts in tuples] == [None]


def test_a_class_body_begins_without_the_names_of_another(tmp_path: Path) -> None:
    source = """\
class A:
    count = 0
    def method(self): return 1
class B(A):
    def method(self): return __class__
class C(A):
    number = 2
"""
    recording = recording_of(source, tmp_path)
    begins = [
        dict(moment.locals)
        for moment in recording.iter_moments()
        if moment.frame.code.kind == "class"
        and moment.step.number == recording.frames[moment.step.frame].first_step
    ]
    assert begins == [{}, {}, {}]
