/* What is asked of a task: one of ours has it in slots, one of asyncio's own in C, any other one is asked by name. */

#include "quick.h"

static PyObject *
get(State *state, PyObject *task, int getter, PyObject *name)
{
    return (PyObject *)Py_TYPE(task) == state->c_task_type ? got(state, task, getter) : PyObject_GetAttr(task, name);
}

static PyObject *
ask(State *state, PyObject *task, int method, PyObject *name)
{
    if ((PyObject *)Py_TYPE(task) == state->c_task_type && state->asked[method] != NULL)
        return state->asked[method](task, NULL);
    return PyObject_CallMethodObjArgs(task, name, NULL);
}

/* What it waits for, or None. */
PyObject *
awaited_by(State *state, PyObject *task)
{
    if ((PyObject *)Py_TYPE(task) != state->task_type)
        return get(state, task, GET_fut_waiter, state->words.fut_waiter);
    PyObject *awaited = AT(state, task, TASK_fut_waiter);
    return NEW_REFERENCE(awaited);
}

PyObject *
coroutine_of(State *state, PyObject *task)
{
    if ((PyObject *)Py_TYPE(task) != state->task_type)
        return get(state, task, GET_coro, state->words.coro);
    PyObject *coroutine = AT(state, task, TASK_coro);
    return NEW_REFERENCE(coroutine);
}

/* What it is called: text, or of a task of ours the number n of "Task-n". */
PyObject *
name_of(State *state, PyObject *task)
{
    if ((PyObject *)Py_TYPE(task) != state->task_type)
        return ask(state, task, ASK_get_name, state->words.get_name);
    PyObject *name = AT(state, task, TASK_name);
    return NEW_REFERENCE(name);
}

/* Whether the state of a task that is not ours has that name; -1: exception. */
static int
is_in_state(State *state, PyObject *task, const char *name)
{
    PyObject *found = get(state, task, GET_state, state->words.state);
    int verdict = found == NULL ? -1 : PyUnicode_Check(found) && PyUnicode_CompareWithASCIIString(found, name) == 0;
    Py_XDECREF(found);
    return verdict;
}

/* Whether it is done; -1: exception. */
int
has_ended(State *state, PyObject *task)
{
    if ((PyObject *)Py_TYPE(task) == state->task_type)
        return AT(state, task, TASK_state) != state->pending;
    if ((PyObject *)Py_TYPE(task) == state->c_task_type) {
        int is_pending = is_in_state(state, task, "PENDING");
        return is_pending < 0 ? -1 : !is_pending;
    }
    PyObject *answer = PyObject_CallMethodObjArgs(task, state->words.done, NULL);
    int verdict = answer == NULL ? -1 : PyObject_IsTrue(answer);
    Py_XDECREF(answer);
    return verdict;
}

/* Whether a task has returned: 1, or 0 where it was cancelled or raised, or is of another type; -1: exception. */
int
has_returned(State *state, PyObject *task)
{
    if ((PyObject *)Py_TYPE(task) == state->task_type)
        return AT(state, task, TASK_state) == state->finished && AT(state, task, TASK_exception) == Py_None;
    if ((PyObject *)Py_TYPE(task) != state->c_task_type)
        return 0;
    int is_finished = is_in_state(state, task, "FINISHED");
    if (is_finished != 1)
        return is_finished;
    PyObject *error = get(state, task, GET_exception, state->words.exception);
    int verdict = error == NULL ? -1 : error == Py_None;
    Py_XDECREF(error);
    return verdict;
}

/* Whether its next step throws a cancellation into it; of a task that is not ours. -1: exception. */
int
must_cancel(State *state, PyObject *task)
{
    PyObject *answer = get(state, task, GET_must_cancel, state->words.must_cancel);
    int verdict = answer == NULL ? -1 : PyObject_IsTrue(answer);
    Py_XDECREF(answer);
    return verdict;
}

/* How many requests to cancel it are not taken back, a new reference. */
PyObject *
cancelling(State *state, PyObject *task)
{
    if ((PyObject *)Py_TYPE(task) != state->task_type)
        return ask(state, task, ASK_cancelling, state->words.cancelling);
    PyObject *requests = AT(state, task, TASK_requests);
    return NEW_REFERENCE(requests);
}

/* Whether it is what steps a task of asyncio's own that does not come from a wait. -1: exception. */
static int
is_step_of_c(State *state, PyObject *callback)
{
    PyObject *kind = (PyObject *)Py_TYPE(callback);
    if (kind == state->step_type)
        return 1;
    if (state->step_type != NULL || kind == state->function_type || kind == state->method_type ||
        kind == state->builtin_type)
        return 0;
    PyObject *name = PyType_GetName((PyTypeObject *)kind);
    if (name == NULL)
        return -1;
    int is_one = PyUnicode_CompareWithASCIIString(name, "TaskStepMethWrapper") == 0;
    Py_DECREF(name);
    if (is_one) {
        state->stepped_task = getter_of(kind, "__self__");
        if (state->stepped_task == NULL)
            return -1;
        state->step_type = NEW_REFERENCE(kind);
    }
    return is_one;
}

/* The task of asyncio's own that calling `callback` steps; NULL where it steps none, or with an exception. */
PyObject *
task_stepped_by(State *state, PyObject *callback)
{
    int is_step = is_step_of_c(state, callback);
    if (is_step == 1)
        return state->stepped_task->get(callback, state->stepped_task->closure);
    if (is_step < 0 || is_wakeup(state, callback) != 1)
        return NULL;
    PyObject *task = PyCFunction_GetSelf(callback);
    Py_XINCREF(task);
    return task;
}
