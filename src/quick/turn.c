/* A step on a loop that is not written in Python: begun, taken and ended in one call. As `in_turn` (foreign_loop.py). */

#include "quick.h"

typedef struct {
    PyObject_HEAD
    State *state;
    PyObject *module, *watch, *task, *callback;
} Turn;

PyObject *
new_turn(State *state, PyObject *watch, PyObject *callback)
{
    PyObject *task = task_stepped_by(state, callback);
    if (task == NULL)
        return PyErr_Occurred() && fail(state, watch) < 0 ? NULL : NEW_REFERENCE(Py_None);
    Turn *turn = NULL;
    if (queue_step(state, watch, task) == 0)
        turn = (Turn *)new_object(state->turn_type);
    if (turn == NULL) {
        Py_DECREF(task);
        return NULL;
    }
    turn->state = state;
    turn->module = NEW_REFERENCE(PyType_GetModule((PyTypeObject *)state->turn_type));
    turn->watch = NEW_REFERENCE(watch);
    turn->task = task;
    turn->callback = NEW_REFERENCE(callback);
    return (PyObject *)turn;
}

static PyObject *
turn_call(PyObject *self, PyObject *arguments, PyObject *options)
{
    Turn *turn = (Turn *)self;
    if (turn->callback == NULL || turn->watch == NULL || turn->task == NULL)
        return NEW_REFERENCE(Py_None); /* The collector has emptied it. */
    if (begin_step(turn->state, turn->watch, turn->task) < 0)
        return NULL;
    PyObject *result = PyObject_Call(turn->callback, arguments, options), *kind, *error, *traceback;
    PyErr_Fetch(&kind, &error, &traceback);
    if (end_step(turn->state, turn->watch) < 0) {
        Py_CLEAR(result);
        Py_XDECREF(kind);
        Py_XDECREF(error);
        Py_XDECREF(traceback);
        return NULL;
    }
    PyErr_Restore(kind, error, traceback);
    return result;
}

static int
turn_traverse(PyObject *self, visitproc visit, void *arg)
{
    Turn *turn = (Turn *)self;
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(turn->module);
    Py_VISIT(turn->watch);
    Py_VISIT(turn->task);
    Py_VISIT(turn->callback);
    return 0;
}

static int
turn_clear(PyObject *self)
{
    Turn *turn = (Turn *)self;
    Py_CLEAR(turn->watch);
    Py_CLEAR(turn->task);
    Py_CLEAR(turn->callback);
    return 0;
}

static void
turn_free(PyObject *self)
{
    PyObject_GC_UnTrack(self);
    turn_clear(self);
    Py_CLEAR(((Turn *)self)->module);
    free_object(self);
}

static PyType_Slot turn_slots[] = {
    {Py_tp_doc, PyDoc_STR("A step of a task, with what is to be recorded of it.")},
    {Py_tp_call, turn_call},
    {Py_tp_traverse, turn_traverse},
    {Py_tp_clear, turn_clear},
    {Py_tp_dealloc, turn_free},
    {0, NULL},
};

PyType_Spec turn_spec = {
    "coroscope.record._quick.Turn", sizeof(Turn), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION, turn_slots};
