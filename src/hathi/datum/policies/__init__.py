"""What a spec says of one attempt: each policy is one module, pure, and who runs a datum knows none of their rules."""
