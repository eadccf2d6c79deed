/* Writes events into the chunk of a stream; as `pack_event`, `next_position` and `now_ns` do.

   Rule: an event's last eight bytes are written last, so that none is ever seen torn.
   Rule: a position is claimed before anything is written to it. What interrupts a Python caller in between, a signal's
         handler or a finaliser, gets another one. */

#include "quick.h"

#include <stdatomic.h>
#include <string.h>
#include <time.h>

#define EVENT_SIZE 24

typedef struct {
    PyObject_HEAD
    Py_buffer chunk;
    Py_ssize_t next;
} Pen;

/* As `coroscope.loop.clock.now_ns`. */
uint64_t
now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int
pen_write(Pen *pen, uint64_t time_ns, uint32_t a, uint32_t b, uint64_t word)
{
    Py_ssize_t at = pen->next;
    if (at + EVENT_SIZE > pen->chunk.len)
        return 0;
    pen->next = at + EVENT_SIZE;
    char *event = (char *)pen->chunk.buf + at;
    memcpy(event, &time_ns, 8);
    memcpy(event + 8, &a, 4);
    memcpy(event + 12, &b, 4);
    atomic_signal_fence(memory_order_release);
    memcpy(event + 16, &word, 8);
    return 1;
}

/* Write one event to the watch's stream, in a new chunk where the present one is full. As `Stream.write`. */
int
write_event(State *state, PyObject *watch, uint64_t now, PyObject *a, PyObject *b, uint64_t word)
{
    PyObject *stream = AT(state, watch, WATCH_stream), *pen = stream == NULL ? NULL : AT(state, stream, STREAM_pen);
    if (pen == NULL || pen == Py_None) /* The collector has emptied it, or the recording has ended. */
        return 0;
    unsigned long first = PyLong_AsUnsignedLong(a), second = b == state->zero ? 0 : PyLong_AsUnsignedLong(b);
    if ((first == (unsigned long)-1 || second == (unsigned long)-1 || word == UINT64_MAX) && PyErr_Occurred())
        return -1;
    if (pen_write((Pen *)pen, now, (uint32_t)first, (uint32_t)second, word))
        return 0;
    PyObject *time_ns = PyLong_FromUnsignedLongLong(now), *rest = PyLong_FromUnsignedLongLong(word), *written = NULL;
    if (time_ns != NULL && rest != NULL) {
        Py_INCREF(stream);
        written = PyObject_CallMethodObjArgs(stream, state->words.write, time_ns, a, b, rest, NULL);
        Py_DECREF(stream);
    }
    Py_XDECREF(time_ns);
    Py_XDECREF(rest);
    Py_XDECREF(written);
    return written == NULL ? -1 : 0;
}

static PyObject *
pen_claim(PyObject *self, PyObject *Py_UNUSED(nothing))
{
    Pen *pen = (Pen *)self;
    Py_ssize_t at = pen->next;
    pen->next = at + EVENT_SIZE;
    return PyLong_FromSsize_t(at);
}

static PyObject *
pen_new(PyTypeObject *type, PyObject *arguments, PyObject *Py_UNUSED(options))
{
    PyObject *chunk;
    Py_ssize_t first;
    if (!PyArg_ParseTuple(arguments, "On:Pen", &chunk, &first))
        return NULL;
    Pen *pen = (Pen *)new_object((PyObject *)type);
    if (pen == NULL)
        return NULL;
    pen->next = first;
    if (first < 0 || PyObject_GetBuffer(chunk, &pen->chunk, PyBUF_WRITABLE) < 0) {
        if (!PyErr_Occurred())
            PyErr_Format(PyExc_ValueError, "a pen cannot begin at %zd: give 0 or more", first);
        Py_DECREF(pen);
        return NULL;
    }
    return (PyObject *)pen;
}

static void
pen_free(PyObject *self)
{
    PyBuffer_Release(&((Pen *)self)->chunk);
    free_object(self);
}

static PyMethodDef pen_methods[] = {
    {"claim", pen_claim, METH_NOARGS, PyDoc_STR("The position of the next event, which nobody else gets.")},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot pen_slots[] = {
    {Py_tp_doc, PyDoc_STR("Pen(chunk, first)\n--\n\nWrites events into `chunk` from position `first` on.")},
    {Py_tp_new, pen_new},
    {Py_tp_dealloc, pen_free},
    {Py_tp_methods, pen_methods},
    {0, NULL},
};

PyType_Spec pen_spec = {"coroscope.record._quick.Pen", sizeof(Pen), 0, Py_TPFLAGS_DEFAULT, pen_slots};
