"""The system call filter, run by a small interpreter of its own language: both machines, without installing it."""

from __future__ import annotations

import errno
import socket

import pytest

from sandbox.linux import seccomp
from sandbox.linux.kernel import NUMBERS

X86, ARM = 0, 1


def decide(machine: int, call: int, *arguments: int, architecture: int | None = None, network: bool = True) -> int:
    """Return what the filter answers: `ALLOW`, `KILL_PROCESS`, or an errno."""
    data = {0: call, 4: seccomp.ARCHITECTURES[machine] if architecture is None else architecture}
    data |= {16 + 8 * position: value & 0xFFFFFFFF for position, value in enumerate(arguments)}
    program, position, register = seccomp.build(network, machine), 0, 0
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
def test_calls_are_judged_by_their_arguments(machine: int) -> None:
    clone, make, pair, ioctl = (number(name, machine) for name in ("clone", "socket", "socketpair", "ioctl"))
    assert decide(machine, clone, 0x11) == seccomp.ALLOW
    assert decide(machine, clone, 0x10000011) == errno.EPERM
    for family in (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6):
        assert decide(machine, make, family) == seccomp.ALLOW
    assert decide(machine, make, socket.AF_NETLINK) == errno.EAFNOSUPPORT
    assert decide(machine, make, socket.AF_INET, network=False) == errno.EAFNOSUPPORT
    assert decide(machine, make, socket.AF_UNIX, network=False) == seccomp.ALLOW
    assert decide(machine, pair, socket.AF_INET) == errno.EAFNOSUPPORT
    assert decide(machine, pair, socket.AF_UNIX, network=False) == seccomp.ALLOW
    assert decide(machine, ioctl, 0, seccomp.TIOCSTI) == errno.EPERM
    assert decide(machine, ioctl, 0, seccomp.TIOCLINUX) == errno.EPERM
    assert decide(machine, ioctl, 0, 0x5413) == seccomp.ALLOW


def test_calls_of_another_architecture_end_the_process() -> None:
    assert decide(X86, 1, architecture=0x40000003) == seccomp.KILL_PROCESS
    assert decide(ARM, 1, architecture=seccomp.ARCHITECTURES[X86]) == seccomp.KILL_PROCESS


def test_the_other_numbering_of_x86_is_refused() -> None:
    assert decide(X86, seccomp.X32_BIT | 101) == errno.EPERM
