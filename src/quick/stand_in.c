/* Records of tasks that may end in the first step, which their constructor takes: most such tasks do.

   A stand-in has all that a record has but the task: it refers to the class of records in its place, and the watch's
   dictionary does not know it. So nothing is to be forgotten when the task is gone, and the next such task has it again.
   Rule: one is the watch's token, from the beginning of such a step to its end or to where anyone may look for the task in
         the dictionary: there the task gets a record of its own. What it has brought about names it by its number. */

#include "quick.h"

int
is_stand_in(State *state, PyObject *record)
{
    return record != Py_None && ((Reference *)record)->object == state->record_type;
}

/* What is written of `task`, of ours, while its first step runs, as planned: a new reference. NULL with an exception, or where
   the recording has ended. */
PyObject *
stand_in_for(State *state, PyObject *watch, PyObject *task, Plan *plan, uint64_t now)
{
    PyObject *number = next_task_id(state, watch), *record = number == NULL ? NULL : take_spare(state, watch);
    if (record != NULL)
        set(state, record, RECORD_id, number);
    else if (number != NULL)
        record = new_record(state, state->record_type, NULL, number);
    Py_XDECREF(number);
    if (record != NULL && introduce(state, watch, record, plan, now) < 1)
        Py_CLEAR(record);
    if (record != NULL) {
        set(state, record, RECORD_has_begun, Py_True);
        set(state, task, TASK_record, record);
    }
    return record;
}

/* Give `task` a record of its own, that says all that the stand-in says. */
static int
replace(State *state, PyObject *watch, PyObject *stand_in, PyObject *task)
{
    PyObject *record = record_of_its_own(state, watch, task, AT(state, stand_in, RECORD_id));
    if (record == NULL)
        return -1;
#define COPY(class, name, text) \
    if (RECORD_##name != RECORD_key) \
        set(state, record, RECORD_##name, AT(state, stand_in, RECORD_##name));
    RECORD_SLOTS(COPY)
#undef COPY
    if (AT(state, watch, WATCH_token) == stand_in)
        set(state, watch, WATCH_token, record);
    if (AT(state, watch, WATCH_cause) == stand_in)
        set(state, watch, WATCH_cause, record);
    int verdict = keep_record(state, watch, task, record);
    Py_DECREF(record);
    return verdict;
}

/* Have the task whose step runs be known as any other one. */
int
know_running(State *state, PyObject *watch)
{
    PyObject *token = AT(state, watch, WATCH_token), *task;
    if (token == NULL || !is_stand_in(state, token) || (task = AT(state, token, RECORD_running)) == Py_None)
        return 0;
    Py_INCREF(token);
    Py_INCREF(task);
    int verdict = replace(state, watch, token, task);
    Py_DECREF(task);
    Py_DECREF(token);
    return verdict;
}

/* Call a method in Python, which may look for the task whose step runs. */
int
call_plain(State *state, PyObject *watch, PyObject *name, PyObject *first)
{
    return know_running(state, watch) < 0 ? -1 : call(watch, name, first);
}

/* A task has got a record of its own in the middle of what was written of its step: have it say how that ended. */
static void
catch_up(State *state, PyObject *stand_in, PyObject *own)
{
    static const int told_at_end[] = {RECORD_cause_in_step, RECORD_is_done, RECORD_is_walked, RECORD_running,
                                      RECORD_suspended_ns, RECORD_waits};
    if (own == NULL || (PyObject *)Py_TYPE(own) != state->record_type)
        return;
    Py_INCREF(own);
    for (size_t i = 0; i < sizeof(told_at_end) / sizeof(*told_at_end); i++)
        set(state, own, told_at_end[i], AT(state, stand_in, told_at_end[i]));
    Py_DECREF(own);
}

/* The step is over in which `record` was the token, of `task`; `is_noted` tells that it says how that ended. A task that goes
   on gets a record of its own then; else a stand-in may have the next one. */
int
settle(State *state, PyObject *watch, PyObject *record, PyObject *task, int is_noted)
{
    if (!is_stand_in(state, record) || (PyObject *)Py_TYPE(task) != state->task_type)
        return 0;
    if (AT(state, task, TASK_record) != record) {
        if (is_noted)
            catch_up(state, record, AT(state, task, TASK_record));
        return 0;
    }
    int has_left = is_cleared(state, watch) || AT(state, watch, WATCH_has_left) == Py_True;
    if (AT(state, record, RECORD_is_done) != Py_True && !has_left && is_noted)
        return replace(state, watch, record, task);
    set(state, task, TASK_record, Py_None);
    if (is_noted && Py_REFCNT(record) == 1) { /* Nobody else names the task by it. */
        set(state, record, RECORD_is_done, Py_False);
        set(state, record, RECORD_cause_in_step, Py_None);
        keep_spare(state, watch, NEW_REFERENCE(record));
    }
    return 0;
}
