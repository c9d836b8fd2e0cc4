"""What holds for all tests."""

import signal

# A shell without job control starts what runs in the background deaf to Ctrl-C, and every program below inherits that.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
