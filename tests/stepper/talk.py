"""The talk's programs, small enough to be read instruction by instruction."""

from __future__ import annotations

TALK = {
    "square": """\
def square(x):
    return x * x


def main():
    n = square(3)
    print(n)


main()
""",
    "fib": """\
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


print(fib(3))
""",
    "counter": """\
def counter(limit):
    n = 0
    while n < limit:
        step = yield n
        n += step or 1
    return "done"


count = counter(5)
print(next(count), count.send(3))
for n in count:
    print(n)
""",
    "yield_from": """\
def inner():
    try:
        got = yield 1
    except KeyError as error:
        got = error.args[0]
    return got


def middle():
    return (yield from inner())


def outer():
    print((yield from middle()))


generator = outer()
next(generator)
try:
    generator.throw(KeyError("thrown"))
except StopIteration:
    pass
""",
    "tasks": """\
import asyncio


async def tick(name):
    print(name)
    await asyncio.sleep(0)
    return name


async def main():
    a, b = await asyncio.gather(tick("a"), tick("b"))
    return a + b


print(asyncio.run(main()))
""",
}
OUTPUT = {
    "square": "9\n",
    "fib": "2\n",
    "counter": "0 3\n4\n",
    "yield_from": "thrown\n",
    "tasks": "a\nb\nab\n",
}
