"""Answers held to the OpenAPI document."""

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from jsonschema import Draft202012Validator, FormatChecker

from support.web import Answer

Document = Mapping[str, Any]

_ERROR = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}}


class Described:
    """What the document says of answers."""

    def __init__(self, document: Document, *, closed: bool = True) -> None:
        self._close: Callable[[Any], Any] = _closed if closed else lambda schema: schema
        self._components = self._close(document["components"])
        self._document = document
        self._paths = {_pattern(path): item for path, item in document["paths"].items()}

    def check(self, method: str, path: str, answer: Answer) -> None:
        """Fail unless the answer is one that the document describes."""
        if method == "OPTIONS":
            return
        plain = "/" + unquote(path.partition("?")[0]).lstrip("/")  # as Falcon's router reads it
        content = self._content(self._response(method, plain, answer.status), answer.headers)
        if content is None or method == "HEAD":
            assert answer.body == b"", (method, path, answer.status)
        elif content:
            self.validate(content, answer.json)

    def validate(self, schema: Mapping[str, Any], value: Any) -> None:
        """Fail unless the value is as described and, if closed, holds nothing that is not."""
        self._validator(schema).validate(value)

    def holds(self, schema: Mapping[str, Any], value: Any) -> bool:
        """Whether :meth:`validate` passes."""
        return bool(self._validator(schema).is_valid(value))

    def _validator(self, schema: Mapping[str, Any]) -> Draft202012Validator:
        whole = {**self._close(schema), "components": self._components}
        return Draft202012Validator(whole, format_checker=FormatChecker())

    def _response(self, method: str, path: str, status: int) -> Mapping[str, Any]:
        """Of a path that is not described, which may be a plugin's, errors are as everywhere."""
        if status == 404:
            return _ERROR
        for pattern, item in self._paths.items():
            if pattern.fullmatch(path):
                described = item.get("get" if method == "HEAD" else method.lower())
                operation = described or next(iter(item.values()))
                assert described or status in (400, 405), (method, path, status)
                return dict(operation["responses"][str(status)])
        return _ERROR if status >= 400 else {}

    def _content(
        self, response: Mapping[str, Any], headers: Mapping[str, str]
    ) -> Mapping[str, Any] | None:
        """The schema of the body, nothing for one that is no JSON, ``None`` for no body."""
        for name in response.get("headers", ()):
            described = self._document["components"]["headers"][name]
            assert name.lower() in headers or not described["required"], name
        if "content" not in response:
            return None if response else {}
        ((media_type, content),) = response["content"].items()
        assert headers["content-type"].partition(";")[0] == media_type
        return dict(content["schema"]) if media_type == "application/json" else {}


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"\{\w+\}", path.rstrip("/"))
    return re.compile("[^/]+".join(map(re.escape, parts)) + "/?")


def _closed(schema: Any) -> Any:
    """With no members but those described."""
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in schema.items()}
    if schema.get("type") == "object" and "properties" in schema:
        closed["additionalProperties"] = False
    return closed
