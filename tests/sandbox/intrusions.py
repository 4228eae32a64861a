"""More hostile code, of the kind that knows what the walls are made of. As in `attacks`."""

from __future__ import annotations

from tests.sandbox.attacks import ARM, EVERY_NETWORK, Attack, in_child, makes_socket, number, opens

LIBC = "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\n"


def finds(*paths: str) -> str:
    """Code that is True when it can read something of the first of these that exists and lets it."""
    return (
        f"found = False\nfor path in {paths!r}:\n  try:\n    with open(path, 'rb') as f: found |= len(f.read(99)) > 0\n"
        "  except OSError: pass\nfound"
    )


SUPERVISOR = {
    "blind the first process": Attack("import resource as r\nr.prlimit(1, r.RLIMIT_NOFILE, (3, 3))\nTrue", "never"),
    "starve the first process of memory": Attack(
        "import resource as r\nr.prlimit(1, r.RLIMIT_AS, (1, 1))\nTrue", "never"
    ),
    "let its time run out": Attack("import resource as r\nr.prlimit(1, r.RLIMIT_CPU, (1, 1))\nTrue", "never"),
    "read the limits of the first process": Attack("import resource as r\nr.prlimit(1, r.RLIMIT_AS)\nTrue", "root"),
    "make the first process wait for everybody": Attack(
        "import os\nos.sched_setscheduler(1, os.SCHED_IDLE, os.sched_param(0))\nTrue", "never"
    ),
    "pin the first process": Attack("import os\nos.sched_setaffinity(1, {0})\nTrue", "never"),
    "lower the priority of the first process": Attack(
        "import os\nos.setpriority(os.PRIO_PROCESS, 1, 19)\nTrue", "never"
    ),
    "lower the priority of everybody": Attack(
        "import os\nos.setpriority(os.PRIO_USER, os.getuid(), 19)\nTrue", "never"
    ),
    "interrupt the first process": Attack("import os\nos.kill(1, 2)\nTrue", "never"),
    "stop the first process": Attack("import os\nos.kill(1, 19)\nTrue", "never"),
    "signal the first process by a descriptor": Attack(
        "import os, signal\nsignal.pidfd_send_signal(os.pidfd_open(1), 0)\nTrue", "root"
    ),
    "queue a signal to the first process": Attack(LIBC + "libc.sigqueue(1, 10, None) == 0", "never"),
    "debug the first process": Attack(LIBC + "libc.ptrace(16, 1, 0, 0) == 0", "never"),
    "see what the first process waits for": Attack(finds("/proc/1/syscall", "/proc/1/stack"), "never"),
    "read the secrets of the first process": Attack(
        finds("/proc/1/auxv", "/proc/1/personality", "/proc/1/io"), "never"
    ),
    "enter the root of the first process": Attack("import os\nos.listdir('/proc/1/root/')\nTrue", "never"),
    "write the first process's choice of death": Attack(opens("'/proc/1/oom_score_adj'", "os.O_WRONLY"), "root"),
    "send a signal by an owner of a descriptor": Attack(
        "import fcntl, os\nr, w = os.pipe()\nfcntl.fcntl(r, fcntl.F_SETOWN, T['pid'])\n"
        "fcntl.fcntl(r, fcntl.F_GETOWN) == T['pid']",
        bare_allows=EVERY_NETWORK,
    ),
}

HOST = {
    "limit the files of the server": Attack(
        "import resource as r\nlimits = r.prlimit(T['pid'], r.RLIMIT_NOFILE)\n"
        "r.prlimit(T['pid'], r.RLIMIT_NOFILE, limits)\nTrue"
    ),
    "pin the server": Attack("import os\nos.sched_setaffinity(T['pid'], os.sched_getaffinity(T['pid']))\nTrue"),
    "make the server batch work": Attack(
        "import os\nos.sched_setscheduler(T['pid'], os.sched_getscheduler(T['pid']), os.sched_param(0))\nTrue"
    ),
    "set the priority of the group of the server": Attack(
        "import os\nos.setpriority(os.PRIO_PGRP, T['group'], os.getpriority(os.PRIO_PGRP, T['group']))\nTrue", "root"
    ),
    "read the clock of the server": Attack(
        LIBC + "clock = ctypes.c_int()\nlibc.clock_getcpuclockid(T['pid'], ctypes.byref(clock)) == 0",
        bare_allows=EVERY_NETWORK,
    ),
    "use up what its user may watch": Attack(
        LIBC + "held = []\nwhile len(held) < 64 and (fd := libc.inotify_init()) >= 0: held.append(fd)\n"
        "[os.close(fd) for fd in held]\nlen(held) >= 64",
        bare_allows=EVERY_NETWORK,
    ),
    "use up the queues of the whole machine": Attack(
        f"{LIBC}context = ctypes.c_ulong(0)\ngot = libc.syscall({number('io_setup')}, 10, ctypes.byref(context)) == 0\n"
        f"got and libc.syscall({(207, 1)[ARM]}, context)\ngot"
    ),
    "be kept as a core": Attack(
        "import resource as r\nbefore = r.getrlimit(r.RLIMIT_CORE)\nr.setrlimit(r.RLIMIT_CORE, (0, 0))\n"
        "r.getrlimit(r.RLIMIT_CORE) == (0, 0)"
    ),
    "hold up who writes a program": Attack(
        "import fcntl, os\nfd = os.open('/usr/bin/env', 0)\nfcntl.fcntl(fd, 1024, 0)\nfcntl.fcntl(fd, 1024, 2)\nTrue",
        "root",
    ),
    "hold up who writes its own file": Attack(
        "import fcntl, os\nfd = os.open('leased', os.O_CREAT)\nfcntl.fcntl(fd, 1024, 0)\nfcntl.fcntl(fd, 1024, 2)\nTrue"
    ),
    "touch a device of the host": Attack("import os\nos.utime('/dev/null')\nTrue", bare_allows=EVERY_NETWORK),
    "leave a program that others run as its user": Attack(
        "import os, stat\nopen('p', 'w').close()\nos.chmod('p', 0o4755)\nos.stat('p').st_mode & stat.S_ISUID > 0"
    ),
    "leave one by its descriptor": Attack(
        "import os, stat\nfd = os.open('p2', os.O_CREAT | os.O_RDWR)\nos.fchmod(fd, 0o6755)\n"
        "os.fstat(fd).st_mode & stat.S_ISUID > 0"
    ),
    "leave one from the start": Attack(
        "import os, stat\nos.path.exists('p3') and os.unlink('p3')\n"
        "os.fstat(os.open('p3', os.O_CREAT | os.O_WRONLY, 0o4755)).st_mode & stat.S_ISUID > 0"
    ),
    "leave one without a name": Attack(
        "import os, stat\nos.fstat(os.open('.', os.O_TMPFILE | os.O_WRONLY, 0o4755)).st_mode & stat.S_ISUID > 0",
        "never",
    ),
    "leave one by another call": Attack(
        "import ctypes, os, stat, struct\nlibc = ctypes.CDLL(None)\n"
        "how = struct.pack('QQQ', os.O_CREAT | os.O_RDWR, 0o4755, 0)\n"
        "os.path.exists('p4') and os.unlink('p4')\n"
        "fd = libc.syscall(437, -100, b'p4', how, 24)\nos.fstat(fd).st_mode & stat.S_ISUID > 0"
    ),
    "write a program by its descriptor": Attack(
        "import os\nfd = os.open('/usr/bin/env', os.O_PATH)\n"
        "os.close(os.open(f'/proc/self/fd/{fd}', os.O_WRONLY))\nTrue",
        "root",
    ),
    "mark a program": Attack("import os\nos.setxattr('/usr/bin/env', 'user.mark', b'1')\nTrue", "never"),
    "freeze the file system": Attack("import fcntl, os\nfcntl.ioctl(os.open('/', 0), 0xC0045877, 0)\nTrue", "never"),
    "trim the file system": Attack(
        "import fcntl, os\nfcntl.ioctl(os.open('/', 0), 0xC0185879, bytes(24))\nTrue", "never"
    ),
    "drop the caches of the host": Attack(opens("'/proc/sys/vm/drop_caches'", "os.O_WRONLY"), "root"),
    "forward packets": Attack(opens("'/proc/sys/net/ipv4/ip_forward'", "os.O_WRONLY"), "root"),
    "choose the loader of modules": Attack(opens("'/proc/sys/kernel/modprobe'", "os.O_WRONLY"), "never"),
    "allow itself namespaces": Attack(opens("'/proc/sys/user/max_user_namespaces'", "os.O_WRONLY"), "never"),
    "read the memory map of the machine": Attack(
        finds("/proc/slabinfo", "/proc/vmallocinfo", "/proc/pagetypeinfo"), "root"
    ),
    "read pages of the machine": Attack(finds("/proc/kpageflags", "/proc/kpagecount"), "root"),
    "choose how its memory is dumped": Attack(
        "import ctypes\nctypes.CDLL(None).prctl(57, 1, 0, 0, 0) == 0",  # PR_SET_IO_FLUSHER
        "never",
    ),
    "take a capability back": Attack(
        in_child(
            "from struct import pack as p; "
            "assert libc.capset(p('Ii', 0x20080522, 0), p('IIIIII', 2, 2, 0, 0, 0, 0)) == 0"
        ),
        "root",
    ),
    "inherit a capability": Attack("import ctypes\nctypes.CDLL(None).prctl(47, 2, 1, 0, 0) == 0", "never"),
    "run a program with capabilities of its file": Attack(
        "import subprocess\nsubprocess.run(['mount', '-t', 'tmpfs', 'x', '/mnt'], stderr=-3).returncode == 0", "never"
    ),
    "find what others locked": Attack("f' {T[\"pid\"]} ' in open('/proc/locks').read()", "never"),
    "see the terminals": Attack("import os\nlen(os.listdir('/dev/pts')) >= 0", "never"),
    "reach the bus of the desktop": Attack(
        "import glob, socket\nfound = False\n"
        "for path in [*glob.glob('/run/*/*bus*'), *glob.glob('/run/*.sock'), *glob.glob('/tmp/.X11-unix/*')]:\n"
        "  try: socket.socket(socket.AF_UNIX).connect(path); found = True\n  except OSError: pass\nfound",
        "never",
    ),
}

SOCKETS = {
    "send to a socket by path": Attack(
        "import socket\nsocket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b'x', T['datagram']) == 1",
        bare_allows=("full",),
    ),
    "send out of a pair": Attack(
        "import socket\na, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
        "a.sendto(b'x', T['datagram']) == 1",
        bare_allows=("full",),
    ),
    "send a descriptor to a socket by path": Attack(
        "import socket\ns = socket.socket(socket.AF_UNIX)\ns.connect(T['socket'])\n"
        "socket.send_fds(s, [b'x'], [0]) == 1",
        bare_allows=("full",),
    ),
    "connect with a pair": Attack("import socket\na, b = socket.socketpair()\na.connect(T['socket'])\nTrue", "never"),
    "be found by multicast": Attack(
        "import socket, struct\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        "s.setsockopt(0, 32, socket.inet_aton('0.0.0.0'))\ns.sendto(b'x', ('224.0.0.251', 5353))\nTrue",
        "never",
        allowed_in=("full",),
    ),
    "be found by IPv6 multicast": Attack(
        "import socket\nsocket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(b'x', ('ff02::1', 9, 0, 2))\nTrue",
        "never",
        allowed_in=("full",),
    ),
    "connect to a service by IPv6": Attack(
        "import socket\ns = socket.socket(socket.AF_INET6)\ns.settimeout(5)\n"
        "s.connect(('::ffff:0.0.0.0', T['port']))\nTrue",
        allowed_in=("full",),
    ),
    "connect without waiting": Attack(
        "import select, socket\ns = socket.socket()\ns.setblocking(False)\ns.connect_ex(('127.0.0.1', T['port']))\n"
        "select.select([], [s], [], 5)\ns.getpeername()[1] == T['port']",
        allowed_in=("full",),
    ),
    "connect while sending": Attack(
        "import socket\ns = socket.socket()\ns.sendto(b'x', 0x20000000, ('127.0.0.1', T['port'])) == 1",
        allowed_in=("full",),
    ),
    "connect from a thread": Attack(
        "import socket, threading\ngot = []\nt = threading.Thread(target=lambda: got.append(socket.create_connection("
        "('127.0.0.1', T['port']), 5)))\nthreading.excepthook = lambda *a: None\nt.start(); t.join()\nlen(got) == 1",
        allowed_in=("full",),
    ),
    "ask the kernel about sockets": Attack(makes_socket(16, "SOCK_DGRAM", 4)),
    "listen to devices": Attack(makes_socket(16, "SOCK_DGRAM", 15)),
    "listen to the audit": Attack(makes_socket(16, "SOCK_RAW", 9), "root"),
    "open an old packet socket": Attack(makes_socket(2, "SOCK_PACKET", 0x300), "never"),
    "open a telephone socket": Attack(makes_socket(35, "SOCK_DGRAM"), "never"),
    "open a ring of a socket": Attack(makes_socket(17, "SOCK_DGRAM", 0x300), "root"),
    "make a pair of another family": Attack(
        "import socket\nsocket.socketpair(30, socket.SOCK_SEQPACKET)\nTrue",  # TIPC
        "never",
    ),
    "see the connections of the host": Attack(
        "format(T['port'], '04X') in open('/proc/self/net/tcp').read()", allowed_in=("full",)
    ),
    "see the sockets of the host": Attack("T['abstract'] in open('/proc/self/net/unix').read()", allowed_in=("full",)),
    "see the routes of the host": Attack("len(open('/proc/net/route').readlines()) > 1", "never", allowed_in=("full",)),
}

ESCAPES = {
    "leave by a descriptor of the parent": Attack(
        "import os\nfd = os.open('/', os.O_PATH)\nos.path.exists(f'/proc/self/fd/{fd}/../../..' + T['file'])",
        bare_allows=EVERY_NETWORK,
    ),
    "leave by the working directory of a child": Attack(
        "import os, subprocess\np = subprocess.Popen(['sleep', '5'])\n"
        "got = os.path.exists(f'/proc/{p.pid}/cwd/../../../../..' + T['file'])\np.kill(); p.wait()\ngot",
        bare_allows=EVERY_NETWORK,
    ),
    "leave by a link in /tmp": Attack(
        "import os\nos.path.lexists('/tmp/out') and os.unlink('/tmp/out')\nos.symlink('/proc/1/root', '/tmp/out')\n"
        "os.path.exists('/tmp/out' + T['file'])",
        "never",
        bare_allows=EVERY_NETWORK,
    ),
    "look below a mount": Attack(
        "import os\nos.path.exists('/tmp/../tmp/../' + T['file'][1:])", bare_allows=EVERY_NETWORK
    ),
    "run a program without a name": Attack(
        LIBC + f"fd = libc.syscall({number('memfd_create')}, b'x', 0)\nfd >= 0 and os.write(fd, b'#!/bin/true') > 0"
    ),
    "undo the filter": Attack(LIBC + "libc.prctl(22, 0, 0, 0, 0) == 0", "never"),
    "gain privileges again": Attack(LIBC + "libc.prctl(38, 0, 0, 0, 0) == 0", "never"),
    "unlock the bits": Attack(LIBC + "libc.prctl(28, 0, 0, 0, 0) == 0", "never"),
    "debug a sibling through /proc": Attack(
        "import os, signal\npid = os.fork()\nif pid == 0: signal.pause()\n"
        "try:\n  with open(f'/proc/{pid}/mem', 'r+b', 0) as f: got = f.fileno() > 0\nexcept OSError: got = None\n"
        "os.kill(pid, 9); os.waitpid(pid, 0)\ngot and os.getpid() == 1",
        "never",
    ),
    "make a namespace of time": Attack(in_child("assert libc.unshare(0x80) == 0"), "root"),
    "make a network": Attack(in_child("assert libc.unshare(0x40000000) == 0"), "root"),
    "make a group view": Attack(in_child("assert libc.unshare(0x02000000) == 0"), "root"),
    "share nothing but be alone": Attack(in_child("assert libc.unshare(0x10000000 | 0x20000000) == 0"), "never"),
    "mount by a program": Attack(
        "import subprocess\nsubprocess.run(['unshare', '-Ur', 'true'], stderr=-3).returncode == 0", "never"
    ),
    "run another sandbox inside": Attack(
        "import shutil, subprocess\n"
        "bool(shutil.which('bwrap')) and subprocess.run(['bwrap', '--ro-bind', '/', '/', 'true'], "
        "stderr=-3).returncode == 0",
        "never",
    ),
}

ATTACKS = {**SUPERVISOR, **HOST, **SOCKETS, **ESCAPES}
