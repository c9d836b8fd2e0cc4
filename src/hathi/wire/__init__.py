"""The protocol: Pachyderm 2.12's messages and our own, conversions to and from the model, errors, and the client.

Encoding is the hottest pure-Python risk of a gRPC server: protobuf's fallback backend is ten to forty times slower
than its C backend, and would pass every test while doing so. Hence nothing here can be imported without the latter.
"""

from __future__ import annotations

from google.protobuf.internal import api_implementation

if api_implementation.Type() == "python":  # pragma: no cover - needs another protobuf
    raise ImportError(
        "protobuf runs on its slow pure-Python backend here: unset PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION "
        "or install a protobuf wheel for this platform"
    )
