"""pachd: the doors through which the core is reached, and the wiring of it all."""
