"""Which version of Pachyderm's protocol is spoken here; what Hathi itself is stands in `hathi_v1.About`."""

from __future__ import annotations

import platform

from google.protobuf.empty_pb2 import Empty

from hathi.server.grpc.calls import Call
from hathi.wire.gen import version_pb2

MAJOR, MINOR, MICRO = 2, 12, 2
"""The release whose clients must find nothing missing and warn of nothing."""


def version_message() -> version_pb2.Version:
    """Return the version that clients compare with their own."""
    system = f"{platform.system().lower()}/{platform.machine()}"
    return version_pb2.Version(major=MAJOR, minor=MINOR, micro=MICRO, platform=system)


class Version:
    """Serves `versionpb_v2.API`."""

    def GetVersion(self, request: Empty, call: Call) -> version_pb2.Version:
        """Tell the version."""
        return version_message()
