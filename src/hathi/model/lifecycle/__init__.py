"""The lives of jobs, pipelines, commits and datums, each as one table.

What happens next to a thing depends on what is true of it now, never on how it got there: an `Observation` goes in, a
`Decision` comes out, pure and total. Controllers gather the observation, write the state and carry out the actions, all
of which may be repeated; killed at any moment, they observe and decide again. The documentation prints the same tables.
"""
