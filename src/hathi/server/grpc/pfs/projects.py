"""Projects over gRPC."""

from __future__ import annotations

from collections.abc import Iterator

from google.protobuf.empty_pb2 import Empty

from hathi.model.infos import ProjectInfo
from hathi.pipelines import removal
from hathi.server.grpc.calls import Call
from hathi.versioning import projects
from hathi.versioning.store import Store
from hathi.wire.convert import pfs
from hathi.wire.gen import pfs_pb2


class Projects:
    """Projects, and the end of everything."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def CreateProject(self, request: pfs_pb2.CreateProjectRequest, call: Call) -> Empty:
        """Create a project, or describe an existing one anew."""
        with self._store.db.write() as tx:
            projects.create(tx, request.project.name, request.description, update=request.update)
        return Empty()

    def InspectProject(self, request: pfs_pb2.InspectProjectRequest, call: Call) -> pfs_pb2.ProjectInfo:
        """Tell about a project."""
        return pfs.project_info_message(self._inspect(request.project))

    def InspectProjectV2(
        self, request: pfs_pb2.InspectProjectV2Request, call: Call
    ) -> pfs_pb2.InspectProjectV2Response:
        """Tell about a project and the defaults of its pipelines."""
        info = pfs.project_info_message(self._inspect(request.project))
        return pfs_pb2.InspectProjectV2Response(info=info, defaults_json="{}")

    def ListProject(self, request: pfs_pb2.ListProjectRequest, call: Call) -> Iterator[pfs_pb2.ProjectInfo]:
        """Tell about every project."""
        with self._store.db.read() as tx:
            infos = projects.list_projects(tx)
        yield from map(pfs.project_info_message, infos)

    def DeleteProject(self, request: pfs_pb2.DeleteProjectRequest, call: Call) -> Empty:
        """Delete a project; by force with its pipelines and repos."""
        with self._store.db.write() as tx:
            removal.delete_project(tx, request.project.name, force=request.force)
        return Empty()

    def DeleteAll(self, request: Empty, call: Call) -> Empty:
        """Delete every pipeline, project, repo, branch and commit."""
        with self._store.db.write() as tx:
            removal.delete_everything(tx)
        return Empty()

    def _inspect(self, project: pfs_pb2.Project) -> ProjectInfo:
        with self._store.db.read() as tx:
            return projects.inspect(tx, pfs.to_project(project))
