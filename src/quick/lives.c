/* Tasks are created, end and are forgotten. As `TaskEvents` (task_events.py) does it. */

#include "quick.h"

#include <string.h>

/* ---- created ---- */

/* The kind of what `task` runs, borrowed; NULL where it is special, or with an exception. */
static PyObject *
root_of(State *state, PyObject *watch, PyObject *task)
{
    PyObject *coroutine = coroutine_of(state, task), *root = NULL;
    if (coroutine != NULL && (PyObject *)Py_TYPE(coroutine) == state->coroutine_type)
        root = root_of_code(state, watch, code_in(frame_of(state, coroutine)));
    Py_XDECREF(coroutine);
    return root;
}

/* Whether `code` is neither ours nor asyncio's; -1: exception. */
static int
is_code_users(State *state, PyObject *watch, PyObject *code)
{
    int is_users = remembered_code(state, watch, code);
    if (is_users >= 0)
        return is_users;
    PyObject *roots = AT(state, watch, WATCH_roots), *known = find_by_id(AT(state, roots, ROOTS_codes), code);
    if (known == NULL && PyErr_Occurred())
        return -1;
    known = known == NULL ? PyObject_CallMethodObjArgs(roots, state->words.learn, code, NULL) : NEW_REFERENCE(known);
    if (known == NULL)
        return -1;
    is_users = PyTuple_GetItem(known, 0) == Py_True;
    Py_DECREF(known);
    remember_code(state, watch, code, is_users);
    return is_users;
}

/* The innermost frame that is neither ours nor asyncio's; NULL where there is none, or with an exception. As
   `Roots.user_frame`. */
static Frame *
user_frame(State *state, PyObject *watch)
{
    Frame *frame = innermost_frame(state);
    int is_users = 0;
    while (frame != NULL && (is_users = is_code_users(state, watch, code_in(frame))) == 0)
        frame = caller_of(frame);
    return is_users < 0 ? NULL : frame;
}

/* As it is known in Python, and from now on in the memo. */
static int
look_up_site(State *state, PyObject *watch, PyObject *root, PyObject *code, long at, unsigned long *site)
{
    PyObject *key = NULL, *known = NULL;
    PyObject *parts[3] = {PyLong_FromVoidPtr(AT(state, watch, WATCH_stream)), PyLong_FromVoidPtr(code), PyLong_FromLong(at)};
    if (parts[0] != NULL && parts[1] != NULL && parts[2] != NULL)
        key = PyTuple_Pack(3, parts[0], parts[1], parts[2]);
    if (key != NULL)
        known = PyDict_GetItemWithError(AT(state, root, ROOT_sites), key);
    for (int i = 0; i < 3; i++)
        Py_XDECREF(parts[i]);
    Py_XDECREF(key);
    if (known == NULL)
        return 0;
    *site = PyLong_AsUnsignedLong(PyTuple_GetItem(known, 0));
    remember_place(state, watch, root, code, at, *site);
    return 1;
}

/* Whether it is known by which definition the code in `creator` asks for such tasks where it is now, and that; 0 also with
   an exception. */
static int
find_site(State *state, PyObject *watch, PyObject *root, Frame *creator, unsigned long *site)
{
    PyObject *code = code_in(creator);
    long at = offset_in_frame(state, creator);
    return remembered_place(state, watch, root, code, at, site) || look_up_site(state, watch, root, code, at, site);
}

/* A record that has nothing but its number, of what `referent` refers to; `gone` may be NULL. A new reference. As
   `TaskRecord`. */
PyObject *
new_record(State *state, PyObject *referent, PyObject *gone, PyObject *number)
{
    static const int false_at[] = {RECORD_has_begun, RECORD_has_caught, RECORD_has_waited_long, RECORD_is_done,
                                   RECORD_is_silent, RECORD_waits};
    static const int none_at[] = {RECORD_cause_in_step, RECORD_root, RECORD_running, RECORD_thrown_into};
    static const int zero_at[] = {RECORD_began_ns, RECORD_cancellations, RECORD_suspended_ns};
    PyObject *arguments = gone == NULL ? PyTuple_Pack(1, referent) : PyTuple_Pack(2, referent, gone), *record = NULL;
    PyObject *key = PyLong_FromVoidPtr(referent);
    if (arguments != NULL && key != NULL) {
        PyTypeObject *type = (PyTypeObject *)state->record_type;
        record = ((newfunc)PyType_GetSlot(type, Py_tp_new))(type, arguments, NULL);
    }
    Py_XDECREF(arguments);
    if (record == NULL) {
        Py_XDECREF(key);
        return NULL;
    }
    AT(state, record, RECORD_key) = key;
    AT(state, record, RECORD_id) = NEW_REFERENCE(number);
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

/* A record of `task`, with the number if it is not NULL, else with the next one. */
PyObject *
record_of_its_own(State *state, PyObject *watch, PyObject *task, PyObject *number)
{
    PyObject *gone = forgetting(state, watch), *record = NULL;
    number = gone == NULL ? NULL : number == NULL ? next_task_id(state, watch) : NEW_REFERENCE(number);
    if (number != NULL)
        record = new_record(state, task, gone, number);
    Py_XDECREF(number);
    Py_XDECREF(gone);
    return record;
}

/* Whether the text is "Task-" and the number. */
static int
is_task_name(const char *text, Py_ssize_t size, unsigned long long number)
{
    static const char beginning[] = {'T', 'a', 's', 'k', '-'};
    const Py_ssize_t least = sizeof beginning;
    if (size <= least || memcmp(text, beginning, sizeof beginning) != 0)
        return 0;
    for (; size > least && number > 0; number /= 10)
        if (text[--size] != (char)('0' + number % 10))
            return 0;
    return size == least && number == 0;
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
    Py_ssize_t size;
    const char *text = PyUnicode_AsUTF8AndSize(name, &size);
    if (text == NULL) {
        PyErr_Clear(); /* It has surrogates. */
        return 0;
    }
    return number > 0 && is_task_name(text, size, (unsigned long long)number);
}

/* Write that a task was created: 1, 0 if that has ended the recording, -1 with an exception. */
static int
write_created(State *state, PyObject *watch, PyObject *record, Plan *plan, uint64_t now)
{
    PyObject *name = AT(state, record, RECORD_name);
    int is_in_step = follows(state, watch, record, name);
    if (is_in_step < 0)
        return -1;
    uint64_t word = number_in(state, AT(state, watch, is_in_step ? WATCH_created_in_step : WATCH_created));
    if (set_time(state, record, RECORD_began_ns, now) < 0 ||
        write_event(state, watch, now, AT(state, record, RECORD_id), plan->parent, word | plan->site) < 0)
        return -1;
    if (!is_in_step) {
        PyObject *stream = AT(state, watch, WATCH_stream), *result;
        result = PyObject_CallMethodObjArgs(watch, state->words.name, stream, record, name, NULL);
        if (result == NULL)
            return -1;
        Py_DECREF(result);
    }
    return AT(state, watch, WATCH_has_left) != Py_True;
}

/* `_keep`: know the task from now on. */
int
keep_record(State *state, PyObject *watch, PyObject *task, PyObject *record)
{
    PyObject *entry = PyTuple_Pack(2, record, record);
    int verdict = entry == NULL ? -1 : PyDict_SetItem(AT(state, watch, WATCH_tasks), AT(state, record, RECORD_key), entry);
    Py_XDECREF(entry);
    if (verdict == 0 && (PyObject *)Py_TYPE(task) == state->task_type)
        set(state, task, TASK_record, record);
    else if (verdict == 0)
        remember_record(state, watch, task, record);
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

static int
runs_plain_task(State *state, PyObject *token)
{
    PyObject *task = AT(state, token, RECORD_running);
    return task != NULL && is_plain_task(state, task);
}

/* Whether the site of a task that is like most is known; 0 where it is special, or with an exception. */
static int
is_site_known(State *state, PyObject *watch, PyObject *root, unsigned long *site)
{
    Frame *creator = user_frame(state, watch);
    if (creator == NULL)
        return 0;
    /* Above the frame that runs the loop is nobody who asked for a task. */
    void *object = object_of(creator);
    if (object != NULL && object == PyLong_AsVoidPtr(AT(state, watch, WATCH_running_frame)))
        return 0;
    return find_site(state, watch, root, creator, site);
}

void
drop_plan(Plan *plan)
{
    Py_CLEAR(plan->parent);
    Py_CLEAR(plan->root);
    Py_CLEAR(plan->name);
}

static int
is_planned(State *state, PyObject *watch, PyObject *task, PyObject *parent, Plan *plan)
{
    plan->parent = NEW_REFERENCE(parent);
    plan->root = NEW_REFERENCE(root_of(state, watch, task));
    if (plan->root != NULL && is_site_known(state, watch, plan->root, &plan->site))
        plan->name = name_of(state, task);
    return plan->name != NULL && (PyUnicode_CheckExact(plan->name) || PyLong_CheckExact(plan->name));
}

/* What there is to write of `task`, which nobody has seen yet and `cause` brought about, if it is like most; nothing is
   changed by that. */
int
plan_creation(State *state, PyObject *watch, PyObject *task, PyObject *cause, Plan *plan)
{
    PyObject *token = AT(state, watch, WATCH_token), *parent = parent_in(state, cause);
    *plan = (Plan){NULL, NULL, NULL, 0};
    if (parent == NULL || !is_plain_task(state, task) || AT(state, watch, WATCH_names_in_step) != Py_True ||
        !is_here(state, watch) || (token != Py_None && !runs_plain_task(state, token)))
        return SPECIAL;
    if (!is_recording(state, watch))
        return SPECIAL;
    if (is_planned(state, watch, task, parent, plan))
        return NOTED;
    drop_plan(plan);
    return PyErr_Occurred() ? FAILED : SPECIAL;
}

/* Have `record` say what was planned, and write it: as `write_created`. */
int
introduce(State *state, PyObject *watch, PyObject *record, Plan *plan, uint64_t now)
{
    set(state, record, RECORD_root, plan->root);
    set(state, record, RECORD_name, plan->name);
    return write_created(state, watch, record, plan, now);
}

/* `_create`, of a task that is queued, if it is like most. */
int
create(State *state, PyObject *watch, PyObject *task, PyObject *cause)
{
    Plan plan;
    int verdict = plan_creation(state, watch, task, cause, &plan);
    if (verdict == NOTED) {
        PyObject *record = record_of_its_own(state, watch, task, NULL);
        int is_written = record == NULL ? -1 : introduce(state, watch, record, &plan, now_ns());
        if (is_written < 0 || (is_written == 1 && keep_record(state, watch, task, record) < 0))
            verdict = FAILED;
        Py_XDECREF(record);
        drop_plan(&plan);
    }
    return verdict;
}

/* ---- ended ---- */

/* Whether a task that is done is like most: ENDED, or SPECIAL where it did not return, or has another name by now. */
int
ends_as_most(State *state, PyObject *watch, PyObject *record, PyObject *task)
{
    int verdict = AT(state, record, RECORD_has_caught) == Py_False ? has_returned(state, task) : SPECIAL;
    if (verdict == 1 && !is_recording(state, watch))
        verdict = SPECIAL;
    if (verdict != 1)
        return verdict;
    PyObject *name = name_of(state, task);
    verdict = name == NULL ? -1 : PyObject_RichCompareBool(name, AT(state, record, RECORD_name), Py_EQ);
    Py_XDECREF(name);
    return verdict == 1 ? ENDED : verdict;
}

/* `_end_task`: the end of a task, and so of its last step. */
int
note_task_end(State *state, PyObject *watch, PyObject *record, uint64_t now)
{
    set(state, record, RECORD_is_done, Py_True);
    uint64_t word = number_in(state, AT(state, watch, WATCH_returned));
    return write_event(state, watch, now, AT(state, record, RECORD_id), state->zero, word);
}

/* `_forget`: the task is gone, it has been freed. */
int
forget(State *state, PyObject *watch, PyObject *record)
{
    PyObject *key = AT(state, record, RECORD_key), *tasks = AT(state, watch, WATCH_tasks);
    if (key == NULL || tasks == NULL)
        return 0;
    Py_INCREF(record); /* Whoever calls a weak reference's callback may have it by what is let go of here alone. */
    forget_record(state, watch, PyLong_AsVoidPtr(key), record);
    int verdict = PyDict_DelItem(tasks, key);
    if (verdict < 0 && PyErr_ExceptionMatches(PyExc_KeyError)) {
        PyErr_Clear();
        verdict = 0;
    }
    else if (verdict == 0 && AT(state, record, RECORD_is_done) != Py_True)
        verdict = call(watch, state->words.task_destroyed, record);
    Py_DECREF(record);
    return verdict;
}
