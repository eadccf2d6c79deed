/* What is remembered of the tasks of one watch that were met lately: their records, where they are asked for and wait, and
   how that is written. It says nothing that the watch's dictionaries do not say, but sooner.

   Rule: the watch has a new one where it writes to another stream, which has other numbers, and none when it has left. */

#include "quick.h"

#include <stddef.h>

#define RECORDS 512
#define PLACES 128
#define CODES 64
#define ROOTS 64
#define WAITS 8

typedef struct {
    PyObject *root;
    void *code;
    long at;
    unsigned long number;
} Place;

typedef struct {
    PyObject_HEAD
    PyObject *records[RECORDS];
    Place places[PLACES];
    struct {
        void *code;
        int is_users;
    } codes[CODES];
    PyObject *roots[ROOTS];
    struct {
        PyObject *type;
        uint64_t word;
    } waits[WAITS];
    PyObject *forget, *task_ids;
    PyObject *spare; /* A stand-in that nobody needs; stand_in.c. */
} Memo;

/* Whether weak references are as they are read here; -1 with ImportError if not. */
int
check_references(PyObject *object)
{
    PyObject *reference = PyWeakref_NewRef(object, NULL);
    if (reference == NULL)
        return -1;
    int is_sound = ((Reference *)reference)->object == object;
    Py_DECREF(reference);
    if (!is_sound)
        PyErr_SetString(PyExc_ImportError, "weak references are not what they were in CPython 3.11 to 3.15");
    return is_sound ? 0 : -1;
}

/* The memo of `watch`, borrowed; NULL where it has none, or has none any more. */
static Memo *
memo_of(State *state, PyObject *watch)
{
    PyObject *memo = AT(state, watch, WATCH_memo);
    return memo == Py_None ? NULL : (Memo *)memo;
}

/* A number below `count`, a power of two, that is another one for most other addresses. */
static uint32_t
spread(uintptr_t address, uint32_t count)
{
    return (uint32_t)(address >> 4) * 0x9E3779B1u / (UINT32_MAX / count + 1);
}

static PyObject **
record_at(Memo *memo, void *task)
{
    return &memo->records[spread((uintptr_t)task, RECORDS)];
}

/* The record of `task`, borrowed; NULL where it is not remembered. */
PyObject *
remembered_record(State *state, PyObject *watch, PyObject *task)
{
    Memo *memo = memo_of(state, watch);
    PyObject *record = memo == NULL ? NULL : *record_at(memo, task);
    return record != NULL && ((Reference *)record)->object == task ? record : NULL;
}

void
remember_record(State *state, PyObject *watch, PyObject *task, PyObject *record)
{
    Memo *memo = memo_of(state, watch);
    if (memo == NULL || ((Reference *)record)->object != task)
        return;
    PyObject **place = record_at(memo, task), *old = *place;
    *place = NEW_REFERENCE(record);
    Py_XDECREF(old);
}

/* The task at that address is gone. */
void
forget_record(State *state, PyObject *watch, void *task, PyObject *record)
{
    Memo *memo = memo_of(state, watch);
    PyObject **place = memo == NULL ? NULL : record_at(memo, task);
    if (place != NULL && *place == record)
        Py_CLEAR(*place);
}

/* How a step ends that waits for something of that type: 1, 0 where that is not known yet; -1: exception. */
int
find_wait(State *state, PyObject *watch, PyObject *type, uint64_t *word)
{
    Memo *memo = memo_of(state, watch);
    uint32_t at = spread((uintptr_t)type, WAITS);
    if (memo != NULL && memo->waits[at].type == type) {
        *word = memo->waits[at].word;
        return 1;
    }
    PyObject *known = PyDict_GetItemWithError(AT(state, watch, WATCH_waits), type); /* It may ask a metaclass. */
    if (known == NULL)
        return PyErr_Occurred() ? -1 : 0;
    *word = PyLong_AsUnsignedLongLong(known);
    memo = memo_of(state, watch);
    if (memo != NULL) {
        PyObject *old = memo->waits[at].type;
        memo->waits[at].word = *word;
        memo->waits[at].type = NEW_REFERENCE(type);
        Py_XDECREF(old);
    }
    return 1;
}

static Place *
place_in(Memo *memo, PyObject *root, void *code, long at)
{
    return &memo->places[spread((uintptr_t)root ^ (uintptr_t)code ^ (uintptr_t)at << 4, PLACES)];
}

/* The number of where `code`, at the offset `at`, asks for tasks of that kind; without a code, of where they wait. */
int
remembered_place(State *state, PyObject *watch, PyObject *root, void *code, long at, unsigned long *number)
{
    Memo *memo = memo_of(state, watch);
    Place *place = memo == NULL ? NULL : place_in(memo, root, code, at);
    if (place == NULL || place->root != root || place->code != code || place->at != at)
        return 0;
    *number = place->number;
    return 1;
}

/* The code is one that the root keeps. */
void
remember_place(State *state, PyObject *watch, PyObject *root, void *code, long at, unsigned long number)
{
    Memo *memo = memo_of(state, watch);
    if (memo == NULL)
        return;
    Place *place = place_in(memo, root, code, at);
    PyObject *old = place->root;
    *place = (Place){NEW_REFERENCE(root), code, at, number};
    Py_XDECREF(old);
}

/* Whether `code` is the user's; -1: that is not remembered. */
int
remembered_code(State *state, PyObject *watch, void *code)
{
    Memo *memo = memo_of(state, watch);
    uint32_t at = spread((uintptr_t)code, CODES);
    return memo != NULL && memo->codes[at].code == code ? memo->codes[at].is_users : -1;
}

/* The code is one that the watch's roots keep. */
void
remember_code(State *state, PyObject *watch, void *code, int is_users)
{
    Memo *memo = memo_of(state, watch);
    uint32_t at = spread((uintptr_t)code, CODES);
    if (memo != NULL) {
        memo->codes[at].code = code;
        memo->codes[at].is_users = is_users;
    }
}

/* What tasks that run `code` have in common, borrowed; NULL where that is not known. */
PyObject *
root_of_code(State *state, PyObject *watch, PyObject *code)
{
    Memo *memo = memo_of(state, watch);
    PyObject **place = memo == NULL ? NULL : &memo->roots[spread((uintptr_t)code, ROOTS)];
    if (place != NULL && *place != NULL && AT(state, *place, ROOT_code) == code)
        return *place;
    PyObject *root = find_by_id(AT(state, AT(state, watch, WATCH_roots), ROOTS_roots), code);
    if (root != NULL && place != NULL) {
        PyObject *old = *place;
        *place = NEW_REFERENCE(root);
        Py_XDECREF(old); /* It is in the dictionary, so nothing is freed. */
    }
    return root;
}

/* What `object` has by that name, a new reference. To ask may run anything, so the memo is looked for behind it. */
static PyObject *
ask_once(State *state, PyObject *watch, size_t at, PyObject *object, PyObject *name)
{
    Memo *memo = memo_of(state, watch);
    PyObject *known = memo == NULL ? NULL : *(PyObject **)((char *)memo + at);
    if (known != NULL)
        return NEW_REFERENCE(known);
    known = PyObject_GetAttr(object, name);
    memo = known == NULL ? NULL : memo_of(state, watch);
    if (memo != NULL) {
        PyObject **place = (PyObject **)((char *)memo + at), *old = *place;
        *place = NEW_REFERENCE(known);
        Py_XDECREF(old);
    }
    return known;
}

/* What is called when a task is gone, a new reference; NULL with an exception. */
PyObject *
forgetting(State *state, PyObject *watch)
{
    return ask_once(state, watch, offsetof(Memo, forget), watch, state->words.forget);
}

/* The number of a task, a new reference; NULL with an exception. */
PyObject *
next_task_id(State *state, PyObject *watch)
{
    PyObject *recorder = AT(state, watch, WATCH_recorder);
    PyObject *ids = ask_once(state, watch, offsetof(Memo, task_ids), recorder, state->words.task_ids);
    PyObject *number = ids == NULL ? NULL : PyIter_Next(ids);
    Py_XDECREF(ids);
    return number;
}

/* The stand-in that is kept for the next one who needs one, a new reference; NULL where there is none. */
PyObject *
take_spare(State *state, PyObject *watch)
{
    Memo *memo = memo_of(state, watch);
    PyObject *spare = memo == NULL ? NULL : memo->spare;
    if (spare != NULL)
        memo->spare = NULL;
    return spare;
}

/* Keep a stand-in, taking over the reference. */
void
keep_spare(State *state, PyObject *watch, PyObject *spare)
{
    Memo *memo = memo_of(state, watch);
    PyObject *old = spare;
    if (memo != NULL) {
        old = memo->spare;
        memo->spare = spare;
    }
    Py_XDECREF(old);
}

static int
memo_traverse(PyObject *self, visitproc visit, void *arg)
{
    Memo *memo = (Memo *)self;
    Py_VISIT(Py_TYPE(self));
    for (int i = 0; i < RECORDS; i++)
        Py_VISIT(memo->records[i]);
    for (int i = 0; i < PLACES; i++)
        Py_VISIT(memo->places[i].root);
    for (int i = 0; i < ROOTS; i++)
        Py_VISIT(memo->roots[i]);
    for (int i = 0; i < WAITS; i++)
        Py_VISIT(memo->waits[i].type);
    Py_VISIT(memo->forget);
    Py_VISIT(memo->task_ids);
    Py_VISIT(memo->spare);
    return 0;
}

static int
memo_clear(PyObject *self)
{
    Memo *memo = (Memo *)self;
    for (int i = 0; i < RECORDS; i++)
        Py_CLEAR(memo->records[i]);
    for (int i = 0; i < PLACES; i++)
        Py_CLEAR(memo->places[i].root);
    for (int i = 0; i < ROOTS; i++)
        Py_CLEAR(memo->roots[i]);
    for (int i = 0; i < WAITS; i++)
        Py_CLEAR(memo->waits[i].type);
    Py_CLEAR(memo->forget);
    Py_CLEAR(memo->task_ids);
    Py_CLEAR(memo->spare);
    return 0;
}

static void
memo_free(PyObject *self)
{
    PyObject_GC_UnTrack(self);
    memo_clear(self);
    free_object(self);
}

static PyType_Slot memo_slots[] = {
    {Py_tp_doc, PyDoc_STR("What is remembered of the tasks of one watch.")},
    {Py_tp_traverse, memo_traverse},
    {Py_tp_clear, memo_clear},
    {Py_tp_dealloc, memo_free},
    {0, NULL},
};

PyType_Spec memo_spec = {
    "coroscope.record._quick.Memo", sizeof(Memo), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, memo_slots};
