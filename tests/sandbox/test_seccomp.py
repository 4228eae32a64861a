"""The system call filter, run by a small interpreter of its own language: both machines, without installing it."""

from __future__ import annotations

import errno
import json
import os
import socket
from pathlib import Path

import pytest

from sandbox.linux import seccomp
from sandbox.linux.kernel import NUMBERS

X86, ARM = 0, 1


def decide(
    machine: int,
    call: int,
    *arguments: int,
    architecture: int | None = None,
    network: bool = True,
    alone: int | None = None,
) -> int:
    """Return what the filter answers: `ALLOW`, `KILL_PROCESS`, or an errno."""
    data = {0: call, 4: seccomp.ARCHITECTURES[machine] if architecture is None else architecture}
    data |= {16 + 8 * position: value & 0xFFFFFFFF for position, value in enumerate(arguments)}
    data |= {20 + 8 * position: value >> 32 & 0xFFFFFFFF for position, value in enumerate(arguments)}
    program, position, register = seccomp.build(network, machine, alone=alone), 0, 0
    while True:
        code, if_true, if_false, operand = program[position]
        position += 1
        match code:
            case seccomp.LOAD:
                register = data.get(operand, 0)
            case seccomp.EQUAL:
                position += if_true if register == operand else if_false
            case seccomp.GREATER_EQUAL:
                position += if_true if register >= operand else if_false
            case seccomp.ANY_BIT:
                position += if_true if register & operand else if_false
            case seccomp.AND:
                register &= operand
            case _:
                return operand & 0xFFFF if operand & 0xFFFF0000 == seccomp.ERRNO else operand


def number(name: str, machine: int) -> int:
    found = NUMBERS[name][machine]
    assert found is not None
    return found


@pytest.mark.parametrize("machine", [X86, ARM])
def test_every_named_call_is_refused_and_the_rest_allowed(machine: int) -> None:
    for name in seccomp.REFUSED:
        if NUMBERS[name][machine] is not None:
            assert decide(machine, number(name, machine)) == errno.EPERM, name
    for name in seccomp.ABSENT:
        assert decide(machine, number(name, machine)) == errno.ENOSYS, name
    named = {numbers[machine] for numbers in NUMBERS.values()}
    assert all(decide(machine, call) == seccomp.ALLOW for call in range(500) if call not in named)


@pytest.mark.parametrize("machine", [X86, ARM])
def test_limits_and_priorities_of_others_cannot_be_set(machine: int) -> None:
    for name in seccomp.OF_A_PROCESS:
        call = number(name, machine)
        assert [decide(machine, call, pid) for pid in (0, 1, 99)] == [seccomp.ALLOW, errno.EPERM, seccomp.ALLOW], name
        alone = [decide(machine, call, pid, alone=99) for pid in (0, 1, 98, 99)]
        assert alone == [seccomp.ALLOW, errno.EPERM, errno.EPERM, seccomp.ALLOW], name
    for name, everything in (("setpriority", seccomp.PRIO_USER), ("ioprio_set", seccomp.IOPRIO_WHO_USER)):
        call = number(name, machine)
        assert decide(machine, call, everything, 0) == errno.EPERM
        assert [decide(machine, call, 1, who) for who in (0, 1, 99)] == [seccomp.ALLOW, errno.EPERM, seccomp.ALLOW]
        assert decide(machine, call, 1, 98, alone=99) == errno.EPERM


@pytest.mark.parametrize("machine", [X86, ARM])
def test_the_limit_of_core_files_stays_and_everybody_is_told_that_it_was_set(machine: int) -> None:
    limit, old = number("prlimit64", machine), number("setrlimit", machine)
    pretended = 0
    for pointer in (0x7FFF12345678, 0x700000000, 0x1000):
        assert decide(machine, limit, 0, seccomp.RLIMIT_CORE, pointer, 0) == pretended
    assert decide(machine, limit, 0, seccomp.RLIMIT_CORE, 0, 0x7FFF12345678) == seccomp.ALLOW
    assert decide(machine, limit, 0, 7, 0x7FFF12345678, 0) == seccomp.ALLOW
    assert (decide(machine, old, seccomp.RLIMIT_CORE), decide(machine, old, 7)) == (pretended, seccomp.ALLOW)


@pytest.mark.parametrize("machine", [X86, ARM])
def test_beside_processes_of_the_host_only_pairs_of_streams_are_sockets(machine: int) -> None:
    make, pair = number("socket", machine), number("socketpair", machine)
    for family in (socket.AF_UNIX, socket.AF_INET, socket.AF_NETLINK):
        assert decide(machine, make, family, network=False, alone=99) == errno.EAFNOSUPPORT
    streams, datagrams = socket.SOCK_STREAM | socket.SOCK_CLOEXEC, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC
    assert decide(machine, pair, socket.AF_UNIX, streams, network=False, alone=99) == seccomp.ALLOW
    assert decide(machine, pair, socket.AF_UNIX, datagrams, network=False, alone=99) == errno.EPROTONOSUPPORT
    assert decide(machine, pair, socket.AF_INET, streams, network=False, alone=99) == errno.EAFNOSUPPORT
    assert decide(machine, make, socket.AF_INET, network=True, alone=99) == seccomp.ALLOW


@pytest.mark.parametrize("machine", [X86, ARM])
def test_no_file_gets_a_set_id_bit(machine: int) -> None:
    for name, argument in {**seccomp.MODES, **seccomp.CREATING_MODES}.items():
        if NUMBERS[name][machine] is None:
            continue
        for flags, mode, expected in (
            (os.O_CREAT, 0o4755, errno.EPERM),
            (os.O_TMPFILE, 0o2755, errno.EPERM),
            (os.O_CREAT, 0o1777, seccomp.ALLOW),
        ):
            arguments = [0] * (argument - 1) + [flags, mode]
            assert decide(machine, number(name, machine), *arguments) == expected, name
    garbage = [0, 0, os.O_RDONLY, 0o4755]
    assert decide(machine, number("openat", machine), *garbage) == seccomp.ALLOW


def test_leases_on_files_of_the_host_are_refused() -> None:
    fcntl = number("fcntl", X86)
    assert decide(X86, fcntl, 3, seccomp.F_SETLEASE, 0) == errno.EPERM
    assert decide(X86, fcntl, 3, 1030, 0) == seccomp.ALLOW


def test_the_numbers_are_those_of_the_kernel() -> None:
    """`kernel_numbers.json`: facts out of the kernel's headers, `asm/unistd_64.h` of x86 and `asm-generic/unistd.h`."""
    known = json.loads((Path(__file__).parent / "kernel_numbers.json").read_text("ascii"))
    assert {name: list(numbers) for name, numbers in NUMBERS.items()} == known


def test_calls_of_another_architecture_end_the_process() -> None:
    assert decide(X86, 1, architecture=0x40000003) == seccomp.KILL_PROCESS
    assert decide(ARM, 1, architecture=seccomp.ARCHITECTURES[X86]) == seccomp.KILL_PROCESS


def test_the_other_numbering_of_x86_is_refused() -> None:
    assert decide(X86, seccomp.X32_BIT | 101) == errno.EPERM
