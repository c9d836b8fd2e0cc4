"""Process 1 of the image: starts one program, hands it the signals it gets, and buries whatever ends.

Process 1 of a container inherits every process whose parent has died, and each stays a zombie until it is waited for.
pachd waits for its own workers alone: waiting for any child would take their exit status away from who needs it.

The first word of the command line is the program; when it is an option, the program is pachd.
"""

import contextlib
import os
import signal
import sys

FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)


def forward(child: int, number: int) -> None:
    """Hand a signal on; the child may have ended just now."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, number)


def main(words: list[str]) -> int:
    """Run a program to its end and return its exit status, 128 + N when signal N ended it."""
    if not words or words[0].startswith("-"):
        words = ["pachd", *words]
    signal.pthread_sigmask(signal.SIG_BLOCK, FORWARDED)  # one that comes before there is a child must not be lost
    try:
        child = os.posix_spawnp(words[0], words, os.environ, setsigmask=())
    except OSError as error:
        sys.stderr.write(f"cannot run {words[0]}: {error.strerror}\n")
        return 127
    for number in FORWARDED:
        signal.signal(number, lambda number, _: forward(child, number))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, FORWARDED)
    while True:
        ended, status = os.wait()
        if ended == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
