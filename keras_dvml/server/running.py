"""A server from its start to its end."""

import contextlib
import dataclasses
import importlib.util
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterable

import uvicorn

from keras_dvml.announcement import announced
from keras_dvml.server.limits import Limits
from keras_dvml.server.models import Models
from keras_dvml.server.pictures import Pictures
from keras_dvml.server.rest import Rest

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Ready:
    """Where a server that has begun to listen can be reached.

    Attributes:
        url: Of the page, and of REST below it.
        grpc_address: `None` without gRPC.
        warm_up_requests: How many were replayed.
        models: The names of the models.
    """

    url: str
    grpc_address: str | None
    warm_up_requests: int
    models: list[str]


def serve(
    paths: Iterable[str],
    *,
    host: str = "127.0.0.1",
    port: int = 8501,
    grpc_port: int | None = 8500,
    token: str | None = None,
    origins: tuple[str, ...] = (),
    images: str | None = None,
    tls: tuple[str, str] | None = None,
    seconds_between_looks: float = 2.0,
    limits: Limits | None = None,
    on_ready: Callable[[Ready], None] = lambda ready: None,
) -> None:
    """Serves published models until the process is told to end.

    Speaks TensorFlow Serving's REST and, where `tensorflow-serving-api` is
    installed, gRPC; the same clients go on working with the one as with the
    other. Requests that have begun are answered before it ends.

    Args:
        paths: Folders of published models, or folders of such folders.
        host: Address to listen at; "0.0.0.0" for other machines.
        port: Of REST and the page; 0 for a free one.
        grpc_port: Of gRPC; 0 for a free one, `None` for no gRPC.
        token: What requests must have as their bearer token.
        origins: Whose pages may send requests, such as "https://example.org".
        images: Folder of the gallery's pictures, for the page.
        tls: Files of a key and a certificate, PEM.
        seconds_between_looks: How often to look for newer versions.
        limits: Of requests.
        on_ready: Called when the server listens.

    Raises:
        ValueError: If there is no model in a path.
        OSError: If a port is taken.

    Example:
        >>> from keras_dvml.server import serve
        >>> serve([])
        Traceback (most recent call last):
        ...
        ValueError: paths must lead to a model; received none
    """
    models = Models(paths)
    if not models.base_dirs:
        raise ValueError("paths must lead to a model; received none")
    if threading.current_thread() is threading.main_thread():
        # Raised again when all is answered; there is more to be ended then.
        signal.signal(signal.SIGTERM, lambda *unused: None)
    limits = limits or Limits()
    # Of a name that a foreign page made lead here, nothing is answered.
    local = ("127.0.0.1", "localhost")
    hosts = local if host in local else ("*",)
    rest = Rest(models, limits, Pictures(images), token, origins, hosts)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(socket.socket(family))
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        port = listening.getsockname()[1]
        url = f"http{'s' if tls else ''}://{host}:{port}"
        address = None
        if grpc_port is not None and importlib.util.find_spec(
            "tensorflow_serving"
        ):
            address = _start_grpc(
                stack, models, limits, f"{host}:{grpc_port}", token, tls
            )
        ready = Ready(
            url,
            address,
            sum(
                models.get(name).num_warm_up_requests
                for name in models.base_dirs
            ),
            list(models.base_dirs),
        )
        if token is None and not tls:
            stack.enter_context(announced(url, models.base_dirs))
        models.watch(seconds_between_looks)
        stack.callback(models.stop)
        key, certificate = tls or (None, None)
        config = uvicorn.Config(
            rest.app,
            log_level="warning",
            access_log=False,
            server_header=False,
            ssl_keyfile=key,
            ssl_certfile=certificate,
            timeout_graceful_shutdown=30,
        )
        _Server(config, lambda: on_ready(ready)).run(sockets=[listening])


def _start_grpc(stack, models, limits, address, token, tls):
    from keras_dvml.server.prediction_service import start_grpc

    pair = None
    if tls:
        with open(tls[0], "rb") as key, open(tls[1], "rb") as certificate:
            pair = key.read(), certificate.read()
    server, port = start_grpc(models, limits, address, token, pair)
    stack.callback(lambda: server.stop(30).wait())
    return f"{address.rpartition(':')[0]}:{port}"


class _Server(uvicorn.Server):
    def __init__(self, config, on_ready):
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets=None):
        await super().startup(sockets)
        self._on_ready()
