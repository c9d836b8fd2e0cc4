"""Rows of the pipeline tables as values, and the statements that read and change them; no rules."""
