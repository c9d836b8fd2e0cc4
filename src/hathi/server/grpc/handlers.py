"""From servicers to gRPC handlers: every method of a service gets one, whether somebody serves it or not.

A door is a plain object whose methods are named after those of the service: `method(request, call) -> response`, a
generator where responses stream, an iterator of requests where those stream. What a door raises is turned into a
status and a text here, and nowhere else: a `HathiError` says both itself, anything else is our mistake, logged with
its trace and told as internal.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NoReturn, TypeVar

import grpc
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from hathi.model.errors import HathiError, InvalidError
from hathi.server.grpc import validation
from hathi.server.grpc.admission import Admission, class_of
from hathi.server.grpc.calls import Call, end_call
from hathi.server.grpc.stalls import Track
from hathi.wire import errors

_log = logging.getLogger("hathi.server.grpc")

TEXT_LIMIT = 4000
"""Longest text of an error, in characters: clients refuse headers beyond 8 KiB."""

_RAW = "raw_responses"
Door = TypeVar("Door", bound=Callable[..., Any])


def raw(method: Door) -> Door:
    """Mark a door's method whose responses are encoded already: file bytes are not worth a message object each."""
    setattr(method, _RAW, True)
    return method


Guard = Callable[[str, Any, Call], None]
"""Takes the name of a method, a request and its call, and raises unless the caller may send it."""


def service_handler(
    service: ServiceDescriptor,
    doors: Sequence[object],
    admission: Admission,
    refusal: str = "",
    guard: Guard | None = None,
) -> grpc.GenericRpcHandler:
    """Return the handler for all methods of a service.

    doors: who serves them; a method that none has answers UNIMPLEMENTED with the text `refusal`, or one naming it.
    guard: sees each request before they do.
    Raises TypeError when a door has a method that the service has not: a spelling mistake.
    """
    known = {method.name for method in service.methods}
    served: dict[str, Callable[..., Any]] = {}
    for door in doors:
        names = {name for name in dir(door) if name[0].isupper()}
        if names - known:
            raise TypeError(f"{service.full_name} has no {', '.join(sorted(names - known))}")
        served.update({name: getattr(door, name) for name in names})
    handlers = {}
    for method in service.methods:
        serve = served.get(method.name)
        name = f"{service.full_name}/{method.name}"
        if serve is None:
            handlers[method.name] = _refuser(refusal or f"{name} is not served yet")
        else:
            handlers[method.name] = _handler(method, serve, admission, name, guard)
    return grpc.method_handlers_generic_handler(service.full_name, handlers)


class EverythingElse:
    """Answers calls of services that have no implementation.

    refused: texts that whole services refuse calls with, by name. empty: methods that answer with the empty message.
    """

    def __init__(self, refused: Mapping[str, str], empty: Collection[str]) -> None:
        self._refused = refused
        self._empty = empty

    def service(self, handler_call_details: Any) -> Any:
        """Return a handler that gives the method its fixed answer, or refuses it by name."""
        name = handler_call_details.method.lstrip("/")
        if name in self._empty:
            return grpc.stream_stream_rpc_method_handler(lambda requests, context: iter((b"",)))
        return _refuser(self._refused.get(name.partition("/")[0]) or f"{name} is not supported by this server")


def _handler(
    method: MethodDescriptor, serve: Callable[..., Any], admission: Admission, name: str, guard: Guard | None
) -> Any:
    """Return gRPC's handler of a method.

    It takes a stream of requests even where there is one, so that we read it: gRPC would wait for it without a limit,
    and decode it in the one thread that all calls share.
    """
    decode = GetMessageClass(method.input_type).FromString
    encode = None if getattr(serve, _RAW, False) else GetMessageClass(method.output_type).SerializeToString
    kind = class_of(name, client_streaming=method.client_streaming, server_streaming=method.server_streaming)

    def request(messages: Any, track: Track, call: Call) -> Any:
        check = partial(_check, guard, method.name, call)
        requests = _Requests(messages, decode, check, track)
        return requests if method.client_streaming else next(requests)

    @contextmanager
    def admitted(context: Any) -> Iterator[Track]:
        track = Track(partial(end_call, context))
        try:
            with admission.working(kind, context.peer(), track):
                yield track
        except StopIteration:
            _fail(context, name, InvalidError(f"{name} needs a request"))
        except Exception as error:
            _fail(context, name, error)

    def once(messages: Any, context: Any) -> Any:
        with admitted(context) as track:
            call = Call(context, admission, kind)
            return serve(request(messages, track, call), call)

    def many(messages: Any, context: Any) -> Iterator[Any]:
        with admitted(context) as track:
            call = Call(context, admission, kind)
            for response in serve(request(messages, track, call), call):
                track.block()
                yield response
                track.unblock()

    behavior: Any = many if method.server_streaming else once
    behavior.experimental_thread_pool = admission.threads(kind)
    make = grpc.stream_stream_rpc_method_handler if method.server_streaming else grpc.stream_unary_rpc_method_handler
    return make(behavior, response_serializer=encode)


class _Requests:
    """The requests of a call, decoded and checked in the thread that consumes them."""

    def __init__(
        self, messages: Iterator[bytes], decode: Callable[[bytes], Any], check: Callable[[Any], None], track: Track
    ) -> None:
        self._messages = messages
        self._decode = decode
        self._check = check
        self._track = track

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        self._track.block()
        message = next(self._messages)
        self._track.unblock()
        request = self._decode(message)
        self._check(request)
        return request


def _check(guard: Guard | None, method: str, call: Call, request: Any) -> None:
    validation.check(request)
    if guard is not None:
        guard(method, request, call)


def _refuser(text: str) -> Any:
    """A handler that takes any kind of call and refuses it."""

    def refuse(requests: Any, context: Any) -> Iterator[Any]:
        context.abort(grpc.StatusCode.UNIMPLEMENTED, text)
        yield  # makes this a generator, as a streaming handler must be

    return grpc.stream_stream_rpc_method_handler(refuse)


def _fail(context: Any, name: str, error: Exception) -> NoReturn:
    """End a call with an error. Raises, as gRPC wants it."""
    if isinstance(error, HathiError):
        text = error.message
        context.abort(errors.to_code(error), text if len(text) <= TEXT_LIMIT else f"{text[:TEXT_LIMIT]} …")
    elif isinstance(error, DecodeError):
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"a message is malformed: {error}")
    elif isinstance(error, grpc.RpcError) or not context.is_active():
        context.abort(grpc.StatusCode.CANCELLED, "the client left")
    else:
        _log.error("%s failed unexpectedly", name, exc_info=error)
        context.abort(grpc.StatusCode.INTERNAL, f"internal error: {type(error).__name__}: {error}"[:TEXT_LIMIT])
    raise AssertionError("abort raises")
