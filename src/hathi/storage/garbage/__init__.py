"""Garbage collection, the top layer of storage: find the chunks that no root reaches, and give their space back."""
