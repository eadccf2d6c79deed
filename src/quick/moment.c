/* A time that is written anew at every step, without a new object: what Python asks for as `int(moment)`. */

#include "quick.h"

/* Have the slot, which has no such time yet, say `time_ns`. */
int
set_first_time(State *state, PyObject *object, int slot, uint64_t time_ns)
{
    PyObject *moment = new_object(state->moment_type);
    if (moment == NULL)
        return -1;
    ((Moment *)moment)->time_ns = time_ns;
    put(state, object, slot, moment);
    return 0;
}

/* What the slot says. */
uint64_t
time_in(State *state, PyObject *object, int slot)
{
    PyObject *time_ns = AT(state, object, slot);
    if ((PyObject *)Py_TYPE(time_ns) == state->moment_type)
        return ((Moment *)time_ns)->time_ns;
    return PyLong_AsUnsignedLongLong(time_ns);
}

static PyObject *
moment_int(PyObject *self)
{
    return PyLong_FromUnsignedLongLong(((Moment *)self)->time_ns);
}

static void
moment_free(PyObject *self)
{
    free_object(self);
}

static PyType_Slot moment_slots[] = {
    {Py_tp_doc, PyDoc_STR("Nanoseconds that change.")},
    {Py_nb_int, moment_int},
    {Py_nb_index, moment_int},
    {Py_tp_dealloc, moment_free},
    {0, NULL},
};

PyType_Spec moment_spec = {
    "coroscope.record._quick.Moment", sizeof(Moment), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, moment_slots};
