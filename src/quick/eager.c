/* A step inside another one: the first step of a task whose constructor takes it. As `Watch` (loop/watch.py) does it. */

#include "quick.h"

static int
mark(State *state, PyObject *watch, PyObject *record, int slot)
{
    if (!is_recording(state, watch))
        return 0;
    return write_event(state, watch, now_ns(), AT(state, record, RECORD_id), state->zero,
                       number_in(state, AT(state, watch, slot)));
}

static int
pause_outer(State *state, PyObject *watch)
{
    PyObject *token = NEW_REFERENCE(AT(state, watch, WATCH_token)), *cause = NEW_REFERENCE(AT(state, watch, WATCH_cause));
    PyObject *outer = PyTuple_Pack(2, token, cause);
    int verdict = outer == NULL ? -1 : PyList_Append(AT(state, watch, WATCH_outer), outer);
    if (verdict == 0 && token != Py_None)
        verdict = mark(state, watch, token, WATCH_paused);
    set(state, watch, WATCH_token, Py_None);
    Py_XDECREF(outer);
    Py_DECREF(cause);
    Py_DECREF(token);
    return verdict;
}

static int
begin(State *state, PyObject *watch, PyObject *task)
{
    PyObject *token = AT(state, watch, WATCH_token), *record = NULL;
    if ((PyObject *)Py_TYPE(task) != state->task_type || AT(state, task, TASK_interruption) != state->fresh ||
        AT(state, watch, WATCH_gave_up) != state->zero ||
        (token != Py_None && AT(state, token, RECORD_is_silent) != Py_False))
        return SPECIAL;
    Plan plan;
    int verdict = plan_creation(state, watch, task, AT(state, watch, WATCH_cause), &plan);
    if (verdict != NOTED)
        return verdict;
    if (pause_outer(state, watch) < 0)
        drop_plan(&plan);
    else
        record = create_as(state, watch, task, &plan);
    if (record == NULL)
        return FAILED;
    set(state, record, RECORD_has_begun, Py_True);
    verdict = run_step(state, watch, record, task) < 0 ? FAILED : NOTED;
    Py_DECREF(record);
    return verdict;
}

/* `eager_step_begins`. */
int
begin_eager_step(State *state, PyObject *watch, PyObject *task)
{
    int verdict = is_cleared(state, watch) ? NOTED : begin(state, watch, task);
    if (verdict == SPECIAL)
        verdict = call(watch, state->words.plain_eager_step_begins, task);
    return verdict < 0 ? fail(state, watch) : 0;
}

static int
resume_outer(State *state, PyObject *watch)
{
    PyObject *all = AT(state, watch, WATCH_outer);
    Py_ssize_t count = PyList_Size(all);
    PyObject *outer = PyList_GetItem(all, count - 1);
    if (outer == NULL)
        return -1;
    Py_INCREF(outer);
    int verdict = PyList_SetSlice(all, count - 1, count, NULL);
    PyObject *token = PyTuple_GetItem(outer, 0);
    set(state, watch, WATCH_token, token);
    set(state, watch, WATCH_cause, PyTuple_GetItem(outer, 1));
    if (verdict == 0 && token != Py_None && AT(state, token, RECORD_is_silent) == Py_False)
        verdict = mark(state, watch, token, WATCH_resumed);
    Py_DECREF(outer);
    return verdict;
}

/* `eager_step_ended`. */
int
end_eager_step(State *state, PyObject *watch)
{
    if (is_cleared(state, watch))
        return 0;
    int verdict = AT(state, watch, WATCH_token) == Py_None ? NOTED : end_record(state, watch, 1);
    if (verdict == FAILED && fail(state, watch) == 0)
        verdict = NOTED; /* The outer step goes on all the same. */
    if (verdict == NOTED)
        verdict = resume_outer(state, watch);
    else if (verdict == SPECIAL)
        verdict = call(watch, state->words.plain_eager_step_ended, NULL);
    return verdict < 0 ? fail(state, watch) : 0;
}
