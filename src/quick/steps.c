/* The watch on a loop of any kind: a step begins, ends, or is queued. As `LoopRecorder` (loop_recorder.py) does it. */

#include "quick.h"

/* ---- woken ---- */

static int
wake_at(State *state, PyObject *watch, PyObject *record, PyObject *cause)
{
    PyObject *waker = state->zero, *word_slot = AT(state, watch, WATCH_woken_by_io);
    if (cause != state->io) {
        waker = AT(state, cause, RECORD_id);
        word_slot = AT(state, watch, WATCH_woken_by_task);
    }
    uint64_t word = number_in(state, word_slot), now = now_ns();
    set(state, record, RECORD_waits, Py_False);
    long long waited_ns = (long long)(now - time_in(state, record, RECORD_suspended_ns));
    int is_long = waited_ns >= state->long_wait_ns;
    set(state, record, RECORD_has_waited_long, is_long ? Py_True : Py_False);
    if (is_long && AT(state, record, RECORD_is_walked) != Py_True) {
        long long stack = stack_of(state, watch, record);
        if (stack < 0)
            return -1;
        word |= (uint64_t)stack;
    }
    return PyErr_Occurred() ? -1 : write_event(state, watch, now, AT(state, record, RECORD_id), waker, word);
}

/* `_wake` of a record that waits. */
int
wake(State *state, PyObject *watch, PyObject *record, PyObject *cause)
{
    Py_INCREF(record);
    Py_INCREF(cause);
    int verdict;
    if (cause == state->io || (PyObject *)Py_TYPE(cause) == state->record_type)
        verdict = wake_at(state, watch, record, cause);
    else {
        PyObject *result = PyObject_CallMethodObjArgs(watch, state->words.plain_wake, record, cause, NULL);
        Py_XDECREF(result);
        verdict = result == NULL ? -1 : 0;
    }
    Py_DECREF(record);
    Py_DECREF(cause);
    return verdict < 0 ? fail(state, watch) : 0;
}

/* ---- queued ---- */

/* `queued_step`. */
int
queue_step(State *state, PyObject *watch, PyObject *task)
{
    if (is_cleared(state, watch))
        return 0;
    PyObject *token = AT(state, watch, WATCH_token), *phase = AT(state, watch, WATCH_phase), *cause;
    if (token != Py_None && AT(state, token, RECORD_running) == task)
        return 0;
    if (phase == state->running && is_here(state, watch))
        cause = AT(state, watch, WATCH_cause);
    else if (phase == state->dispatching && is_here(state, watch))
        cause = state->io;
    else
        return call_plain(state, watch, state->words.plain_queued_step, task) < 0 ? fail(state, watch) : 0;
    PyObject *record = record_of(state, watch, task);
    if (record == NULL) {
        int verdict = PyErr_Occurred() ? FAILED : create(state, watch, task, cause);
        if (verdict == FAILED || (verdict == SPECIAL && call_plain(state, watch, state->words.plain_queued_step, task) < 0))
            return fail(state, watch);
    }
    else if (record == token && record != Py_None)
        set(state, record, RECORD_cause_in_step, cause);
    else if (record != Py_None && AT(state, record, RECORD_waits) == Py_True)
        return wake(state, watch, record, cause);
    return 0;
}

/* ---- begun ---- */

/* Whether a step that begins is like most: 1, 0 where it is special, -1 with an exception. */
static int
begins_as_most(State *state, PyObject *record, PyObject *task, int names_in_step)
{
    if (AT(state, record, RECORD_has_begun) != Py_True) {
        int is_special = names_in_step ? must_cancel(state, task) : 1;
        if (is_special == 0)
            set(state, record, RECORD_has_begun, Py_True);
        return is_special < 0 ? -1 : !is_special;
    }
    if (AT(state, record, RECORD_has_waited_long) != Py_True)
        return 1;
    PyObject *requests = cancelling(state, task);
    if (requests == NULL)
        return -1;
    int is_as_most = PyObject_RichCompareBool(requests, AT(state, record, RECORD_cancellations), Py_LE);
    Py_DECREF(requests);
    if (is_as_most == 1)
        set(state, record, RECORD_has_waited_long, Py_False);
    return is_as_most;
}

/* From now on `record`, of `task`, is what runs. */
int
run_step(State *state, PyObject *watch, PyObject *record, PyObject *task, uint64_t now)
{
    set(state, record, RECORD_running, task);
    PyObject *gave_up = AT(state, watch, WATCH_gave_up);
    AT(state, watch, WATCH_gave_up) = NEW_REFERENCE(state->zero);
    set(state, watch, WATCH_token, record);
    set(state, watch, WATCH_cause, record);
    int verdict = set_time(state, record, RECORD_began_ns, now);
    if (verdict == 0 && AT(state, watch, WATCH_outer) == Py_None) /* Inside another step nothing begins anew. */
        verdict = set_time(state, watch, WATCH_pulse, now);
    if (verdict == 0)
        verdict = write_event(state, watch, now, AT(state, record, RECORD_id), gave_up,
                              number_in(state, AT(state, watch, WATCH_step_begun)));
    Py_DECREF(gave_up);
    return verdict;
}

/* `begin_step`. */
int
begin_step(State *state, PyObject *watch, PyObject *task)
{
    if (is_cleared(state, watch))
        return 0;
    PyObject *record = record_of(state, watch, task);
    int is_as_most = record == NULL || record == Py_None ? 0 : 1, verdict;
    if (record == NULL && PyErr_Occurred())
        return fail(state, watch);
    Py_XINCREF(record);
    if (is_as_most)
        is_as_most = begins_as_most(state, record, task, AT(state, watch, WATCH_names_in_step) == Py_True);
    if (is_as_most == 1) {
        set(state, watch, WATCH_phase, state->running);
        verdict = run_step(state, watch, record, task, now_ns());
    }
    else
        verdict = is_as_most == 0 ? call_plain(state, watch, state->words.plain_begin_step, task) : -1;
    Py_XDECREF(record);
    return verdict < 0 ? fail(state, watch) : 0;
}

/* Whether it is the method by which a loop learns of signals. */
static int
reads_signals(State *state, PyObject *watch, PyObject *callback)
{
    PyObject *read_signals = AT(state, watch, WATCH_read_signals);
    if ((PyObject *)Py_TYPE(callback) != state->method_type || read_signals == Py_None)
        return 0;
    return function_of(state, callback) == read_signals;
}

/* `begin_handle`. */
int
begin_handle(State *state, PyObject *watch, PyObject *handle, PyObject *callback)
{
    if (AT(state, watch, WATCH_gave_up) != state->zero && call(watch, state->words.write_what_gave_up, NULL) < 0)
        return -1;
    /* What the poller finds ready is queued without a word. */
    PyObject *cause = pop_by_id(AT(state, watch, WATCH_causes), handle);
    if (cause == NULL) {
        if (PyErr_Occurred())
            return -1;
        cause = NEW_REFERENCE(reads_signals(state, watch, callback) ? state->signal : state->io);
    }
    else if (cause == state->io && reads_signals(state, watch, callback)) {
        Py_DECREF(cause);
        cause = NEW_REFERENCE(state->signal);
    }
    set(state, watch, WATCH_phase, state->running);
    put(state, watch, WATCH_cause, cause);
    return 0;
}

/* ---- ended ---- */

/* How the step of `task` ended, SPECIAL or FAILED; where it waits, also the word by which that is written. */
static int
how_it_ended(State *state, PyObject *watch, PyObject *record, PyObject *task, PyObject *awaited, uint64_t *wait)
{
    if (awaited == Py_None) {
        int is_over = has_ended(state, task);
        return is_over < 0 ? FAILED : is_over ? ENDED : GAVE_UP;
    }
    if (AT(state, record, RECORD_cause_in_step) != Py_None ||
        AT(state, AT(state, record, RECORD_root), ROOT_to_walk) != state->zero)
        return SPECIAL;
    int is_known = find_wait(state, watch, (PyObject *)Py_TYPE(awaited), wait);
    return is_known < 0 ? FAILED : is_known ? WAITS : SPECIAL;
}

static int
note_wait(State *state, PyObject *watch, PyObject *record, uint64_t word, uint64_t now)
{
    set(state, record, RECORD_waits, Py_True);
    set(state, record, RECORD_is_walked, Py_False);
    if (set_time(state, record, RECORD_suspended_ns, now) < 0)
        return FAILED;
    return write_event(state, watch, now, AT(state, record, RECORD_id), state->zero, word);
}

static int
note_given_up(State *state, PyObject *watch, PyObject *record, int is_eager, uint64_t now)
{
    set(state, record, RECORD_cause_in_step, Py_None);
    if (!is_eager && AT(state, watch, WATCH_sees_polls) == Py_True) {
        set(state, watch, WATCH_gave_up, AT(state, record, RECORD_id));
        return 0;
    }
    return write_event(state, watch, now ? now : now_ns(), AT(state, record, RECORD_id), state->zero,
                       number_in(state, AT(state, watch, WATCH_yielded)));
}

/* Nothing runs any more. */
static void
stop_running(State *state, PyObject *watch, int is_eager)
{
    if (!is_eager)
        set(state, watch, WATCH_phase, AT(state, watch, WATCH_between));
    set(state, watch, WATCH_token, Py_None);
}

static int
note_end(State *state, PyObject *watch, PyObject *record, PyObject *task, int is_eager, uint64_t now)
{
    if (task == NULL || task == Py_None || AT(state, record, RECORD_is_silent) != Py_False ||
        AT(state, record, RECORD_cancellations) != state->zero)
        return SPECIAL;
    PyObject *awaited = awaited_by(state, task);
    if (awaited == NULL) {
        stop_running(state, watch, is_eager);
        return FAILED;
    }
    uint64_t wait = 0;
    int verdict = how_it_ended(state, watch, record, task, awaited, &wait);
    if (verdict == ENDED)
        verdict = ends_as_most(state, watch, record, task);
    if (verdict > NOTED || verdict == FAILED)
        stop_running(state, watch, is_eager);
    if (verdict == ENDED)
        verdict = note_task_end(state, watch, record, now ? now : now_ns()) < 0 ? FAILED : NOTED;
    else if (verdict == GAVE_UP)
        verdict = note_given_up(state, watch, record, is_eager, now) < 0 ? FAILED : NOTED;
    else if (verdict == WAITS)
        verdict = note_wait(state, watch, record, wait, now ? now : now_ns()) < 0 ? FAILED : NOTED;
    Py_DECREF(awaited);
    return verdict;
}

/* Write how the running step ended, if as most do; then nothing runs any more. `now` is 0 where nobody has asked for the
   time yet: most that give up their turn need none. */
int
end_record(State *state, PyObject *watch, int is_eager, uint64_t now)
{
    PyObject *record = NEW_REFERENCE(AT(state, watch, WATCH_token)), *task = NEW_REFERENCE(AT(state, record, RECORD_running));
    int verdict = note_end(state, watch, record, task, is_eager, now);
    if (verdict != SPECIAL)
        set(state, record, RECORD_running, Py_None);
    Py_XDECREF(task);
    Py_DECREF(record);
    return verdict;
}

/* Whether the step of `task` ends as most do that give up their turn, of tasks of ours: nothing is called to find that out. */
static int
gives_up_its_turn(State *state, PyObject *watch, PyObject *record, PyObject *task)
{
    return task != NULL && (PyObject *)Py_TYPE(task) == state->task_type && AT(state, task, TASK_fut_waiter) == Py_None &&
           AT(state, task, TASK_state) == state->pending && AT(state, record, RECORD_is_silent) == Py_False &&
           AT(state, record, RECORD_cancellations) == state->zero && AT(state, watch, WATCH_sees_polls) == Py_True;
}

/* As `end_record` of such a step. */
static void
give_up_turn(State *state, PyObject *watch)
{
    PyObject *record = AT(state, watch, WATCH_token), *task = AT(state, record, RECORD_running);
    AT(state, watch, WATCH_token) = NEW_REFERENCE(Py_None);
    AT(state, record, RECORD_running) = NEW_REFERENCE(Py_None);
    set(state, watch, WATCH_phase, AT(state, watch, WATCH_between));
    set(state, watch, WATCH_gave_up, AT(state, record, RECORD_id));
    set(state, record, RECORD_cause_in_step, Py_None);
    Py_DECREF(task);
    Py_DECREF(record);
}

/* `end`. */
int
end_step(State *state, PyObject *watch)
{
    if (is_cleared(state, watch))
        return 0;
    if (AT(state, watch, WATCH_token) == Py_None) {
        set(state, watch, WATCH_phase, AT(state, watch, WATCH_between));
        return 0;
    }
    if (is_stand_in(state, AT(state, watch, WATCH_token)) && know_running(state, watch) < 0)
        return fail(state, watch); /* Its own end has not come: what was about to begin was interrupted. */
    PyObject *record = AT(state, watch, WATCH_token);
    if (gives_up_its_turn(state, watch, record, AT(state, record, RECORD_running))) {
        give_up_turn(state, watch);
        return 0;
    }
    int verdict = end_record(state, watch, 0, 0);
    if (verdict == SPECIAL)
        verdict = call_plain(state, watch, state->words.plain_end, NULL);
    return verdict < 0 ? fail(state, watch) : 0;
}

/* ---- polled ---- */

/* `poll_begun`. */
int
begin_poll(State *state, PyObject *watch)
{
    if (is_cleared(state, watch))
        return 0;
    if (AT(state, watch, WATCH_token) != Py_None && end_step(state, watch) < 0)
        return -1;
    set(state, watch, WATCH_phase, state->polling);
    int verdict = 0;
    if (AT(state, watch, WATCH_gave_up) != state->zero)
        verdict = call(watch, state->words.write_what_gave_up, NULL);
    if (verdict == 0)
        verdict = set_time(state, watch, WATCH_poll_began_ns, now_ns());
    return verdict < 0 ? fail(state, watch) : 0;
}

/* `poll_ended`. */
int
end_poll(State *state, PyObject *watch)
{
    if (is_cleared(state, watch))
        return 0;
    uint64_t now = now_ns(), blocked_ns = now - time_in(state, watch, WATCH_poll_began_ns);
    set(state, watch, WATCH_phase, AT(state, watch, WATCH_between));
    set(state, watch, WATCH_cause, state->io);
    if ((long long)blocked_ns < state->short_poll_ns || !is_recording(state, watch))
        return PyErr_Occurred() ? fail(state, watch) : 0;
    uint64_t blocked_us = blocked_ns / 1000;
    PyObject *blocked = PyLong_FromUnsignedLong(blocked_us < UINT32_MAX ? blocked_us : UINT32_MAX);
    int verdict = blocked == NULL ? -1
                                  : write_event(state, watch, now, AT(state, watch, WATCH_id), blocked,
                                                number_in(state, AT(state, watch, WATCH_polled)));
    Py_XDECREF(blocked);
    return verdict < 0 ? fail(state, watch) : 0;
}

/* ---- as methods ---- */

#define METHOD(method, act) \
    static PyObject *method(PyObject *self, PyTypeObject *class, PyObject *const *Py_UNUSED(arguments), \
                            Py_ssize_t Py_UNUSED(count), PyObject *Py_UNUSED(names)) \
    { \
        return act(PyType_GetModuleState(class), self) < 0 ? NULL : NEW_REFERENCE(Py_None); \
    }
#define METHOD_OF_ONE(method, act) \
    static PyObject *method(PyObject *self, PyTypeObject *class, PyObject *const *arguments, Py_ssize_t count, \
                            PyObject *Py_UNUSED(names)) \
    { \
        if (count != 1) { \
            PyErr_SetString(PyExc_TypeError, "one argument is expected"); \
            return NULL; \
        } \
        return act(PyType_GetModuleState(class), self, arguments[0]) < 0 ? NULL : NEW_REFERENCE(Py_None); \
    }

METHOD_OF_ONE(steps_begin_step, begin_step)
METHOD(steps_end, end_step)
METHOD(steps_know_running, know_running)
METHOD_OF_ONE(steps_queued_step, queue_step)
METHOD(steps_poll_begun, begin_poll)
METHOD(steps_poll_ended, end_poll)
METHOD_OF_ONE(steps_eager_step_begins, begin_eager_step)
METHOD(steps_eager_step_ended, end_eager_step)
METHOD_OF_ONE(steps_forget, forget)

/* What does as `call_soon`, where a task of asyncio's own is stepped, and calls `otherwise` in its place where not. */
static PyObject *
steps_soon(PyObject *self, PyTypeObject *class, PyObject *const *arguments, Py_ssize_t count, PyObject *Py_UNUSED(names))
{
    if (count == 2)
        return new_soon(PyType_GetModuleState(class), self, arguments[0], arguments[1]);
    PyErr_SetString(PyExc_TypeError, "two arguments are expected: what a loop has, and what to call for all else");
    return NULL;
}

static PyMethodDef steps_methods[] = {
#define LIST(name, method) \
    {name, (PyCFunction)(void (*)(void))method, WITH_CLASS, PyDoc_STR("As the method of a LoopRecorder of this name.")},
    LIST("begin_step", steps_begin_step)
    LIST("end", steps_end)
    LIST("know_running", steps_know_running)
    LIST("queued_step", steps_queued_step)
    LIST("poll_begun", steps_poll_begun)
    LIST("poll_ended", steps_poll_ended)
    LIST("eager_step_begins", steps_eager_step_begins)
    LIST("eager_step_ended", steps_eager_step_ended)
    LIST("_forget", steps_forget)
    LIST("soon", steps_soon)
#undef LIST
    {NULL, NULL, 0, NULL},
};

static PyType_Slot steps_slots[] = {
    {Py_tp_doc, PyDoc_STR("What is done at every step, for a class of watches to begin with.")},
    {Py_tp_methods, steps_methods},
    {0, NULL},
};

PyType_Spec steps_spec = {"coroscope.record._quick.Steps", 0, 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, steps_slots};
