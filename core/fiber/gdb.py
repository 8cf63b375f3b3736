# Fibers in gdb: lists those of a process or a core, and shows the stack of one that is suspended.
#
#     gdb -q -x core/fiber/gdb.py -p PID                            an api or worker process
#     gdb -q -x core/fiber/gdb.py build/release/bin/opshubd CORE
#     (gdb) fibers          what there is: name, state, for how long, on what it waits, for whom
#     (gdb) fiber 3         its stack; up, frame and info locals then look at it as at any other
#     (gdb) fiber 0         back to where the process really is
#
# Owns the unwinder below. Nothing in the process is changed, so a core is as good as a process.
# Plugins are called /proc/PID/fd/N: their symbols are there as long as the process is. Of a core they are missing.
#
#     real frame 0 (epoll_wait)  --unwinder: "its caller is"-->  frame 1: the fiber's switch_to_loop -> await -> ...
import time

import gdb
import gdb.unwinder

gdb.execute("set debuginfod enabled off")

STATES = ["ready", "running", "waiting", "done"]  # enum fiber_state
# By the function that frees the wait record: each driver has its own.
DRIVERS = {
    "group_free": "PostgreSQL", "lease_free": "PostgreSQL connection", "command_free": "Redis", "transfer_free": "HTTP",
    "free_offloaded": "thread", "free_waiter": "event or time", "free_entry": "webhook batch",
}
NEVER = (1 << 63) - 1


class Registers:
    """How one machine saves a context: the program counter, the stack pointer, and what a callee must keep."""

    def __init__(self, fiber):
        machine = fiber["context"]["uc_mcontext"]
        if gdb.selected_frame().architecture().name().startswith("aarch64"):
            self.saved = {"x%d" % i: int(machine["regs"][i]) for i in range(19, 31)}
            self.pc, self.sp, self.names = int(machine["pc"]), int(machine["sp"]), ("pc", "sp")
        else:
            order = {"r12": 4, "r13": 5, "r14": 6, "r15": 7, "rbp": 10, "rbx": 11}  # REG_... of <sys/ucontext.h>
            self.saved = {name: int(machine["gregs"][i]) for name, i in order.items()}
            self.sp, self.pc, self.names = int(machine["gregs"][15]), int(machine["gregs"][16]), ("rip", "rsp")


class FrameId:
    def __init__(self, sp, pc):
        self.sp, self.pc = sp, pc


class FiberUnwinder(gdb.unwinder.Unwinder):
    """Makes the caller of the thread's innermost frame the place where the chosen fiber is suspended."""

    def __init__(self):
        super().__init__("opshub-fiber")
        self.registers, self.real = None, None

    def choose(self, fiber):
        self.registers, self.real = None, None
        gdb.invalidate_cached_frames()
        if fiber is not None:
            frame, registers = gdb.newest_frame(), Registers(fiber)
            self.real = tuple(int(frame.read_register(name)) for name in registers.names)
            self.registers = registers
        gdb.invalidate_cached_frames()

    def __call__(self, pending):
        word = gdb.lookup_type("unsigned long")
        if not self.registers:
            return None
        pc, sp = (pending.read_register(name) for name in self.registers.names)
        if (int(pc.cast(word)), int(sp.cast(word))) != self.real:
            return None
        # gdb stops where a caller's stack is below its callee's: the frame says that it lies below the fiber's
        info = pending.create_unwind_info(FrameId(gdb.Value(self.registers.sp - 16).cast(word), pc))
        values = dict(self.registers.saved, **dict(zip(self.registers.names, (self.registers.pc, self.registers.sp))))
        for name, value in values.items():
            info.add_saved_register(name, gdb.Value(value).cast(word))
        return info


unwinder = FiberUnwinder()
gdb.unwinder.register_unwinder(None, unwinder, replace=True)
gdb.events.cont.connect(lambda event: unwinder.choose(None) if unwinder.registers else None)


def variable(frame, *path):
    """frame's variable path[0].path[1]...; None when it is not there or not known any more."""
    try:
        value = frame.read_var(path[0])
        for name in path[1:]:
            value = value[name]
        return None if value.is_optimized_out else value
    except (ValueError, gdb.error, RuntimeError):
        return None


# In which functions the loop is known: on the loop's own stack, in the daemon's processes, on a fiber's stack.
PLACES = [("loop_run", ("loop",)), ("run_api", ("p", "loop")), ("run_worker", ("w", "loop")), ("run_on_loop", ("loop",)),
          ("turn", ("loop",)), ("resume", ("loop",)), ("fiber_main", ("fiber", "loop"))]


def find_loop():
    was = gdb.selected_thread()
    threads = sorted(gdb.selected_inferior().threads(), key=lambda thread: thread.num)
    try:
        for thread in threads:
            thread.switch()
            frame = gdb.newest_frame()
            while frame is not None:
                for function, path in PLACES:
                    loop = variable(frame, *path) if frame.name() == function else None
                    if loop is not None and int(loop):
                        return loop.cast(gdb.lookup_type("struct loop").pointer()).dereference()
                frame = frame.older()
    finally:
        if was is not None:
            was.switch()
    raise gdb.GdbError("no event loop was found: is this opshubd's api or worker process, built with -g?")


def all_fibers(loop):
    """Oldest first."""
    found, at = [], loop["all"]
    while int(at) and len(found) < 100000:
        found.append(at.dereference())
        at = at["next"]
    return found[::-1]


def text(value):
    """A struct str, or NUL-terminated text."""
    try:
        if value.type.strip_typedefs().code == gdb.TYPE_CODE_PTR:
            return value.string("utf-8", "replace")
        return value["p"].string("utf-8", "replace", length=min(int(value["n"]), 64)) if int(value["n"]) else ""
    except gdb.MemoryError:
        return "?"


def waits_for(fiber):
    if not int(fiber["waiting"]):
        return ""
    free = fiber["waiting"]["free"]
    symbol = gdb.block_for_pc(int(free)) if int(free) else None
    name = symbol.function.name if symbol and symbol.function else "?"
    return DRIVERS.get(name, name)


def seconds(ms):
    return "%.3f s" % (ms / 1000)


def describe(fiber, now):
    registers, stack = Registers(fiber), fiber["stack"]
    depth = int(stack["base"]) + int(stack["size"]) - registers.sp if int(stack) else 0
    deadline = int(fiber["call"]["deadline_ms"])
    log = fiber["call"]["log"]
    fields = ["%s=%s" % (text(log["fields"][i]["key"]), text(log["fields"][i]["text"]) if log["fields"][i]["kind"] == ord("s")
                         else int(log["fields"][i]["number"])) for i in range(min(int(log["n_fields"]), 8))]
    return [text(fiber["name"]), STATES[int(fiber["state"])] + (", cancelled" if fiber["cancelled"] else ""),
            seconds(now - int(fiber["since_ms"])) if int(fiber["since_ms"]) else "", waits_for(fiber),
            "none" if deadline == NEVER else seconds(deadline - now), "%d" % depth, " ".join(fields)]


class Fibers(gdb.Command):
    """List the fibers of this process or core."""

    def __init__(self):
        super().__init__("fibers", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        unwinder.choose(None)
        loop = find_loop()
        live = gdb.selected_inferior().connection is not None and gdb.selected_inferior().connection.type == "native"
        now = int(time.clock_gettime(time.CLOCK_MONOTONIC) * 1000) if live else int(loop["uv"]["time"])
        table = [["#", "name", "state", "since", "waits for", "deadline in", "stack", "log fields"]]
        for number, fiber in enumerate(all_fibers(loop), 1):
            table.append(["%d" % number] + describe(fiber, now))
        widths = [max(len(row[c]) for row in table) for c in range(len(table[0]) - 1)]
        for row in table:
            print("  ".join([cell.ljust(width) for cell, width in zip(row, widths)] + row[-1:]).rstrip())
        print("%d of at most %d; %d stalls" % (int(loop["n_fibers"]), int(loop["max_fibers"]), int(loop["stalls"])))


class Fiber(gdb.Command):
    """fiber N: the stack of fiber N as `fibers` numbers them; fiber 0: back to the thread."""

    def __init__(self):
        super().__init__("fiber", gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        unwinder.choose(None)
        if not argument.strip().isdigit():
            raise gdb.GdbError("usage: fiber N, with N as `fibers` shows it; fiber 0 goes back to the thread")
        number, fibers = int(argument), all_fibers(find_loop())
        if number > len(fibers):
            raise gdb.GdbError("there are %d fibers" % len(fibers))
        if number and STATES[int(fibers[number - 1]["state"])] == "running":
            raise gdb.GdbError("this fiber runs at the moment: bt shows its stack")
        if number:
            unwinder.choose(fibers[number - 1])
        (gdb.newest_frame().older() if number else gdb.newest_frame()).select()
        print(gdb.execute("backtrace", to_string=True).split("\n", 1 if number else 0)[-1].rstrip())


Fibers()
Fiber()
