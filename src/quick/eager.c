/* A step inside another one: the first step of a task whose constructor takes it. As `Watch` (loop/watch.py) does it. */

#include "quick.h"

static int
mark(State *state, PyObject *watch, PyObject *record, int slot, uint64_t now)
{
    return write_event(state, watch, now, AT(state, record, RECORD_id), state->zero, number_in(state, AT(state, watch, slot)));
}

static int
pause_outer(State *state, PyObject *watch, uint64_t now)
{
    if (know_running(state, watch) < 0)
        return -1;
    PyObject *token = AT(state, watch, WATCH_token);
    PyObject *outer = PyTuple_Pack(3, token, AT(state, watch, WATCH_cause), AT(state, watch, WATCH_outer));
    if (outer == NULL)
        return -1;
    AT(state, watch, WATCH_token) = NEW_REFERENCE(Py_None);
    put(state, watch, WATCH_outer, outer); /* It has the token now, and what was there. */
    int verdict = token == Py_None ? 0 : mark(state, watch, token, WATCH_paused, now);
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
    uint64_t now = now_ns(); /* of all three, which are one moment */
    if (pause_outer(state, watch, now) == 0)
        record = stand_in_for(state, watch, task, &plan, now);
    drop_plan(&plan);
    if (record == NULL)
        return FAILED;
    verdict = run_step(state, watch, record, task, now) < 0 ? FAILED : NOTED;
    Py_DECREF(record);
    return verdict;
}

/* `eager_step_begins`. */
int
begin_eager_step(State *state, PyObject *watch, PyObject *task)
{
    int verdict = is_cleared(state, watch) ? NOTED : begin(state, watch, task);
    if (verdict == SPECIAL)
        verdict = call_plain(state, watch, state->words.plain_eager_step_begins, task);
    return verdict < 0 ? fail(state, watch) : 0;
}

static int
resume_outer(State *state, PyObject *watch, uint64_t now)
{
    PyObject *outer = AT(state, watch, WATCH_outer);
    if (outer == Py_None)
        return call(watch, state->words.plain_eager_step_ended, NULL); /* which says what is wrong */
    PyObject *token = PyTuple_GetItem(outer, 0);
    AT(state, watch, WATCH_outer) = NEW_REFERENCE(PyTuple_GetItem(outer, 2));
    set(state, watch, WATCH_token, token);
    set(state, watch, WATCH_cause, PyTuple_GetItem(outer, 1));
    int verdict = 0;
    if (token != Py_None && AT(state, token, RECORD_is_silent) == Py_False && is_recording(state, watch))
        verdict = mark(state, watch, token, WATCH_resumed, now);
    Py_DECREF(outer);
    return verdict;
}

/* `eager_step_ended`. */
int
end_eager_step(State *state, PyObject *watch)
{
    if (is_cleared(state, watch))
        return 0;
    uint64_t now = now_ns();
    PyObject *record = NEW_REFERENCE(AT(state, watch, WATCH_token)), *task = NULL;
    int verdict = NOTED, is_noted;
    if (record != Py_None) {
        task = NEW_REFERENCE(AT(state, record, RECORD_running));
        verdict = end_record(state, watch, 1, now);
    }
    is_noted = verdict == NOTED;
    if (verdict == FAILED && fail(state, watch) == 0)
        verdict = NOTED; /* The outer step goes on all the same. */
    if (verdict == SPECIAL)
        verdict = call_plain(state, watch, state->words.plain_eager_step_ended, NULL);
    else if (verdict == NOTED)
        verdict = resume_outer(state, watch, now);
    if (task != NULL && settle(state, watch, record, task, is_noted && verdict == 0) < 0)
        verdict = -1;
    Py_XDECREF(task);
    Py_DECREF(record);
    return verdict < 0 ? fail(state, watch) : 0;
}
