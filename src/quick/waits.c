/* Where a task waits, as the number of a stack. As `Walks` (walks.py), of the most frequent chain. */

#include "quick.h"

/* Whether `coroutine` itself waits for a future; -1: exception. */
static int
awaits_future(State *state, PyObject *coroutine)
{
    PyObject *awaited = got(state, coroutine, GET_cr_await);
    if (awaited == NULL)
        return -1;
    PyObject *kind = (PyObject *)Py_TYPE(awaited);
    int verdict = kind == state->future_iterator;
    if (kind == state->generator_type)
        verdict = code_in(frame_of(state, awaited)) == state->future_code;
    Py_DECREF(awaited);
    return verdict;
}

/* As it is known in Python, and from now on in the memo; 0 where it is not. */
static long long
look_up(State *state, PyObject *watch, PyObject *root, long at)
{
    PyObject *offset = PyLong_FromLong(at), *key = offset == NULL ? NULL : PyTuple_Pack(2, root, offset);
    PyObject *known = AT(state, AT(state, watch, WATCH_walks), WALKS_known);
    PyObject *stack = key == NULL ? NULL : PyDict_GetItemWithError(known, key);
    unsigned long number = stack == NULL ? 0 : PyLong_AsUnsignedLong(stack);
    Py_XDECREF(key);
    Py_XDECREF(offset);
    if (PyErr_Occurred())
        return -1;
    if (number > 0)
        remember_place(state, watch, root, NULL, at, number);
    return (long long)number;
}

/* The stack of a task whose coroutine waits for a future at a place where one has waited before; 0 where it is special. */
static long long
known_stack(State *state, PyObject *watch, PyObject *record, PyObject *task)
{
    PyObject *kind = (PyObject *)Py_TYPE(task), *root = AT(state, record, RECORD_root);
    long at = -1;
    if (kind != state->task_type && kind != state->c_task_type)
        return 0;
    PyObject *coroutine = coroutine_of(state, task);
    if (coroutine != NULL && (PyObject *)Py_TYPE(coroutine) == state->coroutine_type && awaits_future(state, coroutine) == 1)
        at = offset_in_frame(state, frame_of(state, coroutine));
    Py_XDECREF(coroutine);
    if (at < 0)
        return PyErr_Occurred() ? -1 : 0;
    unsigned long number;
    return remembered_place(state, watch, root, NULL, at, &number) ? (long long)number : look_up(state, watch, root, at);
}

/* `Walks.stack` in the stream of the loop's thread. */
long long
stack_of(State *state, PyObject *watch, PyObject *record)
{
    PyObject *task = task_of(record);
    long long number = known_stack(state, watch, record, task);
    if (number > 0)
        set(state, record, RECORD_is_walked, Py_True);
    else if (number == 0) {
        PyObject *walks = AT(state, watch, WATCH_walks), *stream = AT(state, watch, WATCH_stream);
        PyObject *stack = PyObject_CallMethodObjArgs(walks, state->words.stack, stream, record, task, NULL);
        number = stack == NULL ? -1 : PyLong_AsLongLong(stack);
        Py_XDECREF(stack);
    }
    Py_DECREF(task);
    return number;
}
