"""The developer's side of a pipeline: images built and pushed, and code that is built inside Hathi.

Two ways lead from source code to a pipeline. With `--build` and `--push-images` an engine on this machine builds an
image and pushes it (`context`, `publishing`), or one is built to be tried and goes again (`trials`). With
`transform.build` the code itself goes to the server, and a pipeline there builds it (`buildspec`, `official`,
`rewriting`, `source`, `staging`, `deploying`). Nothing here prints: progress goes to functions that the caller gives.
"""
