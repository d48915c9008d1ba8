"""Starting one child process the way all of ours are started."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal

from gateway.launch.program import Program

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


async def spawn(program: Program, output: int) -> asyncio.subprocess.Process:
    """Start it, with both output streams into the descriptor `output`. Raises OSError when it cannot be run.

    The process leads a group of its own, so that Ctrl-C in a terminal reaches only the parent, and dies with the
    parent whatever ends that (PR_SET_PDEATHSIG): what must survive a kill is on disk before it is acknowledged.
    Only for the main thread: the kernel means the thread that forks when it says parent.
    """
    parent = os.getpid()
    niceness = program.niceness

    def before_exec() -> None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # The parent died before the line above.
            os._exit(1)
        if niceness:
            os.nice(niceness)

    return await asyncio.create_subprocess_exec(
        *program.command,
        env=dict(program.environment),
        cwd=program.folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
        preexec_fn=before_exec,
    )


def signal_group(pid: int, number: signal.Signals, *, leader_only: bool = False) -> None:
    """Only for a child that has not been waited for, or whose group may still have members."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        (os.kill if leader_only else os.killpg)(pid, number)


def in_words(code: int) -> str:
    """How a process ended."""
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
