"""Pipelines (PPS): what people declare, the jobs that follow from new data, and the datums that jobs consist of.

Declared in `definitions`, told about in `listing`, `jobs`, `job_waits`, `datums` and `logs`; brought forward by
`controllers`, which plan (`planner`, `planning`) and fold (`folding`, `outputs`, `closing`); done by workers (`work`).
"""
