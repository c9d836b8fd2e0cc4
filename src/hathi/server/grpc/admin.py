"""The cluster as a whole. The original's pachctl asks for it before every command."""

from __future__ import annotations

from hathi.server.grpc.backend import Backend
from hathi.server.grpc.calls import Call
from hathi.server.grpc.version import MAJOR, MINOR
from hathi.wire.gen import admin_pb2


class Admin:
    """Serves `admin_v2.API`."""

    def __init__(self, backend: Backend) -> None:
        self._id = backend.cluster_id

    def InspectCluster(self, request: admin_pb2.InspectClusterRequest, call: Call) -> admin_pb2.ClusterInfo:
        """Tell who this cluster is, with a warning when the client is of another release."""
        client = request.client_version
        warnings = []
        if request.HasField("client_version") and (client.major, client.minor) != (MAJOR, MINOR):
            warnings.append(
                f"the client speaks version {client.major}.{client.minor}, this server {MAJOR}.{MINOR}; "
                "some calls may not be understood"
            )
        return admin_pb2.ClusterInfo(id=self._id, deployment_id=self._id, warnings_ok=True, warnings=warnings)
