/* Where a task waits, as the number of a stack. As `Walks` (walks.py), of the most frequent chain. */

#include "quick.h"

/* Whether `coroutine` itself waits for a future; -1: exception. */
static int
awaits_future(State *state, PyObject *coroutine)
{
    PyObject *awaited = PyObject_GetAttr(coroutine, state->words.cr_await);
    if (awaited == NULL)
        return -1;
    PyObject *kind = (PyObject *)Py_TYPE(awaited);
    int verdict = kind == state->future_iterator;
    if (kind == state->generator_type) {
        PyObject *code = PyObject_GetAttr(awaited, state->words.gi_code);
        verdict = code == NULL ? -1 : code == state->future_code;
        Py_XDECREF(code);
    }
    Py_DECREF(awaited);
    return verdict;
}

/* The offset at which `coroutine` is suspended, a new reference. */
static PyObject *
offset_in(State *state, PyObject *coroutine)
{
    PyObject *frame = PyObject_GetAttr(coroutine, state->words.cr_frame), *offset = NULL;
    if (frame != NULL && frame != Py_None)
        offset = PyObject_GetAttr(frame, state->words.f_lasti);
    Py_XDECREF(frame);
    return offset;
}

/* The stack of a task whose coroutine waits for a future at a place where one has waited before; 0 where it is special. */
static long long
known_stack(State *state, PyObject *watch, PyObject *record, PyObject *task)
{
    PyObject *kind = (PyObject *)Py_TYPE(task), *offset = NULL, *key = NULL;
    if (kind != state->task_type && kind != state->c_task_type)
        return 0;
    PyObject *coroutine = coroutine_of(state, task);
    if (coroutine != NULL && (PyObject *)Py_TYPE(coroutine) == state->coroutine_type && awaits_future(state, coroutine) == 1)
        offset = offset_in(state, coroutine);
    if (offset != NULL)
        key = PyTuple_Pack(2, AT(state, record, RECORD_root), offset);
    PyObject *known = AT(state, AT(state, watch, WATCH_walks), WALKS_known);
    PyObject *stack = key == NULL ? NULL : PyDict_GetItemWithError(known, key);
    long long number = stack == NULL ? 0 : PyLong_AsLongLong(stack);
    Py_XDECREF(key);
    Py_XDECREF(offset);
    Py_XDECREF(coroutine);
    return PyErr_Occurred() ? -1 : number;
}

/* `Walks.stack` in the stream of the loop's thread. */
long long
stack_of(State *state, PyObject *watch, PyObject *record)
{
    PyObject *task = PyObject_CallNoArgs(record);
    if (task == NULL)
        return -1;
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
