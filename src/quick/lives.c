/* Tasks are created, end and are forgotten. As `TaskEvents` (task_events.py) does it. */

#include "quick.h"

#include <string.h>

/* ---- created ---- */

/* The kind of what `task` runs, borrowed; NULL where it is special, or with an exception. */
static PyObject *
root_of(State *state, PyObject *watch, PyObject *task)
{
    PyObject *coroutine = coroutine_of(state, task), *code, *root = NULL;
    if (coroutine != NULL && (PyObject *)Py_TYPE(coroutine) == state->coroutine_type &&
        (code = PyObject_GetAttr(coroutine, state->words.cr_code)) != NULL) {
        root = find_by_id(AT(state, AT(state, watch, WATCH_roots), ROOTS_roots), code);
        Py_DECREF(code);
    }
    Py_XDECREF(coroutine);
    return root;
}

/* The innermost frame that is neither ours nor asyncio's, from `depth` callers above on, a new reference; NULL where some
   code on the way is not known yet, or there is none, or with an exception. As `Roots.user_frame`. */
static PyObject *
user_frame(State *state, PyObject *watch, int depth)
{
    PyObject *codes = AT(state, AT(state, watch, WATCH_roots), ROOTS_codes);
    PyObject *above = PyLong_FromLong(depth), *frame;
    frame = above == NULL ? NULL : PyObject_CallFunctionObjArgs(state->frame_at, above, NULL);
    Py_XDECREF(above);
    while (frame != NULL && frame != Py_None) {
        PyObject *code = (PyObject *)PyFrame_GetCode((PyFrameObject *)frame), *known = find_by_id(codes, code);
        Py_DECREF(code);
        PyObject *is_users = known == NULL ? NULL : PyTuple_GetItem(known, 0);
        if (is_users == Py_True)
            return frame;
        PyObject *caller = is_users == NULL ? NULL : PyObject_GetAttr(frame, state->words.f_back);
        Py_DECREF(frame);
        frame = caller;
    }
    Py_XDECREF(frame);
    return NULL;
}

/* The definition of such tasks that the code in `creator` asks for where it is now, borrowed; NULL as above. */
static PyObject *
site_at(State *state, PyObject *watch, PyObject *root, PyObject *creator)
{
    PyObject *code = (PyObject *)PyFrame_GetCode((PyFrameObject *)creator), *site = NULL;
    PyObject *parts[3] = {PyLong_FromVoidPtr(AT(state, watch, WATCH_stream)), PyLong_FromVoidPtr(code),
                          PyObject_GetAttr(creator, state->words.f_lasti)};
    if (parts[0] != NULL && parts[1] != NULL && parts[2] != NULL) {
        PyObject *key = PyTuple_Pack(3, parts[0], parts[1], parts[2]);
        PyObject *known = key == NULL ? NULL : PyDict_GetItemWithError(AT(state, root, ROOT_sites), key);
        Py_XDECREF(key);
        site = known == NULL ? NULL : PyTuple_GetItem(known, 0);
    }
    for (int i = 0; i < 3; i++)
        Py_XDECREF(parts[i]);
    Py_DECREF(code);
    return site;
}

/* A record of `task` that has nothing but its key and number, a new reference. As `TaskRecord`. */
static PyObject *
new_record(State *state, PyObject *watch, PyObject *task)
{
    static const int false_at[] = {RECORD_has_begun, RECORD_has_caught, RECORD_has_waited_long, RECORD_is_done,
                                   RECORD_is_silent, RECORD_waits};
    static const int none_at[] = {RECORD_cause_in_step, RECORD_root, RECORD_running, RECORD_thrown_into};
    static const int zero_at[] = {RECORD_began_ns, RECORD_cancellations, RECORD_suspended_ns};
    PyObject *gone = PyObject_GetAttr(watch, state->words.forget), *arguments = NULL, *record = NULL;
    PyObject *key = PyLong_FromVoidPtr(task), *number = NULL;
    if (gone != NULL && key != NULL)
        number = PyObject_CallMethodObjArgs(AT(state, watch, WATCH_recorder), state->words.next_task_id, NULL);
    if (number != NULL)
        arguments = PyTuple_Pack(2, task, gone);
    Py_XDECREF(gone);
    if (arguments != NULL) {
        PyTypeObject *type = (PyTypeObject *)state->record_type;
        record = ((newfunc)PyType_GetSlot(type, Py_tp_new))(type, arguments, NULL);
        Py_DECREF(arguments);
    }
    if (record == NULL) {
        Py_XDECREF(key);
        Py_XDECREF(number);
        return NULL;
    }
    AT(state, record, RECORD_key) = key;
    AT(state, record, RECORD_id) = number;
    AT(state, record, RECORD_name) = NEW_REFERENCE(state->no_name);
    AT(state, record, RECORD_is_walked) = NEW_REFERENCE(Py_True);
    for (size_t i = 0; i < sizeof(false_at) / sizeof(*false_at); i++)
        AT(state, record, false_at[i]) = NEW_REFERENCE(Py_False);
    for (size_t i = 0; i < sizeof(none_at) / sizeof(*none_at); i++)
        AT(state, record, none_at[i]) = NEW_REFERENCE(Py_None);
    for (size_t i = 0; i < sizeof(zero_at) / sizeof(*zero_at); i++)
        AT(state, record, zero_at[i]) = NEW_REFERENCE(state->zero);
    return record;
}

/* Whether `name` is "Task-n", with n as much ahead of the record's number as in the last name that was written. */
static int
follows(State *state, PyObject *watch, PyObject *record, PyObject *name)
{
    long long number = PyLong_AsLongLong(AT(state, record, RECORD_id)) + PyLong_AsLongLong(AT(state, watch, WATCH_lead));
    if (PyErr_Occurred())
        return -1;
    if (!PyUnicode_CheckExact(name))
        return number == PyLong_AsLongLong(name);
    const char *text = PyUnicode_AsUTF8AndSize(name, NULL);
    if (text == NULL) {
        PyErr_Clear(); /* It has surrogates. */
        return 0;
    }
    char expected[sizeof "Task-" + 20];
    PyOS_snprintf(expected, sizeof expected, "Task-%lld", number);
    return strcmp(text, expected) == 0 && strlen(text) == (size_t)PyUnicode_GetLength(name);
}

/* Write that a task was created, and know it from now on. */
static int
introduce(State *state, PyObject *watch, PyObject *task, PyObject *record, PyObject *parent, PyObject *site)
{
    PyObject *name = AT(state, record, RECORD_name);
    int is_in_step = follows(state, watch, record, name);
    if (is_in_step < 0)
        return -1;
    uint64_t word = number_in(state, AT(state, watch, is_in_step ? WATCH_created_in_step : WATCH_created));
    uint64_t now = now_ns();
    if (set_time(state, record, RECORD_began_ns, now) < 0 ||
        write_event(state, watch, now, AT(state, record, RECORD_id), parent, word | PyLong_AsUnsignedLong(site)) < 0)
        return -1;
    if (!is_in_step) {
        PyObject *stream = AT(state, watch, WATCH_stream), *result;
        result = PyObject_CallMethodObjArgs(watch, state->words.name, stream, record, name, NULL);
        if (result == NULL)
            return -1;
        Py_DECREF(result);
    }
    PyObject *entry = PyTuple_Pack(2, record, record);
    int verdict = entry == NULL ? -1 : PyDict_SetItem(AT(state, watch, WATCH_tasks), AT(state, record, RECORD_key), entry);
    Py_XDECREF(entry);
    if (verdict == 0 && (PyObject *)Py_TYPE(task) == state->task_type)
        set(state, task, TASK_record, record);
    return verdict;
}

/* The number of the task by which `cause` came, borrowed; NULL where that is special. */
static PyObject *
parent_in(State *state, PyObject *cause)
{
    if ((PyObject *)Py_TYPE(cause) == state->record_type)
        return AT(state, cause, RECORD_id);
    return cause == state->io ? state->zero : NULL;
}

static int
is_plain_task(State *state, PyObject *task)
{
    PyObject *kind = (PyObject *)Py_TYPE(task);
    return kind == state->task_type || kind == state->c_task_type;
}

/* The site of a task that is like most, a new reference; NULL where it is special, or with an exception. */
static PyObject *
known_site(State *state, PyObject *watch, PyObject *root, int depth)
{
    PyObject *creator = user_frame(state, watch, depth);
    if (creator == NULL)
        return NULL;
    /* Above the frame that runs the loop is nobody who asked for a task. */
    int is_outside = creator == PyLong_AsVoidPtr(AT(state, watch, WATCH_running_frame));
    PyObject *site = is_outside ? NULL : site_at(state, watch, root, creator);
    Py_XINCREF(site);
    Py_DECREF(creator);
    return site;
}

void
drop_plan(Plan *plan)
{
    Py_CLEAR(plan->parent);
    Py_CLEAR(plan->root);
    Py_CLEAR(plan->site);
    Py_CLEAR(plan->name);
}

static int
is_planned(State *state, PyObject *watch, PyObject *task, PyObject *parent, int depth, Plan *plan)
{
    plan->parent = NEW_REFERENCE(parent);
    plan->root = NEW_REFERENCE(root_of(state, watch, task));
    if (plan->root != NULL)
        plan->site = known_site(state, watch, plan->root, depth);
    if (plan->site != NULL)
        plan->name = name_of(state, task);
    return plan->name != NULL && (PyUnicode_CheckExact(plan->name) || PyLong_CheckExact(plan->name));
}

/* What there is to write of `task`, which nobody has seen yet and `cause` brought about, if it is like most; nothing is
   changed by that. The innermost `depth` frames are ours or asyncio's. */
int
plan_creation(State *state, PyObject *watch, PyObject *task, PyObject *cause, int depth, Plan *plan)
{
    PyObject *token = AT(state, watch, WATCH_token), *parent = parent_in(state, cause);
    *plan = (Plan){NULL, NULL, NULL, NULL};
    if (parent == NULL || !is_plain_task(state, task) || AT(state, watch, WATCH_names_in_step) != Py_True ||
        !is_here(state, watch) || (token != Py_None && !is_plain_task(state, AT(state, token, RECORD_running))))
        return SPECIAL;
    int verdict = is_true(AT(state, watch, WATCH_recorder), state->words.is_recording);
    if (verdict != 1)
        return verdict;
    if (!is_planned(state, watch, task, parent, depth, plan)) {
        verdict = PyErr_Occurred() ? FAILED : SPECIAL;
        drop_plan(plan);
    }
    return verdict;
}

/* Do what was planned; a new reference to the record of `task`. The plan is dropped. */
PyObject *
create_as(State *state, PyObject *watch, PyObject *task, Plan *plan)
{
    PyObject *record = new_record(state, watch, task);
    if (record != NULL) {
        set(state, record, RECORD_root, plan->root);
        set(state, record, RECORD_name, plan->name);
        if (introduce(state, watch, task, record, plan->parent, plan->site) < 0)
            Py_CLEAR(record);
    }
    drop_plan(plan);
    return record;
}

/* `_create`, of a task that is queued, if it is like most. */
int
create(State *state, PyObject *watch, PyObject *task, PyObject *cause, int depth)
{
    Plan plan;
    int verdict = plan_creation(state, watch, task, cause, depth, &plan);
    if (verdict == NOTED) {
        PyObject *record = create_as(state, watch, task, &plan);
        if (record == NULL)
            return FAILED;
        Py_DECREF(record);
    }
    return verdict;
}

/* ---- ended ---- */

/* Whether a task that is done is like most: ENDED, or SPECIAL where it did not return, or has another name by now. */
int
ends_as_most(State *state, PyObject *watch, PyObject *record, PyObject *task)
{
    int verdict = AT(state, record, RECORD_has_caught) == Py_False ? has_returned(state, task) : SPECIAL;
    if (verdict == 1)
        verdict = is_true(AT(state, watch, WATCH_recorder), state->words.is_recording);
    if (verdict != 1)
        return verdict;
    PyObject *name = name_of(state, task);
    verdict = name == NULL ? -1 : PyObject_RichCompareBool(name, AT(state, record, RECORD_name), Py_EQ);
    Py_XDECREF(name);
    return verdict == 1 ? ENDED : verdict;
}

/* `_end_task`: the end of a task, and so of its last step. */
int
note_task_end(State *state, PyObject *watch, PyObject *record)
{
    set(state, record, RECORD_is_done, Py_True);
    uint64_t word = number_in(state, AT(state, watch, WATCH_returned));
    return write_event(state, watch, now_ns(), AT(state, record, RECORD_id), state->zero, word);
}

/* `_forget`: the task is gone, it has been freed. */
int
forget(State *state, PyObject *watch, PyObject *record)
{
    PyObject *key = AT(state, record, RECORD_key), *tasks = AT(state, watch, WATCH_tasks);
    PyObject *entry = key == NULL || tasks == NULL ? NULL : PyDict_GetItemWithError(tasks, key);
    if (entry == NULL)
        return PyErr_Occurred() ? -1 : 0;
    Py_INCREF(record); /* Whoever calls a weak reference's callback may have it by that entry alone. */
    int verdict = PyDict_DelItem(tasks, key);
    if (verdict == 0 && AT(state, record, RECORD_is_done) != Py_True)
        verdict = call(watch, state->words.task_destroyed, record);
    Py_DECREF(record);
    return verdict;
}
