/* What the short ways are made of: slots, numbers, dictionaries by identity, and what a callback is. */

#include "quick.h"

/* The number in `word`: one of the few that the events of a loop end with, so each is converted once. */
uint64_t
number_in(State *state, PyObject *word)
{
    Known *known = &state->known[((uintptr_t)word >> 4) % KNOWN_WORDS];
    if (known->word != word) {
        PyObject *old = known->word;
        known->number = PyLong_AsUnsignedLongLong(word);
        known->word = NEW_REFERENCE(word);
        Py_XDECREF(old);
    }
    return known->number;
}

/* Call the method `name` of `object`, with `first` unless it is NULL. */
int
call(PyObject *object, PyObject *name, PyObject *first)
{
    PyObject *result = PyObject_CallMethodObjArgs(object, name, first, NULL);
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

/* What `function` gives for `first`: as the interpreter calls it, which tells the program's profilers of calls from Python
   only. */
PyObject *
call_with(State *state, PyObject *function, PyObject *first)
{
    if ((PyObject *)Py_TYPE(function) == state->builtin_type && PyCFunction_GetFlags(function) == METH_O)
        return PyCFunction_GetFunction(function)(PyCFunction_GetSelf(function), first);
    return PyObject_CallFunctionObjArgs(function, first, NULL);
}

/* Whether the attribute `name` of `object` is true; -1: exception. */
int
is_true(PyObject *object, PyObject *name)
{
    PyObject *value = PyObject_GetAttr(object, name);
    int verdict = value == NULL ? -1 : PyObject_IsTrue(value);
    Py_XDECREF(value);
    return verdict;
}

/* Give the exception that is set to the recorder. -1 where it comes out of a handler of the program's, to which it goes. */
int
fail(State *state, PyObject *watch)
{
    PyObject *kind, *error, *traceback;
    PyErr_Fetch(&kind, &error, &traceback);
    if (kind == NULL)
        return 0;
    PyErr_NormalizeException(&kind, &error, &traceback);
    if (!PyErr_GivenExceptionMatches(kind, PyExc_Exception)) {
        PyErr_Restore(kind, error, traceback);
        return -1;
    }
    if (is_cleared(state, watch)) {
        Py_XDECREF(kind);
        Py_XDECREF(error);
        Py_XDECREF(traceback);
        return 0;
    }
    if (traceback != NULL)
        PyException_SetTraceback(error, traceback);
    int verdict = call(AT(state, watch, WATCH_recorder), state->words.fail, error);
    Py_XDECREF(kind);
    Py_XDECREF(error);
    Py_XDECREF(traceback);
    return verdict;
}

/* `dictionary.get(id(object))`, borrowed, or NULL where there is nothing, or with an exception. */
PyObject *
find_by_id(PyObject *dictionary, PyObject *object)
{
    PyObject *key = PyLong_FromVoidPtr(object);
    if (key == NULL)
        return NULL;
    PyObject *value = PyDict_GetItemWithError(dictionary, key);
    Py_DECREF(key);
    return value;
}

/* The record of `task`, borrowed; Py_None where it is not to be recorded, NULL where it is not known, or with an exception. */
PyObject *
record_of(State *state, PyObject *watch, PyObject *task)
{
    PyObject *record = (PyObject *)Py_TYPE(task) == state->task_type ? AT(state, task, TASK_record) : NULL;
    if (record == NULL || record == Py_None)
        record = remembered_record(state, watch, task);
    if (record == NULL) {
        PyObject *entry = find_by_id(AT(state, watch, WATCH_tasks), task);
        record = entry == NULL ? NULL : PyTuple_GetItem(entry, 0);
        if (record != NULL && record != Py_None)
            remember_record(state, watch, task, record); /* What that displaces is in the dictionary, so nothing is freed. */
    }
    /* One that the collector has emptied is garbage, as its task is. */
    return record != NULL && record != Py_None && AT(state, record, RECORD_key) == NULL ? Py_None : record;
}

/* `dictionary.pop(id(object), None)`, or NULL where there is nothing, or with an exception. */
PyObject *
pop_by_id(PyObject *dictionary, PyObject *object)
{
    if (PyDict_Size(dictionary) == 0)
        return NULL;
    PyObject *key = PyLong_FromVoidPtr(object);
    if (key == NULL)
        return NULL;
    PyObject *value = PyDict_GetItemWithError(dictionary, key);
    Py_XINCREF(value);
    if (value != NULL && PyDict_DelItem(dictionary, key) < 0)
        Py_CLEAR(value);
    Py_DECREF(key);
    return value;
}

int
set_by_id(PyObject *dictionary, PyObject *object, PyObject *value)
{
    PyObject *key = PyLong_FromVoidPtr(object);
    if (key == NULL)
        return -1;
    int verdict = PyDict_SetItem(dictionary, key, value);
    Py_DECREF(key);
    return verdict;
}

/* Whether the calling thread is the one that runs the loop. */
int
is_here(State *state, PyObject *watch)
{
    return PyThread_get_thread_ident() == number_in(state, AT(state, watch, WATCH_thread));
}

/* Whether the calling code is what the loop runs right now. */
int
is_in_step(State *state, PyObject *watch)
{
    return AT(state, watch, WATCH_phase) == state->running && is_here(state, watch);
}

static int
is_handle(State *state, PyObject *item)
{
    return (PyObject *)Py_TYPE(item) == state->handle_type || (PyObject *)Py_TYPE(item) == state->own_handle_type;
}

/* Whether what is queued is not to run any more; -1: exception. */
int
is_cancelled(State *state, PyObject *item)
{
    if (PyTuple_CheckExact(item))
        return 0;
    PyObject *answer = is_handle(state, item) ? AT(state, item, HANDLE_is_cancelled) : NULL;
    if (answer == Py_True || answer == Py_False)
        return answer == Py_True;
    return is_true(item, state->words.is_cancelled);
}

/* What `handle` calls, a new reference; None where it is no handle but a task. */
PyObject *
callback_of(State *state, PyObject *handle)
{
    PyObject *callback;
    if (is_handle(state, handle) && (callback = AT(state, handle, HANDLE_callback)) != NULL)
        return NEW_REFERENCE(callback);
    if (PyTuple_CheckExact(handle)) {
        callback = PyTuple_GetItem(handle, 0);
        Py_XINCREF(callback);
        return callback;
    }
    callback = PyObject_GetAttr(handle, state->words.callback);
    if (callback == NULL && PyErr_ExceptionMatches(PyExc_AttributeError)) {
        PyErr_Clear();
        callback = NEW_REFERENCE(Py_None);
    }
    return callback;
}

/* The function of a bound method, borrowed. */
PyObject *
function_of(State *state, PyObject *method)
{
    return AT(state, method, METHOD_function);
}

/* Whether a bound method is no step of a task written in Python; -1: exception. */
static int
is_plain_method(State *state, PyObject *method)
{
    PyObject *function = function_of(state, method);
    PyObject **known = &state->plain_functions[((uintptr_t)function >> 4) % KNOWN_WORDS];
    if (*known == function)
        return 1;
    PyObject *key = PyLong_FromVoidPtr(function);
    if (key == NULL)
        return -1;
    int is_step = PySet_Contains(state->python_steps, key);
    Py_DECREF(key);
    /* All steps are there before this is loaded, and stay: what is none now will be none at this address. */
    if (is_step == 0)
        *known = function;
    return is_step < 0 ? -1 : !is_step;
}

/* Whether calling it steps no task: a function, or a method that is no step of a task written in Python. -1: exception. */
int
is_plain_callback(State *state, PyObject *callback)
{
    PyObject *kind = (PyObject *)Py_TYPE(callback);
    return kind == state->function_type || (kind == state->method_type ? is_plain_method(state, callback) : 0);
}

/* Whether it wakes a task of asyncio's own that has waited. -1: exception. */
int
is_wakeup(State *state, PyObject *callback)
{
    if ((PyObject *)Py_TYPE(callback) != state->builtin_type)
        return 0;
    PyCFunction function = PyCFunction_GetFunction(callback);
    if (function == NULL)
        return -1;
    if (function == state->task_wakeup)
        return 1;
    PyObject *name = PyObject_GetAttr(callback, state->words.name_of);
    if (name == NULL)
        return -1;
    int is_one = PyUnicode_CompareWithASCIIString(name, "task_wakeup") == 0;
    Py_DECREF(name);
    if (is_one)
        state->task_wakeup = function;
    return is_one;
}
