"""The rows of the pipeline tables as values, and the statements that read and change them. No rules: those stand above."""
