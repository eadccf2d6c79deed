/* The ready queue of an asyncio loop that is recorded. As `QuickQueue` (quick_queue.py). */

#include "quick.h"

static int
is_watched(PyObject *watch)
{
    return watch != Py_None && watch != NULL; /* NULL: the collector has emptied the queue. */
}

/* ---- queued ---- */

static int
note_other(State *state, PyObject *watch, PyObject *handle, PyObject *callback)
{
    int is_plain = is_plain_callback(state, callback);
    if (is_plain != 1)
        return is_plain;
    if (AT(state, watch, WATCH_phase) == state->polling && (PyObject *)Py_TYPE(callback) == state->method_type) {
        if (function_of(state, callback) == state->read_ready)
            return NOTED; /* Only the poller queues it. */
    }
    if (!is_in_step(state, watch))
        return SPECIAL;
    PyObject *cause = AT(state, watch, WATCH_cause);
    return cause != state->io && set_by_id(AT(state, watch, WATCH_causes), handle, cause) < 0 ? FAILED : NOTED;
}

static int
note(State *state, PyObject *watch, PyObject *handle)
{
    PyObject *callback = callback_of(state, handle);
    if (callback == NULL)
        return FAILED;
    PyObject *task = task_stepped_by(state, callback);
    int verdict = FAILED;
    if (task != NULL)
        verdict = queue_step(state, watch, task) < 0 ? FAILED : NOTED;
    else if (!PyErr_Occurred())
        verdict = note_other(state, watch, handle, callback);
    Py_XDECREF(task);
    Py_DECREF(callback);
    return verdict;
}

/* `append`. */
static PyObject *
append(State *state, PyObject *queue, PyObject *handle)
{
    PyObject *watch = AT(state, queue, QUEUE_watch);
    int verdict = SPECIAL;
    if (is_watched(watch) && AT(state, queue, QUEUE_successor) == Py_None) {
        Py_INCREF(watch);
        verdict = note(state, watch, handle);
        if (verdict == FAILED)
            verdict = PyErr_Occurred() && fail(state, watch) < 0 ? FAILED : NOTED;
        Py_DECREF(watch);
    }
    if (verdict == FAILED)
        return NULL;
    if (verdict == SPECIAL || AT(state, queue, QUEUE_successor) != Py_None)
        return PyObject_CallMethodObjArgs(queue, state->words.plain_append, handle, NULL);
    return PyObject_CallFunctionObjArgs(state->deque_append, queue, handle, NULL);
}

/* ---- run ---- */

static int
begin(State *state, PyObject *queue, PyObject *watch, PyObject *handle)
{
    PyObject *callback = callback_of(state, handle);
    if (callback == NULL)
        return FAILED;
    PyObject *task = task_stepped_by(state, callback), *result;
    int verdict = FAILED;
    if (task != NULL)
        verdict = begin_step(state, watch, task) < 0 ? FAILED : NOTED;
    else if (!PyErr_Occurred()) {
        verdict = is_plain_callback(state, callback);
        if (verdict == NOTED)
            verdict = begin_handle(state, watch, handle, callback) < 0 ? FAILED : NOTED;
    }
    if (verdict == SPECIAL) {
        result = PyObject_CallMethodObjArgs(queue, state->words.begin_other, handle, callback, NULL);
        verdict = result == NULL ? FAILED : NOTED;
        Py_XDECREF(result);
    }
    Py_XDECREF(task);
    Py_DECREF(callback);
    return verdict;
}

/* `popleft`. */
static PyObject *
popleft(State *state, PyObject *queue)
{
    PyObject *watch = AT(state, queue, QUEUE_watch);
    if (!is_watched(watch))
        return PyObject_CallFunctionObjArgs(state->deque_popleft, queue, NULL);
    Py_INCREF(watch);
    PyObject *handle = NULL;
    if (AT(state, watch, WATCH_token) == Py_None || end_step(state, watch) == 0)
        handle = PyObject_CallFunctionObjArgs(state->deque_popleft, queue, NULL);
    if (handle != NULL && begin(state, queue, watch, handle) == FAILED && PyErr_Occurred() && fail(state, watch) < 0)
        Py_CLEAR(handle);
    Py_DECREF(watch);
    return handle;
}

/* ---- asked for its length ---- */

/* Whether asyncio's loop asks, as it does before it polls and before it runs what is ready. */
static int
is_asked_by_round(State *state)
{
    PyFrameObject *frame = PyEval_GetFrame();
    if (frame == NULL)
        return 0;
    PyObject *code = (PyObject *)PyFrame_GetCode(frame);
    int verdict = code == state->round_code;
    Py_DECREF(code);
    return verdict;
}

/* `__len__`. */
static int
tell_length(State *state, PyObject *queue)
{
    PyObject *watch = AT(state, queue, QUEUE_watch);
    int verdict = 0;
    if (!is_watched(watch))
        return 0;
    Py_INCREF(watch);
    if (is_asked_by_round(state))
        verdict = AT(state, watch, WATCH_phase) == state->polling ? end_poll(state, watch) : begin_poll(state, watch);
    Py_DECREF(watch);
    return verdict;
}

/* ---- as methods ---- */

static PyObject *
queue_append(PyObject *self, PyTypeObject *class, PyObject *const *arguments, Py_ssize_t count, PyObject *Py_UNUSED(names))
{
    if (count == 1)
        return append(PyType_GetModuleState(class), self, arguments[0]);
    PyErr_SetString(PyExc_TypeError, "append() takes one argument: a handle");
    return NULL;
}

static PyObject *
queue_popleft(PyObject *self, PyTypeObject *class, PyObject *const *Py_UNUSED(arguments), Py_ssize_t Py_UNUSED(count),
              PyObject *Py_UNUSED(names))
{
    return popleft(PyType_GetModuleState(class), self);
}

static PyObject *
queue_len(PyObject *self, PyTypeObject *class, PyObject *const *Py_UNUSED(arguments), Py_ssize_t Py_UNUSED(count),
          PyObject *Py_UNUSED(names))
{
    State *state = PyType_GetModuleState(class);
    return tell_length(state, self) < 0 ? NULL : PyObject_CallFunctionObjArgs(state->deque_len, self, NULL);
}

static PyMethodDef queue_methods[] = {
    {"__len__", (PyCFunction)(void (*)(void))queue_len, WITH_CLASS, PyDoc_STR("As ReadyQueue.__len__.")},
    {"append", (PyCFunction)(void (*)(void))queue_append, WITH_CLASS, PyDoc_STR("As QuickQueue.append.")},
    {"popleft", (PyCFunction)(void (*)(void))queue_popleft, WITH_CLASS, PyDoc_STR("As QuickQueue.popleft.")},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot queue_slots[] = {
    {Py_tp_doc, PyDoc_STR("What is done at every step on a loop of asyncio's, for a class of ready queues to begin with.")},
    {Py_tp_methods, queue_methods},
    {0, NULL},
};

PyType_Spec queue_spec = {"coroscope.record._quick.QueueSteps", 0, 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, queue_slots};
