"""The gRPC doors: each converts messages, calls the core once, and decides nothing."""
