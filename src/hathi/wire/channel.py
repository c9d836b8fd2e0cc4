"""A gRPC channel that speaks Hathi's errors and carries the caller's metadata.

Generated stubs ask a channel for four kinds of callables. These wrap gRPC's own: each call sends the metadata, and
raises `HathiError` where gRPC would raise its `RpcError`. An exception in the caller's own request iterator, which
gRPC would log and hide behind an unknown error, comes out as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import grpc

from hathi.wire import errors

Metadata = Sequence[tuple[str, str]]


class Responses:
    """The answers of a streaming call. `cancel` may be called from any thread, and ends the iteration."""

    def __init__(self, call: Any, requests: _Requests | None) -> None:
        self._call = call
        self._requests = requests
        self._cancelled = False

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        try:
            return next(self._call)
        except grpc.RpcError as error:
            if self._cancelled:
                raise StopIteration from None
            if self._requests is not None and self._requests.failure is not None:
                raise self._requests.failure from None
            raise errors.from_rpc(error) from None

    def cancel(self) -> None:
        """End the call; nothing happens when it has ended."""
        self._cancelled = True
        self._call.cancel()


class _Requests:
    """Remembers what the caller's iterator raised."""

    def __init__(self, requests: Iterable[Any]) -> None:
        self._requests = iter(requests)
        self.failure: BaseException | None = None

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        try:
            return next(self._requests)
        except StopIteration:
            raise
        except BaseException as failure:
            self.failure = failure
            raise


class Channel:
    """What a generated stub needs of a channel."""

    def __init__(self, channel: Any, metadata: Callable[[], Metadata]) -> None:
        """metadata: asked at each call, so that a token or transaction may change in between."""
        self._channel = channel
        self._metadata = metadata

    def unary_unary(self, method: str, *codec: Any, **options: Any) -> Callable[..., Any]:
        """Return a callable: request -> response."""
        call = self._channel.unary_unary(method, *codec, **options)

        def ask(request: Any, timeout: float | None = None) -> Any:
            try:
                return call(request, timeout=timeout, metadata=self._metadata())
            except grpc.RpcError as error:
                raise errors.from_rpc(error) from None

        return ask

    def unary_stream(self, method: str, *codec: Any, **options: Any) -> Callable[..., Responses]:
        """Return a callable: request -> responses."""
        call = self._channel.unary_stream(method, *codec, **options)

        def ask(request: Any, timeout: float | None = None) -> Responses:
            return Responses(call(request, timeout=timeout, metadata=self._metadata()), None)

        return ask

    def stream_unary(self, method: str, *codec: Any, **options: Any) -> Callable[..., Any]:
        """Return a callable: requests -> response."""
        call = self._channel.stream_unary(method, *codec, **options)

        def ask(requests: Iterable[Any], timeout: float | None = None) -> Any:
            watched = _Requests(requests)
            try:
                return call(watched, timeout=timeout, metadata=self._metadata())
            except grpc.RpcError as error:
                if watched.failure is not None:
                    raise watched.failure from None
                raise errors.from_rpc(error) from None

        return ask

    def stream_stream(self, method: str, *codec: Any, **options: Any) -> Callable[..., Responses]:
        """Return a callable: requests -> responses."""
        call = self._channel.stream_stream(method, *codec, **options)

        def ask(requests: Iterable[Any], timeout: float | None = None) -> Responses:
            watched = _Requests(requests)
            return Responses(call(watched, timeout=timeout, metadata=self._metadata()), watched)

        return ask
