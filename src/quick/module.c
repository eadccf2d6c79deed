/* The module `coroscope.record._quick`: its types, and what they are given by `prepare`. */

#include "quick.h"

#ifndef SOURCE_DIGEST
#error "compile by `python src/quick/build.py`"
#endif

/* Keep a reference to what `given` has by the name. */
static int
take(PyObject *given, const char *name, PyObject **kept)
{
    PyObject *value = PyDict_GetItemString(given, name);
    if (value == NULL) {
        PyErr_Format(PyExc_TypeError, "prepare() needs %s", name);
        return -1;
    }
    PyObject *old = *kept;
    *kept = NEW_REFERENCE(value);
    Py_XDECREF(old);
    return 0;
}

static PyObject *
prepare(PyObject *module, PyObject *arguments, PyObject *given)
{
    PyObject *classes;
    State *state = PyModule_GetState(module);
    if (!PyArg_ParseTuple(arguments, "O!LL:prepare", &PyDict_Type, &classes, &state->long_wait_ns,
                          &state->short_poll_ns))
        return NULL;
    if (given == NULL) {
        PyErr_SetString(PyExc_TypeError, "prepare() needs what is to be compared with, by name");
        return NULL;
    }
#define TAKE(name) \
    if (take(given, #name, &state->name) < 0) \
        return NULL;
    GIVEN(TAKE)
#undef TAKE
    PyObject *coroutine = PyDict_GetItemString(given, "coroutine");
    if (find_slots(state, classes) < 0 || find_getters(state) < 0 || find_frames(state, coroutine) < 0)
        return NULL;
    return NEW_REFERENCE(Py_None);
}

static int
add_type(PyObject *module, PyType_Spec *spec, PyObject **kept)
{
    PyObject *type = PyType_FromModuleAndSpec(module, spec, NULL);
    if (type == NULL)
        return -1;
    int verdict = PyModule_AddType(module, (PyTypeObject *)type);
    if (kept != NULL)
        *kept = type;
    else
        Py_DECREF(type);
    return verdict;
}

static int
execute(PyObject *module)
{
    State *state = PyModule_GetState(module);
    if (check_descriptors() < 0)
        return -1;
    state->zero = PyLong_FromLong(0);
    state->no_name = PyUnicode_InternFromString("");
    if (state->zero == NULL || state->no_name == NULL || PyModule_AddStringConstant(module, "SOURCE_DIGEST", SOURCE_DIGEST) < 0)
        return -1;
#define SPELL(name, text) \
    state->words.name = PyUnicode_InternFromString(text); \
    if (state->words.name == NULL) \
        return -1;
    WORDS(SPELL)
#undef SPELL
    return add_type(module, &pen_spec, NULL) < 0 || add_type(module, &steps_spec, NULL) < 0 ||
                   add_type(module, &own_spec, NULL) < 0 || add_type(module, &queue_spec, NULL) < 0 ||
                   add_type(module, &over_spec, &state->over_type) < 0 ||
                   add_type(module, &turn_spec, &state->turn_type) < 0 ||
                   add_type(module, &moment_spec, &state->moment_type) < 0 ||
                   add_type(module, &soon_spec, &state->soon_type) < 0 ||
                   add_type(module, &memo_spec, NULL) < 0 || add_type(module, &bell_spec, NULL) < 0
               ? -1
               : 0;
}

static int
traverse(PyObject *module, visitproc visit, void *arg)
{
    State *state = PyModule_GetState(module);
    if (state == NULL)
        return 0;
    Py_VISIT(state->moment_type);
    Py_VISIT(state->over_type);
    Py_VISIT(state->soon_type);
    Py_VISIT(state->turn_type);
    Py_VISIT(state->step_type);
#define VISIT(name) Py_VISIT(state->name);
    GIVEN(VISIT)
#undef VISIT
    return 0;
}

static int
clear(PyObject *module)
{
    State *state = PyModule_GetState(module);
    if (state == NULL)
        return 0;
    Py_CLEAR(state->moment_type);
    Py_CLEAR(state->over_type);
    Py_CLEAR(state->soon_type);
    Py_CLEAR(state->turn_type);
    Py_CLEAR(state->step_type);
    Py_CLEAR(state->zero);
    Py_CLEAR(state->no_name);
    for (int i = 0; i < KNOWN_WORDS; i++)
        Py_CLEAR(state->known[i].word);
#define CLEAR(name) Py_CLEAR(state->name);
    GIVEN(CLEAR)
#undef CLEAR
#define FORGET(name, text) Py_CLEAR(state->words.name);
    WORDS(FORGET)
#undef FORGET
    return 0;
}

static void
release(void *module)
{
    clear(module);
}

static PyMethodDef functions[] = {
    {"prepare", (PyCFunction)(void (*)(void))prepare, METH_VARARGS | METH_KEYWORDS,
     PyDoc_STR("prepare(classes, long_wait_ns, short_poll_ns, **objects)\n--\n\nLearn where slots and frames are, and what is compared with.")},
    {NULL, NULL, 0, NULL},
};

/* Of CPython 3.12, Include/moduleobject.h: `Py_mod_multiple_interpreters`, and that each may have a lock of its own. */
#define MULTIPLE_INTERPRETERS 3
#define EACH_WITH_ITS_LOCK ((void *)2)

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, execute},
    {MULTIPLE_INTERPRETERS, EACH_WITH_ITS_LOCK},
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_quick", PyDoc_STR("The recorder's short ways, compiled."), sizeof(State), functions, slots,
    traverse, clear, release,
};

PyMODINIT_FUNC
PyInit__quick(void)
{
    if (Py_Version < 0x030C0000) /* It would refuse a slot that it does not know. */
        slots[1] = (PyModuleDef_Slot){0, NULL};
    return PyModuleDef_Init(&definition);
}
