/* The Lua state, its tasks and the one place where they wait.
 *
 * A task is a coroutine with a number. A binding that must wait starts an operation, leaves it in a box on the
 * coroutine's stack and yields WAIT; the operation carries the task's number. The runner below takes finished
 * operations from the loop and resumes the task of that number: one lua_resume, one lua_yieldk in the whole tree.
 * A coroutine that the script made itself passes WAIT on outwards (stdlib/task.lua wraps resume and wrap).
 */
#include "bindings/vm.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/slab.h"
#include "bindings/breaks.h"
#include "bindings/modules.h"
#include "bindings/slb.h"
#include "bindings/step.h"
#include "bindings/terminal.h"

#define TASKS_MAX 1000000
#define OP_TYPE "sluice.op"

static const char wait_mark; /* its address is what a waiting coroutine yields */

typedef struct ready_list {
    uint64_t *ids;
    size_t head, len, cap; /* ids[head .. head+len) modulo cap */
} ready_list;

struct sl_vm {
    lua_State *L;
    sl_loop *loop;
    sl_slab *slab;         /* where Lua's memory comes from */
    bool warn_on, warn_more; /* warn(): switched on; in the middle of a message */
    uint64_t last_id, current, main_id;
    uint64_t broken; /* the task that Ctrl-C made give way, 0: none */
    uint64_t gave_way; /* the same until it is resumed */
    ready_list ready;
    int tasks_ref;  /* registry: task id -> coroutine */
    int waits_ref;  /* registry: task id -> box of the operation that it waits for, or has waited for last */
    int parked_ref; /* registry: task id -> true while it is parked, false where a wake-up came before its park */
    size_t task_count;
    bool signal_handled;
};

static sl_vm *vm_of(lua_State *L) {
    return *(sl_vm **)lua_getextraspace(L);
}

sl_loop *slb_loop(lua_State *L) {
    return vm_of(L)->loop;
}

uint64_t slb_task(lua_State *L) {
    return vm_of(L)->current;
}

/* ---- the ready list ---- */

static void ready_push(sl_vm *vm, uint64_t id) {
    ready_list *r = &vm->ready;
    if (r->len == r->cap) {
        size_t cap = r->cap ? 2 * r->cap : 64;
        uint64_t *ids = malloc(cap * sizeof *ids);
        sl_assert(ids);
        for (size_t i = 0; i < r->len; i++) ids[i] = r->ids[(r->head + i) % r->cap];
        free(r->ids);
        *r = (ready_list){ids, 0, r->len, cap};
    }
    r->ids[(r->head + r->len++) % r->cap] = id;
}

static uint64_t ready_pop(sl_vm *vm) {
    ready_list *r = &vm->ready;
    uint64_t id = r->ids[r->head];
    r->head = (r->head + 1) % r->cap;
    r->len--;
    return id;
}

/* ---- waiting ---- */

void slb_check_task(lua_State *L, const char *what) {
    if (lua_isyieldable(L) && vm_of(L)->current) return;
    slb_usage(L, "%s can't wait here: Lua can't pause inside a sort comparator, string.gsub, a finalizer, a C library's "
              "callback or while a module is being loaded with require", what);
}

static void empty(sl_op **box) {
    sl_op *op = *box;
    *box = NULL;
    sl_op_free(op);
}

static int op_gc(lua_State *L) {
    empty(lua_touserdata(L, 1));
    return 0;
}

sl_op **slb_op_box(lua_State *L) {
    return slb_box(L, OP_TYPE);
}

/* The answer of the operation in the box at the top; the box is emptied after `push` has read it. */
static int answer(lua_State *L, slb_push push) {
    int box_at = lua_gettop(L);
    int n = push(L, *(sl_op **)lua_touserdata(L, box_at));
    empty(lua_touserdata(L, box_at));
    return n;
}

static int go_on(lua_State *L, int status, lua_KContext push) {
    (void)status;
    return push ? answer(L, (slb_push)push) : 0;
}

static int yield(lua_State *L, slb_push push) {
    lua_pushlightuserdata(L, (void *)(uintptr_t)&wait_mark);
    return lua_yieldk(L, 1, (lua_KContext)push, go_on);
}

/* The box is noted, since the coroutine that waits may be one of the script's own inside the task. */
int slb_wait(lua_State *L, slb_push push) {
    sl_op **box = lua_touserdata(L, -1);
    uint64_t id = vm_of(L)->current;
    sl_op_tag(*box, id);
    lua_rawgeti(L, LUA_REGISTRYINDEX, vm_of(L)->waits_ref);
    lua_pushvalue(L, -2);
    lua_rawseti(L, -2, (lua_Integer)id);
    lua_pop(L, 1);
    return yield(L, push);
}

int slb_push_true(lua_State *L, sl_op *op) {
    const sl_err *err = sl_op_error(op);
    if (err) return slb_fail(L, err);
    lua_pushboolean(L, 1);
    return 1;
}

/* The coroutine of a task, NULL where it has ended. [-0, +0, m] */
static lua_State *thread_of(lua_State *L, uint64_t id) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, vm_of(L)->tasks_ref);
    lua_rawgeti(L, -1, (lua_Integer)id);
    lua_State *co = lua_tothread(L, -1);
    lua_pop(L, 2);
    return co;
}

/* parked[id] as it is: true, false or nil. [-0, +0, m] */
static int parked_get(lua_State *L, uint64_t id) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, vm_of(L)->parked_ref);
    int type = lua_rawgeti(L, -1, (lua_Integer)id);
    int state = type == LUA_TNIL ? -1 : lua_toboolean(L, -1);
    lua_pop(L, 2);
    return state;
}

static void parked_set(lua_State *L, uint64_t id, int state) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, vm_of(L)->parked_ref);
    if (state < 0) lua_pushnil(L);
    else lua_pushboolean(L, state);
    lua_rawseti(L, -2, (lua_Integer)id);
    lua_pop(L, 1);
}

int slb_park(lua_State *L) {
    uint64_t id = slb_task(L);
    bool woken_before = parked_get(L, id) == 0;
    parked_set(L, id, woken_before ? -1 : 1);
    return woken_before ? 0 : yield(L, NULL);
}

/* Tasks that were dropped may still stand in somebody's list. */
void slb_wake(lua_State *L, uint64_t task) {
    if (!thread_of(L, task)) return;
    bool parked = parked_get(L, task) == 1;
    parked_set(L, task, parked ? -1 : 0);
    if (parked) ready_push(vm_of(L), task);
}

/* ---- tasks, for stdlib/task.lua ---- */

/* core.start(fn, …) -> id: a new task, first resumed on the runner's next turn */
static int l_start(lua_State *L) {
    sl_vm *vm = vm_of(L);
    luaL_checktype(L, 1, LUA_TFUNCTION);
    if (vm->task_count >= TASKS_MAX) slb_usage(L, "more than %d tasks at once", TASKS_MAX);
    int n = lua_gettop(L);
    lua_rawgeti(L, LUA_REGISTRYINDEX, vm->tasks_ref);
    lua_State *co = lua_newthread(L);
    lua_rawseti(L, -2, (lua_Integer)++vm->last_id);
    lua_pop(L, 1);
    if (!lua_checkstack(co, n + 1)) slb_usage(L, "too many arguments for a task");
    lua_xmove(L, co, n);
    vm->task_count++;
    ready_push(vm, vm->last_id);
    lua_pushinteger(L, (lua_Integer)vm->last_id);
    return 1;
}

static void clear_row(lua_State *L, int ref, uint64_t id) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, ref);
    lua_pushnil(L);
    lua_rawseti(L, -2, (lua_Integer)id);
    lua_pop(L, 1);
}

static void forget_task(sl_vm *vm, uint64_t id) {
    clear_row(vm->L, vm->tasks_ref, id);
    clear_row(vm->L, vm->waits_ref, id);
    parked_set(vm->L, id, -1);
    if (vm->gave_way == id) vm->gave_way = 0;
    vm->task_count--;
}

/* Frees, and so cancels, the operation that the task waits for. */
static void cancel_wait(lua_State *L, uint64_t id) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, vm_of(L)->waits_ref);
    lua_rawgeti(L, -1, (lua_Integer)id);
    sl_op **box = lua_touserdata(L, -1);
    if (box) empty(box);
    lua_pop(L, 2);
}

/* core.drop(id): forgets a task that is waiting, and cancels its operation. Nothing for others. */
static int l_drop(lua_State *L) {
    sl_vm *vm = vm_of(L);
    uint64_t id = (uint64_t)luaL_checkinteger(L, 1);
    lua_rawgeti(L, LUA_REGISTRYINDEX, vm->tasks_ref);
    bool known = lua_rawgeti(L, -1, (lua_Integer)id) == LUA_TTHREAD; /* stays on the stack until its end */
    if (!known || id == vm->current || id == vm->main_id) return 0;
    lua_State *co = lua_tothread(L, -1);
    cancel_wait(L, id);
    forget_task(vm, id);
    lua_resetthread(co);
    return 0;
}

/* core.park(): waits until core.wake(id)     (waits) */
static int l_park(lua_State *L) {
    slb_check_task(L, "this call");
    lua_settop(L, 0);
    return slb_park(L);
}

/* core.wake(id): the task goes on on the runner's next turn */
static int l_wake(lua_State *L) {
    slb_wake(L, (uint64_t)luaL_checkinteger(L, 1));
    return 0;
}

/* core.yield(): lets the other tasks and the transfers go on     (waits) */
static int l_yield(lua_State *L) {
    slb_check_task(L, "task.yield");
    ready_push(vm_of(L), slb_task(L));
    return yield(L, NULL);
}

/* core.current() -> id of the running task */
static int l_current(lua_State *L) {
    lua_pushinteger(L, (lua_Integer)slb_task(L));
    return 1;
}

/* core.pending() -> operations under way, tasks alive */
static int l_pending(lua_State *L) {
    lua_pushinteger(L, sl_loop_pending(slb_loop(L)));
    lua_pushinteger(L, (lua_Integer)vm_of(L)->task_count);
    return 2;
}

/* core.sleep(seconds) -> true | nil, err     (waits) */
static int l_sleep(lua_State *L) {
    lua_Number s = luaL_checknumber(L, 1);
    if (!(s >= 0 && s < 1e9)) slb_usage(L, "task.sleep: seconds must be a number from 0 to 1e9");
    slb_check_task(L, "task.sleep");
    sl_err err;
    if (vm_of(L)->signal_handled) {
        sl_fail(&err, SL_CANCELLED, 0, "stopped by a signal");
        return slb_fail(L, &err);
    }
    sl_op **box = slb_op_box(L);
    *box = sl_sleep_start(slb_loop(L), (int64_t)(s * 1000 + 0.5), &err);
    if (!*box) return slb_fail(L, &err);
    return slb_wait(L, slb_push_true);
}

/* core.signal() -> number of the signal that asked us to stop, or nil */
static int l_signal(lua_State *L) {
    int number = sl_loop_signal(slb_loop(L));
    if (number) lua_pushinteger(L, number);
    else lua_pushnil(L);
    return 1;
}

/* core.raise_signal(number | nil): for specs: as if it had arrived; nil forgets it */
static int l_raise_signal(lua_State *L) {
    if (lua_isnoneornil(L, 1)) {
        sl_loop_signal_clear(slb_loop(L));
        vm_of(L)->signal_handled = false;
    } else {
        raise((int)luaL_checkinteger(L, 1));
    }
    return 0;
}

void slb_give_way(lua_State *L) {
    lua_yieldk(L, 0, 0, NULL);
}

/* core.gave_way() -> the task that Ctrl-C made give way and that has had no turn since, nil: none */
static int l_gave_way(lua_State *L) {
    uint64_t id = vm_of(L)->gave_way;
    if (id) lua_pushinteger(L, (lua_Integer)id);
    else lua_pushnil(L);
    return 1;
}

static const luaL_Reg core_functions[] = {
    {"start", l_start},     {"drop", l_drop},       {"park", l_park},   {"wake", l_wake},
    {"current", l_current}, {"pending", l_pending}, {"sleep", l_sleep}, {"signal", l_signal},
    {"raise_signal", l_raise_signal}, {"yield", l_yield}, {"step", slb_step_lua}, {"gave_way", l_gave_way},
    {"annotations", slb_annotations}, {"file", slb_embedded_file}, {"source", slb_embedded_source},
    {NULL, NULL}};

static int open_core(lua_State *L) {
    luaL_newlib(L, core_functions);
    slb_terminal_functions(L);
    slb_breaks_functions(L);
    lua_pushlightuserdata(L, (void *)(uintptr_t)&wait_mark);
    lua_setfield(L, -2, "WAIT");
    return 1;
}

/* ---- the runner ---- */

/* A task that ended with an error nobody looks at: stdlib/task.lua catches all of them, so this is our bug. */
static void report_broken(lua_State *co) {
    sl_buf b;
    sl_buf_init(&b, 64 * 1024);
    luaL_traceback(co, co, luaL_tolstring(co, -1, NULL), 0);
    sl_buf_printf(&b, NULL, "sluice: a task failed: %s\n", lua_tostring(co, -1));
    sl_log_print(sl_buf_str(&b));
    sl_buf_free(&b);
}

/* Resumes one task; true where it was the main task and has ended, with its exit code in *code. */
static bool resume(sl_vm *vm, uint64_t id, int *code) {
    lua_State *co = thread_of(vm->L, id);
    if (!co) return false;
    bool begin = lua_status(co) == LUA_OK;
    int results = 0, args = begin ? lua_gettop(co) - 1 : 0;
    vm->current = id;
    if (vm->gave_way == id) vm->gave_way = 0;
    slb_breaks_running(co);
    int status = lua_resume(co, vm->L, args, &results);
    slb_breaks_running(NULL);
    vm->current = 0;
    if (status == LUA_YIELD) {
        bool ours = results == 1 && lua_touserdata(co, -1) == (const void *)&wait_mark;
        lua_pop(co, results);
        if (!ours && slb_breaks_came()) vm->broken = vm->gave_way = id;
        else if (!ours) ready_push(vm, id); /* a plain coroutine.yield() in a task lets the others run */
        return false;
    }
    if (status != LUA_OK) report_broken(co);
    *code = status != LUA_OK ? 1 : results && lua_isinteger(co, -1) ? (int)lua_tointeger(co, -1) : 0;
    forget_task(vm, id);
    return id == vm->main_id;
}

static void on_signal(sl_vm *vm) {
    if (vm->signal_handled || !sl_loop_signal(vm->loop)) return;
    vm->signal_handled = true;
    sl_loop_cancel_sleeps(vm->loop);
}

static int run(sl_vm *vm) {
    int code = 0;
    for (;;) {
        for (size_t n = vm->ready.len; n > 0; n--)
            if (resume(vm, ready_pop(vm), &code)) return code;
        sl_op *op = sl_loop_wait(vm->loop, vm->ready.len || vm->broken ? 0 : -1);
        on_signal(vm);
        for (; op; op = sl_loop_next(vm->loop)) ready_push(vm, sl_op_tag_get(op));
        if (vm->broken) ready_push(vm, vm->broken); /* behind whoever takes the signal */
        vm->broken = 0;
        if (vm->ready.len == 0 && sl_loop_pending(vm->loop) == 0) {
            sl_log_print(SL_STR("sluice: every task waits for another one: nothing can go on (a channel that nobody "
                                "fills, a semaphore that nobody releases?)\n"));
            return 1;
        }
    }
}

/* ---- life ---- */

static int setup(lua_State *L) {
    static const luaL_Reg op_meta[] = {{"__gc", op_gc}, {NULL, NULL}};
    sl_vm *vm = lua_touserdata(L, 1);
    luaL_openlibs(L);
    slb_type(L, OP_TYPE, op_meta, NULL);
    slb_error_type(L);
    slb_modules_preload(L, open_core);
    lua_newtable(L);
    vm->tasks_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_newtable(L);
    vm->waits_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_newtable(L);
    vm->parked_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    return 0;
}

static int panic(lua_State *L) {
    fprintf(stderr, "sluice: out of memory or a bug of ours: %s\n", lua_tostring(L, -1));
    return 0;
}

/* warn(…), as the stand-alone interpreter has it: "@on" and "@off" switch. */
static void warning(void *self, const char *text, int more) {
    sl_vm *vm = self;
    if (!vm->warn_more && !more && text[0] == '@') {
        if (strcmp(text, "@on") == 0) vm->warn_on = true;
        if (strcmp(text, "@off") == 0) vm->warn_on = false;
        return;
    }
    if (vm->warn_on) {
        if (!vm->warn_more) sl_log_print(SL_STR("Lua warning: "));
        sl_log_print(sl_str_of(text));
        if (!more) sl_log_print(SL_STR("\n"));
    }
    vm->warn_more = more;
}

sl_vm *sl_vm_new(sl_err *err) {
    sl_vm *vm = calloc(1, sizeof *vm);
    if (!vm) return sl_fail(err, SL_INTERNAL, 0, "out of memory"), NULL;
    vm->loop = sl_loop_new(err);
    vm->slab = sl_slab_new();
    vm->L = vm->loop && vm->slab ? lua_newstate(sl_slab_alloc, vm->slab) : NULL;
    if (!vm->L) {
        sl_vm_free(vm);
        return NULL;
    }
    lua_atpanic(vm->L, panic);
    lua_setwarnf(vm->L, warning, vm);
    /* Most values live for one record: what dies young stays in the cache. Pages of an answer grow old before they die: the old
     * are looked at when memory has grown by half. */
    lua_gc(vm->L, LUA_GCGEN, 0, 50);
    *(sl_vm **)lua_getextraspace(vm->L) = vm;
    lua_pushcfunction(vm->L, setup);
    lua_pushlightuserdata(vm->L, vm);
    if (lua_pcall(vm->L, 1, 0, 0) != LUA_OK) {
        sl_fail(err, SL_INTERNAL, 0, "start: %s", lua_tostring(vm->L, -1));
        sl_vm_free(vm);
        return NULL;
    }
    return vm;
}

void sl_vm_free(sl_vm *vm) {
    if (!vm) return;
    if (vm->L) lua_close(vm->L); /* collects the boxes, which cancels what is under way */
    sl_slab_free(vm->slab);
    if (vm->loop) sl_loop_free(vm->loop);
    free(vm->ready.ids);
    sl_log_forget();
    free(vm);
}

/* The main task: require "sluice.cli".main(args) */
static int start_main(lua_State *L) {
    lua_getglobal(L, "require");
    lua_pushliteral(L, "sluice.cli");
    lua_call(L, 1, 1);
    lua_pushcfunction(L, l_start);
    lua_getfield(L, -2, "main");
    lua_pushvalue(L, 1);
    lua_call(L, 2, 1);
    vm_of(L)->main_id = (uint64_t)lua_tointeger(L, -1);
    return 0;
}

int sl_vm_main(sl_vm *vm, int argc, char **argv) {
    lua_State *L = vm->L;
    lua_pushcfunction(L, start_main);
    lua_createtable(L, argc, 0);
    for (int i = 0; i < argc; i++) {
        lua_pushstring(L, argv[i]);
        lua_rawseti(L, -2, i);
    }
    if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
        fprintf(stderr, "sluice: %s\n", luaL_tolstring(L, -1, NULL));
        return 1;
    }
    sl_loop_signals_catch(vm->loop);
    return run(vm);
}
