/* The watch over a loop of ours: what is queued, and what is run. As `OwnLoopRecorder` (own_loop.py) does it. */

#include "quick.h"

/* ---- queued ---- */

static int
note_task(State *state, PyObject *watch, PyObject *task)
{
    PyObject *record = AT(state, task, TASK_record);
    if (record == NULL || record == Py_None || AT(state, record, RECORD_key) == NULL) {
        /* One that is known and is queued before it has begun has its record. */
        int is_new = (record == NULL || record == Py_None) && AT(state, task, TASK_interruption) == state->fresh;
        if (!is_new && (find_by_id(AT(state, watch, WATCH_tasks), task) != NULL || PyErr_Occurred()))
            return PyErr_Occurred() ? FAILED : SPECIAL;
        return create(state, watch, task, AT(state, watch, WATCH_cause));
    }
    PyObject *cause = AT(state, watch, WATCH_cause);
    if (record == AT(state, watch, WATCH_token))
        set(state, record, RECORD_cause_in_step, cause);
    else if (AT(state, record, RECORD_waits) == Py_True && wake(state, watch, record, cause) < 0)
        return FAILED;
    return NOTED;
}

/* A task of asyncio's own is woken by `callback`. */
static int
note_wakeup(State *state, PyObject *watch, PyObject *callback)
{
    PyObject *task = PyCFunction_GetSelf(callback), *record = task == NULL ? NULL : record_of(state, watch, task);
    if (record == NULL)
        return PyErr_Occurred() ? FAILED : SPECIAL;
    if (record == Py_None || record == AT(state, watch, WATCH_token))
        return SPECIAL;
    if (AT(state, record, RECORD_waits) != Py_True)
        return NOTED;
    return wake(state, watch, record, AT(state, watch, WATCH_cause)) < 0 ? FAILED : NOTED;
}

static int
note_callback(State *state, PyObject *watch, PyObject *item)
{
    PyObject *callback = callback_of(state, item);
    if (callback == NULL)
        return FAILED;
    int verdict = is_wakeup(state, callback);
    if (verdict == 1)
        verdict = note_wakeup(state, watch, callback);
    else if (verdict == 0) {
        verdict = (PyObject *)Py_TYPE(callback) == state->builtin_type ? 1 : is_plain_callback(state, callback);
        PyObject *cause = AT(state, watch, WATCH_cause);
        if (verdict == 1 && cause != state->io && set_by_id(AT(state, watch, WATCH_causes), item, cause) < 0)
            verdict = FAILED;
    }
    Py_DECREF(callback);
    return verdict;
}

/* `enqueue`. */
static int
enqueue(State *state, PyObject *watch, PyObject *item)
{
    int verdict = SPECIAL;
    if (!is_cleared(state, watch) && is_in_step(state, watch))
        verdict = (PyObject *)Py_TYPE(item) == state->task_type ? note_task(state, watch, item)
                                                                : note_callback(state, watch, item);
    if (verdict == FAILED && fail(state, watch) < 0)
        return -1;
    if (verdict == SPECIAL)
        return call_plain(state, watch, state->words.plain_enqueue, item);
    PyObject *add = NEW_REFERENCE(AT(state, watch, WATCH_put));
    PyObject *result = add == NULL ? NULL : call_with(state, add, item);
    Py_XDECREF(add);
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

/* ---- run ---- */

typedef struct {
    PyObject_HEAD
    State *state;
    PyObject *module, *watch, *items;
    PyObject *record; /* whose step was given last, as most steps are; NULL: something else was */
    int may_be_step;  /* what was given last */
} Over;

/* What was given last has run. */
static int
end_given(Over *over)
{
    if (is_cleared(over->state, over->watch))
        return 0;
    PyObject *record = over->record, *token = AT(over->state, over->watch, WATCH_token);
    int is_step = record != NULL ? token == record : over->may_be_step && token != Py_None, verdict = 0;
    over->record = NULL;
    over->may_be_step = 0;
    if (is_step)
        verdict = end_step(over->state, over->watch);
    Py_XDECREF(record);
    return verdict;
}

/* Begin the step of a task of ours, if it is like most. */
static int
begin_task(Over *over, PyObject *task)
{
    State *state = over->state;
    PyObject *watch = over->watch, *record = AT(state, task, TASK_record), *interruption;
    if (record == NULL) { /* It was made while nobody watched. */
        AT(state, task, TASK_record) = NEW_REFERENCE(Py_None);
        return SPECIAL;
    }
    interruption = AT(state, task, TASK_interruption);
    if (record == Py_None || AT(state, record, RECORD_key) == NULL ||
        (interruption != Py_None && interruption != state->fresh))
        return SPECIAL; /* A cancellation, perhaps. */
    Py_INCREF(record);
    over->record = record;
    if (interruption == state->fresh) {
        set(state, record, RECORD_has_begun, Py_True);
        if (AT(state, watch, WATCH_names_in_step) != Py_True) {
            PyObject *result = PyObject_CallMethodObjArgs(watch, state->words.rename, record, task, NULL);
            if (result == NULL)
                return FAILED;
            Py_DECREF(result);
        }
    }
    return run_step(state, watch, record, task, now_ns()) < 0 ? FAILED : NOTED;
}

/* Begin the step of a task of asyncio's own that `callback` wakes. */
static int
begin_woken(Over *over, PyObject *item, PyObject *callback)
{
    PyObject *task = PyCFunction_GetSelf(callback);
    int is_off = task == NULL ? 1 : is_cancelled(over->state, item);
    if (is_off != 0)
        return is_off < 0 || PyErr_Occurred() ? FAILED : SPECIAL;
    over->may_be_step = 1;
    return begin_step(over->state, over->watch, task) < 0 ? FAILED : NOTED;
}

/* Begin what is no task of ours, if it is like most. */
static int
begin_callback(Over *over, PyObject *item)
{
    State *state = over->state;
    PyObject *watch = over->watch, *callback = callback_of(state, item);
    if (callback == NULL)
        return FAILED;
    int verdict = is_wakeup(state, callback);
    if (verdict == 1)
        verdict = begin_woken(over, item, callback);
    else if (verdict == 0 && (verdict = is_plain_callback(state, callback)) == NOTED) {
        over->may_be_step = 1;
        verdict = begin_handle(state, watch, item, callback) < 0 ? FAILED : NOTED;
    }
    Py_DECREF(callback);
    return verdict;
}

static int
begin_other(Over *over, PyObject *item)
{
    State *state = over->state;
    if (AT(state, over->watch, WATCH_has_left) == Py_True)
        return 0;
    int verdict = is_cancelled(state, item);
    if (verdict == 1)
        return call(over->watch, state->words.passed_over, item);
    if (verdict == 0) {
        over->may_be_step = 1;
        verdict = call(over->watch, state->words.begin, item);
    }
    return verdict;
}

/* `over`: the next thing to run; it has begun when given, and ended when the next is wanted. */
static PyObject *
over_next(PyObject *self)
{
    Over *over = (Over *)self;
    State *state = over->state;
    if (over->watch == NULL || end_given(over) < 0)
        return NULL;
    PyObject *item = PyIter_Next(over->items);
    if (item == NULL)
        return NULL;
    int verdict;
    if ((PyObject *)Py_TYPE(item) == state->task_type)
        verdict = begin_task(over, item);
    else
        verdict = AT(state, over->watch, WATCH_has_left) == Py_True ? SPECIAL : begin_callback(over, item);
    if (verdict == SPECIAL && begin_other(over, item) < 0)
        verdict = FAILED;
    if (verdict == FAILED && PyErr_Occurred() && fail(state, over->watch) < 0)
        Py_CLEAR(item);
    return item;
}

static PyObject *
over_iter(PyObject *self)
{
    return NEW_REFERENCE(self);
}

static int
over_traverse(PyObject *self, visitproc visit, void *arg)
{
    Over *over = (Over *)self;
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(over->module);
    Py_VISIT(over->watch);
    Py_VISIT(over->items);
    Py_VISIT(over->record);
    return 0;
}

static int
over_clear(PyObject *self)
{
    Over *over = (Over *)self;
    Py_CLEAR(over->items);
    Py_CLEAR(over->record);
    Py_CLEAR(over->watch);
    return 0;
}

static void
over_free(PyObject *self)
{
    PyObject_GC_UnTrack(self);
    over_clear(self);
    Py_CLEAR(((Over *)self)->module);
    free_object(self);
}

static PyType_Slot over_slots[] = {
    {Py_tp_doc, PyDoc_STR("What OwnLoopRecorder.over gives.")},
    {Py_tp_iter, over_iter},
    {Py_tp_iternext, over_next},
    {Py_tp_traverse, over_traverse},
    {Py_tp_clear, over_clear},
    {Py_tp_dealloc, over_free},
    {0, NULL},
};

PyType_Spec over_spec = {
    "coroscope.record._quick.Over", sizeof(Over), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION, over_slots};

/* ---- as methods ---- */

static PyObject *
own_enqueue(PyObject *self, PyTypeObject *class, PyObject *const *arguments, Py_ssize_t count, PyObject *Py_UNUSED(names))
{
    State *state = PyType_GetModuleState(class);
    if (count != 1) {
        PyErr_SetString(PyExc_TypeError, "enqueue() takes one argument: what is to be queued");
        return NULL;
    }
    return enqueue(state, self, arguments[0]) < 0 ? NULL : NEW_REFERENCE(Py_None);
}

static PyObject *
own_over(PyObject *self, PyTypeObject *class, PyObject *const *arguments, Py_ssize_t count, PyObject *Py_UNUSED(names))
{
    State *state = PyType_GetModuleState(class);
    if (count != 1) {
        PyErr_SetString(PyExc_TypeError, "over() takes one argument: the things to run");
        return NULL;
    }
    Over *over = (Over *)new_object(state->over_type);
    if (over == NULL)
        return NULL;
    over->state = state;
    over->module = NEW_REFERENCE(PyType_GetModule(class));
    over->watch = NEW_REFERENCE(self);
    over->items = PyObject_GetIter(arguments[0]);
    if (over->items == NULL)
        Py_CLEAR(over);
    return (PyObject *)over;
}

static PyMethodDef own_methods[] = {
    {"enqueue", (PyCFunction)(void (*)(void))own_enqueue, WITH_CLASS, PyDoc_STR("As OwnLoopRecorder.enqueue.")},
    {"over", (PyCFunction)(void (*)(void))own_over, WITH_CLASS, PyDoc_STR("As OwnLoopRecorder.over.")},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot own_slots[] = {
    {Py_tp_doc, PyDoc_STR("What is done at every step on a loop of ours, for a class of watches to begin with.")},
    {Py_tp_methods, own_methods},
    {0, NULL},
};

PyType_Spec own_spec = {"coroscope.record._quick.OwnSteps", 0, 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, own_slots};
