"""Source that compiles to every instruction that the compiler makes, of each version."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from coroscope.stepper import Instruction, all_codes, disassemble

EVERYWHERE = """
import os, os.path
from math import pi as ratio
value: int = 1
del value
assert os, "no os"
class Base:
    a: int = 1
    def method(self, *args): return super().method(*args), super().attribute
def variables(a, b):
    global shared
    c = a; d, e = b, a
    f = g = c
    shared = d; del shared
    if a: late = 1
    print(late, f, g)
    del c
    return e
def cells(a):
    b = 1
    def inner():
        nonlocal b
        b += a
        del b
        return b
    class Inner:
        c = a
    return inner
def operators(a, b):
    a + b; -a; ~a; not a; +a; a[b]; a[b:a]; a[b:a:b]
    a += b; a @ b
    a[b] = a; a[b:a] = b; del a[b]
    a.x = b; del a.x
    return a < b < a, a is not b, a in b
def formats(a):
    return f"{a}{a!r:>{a}}{a:5}{a!s}"
def builds(a, b):
    [a, *b]; (a, *b); {a, *b}; {a: b, **b}; {"k": a, "l": b}; {1, 2, 3}; [1, 2, 3]
    c, *d, e = a; c, d = a
    [x for x in a]; {x for x in a}; {x: x for x in a}; (x for x in a)
    return a, b, {}, []
def calls(a, b):
    a(); a(1, b=2); a.m(b); a.m(k=1); a(*b); a(*b, **a)
    def f(x: int, y=1, *, z=2) -> int: return x
    return lambda: a
def flow(a, b):
    for x in a:
        if x: continue
        if x is None: break
        if x is not None: pass
    while a: b()
    while not a: b()
    while a is None: b()
    while a is not None: b()
    return a or b and a
def failures(a):
    try: a()
    except ValueError as error: raise
    except (TypeError, KeyError): raise a from None
    finally: a()
    try: a()
    except* OSError: pass
    with a as b: pass
    assert a
def generator(a):
    b = yield a
    yield from a
    return b
async def coroutine(a):
    await a
    async with a as b: pass
    async for c in a: yield c
    d = [x async for x in a]
def patterns(a):
    match a:
        case [x, *_]: return x
        case {"k": y, **rest}: return y
        case Base(m, n=1): return m
        case None: pass
def many():
    return %s
""" % ("(" + ", ".join(f"x{number}" for number in range(300)) + ")")
SINCE = {
    (3, 12): '''
def generic[T: int, *U, **P, V: (int, str)](a: T) -> T: return a
class Generic[T]:
    x: T
class Holder:
    limit = int
    def method[T: limit](self, a: T): pass
type Alias[T] = list[T]
def outer():
    n = 1
    class C[T]:
        y = n
        def g(self): return [n for n in self.x if (lambda: n)()]
''',
    (3, 13): '''
class Default[T = int]: pass
def two(a, b, c):
    d = a; e = b
    return d, e, a, b
''',
    (3, 14): '''
def templates(a): return t"{a} and {a!r:>5}"
def common(a): return all(x for x in a), any(x for x in a), tuple(x for x in a), 1, 300
def annotated(a: int) -> str: pass
''',
    (3, 15): '''
lazy import json
''',
}  # fmt: skip
NEVER_COMPILED = {
    "CACHE", "RESERVED", "INTERPRETER_EXIT", "EXIT_INIT_CHECK", "ENTER_EXECUTOR", "TRACE_RECORD",
    # notes that the compiler makes for itself
    "ANNOTATIONS_PLACEHOLDER", "JUMP", "JUMP_NO_INTERRUPT", "JUMP_IF_FALSE", "JUMP_IF_TRUE", "POP_BLOCK",
    "SETUP_CLEANUP", "SETUP_FINALLY", "SETUP_WITH", "STORE_FAST_MAYBE_NULL", "LOAD_SUPER_METHOD",
    "LOAD_ZERO_SUPER_ATTR", "LOAD_ZERO_SUPER_METHOD",
}  # fmt: skip
if sys.version_info >= (3, 12):
    NEVER_COMPILED.add("LOAD_METHOD")  # LOAD_ATTR does both
if sys.version_info >= (3, 13):
    NEVER_COMPILED.add("LOAD_CLOSURE")  # LOAD_FAST does both


def sources() -> Iterator[tuple[str, str]]:
    """Source and the mode to compile it in."""
    yield EVERYWHERE, "exec"
    for version, source in SINCE.items():
        if sys.version_info[:2] >= version:
            yield source, "exec"
    yield "from os import *", "exec"
    yield "shown", "single"
    yield "from __future__ import annotations\nvalue: int = 1", "exec"


def examples() -> Iterator[Instruction]:
    for source, mode in sources():
        for code in all_codes(compile(source, "<every opcode>", mode, dont_inherit=True)):
            yield from disassemble(code)
