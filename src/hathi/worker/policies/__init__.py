"""What a spec says about failing: each policy is one module, pure, and the worker's loop knows none of their rules."""
