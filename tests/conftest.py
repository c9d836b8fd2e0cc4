"""What holds for all tests."""

import signal

from hypothesis import HealthCheck, settings

# How long an example takes is the machine's affair, and it may be busy.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

# A shell without job control starts what runs in the background deaf to Ctrl-C, and every program below inherits that.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
