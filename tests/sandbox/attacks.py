"""Hostile code. Each attack ends in an expression that is True when it got through.

`T` holds the targets (`stranger.Targets`). Outside the sandbox an attack that `bites` must get through, or it proves
nothing; some would harm the machine or need luck there, and are tried inside only.
"""

from __future__ import annotations

import json
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Bites = Literal["always", "root", "never"]
ARM = platform.machine() == "aarch64"
EVERY_NETWORK = ("none", "loopback", "full")
NUMBERS: dict[str, list[int | None]] = json.loads((Path(__file__).parent / "kernel_numbers.json").read_text("ascii"))
"""Of system calls, on x86 and ARM; see `test_seccomp`."""


@dataclass(frozen=True)
class Attack:
    code: str
    bites: Bites = "always"
    allowed_in: tuple[str, ...] = ()
    """Networks in which this is no attack."""
    bare_allows: tuple[str, ...] = ()
    """Networks in which only namespaces stop it: what a machine without them leaves open, as the guide says."""


def number(name: str) -> int:
    """The number of a system call on this machine; -1 where it has none."""
    found = NUMBERS[name][ARM]
    return -1 if found is None else found


def syscall(name: str, *arguments: object) -> str:
    """Code that makes a system call and is True when it succeeds."""
    passed = ", ".join(map(str, arguments))
    return f"import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\nlibc.syscall({number(name)}, {passed}) >= 0"


def reaches_kernel(name: str, *arguments: object) -> str:
    """The same for a call that fails for its arguments: True when it was let through that far."""
    return syscall(name, *arguments) + " or ctypes.get_errno() != 1"


def in_child(action: str) -> str:
    """Code that does something in a copy of the process; True when that raised nothing."""
    return (
        "import ctypes, os\nlibc = ctypes.CDLL(None)\npid = os.fork()\nif pid == 0:\n"
        f"  try:\n    {action}\n  except BaseException: os._exit(1)\n  os._exit(0)\n"
        "os.waitpid(pid, 0)[1] == 0"
    )


def opens(path: str, flags: str = "os.O_WRONLY | os.O_APPEND") -> str:
    """Code that opens without changing anything; True when it could."""
    return f"import os, sys\nfd = os.open({path}, {flags})\nos.close(fd)\nTrue"


def connects(family: str, address: str) -> str:
    return f"import socket\ns = socket.socket(socket.{family})\ns.settimeout(5)\ns.connect({address})\nTrue"


def makes_socket(family: int | str, kind: str = "SOCK_RAW", protocol: int = 0) -> str:
    return f"import socket\nsocket.socket({family}, socket.{kind}, {protocol}).close()\nTrue"


FILES = {
    "read the shadow file": Attack("len(open('/etc/shadow').read()) > 0", "root"),
    "read the users of the host": Attack("'daemon' in open('/etc/passwd').read()", bare_allows=EVERY_NETWORK),
    "read a file in the home of the server": Attack("open(T['canary']).read() == 'secret'"),
    "list the home of the server": Attack("import os\n'.canary' in os.listdir(T['home'])"),
    "read a world-readable file": Attack("open(T['file']).read() == 'secret'"),
    "read it through a link": Attack(
        "import os\nos.path.lexists('l') and os.unlink('l')\nos.symlink(T['file'], 'l')\nopen('l').read() == 'secret'"
    ),
    "read it through /proc/self/root": Attack("open('/proc/self/root' + T['file']).read() == 'secret'"),
    "read it through the root of the first process": Attack("open('/proc/1/root' + T['file']).read()", "never"),
    "read it through the directory of the first process": Attack(
        "open('/proc/1/cwd/../../../..' + T['file']).read() == 'secret'", "never"
    ),
    "read it by climbing up": Attack("open('../' * 20 + T['file']).read() == 'secret'"),
    "read it by climbing up descriptors": Attack(
        "import os\nfd = os.open('.', os.O_PATH)\nfor _ in range(30): fd = os.open('..', os.O_PATH, dir_fd=fd)\n"
        "open(os.open(T['file'][1:], os.O_RDONLY, dir_fd=fd)).read() == 'secret'"
    ),
    "read it by a child process": Attack(
        "import subprocess\nsubprocess.run(['cat', T['file']], capture_output=True).stdout == b'secret'"
    ),
    "see that a file exists": Attack("import os\nos.path.exists(T['file'])", bare_allows=EVERY_NETWORK),
    "map a file": Attack("import mmap\nf = open(T['file'], 'r+b')\nmmap.mmap(f.fileno(), 0)[:6] == b'secret'"),
    "watch a directory": Attack(
        "import ctypes\nlibc = ctypes.CDLL(None)\n"
        "libc.inotify_add_watch(libc.inotify_init(), T['directory'].encode(), 2) >= 0",
        bare_allows=EVERY_NETWORK,
    ),
    "write a world-writable file": Attack("open(T['file'], 'w').write('changed') > 0"),
    "append to it by a shell": Attack(
        "import subprocess\nsubprocess.run(f\"echo x >> {T['file']}\", shell=True).returncode == 0"
    ),
    "truncate it": Attack("import os\nos.truncate(T['file'], 0)\nTrue"),
    "make a file in a world-writable directory": Attack("open(T['directory'] + '/new', 'w').write('x') > 0"),
    "make a nameless file there": Attack(
        "import os\nos.open(T['directory'], os.O_TMPFILE | os.O_RDWR, 0o600) >= 0", "never"
    ),
    "make a pipe there": Attack("import os\nos.mkfifo(T['directory'] + '/new')\nTrue"),
    "make a link there": Attack("import os\nos.symlink('/etc/passwd', T['directory'] + '/new')\nTrue"),
    "make a socket there": Attack("import socket\nsocket.socket(socket.AF_UNIX).bind(T['directory'] + '/new')\nTrue"),
    "move a file of one's own there": Attack(
        "import shutil\nopen('mine', 'w').write('x')\nshutil.move('mine', T['directory'] + '/new')\nTrue"
    ),
    "remove a file": Attack("import os\nos.unlink(T['file'])\nTrue"),
    "rename a file": Attack("import os\nos.rename(T['file'], T['file'] + '2')\nTrue"),
    "exchange a file for one's own": Attack("import os\nopen('x', 'w').close()\nos.replace('x', T['file'])\nTrue"),
    "change a mode": Attack("import os\nos.chmod(T['file'], 0o600)\nTrue", bare_allows=EVERY_NETWORK),
    "change a mode back and forth": Attack("import os\nos.chmod('/usr/bin/env', 0o755)\nTrue", "root"),
    "change an owner": Attack(
        "import os\nos.chown(T['file'], os.getuid(), os.getgid())\nTrue", bare_allows=EVERY_NETWORK
    ),
    "change a time": Attack("import os\nos.utime(T['file'], (1, 1))\nTrue", bare_allows=EVERY_NETWORK),
    "change the time of a program": Attack(
        "import os\ns = os.stat('/usr/bin/env')\nos.utime('/usr/bin/env', ns=(s.st_atime_ns, s.st_mtime_ns))\nTrue",
        "root",
    ),
    "hard-link a file": Attack("import os\nos.link(T['file'], 'l2')\nopen('l2').read() == 'secret'", "never"),
    "list /tmp of the host": Attack("import os\nos.path.basename(T['directory']) in os.listdir('/tmp')"),
    "list /var": Attack("import os\nlen(os.listdir('/var')) > 0"),
    "list /sys": Attack("import os\nlen(os.listdir('/sys')) > 0"),
    "list the homes": Attack("import os\nos.path.exists('/home')", bare_allows=EVERY_NETWORK),
    "see the control groups": Attack("import os\nos.path.exists('/sys/fs/cgroup')", bare_allows=EVERY_NETWORK),
    "read the program of the server": Attack("'class Session' in open(T['source']).read()"),
    "change what runs inside": Attack(opens("T['guest']"), "root"),
    "read a disk": Attack(
        "import os\nany(open('/dev/' + n, 'rb').read(1) for n in ('vda', 'sda', 'nvme0n1', 'kmsg', 'mem') "
        "if os.path.exists('/dev/' + n))",
        "never",
    ),
    "find devices": Attack(
        "import os\nany(os.path.exists('/dev/' + n) for n in ('kmsg', 'mem', 'ptmx', 'fuse', 'kvm', 'loop-control', "
        "'net/tun', 'tty', 'console', 'vsock', 'userfaultfd'))",
        bare_allows=EVERY_NETWORK,
    ),
    "make a device": Attack("import os, stat\nos.mknod('d', stat.S_IFBLK | 0o666, os.makedev(254, 0))\nTrue", "never"),
    "change the mode of a device": Attack("import os\nos.chmod('/dev/null', 0o666)\nTrue", "root"),
    "write to the root": Attack("import os\nos.mkdir('/new')\nTrue", "never"),
    "write to the system": Attack(opens("'/usr/bin/env'"), "root"),
    "write to the user list": Attack(opens("'/etc/passwd'"), "root"),
    "write to the packages": Attack(opens("os.__file__"), "root"),
    "rename the working directory": Attack("import os\nos.rename(os.getcwd(), os.getcwd() + '2')\nTrue", "never"),
    "run a program from shared memory": Attack(
        "import shutil, subprocess\nshutil.copy('/usr/bin/true', '/dev/shm/true')\n"
        "subprocess.run(['/dev/shm/true']).returncode == 0",
        "never",
    ),
    "find a descriptor that leads out": Attack(
        "import os\nany(os.path.exists(f'/proc/self/fd/{n}/' + '../' * 20 + T['file']) "
        "for n in os.listdir('/proc/self/fd'))",
        "never",
        bare_allows=EVERY_NETWORK,
    ),
}

KERNEL_FILES = {
    "open a sysctl for writing": Attack(opens("'/proc/sys/kernel/core_pattern'", "os.O_WRONLY"), "root"),
    "rename the host by a file": Attack(opens("'/proc/sys/kernel/hostname'", "os.O_WRONLY"), "root"),
    "open the emergency keys": Attack(opens("'/proc/sysrq-trigger'", "os.O_WRONLY"), "never"),
    "read the memory of the kernel": Attack(opens("'/proc/kcore'", "os.O_RDONLY"), "never"),
    "find addresses of the kernel": Attack(
        "any(int(line.split()[0], 16) for line in list(open('/proc/kallsyms'))[:100])", "never"
    ),
    "be spared when memory runs out": Attack("open('/proc/self/oom_score_adj', 'w').write('-1000') > 0", "root"),
    "write one's own user map": Attack("open('/proc/self/uid_map', 'w').write('0 0 1') > 0", "never"),
    "learn the name of the host": Attack("import os\nos.uname().nodename == T['hostname']", bare_allows=EVERY_NETWORK),
}

NETWORK = {
    "connect to a service of the host on 127.0.0.1": Attack(
        connects("AF_INET", "('127.0.0.1', T['port'])"), allowed_in=("full",)
    ),
    "connect to it by the address of the host": Attack(
        connects("AF_INET", "(T['address'], T['port'])"), allowed_in=("full",)
    ),
    "connect to it by the address of everything": Attack(
        connects("AF_INET", "('0.0.0.0', T['port'])"), allowed_in=("full",)
    ),
    "connect to it from a child": Attack(
        "import subprocess, sys\nsubprocess.run([sys.executable, '-c', f\"import socket\\n"
        "socket.create_connection(('127.0.0.1', {T['port']}), 5)\"], stderr=-3).returncode == 0",
        allowed_in=("full",),
    ),
    "take the port of a service of the host": Attack(
        "import socket\ntry:\n  socket.socket().bind(('0.0.0.0', T['port']))\n  found = False\n"
        "except OSError as e: found = e.errno == 98\nfound",
        allowed_in=("full",),
    ),
    "connect to a socket by path": Attack(connects("AF_UNIX", "T['socket']"), bare_allows=("full",)),
    "connect to it through a link": Attack(
        "import os, socket\nos.path.lexists('s') and os.unlink('s')\nos.symlink(T['socket'], 's')\n"
        "socket.socket(socket.AF_UNIX).connect('s')\nTrue",
        bare_allows=("full",),
    ),
    "connect to an abstract socket": Attack(connects("AF_UNIX", "'\\0' + T['abstract']")),
    "find a way out": Attack(
        "import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\ns.connect(('192.0.2.1', 9))\nTrue",
        "never",
        allowed_in=("full",),
    ),
    "find a way out over IPv6": Attack(
        "import socket\ns = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)\ns.connect(('2001:db8::1', 9))\nTrue",
        "never",
        allowed_in=("full",),
    ),
    "reach the metadata of a cloud": Attack(
        "import socket\nsocket.create_connection(('169.254.169.254', 80), 1)\nTrue", "never", allowed_in=("full",)
    ),
    "see the interfaces of the host": Attack(
        "len(open('/proc/net/dev').readlines()) > 3", "never", allowed_in=("full",)
    ),
    "change an interface": Attack(
        "import fcntl, socket, struct\nr = bytearray(struct.pack('16sh22x', b'lo', 0))\n"
        "fcntl.ioctl(socket.socket(), 0x8914, r)\nTrue",
        "never",
    ),
    "open a netlink socket": Attack(makes_socket(16)),
    "open a packet socket": Attack(makes_socket(17), "root"),
    "open a raw socket": Attack(makes_socket(2, protocol=1), "root"),
    "open a raw IPv6 socket": Attack(makes_socket(10, protocol=58), "never"),
    "open a virtual machine socket": Attack(makes_socket(40, "SOCK_STREAM"), "never"),
    "open a crypto socket": Attack(makes_socket(38, "SOCK_SEQPACKET"), "never"),
    "open an express data path socket": Attack(makes_socket(44), "never"),
    "open a bluetooth socket": Attack(makes_socket(31), "never"),
    "open a car bus socket": Attack(makes_socket(29), "never"),
    "open a cluster socket": Attack(makes_socket(30, "SOCK_SEQPACKET"), "never"),
    "open a reliable datagram socket": Attack(makes_socket(21, "SOCK_SEQPACKET"), "never"),
}

NETWORK |= {
    "ask a name server": Attack(
        "import socket\nsocket.getaddrinfo('example.com', 80)\nTrue", "never", allowed_in=("full",)
    ),
    "send a datagram to the host": Attack(
        "import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        "s.sendto(b'x', (T['address'], 9)) if T['address'] != '127.0.0.1' else 0",
        "never",
        allowed_in=("full",),
    ),
    "send to everybody": Attack(
        "import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\ns.setsockopt(1, 6, 1)\n"
        "s.sendto(b'x', ('255.255.255.255', 9))\nTrue",
        "never",
        allowed_in=("full",),
    ),
    "connect to a service of the host over IPv6": Attack(
        "import socket\ns = socket.socket(socket.AF_INET6)\ns.settimeout(5)\n"
        "s.connect(('::ffff:127.0.0.1', T['port']))\nTrue",
        allowed_in=("full",),
    ),
    "bind the abstract name of a service": Attack(
        "import socket\ns = socket.socket(socket.AF_UNIX)\ntry:\n  s.bind('\\0' + T['abstract'])\n  taken = False\n"
        "except OSError as e: taken = e.errno == 98\ntaken",
        allowed_in=("full",),
    ),
    "change routes": Attack("import fcntl, socket\nfcntl.ioctl(socket.socket(), 0x890B, bytes(120))\nTrue", "never"),
    "make a tunnel": Attack("import os\nos.open('/dev/net/tun', os.O_RDWR) >= 0", "never"),
    "open a radio socket": Attack(makes_socket(39, "SOCK_SEQPACKET"), "never"),
    "open a kernel connection socket": Attack(makes_socket(41, "SOCK_DGRAM"), "never"),
    "open a shared memory socket": Attack(makes_socket(43, "SOCK_STREAM"), "never"),
    "open a multipath socket": Attack(makes_socket(45, "SOCK_DGRAM"), "never"),
}

PROCESSES = {
    "signal the server": Attack("import os\nos.kill(T['pid'], 0)\nTrue"),
    "signal the group of the server": Attack("import os\nos.killpg(T['group'], 0)\nTrue"),
    "signal its parent": Attack(
        "import os, time\nparent = os.getppid()\nos.kill(parent, 15)\ntime.sleep(0.1)\nos.getppid() != parent", "never"
    ),
    "kill the first process": Attack("import os\nos.kill(1, 9)\nTrue", "never"),
    "hold the server by a descriptor": Attack("import os\nos.pidfd_open(T['pid']) >= 0", bare_allows=EVERY_NETWORK),
    "ask for the priority of the server": Attack(
        "import os\nos.getpriority(os.PRIO_PROCESS, T['pid']) < 100", bare_allows=EVERY_NETWORK
    ),
    "ask where the server runs": Attack(
        "import os\nlen(os.sched_getaffinity(T['pid'])) > 0", bare_allows=EVERY_NETWORK
    ),
    "change the limits of the server": Attack(
        "import resource as r\nlen(r.prlimit(T['pid'], r.RLIMIT_NOFILE)) == 2", "root"
    ),
    "see processes of the host": Attack(
        "import os\nos.path.exists(f\"/proc/{T['pid']}/status\")", bare_allows=EVERY_NETWORK
    ),
    "read the command of the server": Attack("len(open(f\"/proc/{T['pid']}/cmdline\").read()) > 0"),
    "read the environment of the server": Attack("'PATH' in open(f\"/proc/{T['pid']}/environ\").read()", "root"),
    "open the memory of the server": Attack(opens("f\"/proc/{T['pid']}/mem\"", "os.O_RDONLY"), "root"),
    "read the environment of the first process": Attack("len(open('/proc/1/environ').read()) >= 0", "never"),
    "read the map of the first process": Attack("len(open('/proc/1/maps').read()) > 0", "never"),
    "write to the memory of the first process": Attack("open('/proc/1/mem', 'r+b').seek(0) == 0", "never"),
    "see the descriptors of the first process": Attack("import os\nlen(os.listdir('/proc/1/fd')) >= 0", "never"),
    "debug another process": Attack(
        "import ctypes, os, signal\npid = os.fork()\nif pid == 0: signal.pause()\nlibc = ctypes.CDLL(None)\n"
        "got = libc.ptrace(16, pid, 0, 0)\nos.kill(pid, 9)\nos.waitpid(pid, 0)\ngot == 0"
    ),
    "ask to be debugged": Attack(in_child("assert libc.ptrace(0, 0, 0, 0) == 0")),
    "write another's memory": Attack(reaches_kernel("process_vm_writev", "os.getpid()", 0, 0, 0, 0, 0)),
    "read another's memory": Attack(reaches_kernel("process_vm_readv", "os.getpid()", 0, 0, 0, 0, 0)),
    "compare processes": Attack(syscall("kcmp", "os.getpid()", "os.getpid()", 0, 0, 0)),
    "take a descriptor of a process": Attack(syscall("pidfd_getfd", "os.pidfd_open(os.getpid())", 0, 0)),
    "advise another's memory": Attack(reaches_kernel("process_madvise", -1, 0, 0, 0, 0)),
    "raise its priority": Attack(in_child("os.nice(-5)"), "root"),
    "run in real time": Attack(in_child("os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))"), "root"),
    "take the disk first": Attack(syscall("ioprio_set", 1, 0, (1 << 13) | 4), "root"),
}

PROCESSES |= {
    "see the memory limit of the group": Attack("import glob\nlen(glob.glob('/sys/fs/cgroup/*')) > 0", "never"),
    "make a group of its own": Attack("import os\nos.mkdir('/sys/fs/cgroup/mine')\nTrue", "never"),
    "signal every process": Attack("import os\nos.kill(-1, 0)\nos.kill(T['pid'], 0)\nTrue"),
    "reach the server by its thread": Attack(
        f"import ctypes\nctypes.CDLL(None).syscall({(234, 131)[ARM]}, T['pid'], T['pid'], 0) == 0"
    ),
    "queue a signal to the server": Attack("import ctypes\nctypes.CDLL(None).sigqueue(T['pid'], 0, 0) == 0"),
    "enter the namespaces of the first process": Attack("import os\nos.open('/proc/1/ns/mnt', 0) >= 0", "never"),
    "list the files of the first process": Attack("import os\nlen(os.listdir('/proc/1/map_files')) >= 0", "never"),
    "change the group of the server": Attack(in_child("os.setpgid(T['pid'], 0)"), "never"),
    "lower the priority of the server": Attack("import os\nos.setpriority(os.PRIO_PROCESS, T['pid'], 19)", "never"),
    "slow down the server's disk": Attack(syscall("ioprio_set", 1, "T['pid']", (3 << 13)), "never"),
}

IDENTITY = {
    "be root": Attack("import os\nos.geteuid() == 0 or 0 in os.getresuid()", "root"),
    "be in the group of root": Attack("import os\n0 in (os.getegid(), *os.getgroups())", "root"),
    "become root": Attack(in_child("os.setuid(0)"), "root"),
    "become another user": Attack(in_child("os.setresuid(1, 1, 1)"), "root"),
    "become root's group": Attack(in_child("os.setgid(0)"), "root"),
    "join groups": Attack(in_child("os.setgroups([0, 42])"), "root"),
    "run a set-group-id program": Attack(
        "import subprocess\nsubprocess.run(['chage', '-l', 'root'], stdout=-3, stderr=-3).returncode == 0", "root"
    ),
    "hold capabilities": Attack(
        "any(int(l.split()[1], 16) for l in open('/proc/self/status') if l.startswith(('CapEff', 'CapPrm', 'CapInh')))",
        "root",
    ),
    "be given capabilities by a file": Attack(
        "any(int(l.split()[1], 16) for l in open('/proc/self/status') if l.startswith('CapBnd'))",
        bare_allows=EVERY_NETWORK,  # an ordinary user cannot drop these; without new privileges nobody gets them
    ),
    "gain privileges on exec": Attack("'NoNewPrivs:\\t0' in open('/proc/self/status').read()"),
    "run without a filter": Attack("'Seccomp:\\t0' in open('/proc/self/status').read()"),
    "raise its memory": Attack(
        in_child("import resource as r; r.setrlimit(r.RLIMIT_AS, (1 << 60, r.RLIM_INFINITY))"), "root"
    ),
    "raise its files": Attack(in_child("import resource as r; r.setrlimit(r.RLIMIT_FSIZE, (1 << 60, -1))"), "root"),
    "raise its processes": Attack(in_child("import resource as r; r.setrlimit(r.RLIMIT_NPROC, (-1, -1))"), "never"),
    "raise its CPU": Attack(in_child("import resource as r; r.setrlimit(r.RLIMIT_CPU, (-1, -1))"), "root"),
    "lock memory": Attack(in_child("assert libc.mlock(ctypes.create_string_buffer(2**23), 2**23) == 0"), "root"),
    "write a huge file": Attack("import os\nf = open('huge', 'wb')\nf.truncate(2**31)\nos.unlink('huge')\nTrue"),
    "find a secret in the environment": Attack("import os\n'MISTRALRS_TEST_SECRET' in os.environ", "never"),
}

SYSTEM_CALLS = {
    "make a user namespace": Attack(syscall("unshare", 0x10000000), "never"),
    "make a mount namespace": Attack(in_child("assert libc.unshare(0x00020000) == 0"), "root"),
    "make a user namespace by clone": Attack(
        f"import ctypes, os\npid = ctypes.CDLL(None).syscall({number('clone')}, 0x10000011, 0, 0, 0, 0)\n"
        "os._exit(0) if pid == 0 else pid > 0",
        "never",
    ),
    "enter a namespace": Attack(syscall("setns", "os.open('/proc/self/ns/uts', 0)", 0), "root"),
    "use clone3": Attack(syscall("clone3", 0, 0) + " or ctypes.get_errno() != 38"),
    "mount": Attack(syscall("mount", "b'tmpfs'", "b'/tmp'", "b'tmpfs'", 0, 0), "never"),
    "open a file system": Attack(syscall("fsopen", "b'tmpfs'", 0), "root"),
    "copy a mount": Attack(syscall("open_tree", -100, "b'/'", 1), "root"),
    "change root": Attack(syscall("chroot", "b'/tmp'"), "never"),
    "rename the host": Attack(syscall("sethostname", "b'x'", 1), "never"),
    "set the clock": Attack(reaches_kernel("clock_settime", 0, 0)),
    "adjust the clock": Attack(reaches_kernel("adjtimex", 0)),
    "restart the machine": Attack(reaches_kernel("reboot", 0, 0, 0, 0), "root"),
    "swap": Attack(reaches_kernel("swapon", 0, 0), "root"),
    "handle page faults": Attack(syscall("userfaultfd", 1)),
    "set up io_uring": Attack(syscall("io_uring_setup", 1, "ctypes.create_string_buffer(200)")),
    "make memory files": Attack(syscall("memfd_create", "b'x'", 0)),
    "make secret memory": Attack(reaches_kernel("memfd_secret", 0)),
    "use the key ring": Attack(syscall("keyctl", 0, -3, 0)),
    "add a key": Attack(syscall("add_key", "b'user'", "b'n'", "b'v'", 1, -3), "never"),
    "ask for a key": Attack(reaches_kernel("request_key", 0, 0, 0, 0)),
    "make a System V segment": Attack(syscall("shmget", 0, 4096, 0o1600), "never"),
    "load a kernel program": Attack(reaches_kernel("bpf", 0, 0, 0), "root"),
    "count kernel events": Attack(reaches_kernel("perf_event_open", 0, 0, 0, 0, 0)),
    "watch all files": Attack(reaches_kernel("fanotify_init", 0, 0), "root"),
    "name a file by handle": Attack(reaches_kernel("name_to_handle_at", -100, "b'/'", 0, 0, 0)),
    "open by handle": Attack(reaches_kernel("open_by_handle_at", -1, 0, 0), "root"),
    "change personality": Attack(syscall("personality", 0xFFFFFFFF)),
    "read the kernel log": Attack(syscall("syslog", 10, 0, 0), "root"),
    "change segments": Attack(syscall("modify_ldt", 0, "ctypes.create_string_buffer(16)", 16), "never"),
    "use the numbers of another architecture": Attack(
        "import ctypes, mmap, os\npid = os.fork()\nif pid == 0:\n  m = mmap.mmap(-1, 4096, prot=7)\n"
        "  m.write(bytes.fromhex('b814000000cd80c3'))\n"
        "  ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(m)))()\n  os._exit(0)\n"
        "os.waitpid(pid, 0)[1] == 0",
        "never",
    ),
    "use the x32 numbers": Attack(
        "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\nlibc.syscall(0x40000000 + 39) >= 0", "never"
    ),
    "make a System V queue": Attack(syscall("msgget", 0, 0o1600), "never"),
    "make System V semaphores": Attack(syscall("semget", 0, 100, 0o1600), "never"),
    "list the mounts": Attack(reaches_kernel("listmount", 0, 0, 0, 0), "never"),
    "look at a mount": Attack(reaches_kernel("statmount", 0, 0, 0, 0), "never"),
    "take a mount away": Attack(reaches_kernel("umount2", "b'/proc'", 2), "never"),
    "move a mount": Attack(reaches_kernel("move_mount", -1, 0, -1, 0, 0), "never"),
    "make a mount writable": Attack(reaches_kernel("mount_setattr", -100, "b'/'", 0, 0, 0), "never"),
    "exchange the root": Attack(reaches_kernel("pivot_root", "b'.'", "b'.'"), "never"),
    "load a module": Attack(reaches_kernel("init_module", 0, 0, "b''"), "never"),
    "load another kernel": Attack(reaches_kernel("kexec_load", 0, 0, 0, 0), "never"),
    "switch on accounting": Attack(reaches_kernel("acct", "b'a'"), "never"),
    "change quotas": Attack(reaches_kernel("quotactl", 0, 0, 0, 0), "never"),
    "hang up the terminal": Attack(reaches_kernel("vhangup"), "never"),
    "rename the domain": Attack(reaches_kernel("setdomainname", "b'x'", 1), "never"),
    "move another's pages": Attack(reaches_kernel("move_pages", 1, 0, 0, 0, 0, 0), "never"),
    "move all pages": Attack(reaches_kernel("migrate_pages", 1, 0, 0, 0), "never"),
    "make a process in namespaces of its own": Attack(
        f"import ctypes, os\npid = ctypes.CDLL(None).syscall({number('clone')}, 0x2C020011, 0, 0, 0, 0)\n"
        "os._exit(0) if pid == 0 else pid > 0",
        "never",
    ),
    "make a message queue": Attack(
        "import ctypes, os\nctypes.CDLL('librt.so.1').mq_open(b'/q', os.O_CREAT | os.O_RDWR, 0o600, None) >= 0", "never"
    ),
    "write to a text console": Attack(
        "import fcntl, pty\nm, s = pty.openpty()\nfcntl.ioctl(s, 0x541C, b'\\x02')\nTrue", "never"
    ),
    "hide a terminal command in high bits": Attack(
        "import ctypes, pty\nm, s = pty.openpty()\n"
        "ctypes.CDLL(None).ioctl(s, ctypes.c_ulong(0x1_0000_5412), b'x') == 0",
        "never",
    ),
    "push a key into a terminal": Attack(
        "import fcntl, pty\nm, s = pty.openpty()\nfcntl.ioctl(s, 0x5412, b'x')\nTrue", "never"
    ),
}

ATTACKS = {**FILES, **KERNEL_FILES, **NETWORK, **PROCESSES, **IDENTITY, **SYSTEM_CALLS}
