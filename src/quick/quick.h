/* The recorder's short ways, compiled: what happens at every step of a task.

   Each function names the one in Python that it stands for, and does what that does. The Python is the description, it is
   what runs where this is not compiled, and what is called here for all that is special: before anything is changed.

   The limited API of CPython 3.11, so that what is built serves that version and all later ones. All state stays where it
   is in Python: in slots of the watch, the record and the task, which are read where their descriptors say that they are.

   Rule: whatever fails in here is given to `Recorder.fail`, and does not reach the program.
   Rule: a reference that is taken out of a slot is kept while anything is called or let go of that may change the slot. */

#ifndef COROSCOPE_QUICK_H
#define COROSCOPE_QUICK_H

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <stdint.h>

/* References are counted as since CPython 3.12: an immortal object, whose count has the sign bit of 32 set, is left alone.
   The macros of 3.11's headers do not know that. With them, what returns "PENDING" without counting, because it is immortal,
   would have it freed after some billions of steps. */
#undef Py_INCREF
#undef Py_DECREF
#undef Py_XINCREF
#undef Py_XDECREF
#undef Py_CLEAR
#define Py_INCREF(object) keep((PyObject *)(object))
#define Py_DECREF(object) let_go((PyObject *)(object))
#define Py_XINCREF(object) ((object) == NULL ? (void)0 : keep((PyObject *)(object)))
#define Py_XDECREF(object) ((object) == NULL ? (void)0 : let_go((PyObject *)(object)))
#define Py_CLEAR(place) \
    do { \
        PyObject *cleared = (PyObject *)(place); \
        (place) = NULL; \
        Py_XDECREF(cleared); \
    } while (0)

static inline void
keep(PyObject *object)
{
    if ((int32_t)object->ob_refcnt >= 0)
        object->ob_refcnt++;
}

static inline void
let_go(PyObject *object)
{
    if ((int32_t)object->ob_refcnt >= 0 && --object->ob_refcnt == 0)
        _Py_Dealloc(object);
}

/* The slots that are read and written, by the classes that have them. */
#define TASK_SLOTS(X) X(TASK, coro, "_coro") X(TASK, exception, "_exception") X(TASK, fut_waiter, "_fut_waiter") \
    X(TASK, interruption, "_interruption") X(TASK, name, "_name") X(TASK, requests, "_num_cancels_requested") \
    X(TASK, record, "_record") \
    X(TASK, state, "_state")
#define RECORD_SLOTS(X) X(RECORD, began_ns, "began_ns") X(RECORD, cancellations, "cancellations") \
    X(RECORD, cause_in_step, "cause_in_step") X(RECORD, has_begun, "has_begun") X(RECORD, has_caught, "has_caught") \
    X(RECORD, has_waited_long, "has_waited_long") X(RECORD, id, "id") X(RECORD, is_done, "is_done") \
    X(RECORD, is_silent, "is_silent") X(RECORD, is_walked, "is_walked") X(RECORD, key, "key") \
    X(RECORD, name, "name") X(RECORD, root, "root") X(RECORD, running, "running") \
    X(RECORD, suspended_ns, "suspended_ns") X(RECORD, thrown_into, "thrown_into") X(RECORD, waits, "waits")
#define WATCH_SLOTS(X) X(WATCH, between, "_between") X(WATCH, cause, "cause") X(WATCH, causes, "_causes") \
    X(WATCH, created, "_created") X(WATCH, created_in_step, "_created_in_step") X(WATCH, gave_up, "_gave_up") \
    X(WATCH, has_left, "_has_left") X(WATCH, id, "id") X(WATCH, lead, "_lead") X(WATCH, memo, "_memo") \
    X(WATCH, names_in_step, "_names_in_step") \
    X(WATCH, outer, "_outer") X(WATCH, paused, "_paused") X(WATCH, phase, "phase") \
    X(WATCH, poll_began_ns, "_poll_began_ns") X(WATCH, polled, "_polled") X(WATCH, pulse, "pulse") X(WATCH, put, "_put") \
    X(WATCH, read_signals, "_read_signals") \
    X(WATCH, recorder, "_recorder") X(WATCH, resumed, "_resumed") X(WATCH, returned, "_returned") \
    X(WATCH, roots, "_roots") X(WATCH, running_frame, "running_frame") X(WATCH, sees_polls, "sees_polls") \
    X(WATCH, step_begun, "_step_begun") X(WATCH, stream, "_stream") X(WATCH, tasks, "_tasks") \
    X(WATCH, thread, "_thread") X(WATCH, token, "token") X(WATCH, waits, "_waits") X(WATCH, walks, "_walks") \
    X(WATCH, woken_by_io, "_woken_by_io") X(WATCH, woken_by_task, "_woken_by_task") X(WATCH, yielded, "_yielded")
#define OTHER_SLOTS(X) X(QUEUE, successor, "_successor") X(QUEUE, watch, "watch") \
    X(ROOT, code, "code") X(ROOT, sites, "_sites") X(ROOT, to_walk, "to_walk") X(ROOTS, codes, "_codes") X(ROOTS, roots, "_roots") \
    X(STREAM, pen, "pen") X(HANDLE, callback, "_callback") X(HANDLE, is_cancelled, "_cancelled") \
    X(METHOD, function, "__func__") \
    X(RECORDER, is_recording, "is_recording") \
    X(WALKS, known, "_known")

#define NAME_SLOT(class, name, text) class##_##name,
enum { TASK_SLOTS(NAME_SLOT) RECORD_SLOTS(NAME_SLOT) WATCH_SLOTS(NAME_SLOT) OTHER_SLOTS(NAME_SLOT) SLOT_COUNT };

/* What is asked of objects written in C, by the functions in their type. */
#define GETTERS(X) X(c_task_type, coro, "_coro") X(c_task_type, exception, "_exception") \
    X(c_task_type, fut_waiter, "_fut_waiter") X(c_task_type, must_cancel, "_must_cancel") \
    X(c_task_type, state, "_state") \
    X(coroutine_type, cr_await, "cr_await") X(coroutine_type, cr_frame, "cr_frame") X(frame_type, f_back, "f_back") \
    X(frame_type, f_lasti, "f_lasti")
#define NAME_GETTER(type, name, text) GET_##name,
enum { GETTERS(NAME_GETTER) GETTER_COUNT };

/* Their methods without arguments, of types that are no one's but CPython's. */
#define ASKED(X) X(c_task_type, cancelling, "cancelling") X(c_task_type, get_name, "get_name")
#define NAME_ASKED(type, name, text) ASK_##name,
enum { ASKED(NAME_ASKED) ASKED_COUNT };

/* Python's objects that are compared with, or called; `prepare` is given them by these names. */
#define GIVEN(X) X(c_task_type) X(coroutine_type) X(deque_append) X(deque_len) X(deque_popleft) X(dispatching) \
    X(finished) X(frame_type) X(future_code) X(future_iterator) X(generator_type) \
    X(fresh) X(function_type) X(builtin_type) X(handle_type) X(own_handle_type) X(io) X(method_type) X(pending) \
    X(polling) X(python_steps) \
    X(read_ready) X(record_type) X(round_code) X(running) X(signal) X(task_type)
#define WORDS(X) X(begin, "begin") X(begin_other, "begin_other") X(call_soon, "call_soon") X(callback, "_callback") \
    X(is_cancelled, "_cancelled") X(cancelling, "cancelling") X(coro, "_coro") \
    X(done, "done") \
    X(exception, "_exception") X(fail, "fail") X(forget, "_forget") \
    X(fut_waiter, "_fut_waiter") X(get_name, "get_name") X(learn, "learn") \
    X(must_cancel, "_must_cancel") X(name_of, "__name__") X(name, "_name") \
    X(passed_over, "passed_over") X(plain_append, "plain_append") X(plain_begin_step, "plain_begin_step") \
    X(plain_eager_step_begins, "plain_eager_step_begins") X(plain_eager_step_ended, "plain_eager_step_ended") \
    X(plain_end, "plain_end") X(plain_enqueue, "plain_enqueue") X(plain_queued_step, "plain_queued_step") \
    X(plain_wake, "plain_wake") X(rename, "rename") X(stack, "stack") \
    X(state, "_state") X(task_destroyed, "task_destroyed") X(task_ids, "task_ids") X(write, "write") \
    X(write_what_gave_up, "_write_what_gave_up")

#define KNOWN_WORDS 64
typedef struct {
    PyObject *word;
    uint64_t number;
} Known;

typedef struct {
    Py_ssize_t offsets[SLOT_COUNT];
    PyGetSetDef *getters[GETTER_COUNT];
    PyCFunction asked[ASKED_COUNT]; /* NULL where it is no such method. */
    PyObject *plain_functions[KNOWN_WORDS]; /* Known to be no step of a task; not kept, and not to be followed. */
    PyObject *moment_type, *over_type, *soon_type, *turn_type, *step_type, *zero, *no_name;
    PyCFunction task_wakeup;
    PyGetSetDef *stepped_task; /* of `step_type` */
    Py_ssize_t innermost, first_instruction, suspended; /* in a thread's state, a code object, a coroutine; frames.c */
    Known known[KNOWN_WORDS];
    long long long_wait_ns, short_poll_ns;
#define DECLARE(name) PyObject *name;
    GIVEN(DECLARE)
#undef DECLARE
#define DECLARE(name, text) PyObject *name;
    struct { WORDS(DECLARE) } words;
#undef DECLARE
} State;

/* How methods are called that need the state: with the class that has it. */
#define WITH_CLASS (METH_METHOD | METH_FASTCALL | METH_KEYWORDS)

#define AT(state, object, slot) (*(PyObject **)((char *)(object) + (state)->offsets[slot]))
#define NEW_REFERENCE(object) new_reference((PyObject *)(object))

static inline PyObject *
new_reference(PyObject *object)
{
    Py_XINCREF(object);
    return object;
}

/* Put `value` into a slot, taking over the reference; what was there is let go of last, since that may run anything. */
static inline void
put(State *state, PyObject *object, int slot, PyObject *value)
{
    PyObject *old = AT(state, object, slot);
    AT(state, object, slot) = value;
    Py_XDECREF(old);
}

/* slots.c */
int find_slots(State *state, PyObject *classes);
int find_getters(State *state);
PyGetSetDef *getter_of(PyObject *class, const char *name);
int check_descriptors(void);

/* Put another value into a slot, unless it is there. */
static inline void
set(State *state, PyObject *object, int slot, PyObject *value)
{
    if (AT(state, object, slot) != value)
        put(state, object, slot, NEW_REFERENCE(value));
}

/* Whether the collector has emptied `watch`, which is garbage with all that it knows: what still comes is not recorded. */
static inline int
is_cleared(State *state, PyObject *watch)
{
    return AT(state, watch, WATCH_recorder) == NULL;
}

static inline int
is_recording(State *state, PyObject *watch)
{
    return AT(state, AT(state, watch, WATCH_recorder), RECORDER_is_recording) == Py_True;
}

/* The beginning of a weak reference: CPython 3.11 to 3.15, Include/cpython/weakrefobject.h. Tried by `check_references`. */
typedef struct {
    PyObject_HEAD
    PyObject *object;
} Reference;

/* The task of a record, a new reference; None where it is gone. */
static inline PyObject *
task_of(PyObject *record)
{
    PyObject *task = ((Reference *)record)->object;
    return NEW_REFERENCE(Py_REFCNT(task) > 0 ? task : Py_None);
}

/* A new object of a type of ours, all of it zero. */
static inline PyObject *
new_object(PyObject *type)
{
    return ((allocfunc)PyType_GetSlot((PyTypeObject *)type, Py_tp_alloc))((PyTypeObject *)type, 0);
}

/* Give back the memory of one that has let go of all that it had. */
static inline void
free_object(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

/* What `getter` gives of an object of just its type, a new reference. */
static inline PyObject *
got(State *state, PyObject *object, int getter)
{
    PyGetSetDef *definition = state->getters[getter];
    return definition->get(object, definition->closure);
}

/* pen.c: writes events */
extern PyType_Spec pen_spec;
uint64_t now_ns(void);
int write_event(State *state, PyObject *watch, uint64_t now, PyObject *a, PyObject *b, uint64_t word);

/* steps.c: the watch on any loop; -1 where an exception is to reach the program */
int begin_step(State *state, PyObject *watch, PyObject *task);
int begin_handle(State *state, PyObject *watch, PyObject *handle, PyObject *callback);
int run_step(State *state, PyObject *watch, PyObject *record, PyObject *task, uint64_t now);
int end_step(State *state, PyObject *watch);
int end_record(State *state, PyObject *watch, int is_eager, uint64_t now);
int begin_poll(State *state, PyObject *watch);
int end_poll(State *state, PyObject *watch);
int queue_step(State *state, PyObject *watch, PyObject *task);
int wake(State *state, PyObject *watch, PyObject *record, PyObject *cause);
extern PyType_Spec steps_spec;

/* moment.c: times that are written anew at every step */
extern PyType_Spec moment_spec;
int set_first_time(State *state, PyObject *object, int slot, uint64_t time_ns);
uint64_t time_in(State *state, PyObject *object, int slot);
typedef struct {
    PyObject_HEAD
    uint64_t time_ns;
} Moment;

/* Have the slot of a record or watch say `time_ns`. */
static inline int
set_time(State *state, PyObject *object, int slot, uint64_t time_ns)
{
    PyObject *moment = AT(state, object, slot);
    if ((PyObject *)Py_TYPE(moment) != state->moment_type)
        return set_first_time(state, object, slot, time_ns);
    __atomic_store_n(&((Moment *)moment)->time_ns, time_ns, __ATOMIC_RELAXED); /* The sampler reads it, without the lock. */
    return 0;
}

/* bell.c: what the sampler waits for */
extern PyType_Spec bell_spec;

/* memo.c: what is remembered of tasks that were met lately */
extern PyType_Spec memo_spec;
int check_references(PyObject *object);
PyObject *remembered_record(State *state, PyObject *watch, PyObject *task);
void remember_record(State *state, PyObject *watch, PyObject *task, PyObject *record);
void forget_record(State *state, PyObject *watch, void *task, PyObject *record);
int find_wait(State *state, PyObject *watch, PyObject *type, uint64_t *word);
int remembered_place(State *state, PyObject *watch, PyObject *root, void *code, long at, unsigned long *number);
void remember_place(State *state, PyObject *watch, PyObject *root, void *code, long at, unsigned long number);
PyObject *root_of_code(State *state, PyObject *watch, PyObject *code);
int remembered_code(State *state, PyObject *watch, void *code);
void remember_code(State *state, PyObject *watch, void *code, int is_users);
PyObject *forgetting(State *state, PyObject *watch);
PyObject *next_task_id(State *state, PyObject *watch);
PyObject *take_spare(State *state, PyObject *watch);
void keep_spare(State *state, PyObject *watch, PyObject *spare);

/* waits.c: where a task waits; -1: exception */
long long stack_of(State *state, PyObject *watch, PyObject *record);

/* turn.c: a step on a loop that is not written in Python */
extern PyType_Spec turn_spec;
PyObject *new_turn(State *state, PyObject *watch, PyObject *callback);

/* soon.c: the `call_soon` of such a loop */
extern PyType_Spec soon_spec;
PyObject *new_soon(State *state, PyObject *watch, PyObject *call_soon, PyObject *otherwise);

/* lives.c: tasks are created, end and are forgotten */
enum { FAILED = -1, SPECIAL, NOTED, GAVE_UP, WAITS, ENDED };
typedef struct {
    PyObject *parent, *root, *name;
    unsigned long site;
} Plan;
int plan_creation(State *state, PyObject *watch, PyObject *task, PyObject *cause, Plan *plan);
int introduce(State *state, PyObject *watch, PyObject *record, Plan *plan, uint64_t now);
PyObject *new_record(State *state, PyObject *referent, PyObject *gone, PyObject *number);
PyObject *record_of_its_own(State *state, PyObject *watch, PyObject *task, PyObject *number);
int keep_record(State *state, PyObject *watch, PyObject *task, PyObject *record);
void drop_plan(Plan *plan);
int create(State *state, PyObject *watch, PyObject *task, PyObject *cause);
int ends_as_most(State *state, PyObject *watch, PyObject *record, PyObject *task);
int note_task_end(State *state, PyObject *watch, PyObject *record, uint64_t now);
int forget(State *state, PyObject *watch, PyObject *record);

/* stand_in.c: records of tasks that may end in their first step */
PyObject *stand_in_for(State *state, PyObject *watch, PyObject *task, Plan *plan, uint64_t now);
int know_running(State *state, PyObject *watch);
int call_plain(State *state, PyObject *watch, PyObject *name, PyObject *first);
int settle(State *state, PyObject *watch, PyObject *record, PyObject *task, int is_noted);
int is_stand_in(State *state, PyObject *record);

/* eager.c: a step inside another one */
int begin_eager_step(State *state, PyObject *watch, PyObject *task);
int end_eager_step(State *state, PyObject *watch);

/* tasks.c: what is asked of a task; new references */
PyObject *awaited_by(State *state, PyObject *task);
PyObject *coroutine_of(State *state, PyObject *task);
PyObject *name_of(State *state, PyObject *task);
int has_ended(State *state, PyObject *task);
int has_returned(State *state, PyObject *task);
int must_cancel(State *state, PyObject *task);
PyObject *cancelling(State *state, PyObject *task);

PyObject *task_stepped_by(State *state, PyObject *callback);

/* frames.c: where the program is */
typedef struct Frame Frame;
int find_frames(State *state, PyObject *coroutine);
Frame *innermost_frame(State *state);
Frame *frame_of(State *state, PyObject *coroutine);
Frame *caller_of(Frame *frame);
PyObject *code_in(Frame *frame);
long offset_in_frame(State *state, Frame *frame);
void *object_of(Frame *frame);

/* asking.c: what the others are made of */
int call(PyObject *object, PyObject *name, PyObject *first);
PyObject *call_with(State *state, PyObject *function, PyObject *first);
int fail(State *state, PyObject *watch);
uint64_t number_in(State *state, PyObject *word);
int is_true(PyObject *object, PyObject *name);
int is_cancelled(State *state, PyObject *item);
int is_here(State *state, PyObject *watch);
int is_in_step(State *state, PyObject *watch);
PyObject *callback_of(State *state, PyObject *handle);
PyObject *function_of(State *state, PyObject *method);
int is_plain_callback(State *state, PyObject *callback);
int is_wakeup(State *state, PyObject *callback);
PyObject *record_of(State *state, PyObject *watch, PyObject *task);
PyObject *find_by_id(PyObject *dictionary, PyObject *object);
PyObject *pop_by_id(PyObject *dictionary, PyObject *object);
int set_by_id(PyObject *dictionary, PyObject *object, PyObject *value);

/* own_loop.c, ready_queue.c */
extern PyType_Spec own_spec, over_spec, queue_spec;

#endif
