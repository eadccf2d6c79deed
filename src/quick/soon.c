/* The `call_soon` of a loop that is not written in Python, in the place of its own. As `soon` (foreign_loop.py). */

#include "quick.h"

#include <stddef.h>
#include <string.h>
#include <structmember.h>

/* Rule: the loop's own `call_soon` stays to the last. Every cycle that it is in goes through the loop's dictionary. */

/* No part of the limited API before 3.12, but the same in 3.11: Include/cpython/abstract.h, Include/object.h. */
#define HAS_VECTORCALL (1UL << 11)
#define MAY_WRITE_BEFORE ((size_t)1 << (8 * sizeof(size_t) - 1))
typedef PyObject *(*Vectorcall)(PyObject *, PyObject *const *, size_t, PyObject *);
PyAPI_FUNC(PyObject *) PyObject_Vectorcall(PyObject *, PyObject *const *, size_t, PyObject *);
PyAPI_FUNC(PyObject *) PyVectorcall_Call(PyObject *, PyObject *, PyObject *);

#define MOST_ARGUMENTS 6

typedef struct {
    PyObject_HEAD
    Vectorcall vectorcall;
    State *state;
    PyObject *module, *watch, *call_soon, *otherwise, *in_place_of, *name;
} Soon;

static PyObject *
soon_call(PyObject *self, PyObject *const *arguments, size_t flags, PyObject *names)
{
    Soon *soon = (Soon *)self;
    size_t count = flags & ~MAY_WRITE_BEFORE, all = count + (names == NULL ? 0 : (size_t)PyTuple_Size(names));
    if (soon->watch == NULL || soon->otherwise == NULL) /* The collector has emptied it. */
        return PyObject_Vectorcall(soon->call_soon, arguments, count, names);
    PyObject *step = NULL;
    if (count > 0 && all <= MOST_ARGUMENTS) {
        step = new_turn(soon->state, soon->watch, arguments[0]);
        if (step == NULL)
            return NULL;
    }
    PyObject *result, *with_step[1 + MOST_ARGUMENTS];
    if (step == NULL || step == Py_None)
        result = PyObject_Vectorcall(soon->otherwise, arguments, count, names);
    else {
        memcpy(with_step + 1, arguments, all * sizeof *arguments);
        with_step[1] = step;
        result = PyObject_Vectorcall(soon->call_soon, with_step + 1, count | MAY_WRITE_BEFORE, names);
    }
    Py_XDECREF(step);
    return result;
}

PyObject *
new_soon(State *state, PyObject *watch, PyObject *call_soon, PyObject *otherwise)
{
    Soon *soon = (Soon *)new_object(state->soon_type);
    if (soon == NULL)
        return NULL;
    soon->vectorcall = soon_call;
    soon->state = state;
    soon->module = NEW_REFERENCE(PyType_GetModule((PyTypeObject *)state->soon_type));
    soon->watch = NEW_REFERENCE(watch);
    soon->call_soon = NEW_REFERENCE(call_soon);
    soon->otherwise = NEW_REFERENCE(otherwise);
    soon->name = NEW_REFERENCE(state->words.call_soon);
    return (PyObject *)soon;
}

static int
soon_traverse(PyObject *self, visitproc visit, void *arg)
{
    Soon *soon = (Soon *)self;
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(soon->module);
    Py_VISIT(soon->watch);
    Py_VISIT(soon->call_soon);
    Py_VISIT(soon->otherwise);
    Py_VISIT(soon->in_place_of);
    return 0;
}

static int
soon_clear(PyObject *self)
{
    Soon *soon = (Soon *)self;
    Py_CLEAR(soon->watch);
    Py_CLEAR(soon->otherwise);
    Py_CLEAR(soon->in_place_of);
    return 0;
}

static void
soon_free(PyObject *self)
{
    PyObject_GC_UnTrack(self);
    soon_clear(self);
    Py_CLEAR(((Soon *)self)->call_soon);
    Py_CLEAR(((Soon *)self)->name);
    Py_CLEAR(((Soon *)self)->module);
    free_object(self);
}

static PyMemberDef soon_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Soon, vectorcall), READONLY, NULL},
    {"_coroscope_in_place_of", T_OBJECT_EX, offsetof(Soon, in_place_of), 0, PyDoc_STR("What the loop itself had before.")},
    {"__name__", T_OBJECT_EX, offsetof(Soon, name), READONLY, NULL},
    {"__wrapped__", T_OBJECT_EX, offsetof(Soon, otherwise), READONLY, PyDoc_STR("What has its signature.")},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot soon_slots[] = {
    {Py_tp_doc, PyDoc_STR("The call_soon of a loop, with what is to be recorded of it.")},
    {Py_tp_call, PyVectorcall_Call},
    {Py_tp_members, soon_members},
    {Py_tp_traverse, soon_traverse},
    {Py_tp_clear, soon_clear},
    {Py_tp_dealloc, soon_free},
    {0, NULL},
};

PyType_Spec soon_spec = {
    "coroscope.record._quick.Soon", sizeof(Soon), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION | HAS_VECTORCALL, soon_slots};
