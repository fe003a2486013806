"""TensorFlow Serving's REST API, health, metrics and the page."""

# The classes of protocol buffers are made as they are loaded.
# pyright: reportAttributeAccessIssue=false

import hmac
import json
import time
from importlib import resources
from typing import Any

import anyio
import prometheus_client
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from tensorflow.core.framework import types_pb2

from keras_dvml.server.limits import Limits
from keras_dvml.server.models import Models, UnknownModelError
from keras_dvml.server.pictures import Pictures
from keras_dvml.server.rest_values import (
    read_inputs,
    read_request,
    write_outputs,
)
from keras_dvml.server.served_model import RequestError


class TooBusyError(Exception):
    """What is answered with HTTP status 503."""


class TooLargeError(Exception):
    """What is answered with HTTP status 413."""


class Rest:
    """The routes of a server.

    Args:
        models: What is served.
        limits: Of each request, and of all at once.
        pictures: Of the galleries, for the page.
        token: What requests must have as their bearer token; `None` for none.
        origins: Whose pages may send requests; none but the server's own
            unless given.
        hosts: Names of the server that requests may ask for.
    """

    def __init__(
        self,
        models: Models,
        limits: Limits,
        pictures: Pictures,
        token: str | None = None,
        origins: tuple[str, ...] = (),
        hosts: tuple[str, ...] = ("*",),
    ) -> None:
        self._models, self._limits, self._token = models, limits, token
        self._pictures = pictures
        self._num_waiting = 0
        registry = prometheus_client.CollectorRegistry()
        self._registry = registry
        self._requests = prometheus_client.Counter(
            "keras_dvml_requests", "Requests.",
            ["model", "signature", "status"], registry=registry,
        )  # fmt: skip
        self._seconds = prometheus_client.Histogram(
            "keras_dvml_request_seconds", "Time of a request.",
            ["model", "signature"], registry=registry,
        )  # fmt: skip
        cors = Middleware(
            CORSMiddleware,
            allow_origins=list(origins),
            allow_methods=["GET", "POST"],
            allow_headers=["authorization", "content-type"],
        )
        trusted = Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))
        model = "/v1/models/{model}"
        at_version = model + "/versions/{version:int}"
        get, post = ["GET"], ["POST"]
        self.app = Starlette(
            routes=[
                Route("/", self.page),
                Route("/health", self.health),
                Route("/metrics", self.metrics),
                Route("/models", self.list_models),
                Route("/pictures/{model}/{id:path}", self.picture),
                Route("/sample/{model}", self.sample),
                Route(model + ":predict", self.predict, methods=post),
                Route(at_version + ":predict", self.predict, methods=post),
                Route(model + "/metadata", self.metadata, methods=get),
                Route(at_version + "/metadata", self.metadata, methods=get),
                Route(at_version, self.status, methods=get),
                Route(model, self.status, methods=get),
            ],
            middleware=[trusted, cors] if origins else [trusted],
            exception_handlers={
                RequestError: _answer(400),
                PermissionError: _answer(401),
                UnknownModelError: _answer(404),
                FileNotFoundError: _answer(404),
                404: _answer(404),
                TooLargeError: _answer(413),
                TooBusyError: _answer(503),
            },
        )

    async def predict(self, request: Request) -> Response:
        """Answers `:predict`, in the row and in the column format."""
        served = self._served(request)
        name, signature = request.path_params["model"], "unknown"
        begin, status = time.perf_counter(), 500
        try:
            asked = read_request(await self._body(request))
            signature_name = asked.get("signature_name", "serving_default")
            names = sorted(served.input_specs(signature_name))
            signature = signature_name
            inputs = read_inputs(asked, names)
            outputs = await self._in_turn(
                lambda: served.predict(signature_name, inputs)
            )
            answer = write_outputs(asked, outputs)
            status = 200
            # As TensorFlow Serving, with Infinity, which Starlette refuses.
            return Response(json.dumps(answer), media_type="application/json")
        except RequestError:
            status = 400
            raise
        except TooBusyError:
            status = 503
            raise
        finally:
            seconds = time.perf_counter() - begin
            self._requests.labels(name, signature, str(status)).inc()
            self._seconds.labels(name, signature).observe(seconds)

    async def metadata(self, request: Request) -> Response:
        """Answers `/metadata`."""
        signatures = {
            name: {
                part: {
                    key: {"dtype": types_pb2.DataType.Name(info.dtype)}
                    for key, info in getattr(signature, part).items()
                }
                for part in ("inputs", "outputs")
            }
            for name, signature in self._served(request).signature_defs.items()
        }
        content = {"signature_def": {"signature_def": signatures}}
        return JSONResponse({"metadata": content})

    async def status(self, request: Request) -> Response:
        """Answers which version is served."""
        state = {
            "version": str(self._served(request).version),
            "state": "AVAILABLE",
            "status": {"error_code": "OK", "error_message": ""},
        }
        return JSONResponse({"model_version_status": [state]})

    async def health(self, request: Request) -> Response:
        """Answers as long as the server does."""
        return JSONResponse({"status": "ok"})

    async def metrics(self, request: Request) -> Response:
        """Answers in Prometheus' format."""
        self._check_token(request)
        return Response(
            prometheus_client.generate_latest(self._registry),
            media_type=prometheus_client.CONTENT_TYPE_LATEST,
        )

    async def list_models(self, request: Request) -> Response:
        """Answers what there is, for the page and the command."""
        self._check_token(request)
        listed = []
        for name, base_dir in self._models.base_dirs.items():
            served = self._models.get(name)
            facts = served.published.facts
            listed.append(
                {
                    "name": name,
                    "version": served.version,
                    "folder": base_dir,
                    "k": facts.get("k"),
                    "num_embeddings": facts.get("num_embeddings"),
                    "match_threshold": facts.get("match_threshold"),
                }
            )
        return JSONResponse({"models": listed})

    async def sample(self, request: Request) -> Response:
        """Answers some ids of a gallery, drawn at random."""
        served = self._served(request)
        ids = await anyio.to_thread.run_sync(
            self._pictures.sample, served.published
        )
        return JSONResponse({"ids": ids})

    async def picture(self, request: Request) -> Response:
        """Answers a picture of a gallery, or its thumbnail."""
        served = self._served(request)
        content = await anyio.to_thread.run_sync(
            self._pictures.read,
            served.published,
            request.path_params["id"],
            "full" not in request.query_params,
        )
        headers = {"cache-control": "private, max-age=3600"}
        return Response(
            content,
            media_type=_media_type(content),
            headers={**headers, "x-content-type-options": "nosniff"},
        )

    async def page(self, request: Request) -> Response:
        """Answers the page."""
        files = resources.files("keras_dvml.server")
        page = files.joinpath("page.html").read_text(encoding="utf-8")
        return HTMLResponse(page, headers=_PAGE_HEADERS)

    def _served(self, request: Request) -> Any:
        self._check_token(request)
        return self._models.get(
            request.path_params["model"], request.path_params.get("version")
        )

    def _check_token(self, request: Request) -> None:
        if self._token is None:
            return
        given = request.headers.get("authorization", "")
        given = given.removeprefix("Bearer ") or ""
        if not hmac.compare_digest(given.encode(), self._token.encode()):
            raise PermissionError(
                "the header must be Authorization: Bearer TOKEN"
            )

    async def _body(self, request: Request) -> bytes:
        parts, size = [], 0
        async for part in request.stream():
            size += len(part)
            if size > self._limits.most_bytes:
                raise TooLargeError(
                    f"a request must be at most {self._limits.most_bytes:,} "
                    "bytes"
                )
            parts.append(part)
        return b"".join(parts)

    async def _in_turn(self, function: Any) -> Any:
        if self._num_waiting >= self._limits.most_waiting:
            raise TooBusyError(
                f"{self._num_waiting} requests are waiting; try again"
            )
        self._num_waiting += 1
        try:
            return await anyio.to_thread.run_sync(
                function, limiter=self._limits.at_once
            )
        finally:
            self._num_waiting -= 1


_PAGE_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; img-src 'self' data: blob:; connect-src 'self'; "
        "style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
        "frame-ancestors 'none'"
    ),
    "referrer-policy": "no-referrer",
}


def _answer(status):
    async def answer(request, error):
        message = getattr(error, "detail", None) or str(error)
        headers = {"retry-after": "1"} if status == 503 else None
        return JSONResponse({"error": message}, status, headers)

    return answer


def _media_type(content):
    kinds = {b"\xff\xd8": "jpeg", b"\x89P": "png", b"GI": "gif", b"BM": "bmp"}
    return f"image/{kinds.get(content[:2], 'webp')}"
