/* Where the program is, by CPython's own frames: to make an object of each, as Python's way to ask for them does, costs more
   than the rest of a task's creation, and `sys._getframe` tells the program's audit hooks.

   The structs are CPython's 3.11 to 3.15: `_PyInterpreterFrame` (Include/internal/pycore_frame.h, from 3.14 on
   pycore_interpframe_structs.h), `PyFrameObject` and `PyThreadState`. They are no part of the limited API, so `find_frames`
   tries whether they are so, and finds where a thread's state has its innermost frame.
   Rule: a frame is one that runs, of the calling thread, or that of a coroutine; it is asked for and let go of in one call. */

#include "quick.h"

#define POINTERS_OF_A_STATE 32
#define LARGEST_STACK_FRAME (1 << 20)
#define LARGEST_COROUTINE 512

/* The beginning of a `PyFrameObject`. */
typedef struct {
    PyObject_HEAD
    PyObject *back;
    Frame *frame;
} FrameObject;

static const struct {
    Py_ssize_t code, previous, object, instruction, owner;
} of_3_11 = {32, 48, 40, 56, -1}, of_3_12 = {0, 8, 48, 56, 70}, of_3_14 = {0, 8, 48, 56, 74}, *of_this = NULL;

static int
is_before(unsigned long minor)
{
    return Py_Version < (0x03000000ul | minor << 16);
}

#define IN_FRAME(frame, field) (*(void **)((char *)(frame) + of_this->field))

/* Whether it is no frame of Python code, but where C code has called the interpreter (3.12+). */
static int
is_of_interpreter(Frame *frame)
{
    return of_this->owner >= 0 && *((char *)frame + of_this->owner) >= 3;
}

static Frame *
first_of_code(Frame *frame)
{
    while (frame != NULL && is_of_interpreter(frame))
        frame = IN_FRAME(frame, previous);
    return frame;
}

/* The caller of the Python code in `frame`, NULL where there is none. */
Frame *
caller_of(Frame *frame)
{
    return first_of_code(IN_FRAME(frame, previous));
}

/* What runs in `frame`, borrowed. */
PyObject *
code_in(Frame *frame)
{
    return (PyObject *)((uintptr_t)IN_FRAME(frame, code) & ~(uintptr_t)7); /* 3.14+: what it is kept by is in the last bits. */
}

/* The instruction that `frame` is at, as an offset. */
long
offset_in_frame(State *state, Frame *frame)
{
    return (long)((char *)IN_FRAME(frame, instruction) - (char *)code_in(frame) - state->first_instruction);
}

/* The frame of a coroutine or generator that is suspended, or has not begun. Of one that is over it must not be read further
   than by `code_in`, to be compared. */
Frame *
frame_of(State *state, PyObject *coroutine)
{
    return (Frame *)((char *)coroutine + state->suspended);
}

/* The object that was made of `frame`, borrowed; NULL where none was. */
void *
object_of(Frame *frame)
{
    return IN_FRAME(frame, object);
}

/* The innermost frame of the calling thread; NULL where no Python code runs in it. */
Frame *
innermost_frame(State *state)
{
    char *place = (char *)PyThreadState_Get() + state->innermost;
    if (is_before(13)) /* There it is in a struct on the stack. */
        place = *(char **)place + (is_before(12) ? 8 : 0);
    return first_of_code(*(Frame **)place);
}

/* Whether `pointer` is one to a struct on the stack of the interpreter's loop that called us. */
static int
is_on_stack(char *pointer)
{
    uintptr_t here = (uintptr_t)&pointer, there = (uintptr_t)pointer;
    return there > here && there - here < LARGEST_STACK_FRAME && there % sizeof(void *) == 0;
}

/* Find where the calling thread's state leads to `wanted`. */
static int
find_innermost(State *state, Frame *wanted)
{
    char *thread = (char *)PyThreadState_Get();
    for (Py_ssize_t at = 0; at < POINTERS_OF_A_STATE * (Py_ssize_t)sizeof(void *); at += sizeof(void *)) {
        state->innermost = at;
        if (is_before(13) && !is_on_stack(*(char **)(thread + at)))
            continue;
        if (is_before(13) ? innermost_frame(state) == wanted : *(Frame **)(thread + at) == wanted)
            return 1;
    }
    return 0;
}

/* Whether `frame` is what `object` was made of, as far as the object tells. */
static int
is_as_told(State *state, Frame *frame, PyObject *object)
{
    PyObject *code = (PyObject *)PyFrame_GetCode((PyFrameObject *)object), *offset = got(state, object, GET_f_lasti);
    int is_sound = offset != NULL && code_in(frame) == code && object_of(frame) == object &&
                   offset_in_frame(state, frame) == PyLong_AsLong(offset);
    Py_XDECREF(offset);
    Py_DECREF(code);
    return is_sound;
}

/* Find where a coroutine, and so a generator, has its frame. */
static int
find_suspended(State *state, PyObject *coroutine)
{
    PyObject *object = got(state, coroutine, GET_cr_frame);
    int is_sound = 0;
    if (object != NULL && (PyObject *)Py_TYPE(object) == state->frame_type) {
        state->suspended = (char *)((FrameObject *)object)->frame - (char *)coroutine;
        is_sound = state->suspended > 0 && state->suspended < LARGEST_COROUTINE &&
                   is_as_told(state, frame_of(state, coroutine), object);
    }
    Py_XDECREF(object);
    return is_sound;
}

/* Learn how frames are to be read: from those of the Python function that calls this, of the one that called it, and of a
   coroutine that has not begun. -1 with ImportError where they are otherwise. */
int
find_frames(State *state, PyObject *coroutine)
{
    PyObject *inner = (PyObject *)PyEval_GetFrame(), *outer = inner == NULL ? NULL : got(state, inner, GET_f_back);
    int is_sound = 0;
    of_this = is_before(12) ? &of_3_11 : is_before(14) ? &of_3_12 : &of_3_14;
    if (outer != NULL && outer != Py_None && coroutine != NULL && (PyObject *)Py_TYPE(coroutine) == state->coroutine_type) {
        Frame *frame = ((FrameObject *)inner)->frame, *caller = ((FrameObject *)outer)->frame;
        PyObject *code = (PyObject *)PyFrame_GetCode((PyFrameObject *)inner);
        PyObject *size = PyObject_GetAttrString((PyObject *)Py_TYPE(code), "__basicsize__");
        state->first_instruction = size == NULL ? 0 : PyLong_AsSsize_t(size);
        is_sound = caller_of(frame) == caller && is_as_told(state, frame, inner) && is_as_told(state, caller, outer) &&
                   find_innermost(state, frame) && find_suspended(state, coroutine);
        Py_XDECREF(size);
        Py_DECREF(code);
    }
    Py_XDECREF(outer);
    if (!is_sound && !PyErr_Occurred())
        PyErr_SetString(PyExc_ImportError, "frames are not what they were in CPython 3.11 to 3.15");
    return is_sound ? 0 : -1;
}
