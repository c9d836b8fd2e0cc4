"""A pipeline on its way from a Git repository to the server, by a machine.

A push is rolled out: image, tag, update. A pull request is tried: its pipelines run in a throw-away project on a sample
of their input (`rehoming`, `sampling`, `trial`), and people read what came of it (`results`, `report`). `revision` says
which commit is at hand.
"""
