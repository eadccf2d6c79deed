/* What the sampler waits for: until somebody rings, or it is time to look. Without the interpreter's lock it sees whether a
   look would find nothing: to take the lock, only to learn that, costs a program that is busy 2 % of its time. */

#include "quick.h"

#include <pthread.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MOST_PULSES 64
#define LONGEST_REST_NS 250000000u
#define SECOND_NS 1000000000u
#define LONGEST_NS (1ll << 53)

typedef struct {
    PyObject_HEAD
    pthread_mutex_t mutex;
    pthread_cond_t rung;
    int is_rung;
    unsigned long threads; /* of the process, when it was last time to look */
    pid_t process;         /* In a fork of it, nobody waits, and the mutex may be held for ever. */
} Bell;

typedef struct {
    const uint64_t *times[MOST_PULSES];
    Py_ssize_t count;
    uint64_t young_ns, least_ns;
} Pulses;

/* The time at which the oldest of the pulses is to be looked at; one that is past if there are none. */
static uint64_t
due_by(const Pulses *pulses)
{
    uint64_t oldest = pulses->count == 0 ? 0 : UINT64_MAX;
    for (Py_ssize_t i = 0; i < pulses->count; i++) {
        uint64_t time_ns = __atomic_load_n(pulses->times[i], __ATOMIC_RELAXED);
        if (time_ns < oldest)
            oldest = time_ns;
    }
    return oldest == 0 ? 0 : oldest + pulses->young_ns;
}

/* How many threads the process has, with 2 added, as Linux tells; 0 where it does not. */
static unsigned long
count_threads(void)
{
    struct stat tasks;
    return stat("/proc/self/task", &tasks) == 0 ? (unsigned long)tasks.st_nlink : 0;
}

/* Wait, without the interpreter's lock: when it was time to look, or 0 where somebody has rung before. However young the
   pulses are, there is a look now and then, and where threads begin or end: not all that look can say for how long they need
   none. */
static uint64_t
wait_until(Bell *bell, uint64_t due, const Pulses *pulses)
{
    uint64_t last = due + LONGEST_REST_NS;
    pthread_mutex_lock(&bell->mutex);
    while (!bell->is_rung) {
        uint64_t now = now_ns();
        if (now >= due) {
            unsigned long threads = count_threads();
            uint64_t next = due_by(pulses);
            if (next <= now || now >= last || threads != bell->threads) {
                bell->threads = threads;
                break;
            }
            due = next < now + pulses->least_ns ? now + pulses->least_ns : next;
        }
        struct timespec until = {(time_t)(due / SECOND_NS), (long)(due % SECOND_NS)};
        pthread_cond_timedwait(&bell->rung, &bell->mutex, &until);
    }
    if (bell->is_rung)
        due = 0;
    bell->is_rung = 0;
    pthread_mutex_unlock(&bell->mutex);
    return due;
}

static PyObject *
bell_wait(PyObject *self, PyTypeObject *class, PyObject *const *arguments, Py_ssize_t count, PyObject *Py_UNUSED(names))
{
    State *state = PyType_GetModuleState(class);
    Pulses pulses = {.count = 0};
    long long numbers[3] = {0, 0, 0};
    if (count != 4 || !PyTuple_CheckExact(arguments[1])) {
        PyErr_SetString(PyExc_TypeError, "wait() takes ns to rest, a tuple of pulses, and two numbers of ns");
        return NULL;
    }
    Py_ssize_t pulse_count = PyTuple_Size(arguments[1]); /* Of too many, none is heeded. */
    for (Py_ssize_t i = 0; i < pulse_count && pulse_count <= MOST_PULSES; i++) {
        PyObject *pulse = PyTuple_GetItem(arguments[1], i);
        if ((PyObject *)Py_TYPE(pulse) != state->moment_type) {
            PyErr_SetString(PyExc_TypeError, "a pulse is a time that is written anew");
            return NULL;
        }
        pulses.times[pulses.count++] = &((Moment *)pulse)->time_ns;
    }
    for (int i = 0; i < 3; i++) {
        numbers[i] = PyLong_AsLongLong(arguments[i == 0 ? 0 : i + 1]);
        if (PyErr_Occurred())
            return NULL;
        if (numbers[i] < 0 || numbers[i] > LONGEST_NS) {
            PyErr_Format(PyExc_ValueError, "%lld ns are no time to wait", numbers[i]);
            return NULL;
        }
    }
    pulses.young_ns = (uint64_t)numbers[1];
    pulses.least_ns = (uint64_t)numbers[2];
    uint64_t due;
    Py_BEGIN_ALLOW_THREADS
    due = wait_until((Bell *)self, now_ns() + (uint64_t)numbers[0], &pulses);
    Py_END_ALLOW_THREADS
    return PyLong_FromUnsignedLongLong(due);
}

static PyObject *
bell_ring(PyObject *self, PyObject *Py_UNUSED(nothing))
{
    Bell *bell = (Bell *)self;
    if (bell->process == getpid()) {
        pthread_mutex_lock(&bell->mutex);
        bell->is_rung = 1;
        pthread_cond_signal(&bell->rung);
        pthread_mutex_unlock(&bell->mutex);
    }
    return NEW_REFERENCE(Py_None);
}

static PyObject *
bell_new(PyTypeObject *type, PyObject *Py_UNUSED(arguments), PyObject *Py_UNUSED(options))
{
    Bell *bell = (Bell *)new_object((PyObject *)type);
    if (bell == NULL)
        return NULL;
    pthread_condattr_t kind;
    pthread_condattr_init(&kind);
    pthread_condattr_setclock(&kind, CLOCK_MONOTONIC);
    pthread_cond_init(&bell->rung, &kind);
    pthread_condattr_destroy(&kind);
    pthread_mutex_init(&bell->mutex, NULL);
    bell->process = getpid();
    return (PyObject *)bell;
}

static void
bell_free(PyObject *self)
{
    if (((Bell *)self)->process == getpid()) {
        pthread_cond_destroy(&((Bell *)self)->rung);
        pthread_mutex_destroy(&((Bell *)self)->mutex);
    }
    free_object(self);
}

static PyMethodDef bell_methods[] = {
    {"wait", (PyCFunction)(void (*)(void))bell_wait, WITH_CLASS,
     PyDoc_STR("wait(rest_ns, pulses, young_ns, least_ns)\n--\n\nAs Bell.wait; while a pulse is young, it rests on.")},
    {"ring", bell_ring, METH_NOARGS, PyDoc_STR("ring()\n--\n\nAs Bell.ring.")},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot bell_slots[] = {
    {Py_tp_doc, PyDoc_STR("Bell()\n--\n\nAs coroscope.record.bell.Bell.")},
    {Py_tp_new, bell_new},
    {Py_tp_dealloc, bell_free},
    {Py_tp_methods, bell_methods},
    {0, NULL},
};

PyType_Spec bell_spec = {"coroscope.record._quick.Bell", sizeof(Bell), 0, Py_TPFLAGS_DEFAULT, bell_slots};
