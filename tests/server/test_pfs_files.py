"""Files over the wire: written in every form, read in every form."""

from __future__ import annotations

import io
import tarfile

import pytest

from hathi.model.errors import HathiError, InvalidError, NotFoundError, UnimplementedError
from hathi.wire.errors import DeniedError
from hathi.wire.gen import hathi_pb2
from hathi.wire.gen import pfs_pb2 as pb


def at(repo: pb.Repo, path: str, id: str = "master") -> pb.File:
    return pb.File(commit=pb.Commit(repo=repo, id=id), path=path)


def read(client, repo: pb.Repo, path: str, offset: int = 0) -> bytes:
    request = pb.GetFileRequest(file=at(repo, path), offset=offset)
    return b"".join(part.value for part in client.pfs.GetFile(request))


def change(**body) -> pb.ModifyFileRequest:
    return pb.ModifyFileRequest(**body)


def onto(repo: pb.Repo) -> pb.ModifyFileRequest:
    return change(set_commit={"repo": repo, "branch": {"repo": repo, "name": "master"}})


def added(path: str, data: bytes) -> pb.ModifyFileRequest:
    return change(add_file={"path": path, "raw": {"value": data}})


FILES = {"/a": b"alpha", "/d/b": b"beta", "/d/e/c": b"", "/z": b"z" * 3000}


def test_what_was_put_is_got(client, repo, put) -> None:
    put(repo, FILES)
    assert {path: read(client, repo, path) for path in FILES} == FILES
    assert read(client, repo, "/z", 2990) == b"z" * 10


def test_adding_appends_deleting_first_replaces(client, repo) -> None:
    client.pfs.ModifyFile(iter([onto(repo), added("/a", b"1"), added("/a", b"2")]))
    client.pfs.ModifyFile(iter([onto(repo), added("/a", b"3")]))
    assert read(client, repo, "/a") == b"123"
    client.pfs.ModifyFile(iter([onto(repo), change(delete_file={"path": "/a"}), added("/a", b"4")]))
    assert read(client, repo, "/a") == b"4"


def test_fewer_files_than_none_cannot_be_listed(client, repo, put) -> None:
    put(repo, FILES)
    for listing in (
        client.pfs.ListFile(pb.ListFileRequest(file=at(repo, "/"), number=-1)),
        client.pfs.WalkFile(pb.WalkFileRequest(file=at(repo, "/"), number=-1)),
    ):
        with pytest.raises(InvalidError, match="must not be negative"):
            list(listing)


def test_a_file_added_without_a_source_is_empty(client, repo) -> None:
    client.pfs.ModifyFile(iter([onto(repo), change(add_file={"path": "/none"})]))
    assert read(client, repo, "/none") == b""
    info = client.pfs.InspectFile(pb.InspectFileRequest(file=at(repo, "/none")))
    assert (info.file_type, info.size_bytes) == (pb.FILE, 0)


def test_copies(client, repo, put) -> None:
    put(repo, FILES)
    copy = change(copy_file={"dst": "/copy", "src": at(repo, "/d")})
    client.pfs.ModifyFile(iter([onto(repo), copy]))
    assert read(client, repo, "/copy/b") == b"beta"


def test_a_stream_must_begin_with_its_commit_and_name_it_once(client, repo) -> None:
    for messages in ([], [added("/a", b"")]):
        with pytest.raises(InvalidError, match="first message"):
            client.pfs.ModifyFile(iter(messages))
    with pytest.raises(InvalidError, match="only the first message"):
        client.pfs.ModifyFile(iter([onto(repo), added("/a", b""), onto(repo)]))
    with pytest.raises(InvalidError, match="no body"):
        client.pfs.ModifyFile(iter([onto(repo), pb.ModifyFileRequest()]))
    assert list(client.pfs.ListCommit(pb.ListCommitRequest(repo=repo))) == []


def test_a_wrong_path_is_named_and_nothing_is_half_done(client, repo) -> None:
    with pytest.raises(HathiError, match=r"globbing character"):
        client.pfs.ModifyFile(iter([onto(repo), added("/good", b"1"), added("/b*d", b"2")]))
    with pytest.raises(NotFoundError):
        read(client, repo, "/good")


def test_a_client_that_breaks_off_leaves_nothing(client, repo) -> None:
    def requests():
        yield onto(repo)
        yield added("/a", b"half")
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError):
        client.pfs.ModifyFile(requests())
    assert list(client.pfs.ListCommit(pb.ListCommitRequest(repo=repo))) == []


def test_object_store_urls_are_not_served(client, repo) -> None:
    source = change(add_file={"path": "/a", "url": {"URL": "s3://bucket/a"}})
    with pytest.raises(UnimplementedError, match="s3://bucket/a"):
        client.pfs.ModifyFile(iter([onto(repo), source]))


def test_get_file_wants_one_file_and_names_the_other_way(client, repo, put) -> None:
    put(repo, FILES)
    for path in ("/d", "/*"):
        with pytest.raises(InvalidError, match="GetFileTAR"):
            read(client, repo, path)
    with pytest.raises(NotFoundError, match=r"^file /nope not found in repo default/images at commit"):
        read(client, repo, "/nope")


def test_a_tar_holds_everything_below(client, repo, put) -> None:
    put(repo, FILES)
    parts = client.pfs.GetFileTAR(pb.GetFileRequest(file=at(repo, "/")))
    with tarfile.open(fileobj=io.BytesIO(b"".join(part.value for part in parts))) as archive:
        found = {member.name: archive.extractfile(member).read() for member in archive}
    assert found == FILES


def test_lists_walks_and_globs(client, repo, put) -> None:
    put(repo, FILES)
    listed = list(client.pfs.ListFile(pb.ListFileRequest(file=at(repo, "/"))))
    assert [info.file.path for info in listed] == ["/a", "/d/", "/z"]
    assert [info.size_bytes for info in listed] == [5, 4, 3000]
    assert all(info.file.commit.id and not info.file.commit.HasField("branch") for info in listed)
    assert list(client.pfs.ListFile(pb.ListFileRequest(file=at(repo, "/nope")))) == []
    walked = [info.file.path for info in client.pfs.WalkFile(pb.WalkFileRequest(file=at(repo, "/d")))]
    assert walked == ["/d/", "/d/b", "/d/e/", "/d/e/c"]
    commit = pb.Commit(repo=repo, id="master")
    globbed = [info.file.path for info in client.pfs.GlobFile(pb.GlobFileRequest(commit=commit, pattern="/d/*"))]
    assert globbed == ["/d/b", "/d/e/"]


def test_lists_by_page(client, repo, put) -> None:
    put(repo, FILES)
    request = pb.ListFileRequest(file=at(repo, "/"), number=1, paginationMarker=at(repo, "/a"))
    assert [info.file.path for info in client.pfs.ListFile(request)] == ["/d/"]


def test_what_is_not_served_of_reading_is_refused_not_ignored(client, repo, put) -> None:
    put(repo, FILES)
    for extra in ({"URL": "s3://b/x"}, {"path_range": {"lower": "/a"}}):
        with pytest.raises(UnimplementedError):
            list(client.pfs.GetFile(pb.GetFileRequest(file=at(repo, "/a"), **extra)))


REF = hathi_pb2.CommitRef(repo="images", branch="master")


def put_many(client, *messages: list[hathi_pb2.FileOp]) -> hathi_pb2.PutResponse:
    requests = [hathi_pb2.PutRequest(commit=REF, ops=messages[0])]
    requests += [hathi_pb2.PutRequest(ops=ops) for ops in messages[1:]]
    requests[-1].complete = True
    return client.files.Put(iter(requests))


def test_a_stream_that_was_broken_off_counts_for_nothing(client, repo) -> None:
    op = hathi_pb2.FileOp(path="/half", data=b"1")
    with pytest.raises(InvalidError, match="broke off before its last message"):
        client.files.Put(iter([hathi_pb2.PutRequest(commit=REF, ops=[op])]))
    with pytest.raises(NotFoundError):
        list(client.files.List(hathi_pb2.ListRequest(commit=REF, path="/")))


def test_many_files_a_message(client, repo) -> None:
    op = hathi_pb2.FileOp
    response = put_many(
        client,
        [op(path="/a", data=b"1"), op(path="/big", data=b"x" * 10)],
        [op(path="/big", data=b"y" * 10, continued=True), op(path="/a", data=b"2", append=True)],
    )
    assert (response.files, response.bytes) == (3, 22)
    assert read(client, repo, "/a") == b"12"
    assert read(client, repo, "/big") == b"x" * 10 + b"y" * 10
    with pytest.raises(InvalidError, match="data for /b continues nothing"):
        put_many(client, [op(path="/a", data=b"3"), op(path="/b", data=b"3", continued=True)])
    put_many(client, [op(path="/a", data=b"3"), op(path="/big", delete=True)])
    assert read(client, repo, "/a") == b"3"
    listed = client.files.List(hathi_pb2.ListRequest(commit=REF, path="/"))
    assert [entry.path for message in listed for entry in message.entries] == ["/a"]


def test_getting_many_files_gives_each_whole(client, repo, put) -> None:
    put(repo, FILES | {"/large": b"l" * (3 << 20)})
    found: dict[str, bytes] = {}
    done = set()
    for message in client.files.Get(hathi_pb2.GetRequest(commit=REF, path="/", recursive=True)):
        for piece in message.pieces:
            assert piece.path not in done
            found[piece.path] = found.get(piece.path, b"") + piece.data
            if piece.last:
                assert len(found[piece.path]) == piece.size
                done.add(piece.path)
    assert found == FILES | {"/large": b"l" * (3 << 20)}
    assert done == set(found)


def test_a_directory_must_be_asked_for_recursively(client, repo, put) -> None:
    put(repo, FILES)
    with pytest.raises(InvalidError, match="directory"):
        list(client.files.Get(hathi_pb2.GetRequest(commit=REF, path="/d")))
    entries = client.files.List(hathi_pb2.ListRequest(commit=REF, path="/", recursive=True))
    assert [entry.path for message in entries for entry in message.entries] == sorted(FILES)


def test_a_url_of_the_servers_own_machine_is_refused_and_nothing_written(client, repo) -> None:
    commit = pb.Commit(repo=repo, branch=pb.Branch(repo=repo, name="master"))
    for host in ("127.0.0.1", "169.254.169.254", "[::1]"):
        added = pb.AddFile(path="/a", url={"URL": f"http://{host}:1/latest"})
        requests = [pb.ModifyFileRequest(set_commit=commit), pb.ModifyFileRequest(add_file=added)]
        with pytest.raises(DeniedError, match="this server does not fetch"):
            client.pfs.ModifyFile(iter(requests))
    assert list(client.pfs.ListCommit(pb.ListCommitRequest(repo=repo))) == []
