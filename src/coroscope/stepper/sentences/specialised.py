"""What each specialised form is for: CPython puts it in an instruction's place when it has seen what that works on.

It does what the instruction does, only faster, and gives way to it again when it meets something else.
"""

from __future__ import annotations

INSTRUMENTED = "INSTRUMENTED_"
"""Before the name of an instruction while someone watches it through sys.monitoring."""
FORMS = {
    "BINARY_OP_ADAPTIVE": "that still looks what it works on",
    "BINARY_OP_ADD_FLOAT": "for two floats, added",
    "BINARY_OP_ADD_INT": "for two ints, added",
    "BINARY_OP_ADD_UNICODE": "for two strings, joined",
    "BINARY_OP_EXTEND": "for a pair of builtin types from a table, such as an int and a float",
    "BINARY_OP_INPLACE_ADD_UNICODE": "for a string in a local variable that another is joined to",
    "BINARY_OP_MULTIPLY_FLOAT": "for two floats, multiplied",
    "BINARY_OP_MULTIPLY_INT": "for two ints, multiplied",
    "BINARY_OP_SUBSCR_DICT": "for an item of a dictionary",
    "BINARY_OP_SUBSCR_GETITEM": "for an item by a __getitem__ written in Python",
    "BINARY_OP_SUBSCR_LIST_INT": "for an item of a list by an int",
    "BINARY_OP_SUBSCR_LIST_SLICE": "for a slice of a list",
    "BINARY_OP_SUBSCR_STR_INT": "for a character of a string by an int",
    "BINARY_OP_SUBSCR_TUPLE_INT": "for an item of a tuple by an int",
    "BINARY_OP_SUBSCR_USTR_INT": "for a character of a string, not all of ASCII, by an int",
    "BINARY_OP_SUBTRACT_FLOAT": "for two floats, subtracted",
    "BINARY_OP_SUBTRACT_INT": "for two ints, subtracted",
    "BINARY_SUBSCR_ADAPTIVE": "that still looks what it works on",
    "BINARY_SUBSCR_DICT": "for an item of a dictionary",
    "BINARY_SUBSCR_GETITEM": "for an item by a __getitem__ written in Python",
    "BINARY_SUBSCR_LIST_INT": "for an item of a list by an int",
    "BINARY_SUBSCR_STR_INT": "for a character of a string by an int",
    "BINARY_SUBSCR_TUPLE_INT": "for an item of a tuple by an int",
    "CALL_ADAPTIVE": "that still looks what it works on",
    "CALL_ALLOC_AND_ENTER_INIT": "for a class with an __init__ written in Python",
    "CALL_BOUND_METHOD_EXACT_ARGS": (
        "for a bound method written in Python, with as many arguments as it has parameters"
    ),
    "CALL_BOUND_METHOD_GENERAL": "for a bound method written in Python",
    "CALL_BUILTIN_CLASS": "for a builtin class",
    "CALL_BUILTIN_FAST": "for a builtin function with positional arguments",
    "CALL_BUILTIN_FAST_WITH_KEYWORDS": "for a builtin function that takes keywords",
    "CALL_BUILTIN_O": "for a builtin function of one argument",
    "CALL_EX_NON_PY_GENERAL": "for a callable that is not written in Python",
    "CALL_EX_PY": "for a function written in Python",
    "CALL_ISINSTANCE": "for isinstance()",
    "CALL_KW_BOUND_METHOD": "for a bound method written in Python",
    "CALL_KW_NON_PY": "for a callable that is not written in Python",
    "CALL_KW_PY": "for a function written in Python",
    "CALL_LEN": "for len()",
    "CALL_LIST_APPEND": "for append() of a list",
    "CALL_METHOD_DESCRIPTOR_FAST": "for a builtin method with positional arguments",
    "CALL_METHOD_DESCRIPTOR_FAST_WITH_KEYWORDS": "for a builtin method that takes keywords",
    "CALL_METHOD_DESCRIPTOR_NOARGS": "for a builtin method without arguments",
    "CALL_METHOD_DESCRIPTOR_O": "for a builtin method of one argument",
    "CALL_NON_PY_GENERAL": "for a callable that is not written in Python",
    "CALL_NO_KW_BUILTIN_FAST": "for a builtin function with positional arguments",
    "CALL_NO_KW_BUILTIN_O": "for a builtin function of one argument",
    "CALL_NO_KW_ISINSTANCE": "for isinstance()",
    "CALL_NO_KW_LEN": "for len()",
    "CALL_NO_KW_LIST_APPEND": "for append() of a list",
    "CALL_NO_KW_METHOD_DESCRIPTOR_FAST": "for a builtin method with positional arguments",
    "CALL_NO_KW_METHOD_DESCRIPTOR_NOARGS": "for a builtin method without arguments",
    "CALL_NO_KW_METHOD_DESCRIPTOR_O": "for a builtin method of one argument",
    "CALL_NO_KW_STR_1": "for str() of one argument",
    "CALL_NO_KW_TUPLE_1": "for tuple() of one argument",
    "CALL_NO_KW_TYPE_1": "for type() of one argument",
    "CALL_PY_EXACT_ARGS": "for a function written in Python, with as many arguments as it has parameters",
    "CALL_PY_GENERAL": "for a function written in Python",
    "CALL_PY_WITH_DEFAULTS": "for a function written in Python, some of whose parameters take their defaults",
    "CALL_STR_1": "for str() of one argument",
    "CALL_TUPLE_1": "for tuple() of one argument",
    "CALL_TYPE_1": "for type() of one argument",
    "COMPARE_OP_ADAPTIVE": "that still looks what it works on",
    "COMPARE_OP_FLOAT": "for two floats",
    "COMPARE_OP_FLOAT_JUMP": "for two floats, which does the jump that follows, too",
    "COMPARE_OP_INT": "for two small ints",
    "COMPARE_OP_INT_JUMP": "for two small ints, which does the jump that follows, too",
    "COMPARE_OP_STR": "for two strings",
    "COMPARE_OP_STR_JUMP": "for two strings, which does the jump that follows, too",
    "CONTAINS_OP_DICT": "for a dictionary",
    "CONTAINS_OP_SET": "for a set",
    "EXTENDED_ARG_QUICK": "that does without looking whether someone watches",
    "FOR_ITER_GEN": "for a generator, whose frame it enters itself",
    "FOR_ITER_LIST": "for a list",
    "FOR_ITER_RANGE": "for a range",
    "FOR_ITER_TUPLE": "for a tuple",
    "FOR_ITER_VIRTUAL": "for what is indexed instead of having an iterator",
    "GET_ITER_SELF": "for what is its own iterator",
    "GET_ITER_VIRTUAL": "for what is indexed instead of having an iterator",
    "JUMP_BACKWARD_JIT": "that counts the rounds of a loop, to have machine code made of it",
    "JUMP_BACKWARD_NO_JIT": "where no machine code is made",
    "JUMP_BACKWARD_QUICK": "that does without looking whether someone watches",
    "LOAD_ATTR_ADAPTIVE": "that still looks what it works on",
    "LOAD_ATTR_CLASS": "for an attribute of a class",
    "LOAD_ATTR_CLASS_WITH_METACLASS_CHECK": "for an attribute of a class that has a metaclass",
    "LOAD_ATTR_GETATTRIBUTE_OVERRIDDEN": "for an object with a __getattribute__ written in Python",
    "LOAD_ATTR_INSTANCE_VALUE": "for an attribute kept in the object itself",
    "LOAD_ATTR_METHOD_LAZY_DICT": "for a method of an object whose dictionary has not been made yet",
    "LOAD_ATTR_METHOD_NO_DICT": "for a method of an object without a dictionary",
    "LOAD_ATTR_METHOD_WITH_VALUES": "for a method of an object that keeps its attributes in itself",
    "LOAD_ATTR_MODULE": "for an attribute of a module",
    "LOAD_ATTR_NONDESCRIPTOR_NO_DICT": "for a class's plain attribute, by an object without a dictionary",
    "LOAD_ATTR_NONDESCRIPTOR_WITH_VALUES": (
        "for a class's plain attribute, by an object that keeps its own in itself"
    ),
    "LOAD_ATTR_PROPERTY": "for a property written in Python",
    "LOAD_ATTR_SLOT": "for an attribute in a slot",
    "LOAD_ATTR_WITH_HINT": "for an attribute in a dictionary, at a place remembered",
    "LOAD_CONST_IMMORTAL": (
        "for a constant that lives as long as the interpreter, so that no reference is counted"
    ),
    "LOAD_CONST_MORTAL": "for a constant whose references are counted",
    "LOAD_CONST__LOAD_FAST": "that does the LOAD_FAST that follows, too",
    "LOAD_FAST__LOAD_CONST": "that does the LOAD_CONST that follows, too",
    "LOAD_FAST__LOAD_FAST": "that does the LOAD_FAST that follows, too",
    "LOAD_GLOBAL_ADAPTIVE": "that still looks what it works on",
    "LOAD_GLOBAL_BUILTIN": "for a builtin, at a place remembered",
    "LOAD_GLOBAL_MODULE": "for a global variable, at a place remembered",
    "LOAD_METHOD_ADAPTIVE": "that still looks what it works on",
    "LOAD_METHOD_CLASS": "for a method of a class, called by the class",
    "LOAD_METHOD_MODULE": "for a function of a module",
    "LOAD_METHOD_NO_DICT": "for a method of an object without a dictionary",
    "LOAD_METHOD_WITH_DICT": "for a method of an object with a dictionary",
    "LOAD_METHOD_WITH_VALUES": "for a method of an object that keeps its attributes in itself",
    "LOAD_SUPER_ATTR_ATTR": "for an attribute that is not called",
    "LOAD_SUPER_ATTR_METHOD": "for a method that is called",
    "PRECALL_ADAPTIVE": "that still looks what it works on",
    "PRECALL_BOUND_METHOD": "for a bound method",
    "PRECALL_BUILTIN_CLASS": "for a builtin class, which does the CALL that follows, too",
    "PRECALL_BUILTIN_FAST_WITH_KEYWORDS": (
        "for a builtin function that takes keywords, which does the CALL that follows, too"
    ),
    "PRECALL_METHOD_DESCRIPTOR_FAST_WITH_KEYWORDS": (
        "for a builtin method that takes keywords, which does the CALL that follows, too"
    ),
    "PRECALL_NO_KW_BUILTIN_FAST": (
        "for a builtin function with positional arguments, which does the CALL that follows, too"
    ),
    "PRECALL_NO_KW_BUILTIN_O": (
        "for a builtin function of one argument, which does the CALL that follows, too"
    ),
    "PRECALL_NO_KW_ISINSTANCE": "for isinstance(), which does the CALL that follows, too",
    "PRECALL_NO_KW_LEN": "for len(), which does the CALL that follows, too",
    "PRECALL_NO_KW_LIST_APPEND": (
        "for append() of a list, which does the CALL and the POP_TOP that follow, too"
    ),
    "PRECALL_NO_KW_METHOD_DESCRIPTOR_FAST": (
        "for a builtin method with positional arguments, which does the CALL that follows, too"
    ),
    "PRECALL_NO_KW_METHOD_DESCRIPTOR_NOARGS": (
        "for a builtin method without arguments, which does the CALL that follows, too"
    ),
    "PRECALL_NO_KW_METHOD_DESCRIPTOR_O": (
        "for a builtin method of one argument, which does the CALL that follows, too"
    ),
    "PRECALL_NO_KW_STR_1": "for str() of one argument, which does the CALL that follows, too",
    "PRECALL_NO_KW_TUPLE_1": "for tuple() of one argument, which does the CALL that follows, too",
    "PRECALL_NO_KW_TYPE_1": "for type() of one argument, which does the CALL that follows, too",
    "PRECALL_PYFUNC": "for a function written in Python",
    "RESUME_CHECK": "that finds with one comparison that there is nothing to see to",
    "RESUME_CHECK_JIT": (
        "that finds with one comparison that there is nothing to see to, and counts for the JIT compiler"
    ),
    "RESUME_QUICK": "that does without looking whether someone watches",
    "SEND_ASYNC_GEN": "for what an asynchronous generator's __anext__() or asend() returns",
    "SEND_GEN": "for a generator or coroutine, whose frame it enters itself",
    "SEND_VIRTUAL": "for what is indexed instead of having an iterator",
    "STORE_ATTR_ADAPTIVE": "that still looks what it works on",
    "STORE_ATTR_INSTANCE_VALUE": "for an attribute kept in the object itself",
    "STORE_ATTR_SLOT": "for an attribute in a slot",
    "STORE_ATTR_WITH_HINT": "for an attribute in a dictionary, at a place remembered",
    "STORE_FAST__LOAD_FAST": "that does the LOAD_FAST that follows, too",
    "STORE_FAST__STORE_FAST": "that does the STORE_FAST that follows, too",
    "STORE_SUBSCR_ADAPTIVE": "that still looks what it works on",
    "STORE_SUBSCR_DICT": "for a dictionary",
    "STORE_SUBSCR_LIST_INT": "for a list, by an int",
    "TO_BOOL_ALWAYS_TRUE": "for an object whose type has neither __bool__ nor __len__",
    "TO_BOOL_BOOL": "for a bool",
    "TO_BOOL_INT": "for an int",
    "TO_BOOL_LIST": "for a list",
    "TO_BOOL_NONE": "for None",
    "TO_BOOL_STR": "for a string",
    "UNPACK_SEQUENCE_ADAPTIVE": "that still looks what it works on",
    "UNPACK_SEQUENCE_LIST": "for a list",
    "UNPACK_SEQUENCE_TUPLE": "for a tuple",
    "UNPACK_SEQUENCE_TWO_TUPLE": "for a tuple of two",
}  # fmt: skip


def form(opcode: str, base: str) -> str | None:
    """Say of a specialised or instrumented `opcode` which form of `base` it is; None if it is `base` itself."""
    if opcode == base:
        return None
    if opcode.startswith(INSTRUMENTED):
        return f"the form of {base} while someone watches it through sys.monitoring"
    kind = FORMS.get(opcode)
    return None if kind is None else f"the form of {base} {kind}"
