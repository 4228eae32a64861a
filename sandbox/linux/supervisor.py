"""The first process of a session: reaps, watches what the session uses as a whole, and ends it.

Protects the machine from many processes that each stay below their own limit, and against survivors: when this
process ends, the kernel ends everything in its pid namespace. It ends when the server closes its socket or dies.
Without a pid namespace it is the subreaper of the session and hunts its descendants; a process that ends the
supervisor first can escape the hunt (Landlock's signal scope prevents that where the kernel has it).
Between two looks (0.2 s when busy) a limit can be exceeded.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import signal
import socket
import time
import types
from dataclasses import dataclass

from sandbox.guest.__main__ import SIG_DFL, set_handler
from sandbox.linux import disk, kernel, namespaces, passing
from sandbox.linux.entering import BUILT
from sandbox.linux.kernel import PR_SET_CHILD_SUBREAPER, PR_SET_DUMPABLE, prctl
from sandbox.linux.plan import Plan
from sandbox.linux.walls import Walls

BUSY_INTERVAL_S = 0.2
IDLE_INTERVAL_S = 2.0
REST_CPU_S = 0.05
REST_BYTES = 64 * 2**20
"""A session that used less than these since the last look (and less of the disk than a 16th of what it may) is not
looked at again."""
SIGCHLD = int(signal.SIGCHLD)
DONE = b"1"
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Use:
    """What one process uses, from /proc/PID/stat."""

    pid: int
    parent: int
    cpu_ticks: int
    resident_bytes: int


def supervise(
    interpreter: int, watching: socket.socket, launcher: tuple[int, int], separation: namespaces.Separation
) -> None:
    """Follow the interpreter, at the other end of `watching`, to where it moves in, and watch; never returns.

    `launcher` has a descriptor of that process, and one that it waits for to be closed.
    """
    message, passed = passing.receive(watching)
    if not message:
        os._exit(0)  # no session is needed any more
    watch = _follow(message, passed[0], launcher, separation)
    set_handler(SIGCHLD, watch.child_ended)
    passing.send(watching, DONE)
    watch.run(interpreter)


def _follow(message: bytes, line: int, launcher: tuple[int, int], separation: namespaces.Separation) -> Supervisor:
    """Enter what the launcher built, as the code's user, out of reach of the code."""
    own_root, bytes_before, entries_before = BUILT.unpack_from(message)
    plan = Plan.from_bytes(message[BUILT.size :])
    if own_root:
        namespaces.join(launcher[0], namespaces.NEW_MOUNTS)
    if separation.as_root:
        namespaces.step_down(plan.uid, plan.gid)
        namespaces.join(launcher[0], namespaces.NEW_USER)
    for fd in launcher:
        os.close(fd)
    if not separation.separated:
        prctl(PR_SET_CHILD_SUBREAPER, 1)
    prctl(PR_SET_DUMPABLE, 0)  # the code could write to /proc/1/mem otherwise
    watch = Supervisor(line, plan, separation.separated, own_root, (bytes_before, entries_before))
    if plan.isolated and not watch.can_see:
        walls = Walls(separation.separated, own_root)
        walls.note("watchdog", False, (), "/proc does not show the session", "mount /proc")
        walls.tell(line, "walls")
    return watch


def rehearse(plan: bytes) -> None:
    """Do all that happens while nothing happens; see `Guest.rehearse`."""
    separation = namespaces.Separation(separated=True, as_root=True)
    ours, theirs = passing.pair()
    with ours, theirs, kernel.rehearsal():
        passing.send(ours, BUILT.pack(True, 0, 0) + plan, [theirs.fileno()])
        message, (line,) = passing.receive(theirs)
        watch = _follow(message, line, (os.dup(line), os.dup(line)), separation)
        handler = set_handler(SIGCHLD, watch.child_ended)
        assert callable(watch.run)  # what was looked up before is found without writing
        passing.send(theirs, DONE)
        os.write(ours.fileno(), b"R")
        watch.rehearse()
        set_handler(SIGCHLD, handler)
        os.close(line)


class Supervisor:
    """Owns the session's processes from the start of the interpreter to the end of everything."""

    def __init__(
        self,
        line: int,
        plan: Plan,
        own_processes: bool,
        own_root: bool,
        disk_before: tuple[int, int],
    ) -> None:
        self.line = line
        self.interpreter = 0
        self.plan = plan
        self.own_processes = own_processes
        self.own_root = own_root
        self.can_see = proc_is_ours()
        self.cpu_seen_s = 0.0
        self.cpu_spent_s = 0.0
        self.next_disk_look = 0.0
        self.disk_before = disk_before
        self.disk_room = (0, plan.disk_bytes)
        """Free bytes at the last look at the disk, and how many of those the session might take."""
        self.alone = own_processes
        self.free_before = self._free_bytes()
        self.poll = select.poll()
        self.poll.register(line, select.POLLIN)

    def run(self, interpreter: int) -> None:
        """Serve and watch until the interpreter or the server ends; never returns.

        `child_ended` must be the handler of that signal already.
        """
        self.interpreter = interpreter
        self.clock = ~interpreter << 3 | 2  # of its CPU time, by the kernel's numbering of clocks
        self.last_looked = (interpreter, 0.0, self.free_before)
        self._reap()
        interval = BUSY_INTERVAL_S
        while True:
            if self.poll.poll(interval * 1000):
                self._obey()
                interval = BUSY_INTERVAL_S
            if self.plan.isolated:
                busy = self._watch()
                interval = BUSY_INTERVAL_S if busy else min(interval * 2, IDLE_INTERVAL_S)

    def child_ended(self, signum: int, frame: types.FrameType | None) -> None:
        """Handle the signal that a child ended; what ends before `run` is found there."""
        if self.interpreter:
            self._reap()

    def _reap(self, tell: bool = True) -> bool:
        """Take leave of children that ended; the interpreter's end is told and ends us. Returns whether any is left."""
        try:
            while (found := os.waitpid(-1, os.WNOHANG))[0]:
                if found[0] == self.interpreter and tell:
                    self._end({"event": "exit", "code": os.waitstatus_to_exitcode(found[1])})
        except ChildProcessError:
            return False
        return True

    def _obey(self) -> None:
        """I: interrupt the interpreter. C: end everything else; both are acknowledged. R: a call begins, look often."""
        commands = os.read(self.line, 64)
        if not commands:
            self._end(None)
        if commands == b"R":  # by far the most common, and what follows would touch memory
            return
        for command in commands.decode("utf-8", "replace"):
            if command == "I":
                os.kill(self.interpreter, signal.SIGINT)
            elif command == "C":
                self._end_others(spare=self.interpreter)
            if command != "R":
                self._tell({"event": "done", "command": command})

    def _end(self, message: dict[str, object] | None) -> None:
        set_handler(SIGCHLD, SIG_DFL)  # what ends from now on is our own doing
        if message is not None:
            self._tell(message)
        self._end_others(spare=None)
        os._exit(0)

    def _tell(self, message: dict[str, object]) -> None:
        with contextlib.suppress(OSError):  # the server is gone; its end is noticed at the next read
            os.write(self.line, json.dumps(message).encode() + b"\n")

    def _end_others(self, spare: int | None) -> None:
        """End every process of the session but this one and `spare`; in a pid namespace our own end does the rest."""
        if spare is None and self.own_processes:
            return
        if not self.can_see:
            if spare is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self.interpreter, signal.SIGKILL)
            return
        quiet = 0
        for _ in range(1000):
            victims = [use.pid for use in self._session() if use.pid != spare]
            quiet = 0 if victims else quiet + 1
            for pid in victims:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
            if not self._reap(tell=spare is not None):
                return  # whoever lost its parent is our child: nobody is left
            if quiet == 2 and spare is not None:
                return  # one look can miss a process whose parent ends meanwhile
            time.sleep(0.001)

    def _session(self) -> list[Use]:
        """Every process of the session but this one; zombies are not counted."""
        if not self.can_see:
            return []
        every = [use for name in os.listdir("/proc") if name.isdigit() and (use := _use(int(name)))]
        if self.own_processes:
            return [use for use in every if use.pid != os.getpid()]
        found, known = [], {os.getpid()}
        while more := [use for use in every if use.parent in known and use.pid not in known]:
            found += more
            known |= {use.pid for use in more}
        return found

    def _watch(self) -> bool:
        """End the session when it is over a limit; returns whether it did anything since the last look."""
        if not self.can_see:
            return False
        now = self._traces()
        if self._at_rest(now):
            return False
        session = self._session()
        self.alone = self.own_processes and len(session) == 1
        self.last_looked = now
        reaped = resource.getrusage(resource.RUSAGE_CHILDREN)
        seen_s = sum(use.cpu_ticks for use in session) / TICKS_PER_S + reaped.ru_utime + reaped.ru_stime
        busy = seen_s != self.cpu_seen_s
        self.cpu_spent_s += max(0.0, seen_s - self.cpu_seen_s)  # what nobody waits for is seen only while it lives
        self.cpu_seen_s = seen_s
        if self.cpu_spent_s > self.plan.cpu_s + 2:  # the interpreter is warned by a signal first
            self._over(f"the session used up its {self.plan.cpu_s} CPU seconds")
        if self._memory(session) > self.plan.memory_bytes:
            self._over(f"the session used more than its {self.plan.memory_bytes >> 20} MiB of memory")
        free, room = self.disk_room
        if time.monotonic() >= self.next_disk_look or free - now[2] > room:
            self._watch_disk(20 if busy else 100)
        return busy

    def _traces(self) -> tuple[int, float, int]:
        """What every use of the machine leaves a trace in, and is quick to read without touching much memory.

        The last pid given to a process or thread, CPU seconds of the interpreter, free bytes where it can write.
        """
        load = os.open("/proc/loadavg", os.O_RDONLY | os.O_CLOEXEC)
        last_pid = int(os.read(load, 100).split()[-1])
        os.close(load)
        return last_pid, time.clock_gettime(self.clock), self._free_bytes()

    def _at_rest(self, now: tuple[int, float, int]) -> bool:
        """Whether the interpreter is the only process and did too little since the last look to be over a limit."""
        pid, cpu_s, free = now
        old_pid, old_cpu_s, old_free = self.last_looked
        same = self.alone and pid == old_pid and cpu_s - old_cpu_s < REST_CPU_S
        return same and abs(free - old_free) < min(REST_BYTES, self.plan.disk_bytes // 16)

    def _free_bytes(self) -> int:
        work, tmp = os.statvfs(self.plan.workdir), os.statvfs("/tmp" if self.own_root else self.plan.tmp)
        return work.f_bfree * work.f_frsize + tmp.f_bfree * tmp.f_frsize

    def rehearse(self) -> None:
        """Do what happens while nothing happens; see `Guest.rehearse`."""
        self.last_looked = (0, 0.0, 0)
        self.clock = time.CLOCK_PROCESS_CPUTIME_ID
        if self.poll.poll(BUSY_INTERVAL_S * 1000):
            self._obey()
        self.alone = self._at_rest(self._traces())
        self._reap()

    def _over(self, reason: str) -> None:
        self._end({"event": "over", "reason": reason})

    def _memory(self, session: list[Use]) -> int:
        """Bytes held by the session; shared pages are counted once when the quick sum looks too high."""
        shared = 0
        if self.own_root:
            space = os.statvfs("/dev/shm")
            shared = (space.f_blocks - space.f_bfree) * space.f_frsize
        quick = shared + sum(use.resident_bytes for use in session)
        if quick <= self.plan.memory_bytes:
            return quick
        shares = [_shares(use) for use in session]
        return sum(private for private, _ in shares) + max(shared, sum(mapped for _, mapped in shares))

    def _watch_disk(self, rest: int) -> None:
        """Look, then leave it be for `rest` times as long as that took, or until the disk fills."""
        started, free = time.monotonic(), self._free_bytes()
        used, entries = disk.use(self.plan, self.own_root, [use.pid for use in self._session()])
        self.disk_room = free, self.plan.disk_bytes + self.disk_before[0] - used
        self.next_disk_look = time.monotonic() + max(0.5, rest * (time.monotonic() - started))
        if used - self.disk_before[0] > self.plan.disk_bytes:
            self._over(f"the session wrote more than its {self.plan.disk_bytes >> 20} MiB of files")
        if entries - self.disk_before[1] > disk.MAX_ENTRIES:
            self._over(f"the session made more than {disk.MAX_ENTRIES} files")


def proc_is_ours() -> bool:
    """Whether /proc shows the processes that we can name; not so when it is missing or belongs to another namespace."""
    try:
        return os.readlink("/proc/self") == str(os.getpid())
    except OSError:
        return False


def _use(pid: int) -> Use | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None  # it ended while we looked
    if fields[0] in (b"Z", b"X"):
        return None
    return Use(pid, int(fields[1]), sum(map(int, fields[11:15])), int(fields[21]) * PAGE_BYTES)


def _shares(use: Use) -> tuple[int, int]:
    """This process's share in bytes of (memory without a file, shared memory) that it maps."""
    try:
        with open(f"/proc/{use.pid}/smaps_rollup", "rb") as file:
            found = {line.split()[0]: int(line.split()[1]) * 1024 for line in file if line.startswith(b"Pss_")}
    except PermissionError:
        return use.resident_bytes, 0  # it hides, so it gets no credit for what it shares
    except OSError:
        return 0, 0  # it ended while we looked
    return found.get(b"Pss_Anon:", use.resident_bytes), found.get(b"Pss_Shmem:", 0)
