/* Where an instance keeps the slots of its class. */

#include "quick.h"

#include <stddef.h>
#include <string.h>
#include <structmember.h>

/* The beginning of a `member_descriptor`: CPython 3.11 to 3.15, Include/cpython/descrobject.h. It is no part of the limited
   API, so `check_descriptors` tries whether it is so. */
typedef struct {
    PyObject_HEAD
    PyTypeObject *type;
    PyObject *name, *qualname;
    PyMemberDef *member;
} MemberDescriptor;

/* The same of a `method_descriptor`. */
typedef struct {
    PyObject_HEAD
    PyTypeObject *type;
    PyObject *name, *qualname;
    PyMethodDef *method;
} MethodDescriptor;

/* The same of a `getset_descriptor`. */
typedef struct {
    PyObject_HEAD
    PyTypeObject *type;
    PyObject *name, *qualname;
    PyGetSetDef *getset;
} GetSetDescriptor;

static const struct {
    const char *class_name, *name;
} slots[] = {
#define DESCRIBE(class, name, text) {#class, text},
    TASK_SLOTS(DESCRIBE) RECORD_SLOTS(DESCRIBE) WATCH_SLOTS(DESCRIBE) OTHER_SLOTS(DESCRIBE)
#undef DESCRIBE
};

/* The descriptor of `name` in `class`, a new reference, if it is of that kind; NULL with ImportError where not. */
static PyObject *
descriptor_of(PyObject *class, const char *name, const char *kind)
{
    PyObject *descriptor = PyObject_GetAttrString(class, name);
    PyObject *found = descriptor == NULL ? NULL : PyType_GetName(Py_TYPE(descriptor));
    if (found == NULL || PyUnicode_CompareWithASCIIString(found, kind) != 0) {
        PyErr_Format(PyExc_ImportError, "%s is no %s", name, kind);
        Py_CLEAR(descriptor);
    }
    Py_XDECREF(found);
    return descriptor;
}

static Py_ssize_t
offset_of(PyObject *class, const char *name)
{
    PyObject *descriptor = descriptor_of(class, name, "member_descriptor");
    if (descriptor == NULL)
        return -1;
    Py_ssize_t offset = ((MemberDescriptor *)descriptor)->member->offset;
    Py_DECREF(descriptor);
    return offset;
}

/* What gets `name` of the instances of `class`; NULL with ImportError where that is no function in C. */
PyGetSetDef *
getter_of(PyObject *class, const char *name)
{
    PyObject *descriptor = descriptor_of(class, name, "getset_descriptor");
    if (descriptor == NULL)
        return NULL;
    PyGetSetDef *getset = ((GetSetDescriptor *)descriptor)->getset;
    Py_DECREF(descriptor);
    return getset;
}

/* What the method `name` of `class` calls, if it is a function in C that is given nothing but the object. */
static int
find_method(PyObject *class, const char *name, PyCFunction *found)
{
    PyObject *descriptor = descriptor_of(class, name, "method_descriptor");
    if (descriptor == NULL)
        return -1;
    PyMethodDef *method = ((MethodDescriptor *)descriptor)->method;
    *found = method->ml_flags == METH_NOARGS ? method->ml_meth : NULL;
    Py_DECREF(descriptor);
    return 0;
}

/* Look up what is asked of objects written in C. */
int
find_getters(State *state)
{
#define FIND(type, name, text) \
    state->getters[GET_##name] = getter_of(state->type, text); \
    if (state->getters[GET_##name] == NULL) \
        return -1;
    GETTERS(FIND)
#undef FIND
#define FIND(type, name, text) \
    if (find_method(state->type, text, &state->asked[ASK_##name]) < 0) \
        return -1;
    ASKED(FIND)
#undef FIND
    return 0;
}

/* Look up every slot in the classes that `classes` names. */
int
find_slots(State *state, PyObject *classes)
{
    for (int i = 0; i < SLOT_COUNT; i++) {
        PyObject *class = PyDict_GetItemString(classes, slots[i].class_name);
        if (class == NULL) {
            PyErr_Format(PyExc_ImportError, "no class %s", slots[i].class_name);
            return -1;
        }
        state->offsets[i] = offset_of(class, slots[i].name);
        if (state->offsets[i] < 0)
            return -1;
    }
    return 0;
}

static const char probe[] = "class Probe:\n    __slots__ = ('first', 'second')\nprobe = Probe()\n"
                            "probe.second = sought = object()\nget = lambda: 0\n";

/* Whether slots and getters are where descriptors say; -1 with ImportError if not. */
static int
check(PyObject *scope)
{
    PyObject *class = PyDict_GetItemString(scope, "Probe"), *function = PyDict_GetItemString(scope, "get");
    Py_ssize_t offset = offset_of(class, "second");
    PyGetSetDef *getter = getter_of((PyObject *)Py_TYPE(function), "__code__");
    if (offset < 0 || getter == NULL)
        return -1;
    int is_sound = offset == (Py_ssize_t)(sizeof(PyObject) + sizeof(PyObject *)) &&
                   *(PyObject **)((char *)PyDict_GetItemString(scope, "probe") + offset) ==
                       PyDict_GetItemString(scope, "sought");
    is_sound = is_sound && getter->name != NULL && strcmp(getter->name, "__code__") == 0;
    if (is_sound) {
        PyObject *got = getter->get(function, getter->closure), *wanted = PyObject_GetAttrString(function, "__code__");
        is_sound = got != NULL && got == wanted;
        Py_XDECREF(got);
        Py_XDECREF(wanted);
    }
    PyObject *descriptor = descriptor_of((PyObject *)&PyUnicode_Type, "isdigit", "method_descriptor");
    if (descriptor == NULL)
        return -1;
    is_sound = is_sound && strcmp(((MethodDescriptor *)descriptor)->method->ml_name, "isdigit") == 0;
    Py_DECREF(descriptor);
    if (!is_sound)
        PyErr_SetString(PyExc_ImportError, "descriptors are not what they were in CPython 3.11 to 3.15");
    return is_sound ? check_references(class) : -1;
}

int
check_descriptors(void)
{
    PyObject *scope = PyDict_New(), *code = Py_CompileString(probe, "<coroscope>", Py_file_input), *result = NULL;
    PyObject *builtins = PyEval_GetBuiltins();
    if (scope != NULL && code != NULL && PyDict_SetItemString(scope, "__builtins__", builtins) == 0 &&
        PyDict_SetItemString(scope, "__name__", PyDict_GetItemString(builtins, "__name__")) == 0)
        result = PyEval_EvalCode(code, scope, scope);
    int verdict = result == NULL ? -1 : check(scope);
    Py_XDECREF(result);
    Py_XDECREF(code);
    Py_XDECREF(scope);
    return verdict;
}
