"""The names of waitress that ``facilitator.server`` needs, though waitress documents none of them.

Any release of waitress may change one. Then these tests fail, before a request does.
"""

import ast
import inspect
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import TypeAlias

import pytest
from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import TcpWSGIServer
from waitress.task import ErrorTask, ThreadedTaskDispatcher, WSGITask
from waitress.utilities import BadRequest

import facilitator.server
from facilitator.api.environ import CLIENT_DISCONNECTED

TESTED_VERSIONS = {"3.0.2"}

ADVICE = (
    "facilitator.server relies on undocumented names of waitress: read what waitress changed in"
    " the classes of NAMES, adapt facilitator.server and NAMES to it, run tests/unit/server,"
    " tests/system/server and tests/system/workers, then add the version to TESTED_VERSIONS and"
    " widen the range in setup.py"
)

ATTRIBUTE = "an attribute"

Owner: TypeAlias = type | ModuleType

NAMES: dict[Owner, dict[str, str]] = {
    Adjustments: dict.fromkeys(
        [
            "backlog",
            "channel_request_lookahead",
            "channel_timeout",
            "cleanup_interval",
            "clear_untrusted_proxy_headers",
            "connection_limit",
            "ident",
            "log_socket_errors",
            "max_request_body_size",
            "max_request_header_size",
            "recv_bytes",
            "send_bytes",
        ],
        ATTRIBUTE,
    ),
    BadRequest: dict.fromkeys(["code", "reason"], ATTRIBUTE),
    HTTPChannel: {
        "__init__": "(self, server, sock, addr, adj, map=None)",
        "_fileno": ATTRIBUTE,
        "_flush_exception": "(self, flush, do_close=True)",
        "_flush_some": "(self, do_close=True)",
        "addr": ATTRIBUTE,
        "adj": ATTRIBUTE,
        "check_client_disconnected": "(self)",
        "close_when_flushed": ATTRIBUTE,
        "connected": ATTRIBUTE,
        "error_task_class": ATTRIBUTE,
        "handle_close": "(self)",
        "handle_read": "(self)",
        "last_activity": ATTRIBUTE,
        "outbuf_lock": ATTRIBUTE,
        "parser_class": ATTRIBUTE,
        "readable": "(self)",
        "received": "(self, data)",
        "request": ATTRIBUTE,
        "requests": ATTRIBUTE,
        "send": "(self, data, do_close=True)",
        "send_continue": "(self)",
        "sent_continue": ATTRIBUTE,
        "server": ATTRIBUTE,
        "service": "(self)",
        "socket": ATTRIBUTE,
        "task_class": ATTRIBUTE,
        "total_outbufs_len": ATTRIBUTE,
        "will_close": ATTRIBUTE,
        "writable": "(self)",
        "write_soon": "(self, data)",
    },
    HTTPRequestParser: {
        "chunked": ATTRIBUTE,
        "command": ATTRIBUTE,
        "completed": ATTRIBUTE,
        "content_length": ATTRIBUTE,
        "error": ATTRIBUTE,
        "expect_continue": ATTRIBUTE,
        "header_plus": ATTRIBUTE,
        "headers": ATTRIBUTE,
        "parse_header": "(self, header_plus)",
        "path": ATTRIBUTE,
        "proxy_netloc": ATTRIBUTE,
        "version": ATTRIBUTE,
    },
    TcpWSGIServer: {
        "__init__": "(self, application, map=None, _start=True, _sock=None, dispatcher=None, "
        "adj=None, sockinfo=None, bind_socket=True, **kw)",
        "_map": ATTRIBUTE,
        "accepting": ATTRIBUTE,
        "active_channels": ATTRIBUTE,
        "adj": ATTRIBUTE,
        "application": ATTRIBUTE,
        "channel_class": ATTRIBUTE,
        "effective_port": ATTRIBUTE,
        "handle_accept": "(self)",
        "maintenance": "(self, now)",
        "pull_trigger": "(self)",
        "readable": "(self)",
        "sockinfo": ATTRIBUTE,
        "trigger": ATTRIBUTE,
    },
    ThreadedTaskDispatcher: {
        "__init__": "(self)",
        "active_count": ATTRIBUTE,
        "add_task": "(self, task)",
        "handler_thread": "(self, thread_no)",
        "lock": ATTRIBUTE,
        "logger": ATTRIBUTE,
        "queue": ATTRIBUTE,
        "queue_cv": ATTRIBUTE,
        "queue_logger": ATTRIBUTE,
        "set_thread_count": "(self, count)",
        "shutdown": "(self, cancel_pending=True, timeout=5)",
        "start_new_thread": "(self, target, thread_no)",
        "stop_count": ATTRIBUTE,
        "thread_exit_cv": ATTRIBUTE,
        "threads": ATTRIBUTE,
    },
    ErrorTask: {
        "channel": ATTRIBUTE,
        "execute": "(self)",
        "request": ATTRIBUTE,
        "response_headers": ATTRIBUTE,
        "set_close_on_finish": "(self) -> None",
        "start_time": ATTRIBUTE,
        "status": ATTRIBUTE,
        "write": "(self, data)",
    },
    WSGITask: {
        "build_response_header": "(self)",
        "channel": ATTRIBUTE,
        "close_on_finish": ATTRIBUTE,
        "complete": ATTRIBUTE,
        "content_bytes_written": ATTRIBUTE,
        "content_length": ATTRIBUTE,
        "execute": "(self)",
        "finish": "(self)",
        "get_environment": "(self)",
        "has_body": ATTRIBUTE,
        "set_close_on_finish": "(self) -> None",
        "version": ATTRIBUTE,
        "write": "(self, data)",
        "wrote_header": ATTRIBUTE,
    },
    wasyncore.dispatcher: {
        "accepting": ATTRIBUTE,
        "close": "(self)",
        "readable": "(self)",
        "writable": "(self)",
    },
    wasyncore: {
        "close_all": "(map=None, ignore_all=False)",
        "read": "(obj)",
        "write": "(obj)",
    },
}

OTHERS = {"family", "getsockname", "port", "recv", "run", "sockets", "start"}
"""Names in the code that are not waitress', though waitress has the same."""


def test_the_version_is_one_that_was_tested() -> None:
    assert version("waitress") in TESTED_VERSIONS, ADVICE


@pytest.mark.parametrize("owner", NAMES, ids=lambda owner: owner.__name__)
def test_every_name_is_still_there(owner: Owner) -> None:
    assert {name: described(owner, name) for name in NAMES[owner]} == NAMES[owner], ADVICE


def test_every_name_is_listed() -> None:
    """Names that the code uses or defines, and that waitress has too: by need or by accident."""
    listed = {name for names in NAMES.values() for name in names}
    assert names_of_the_code() & names_of_waitress() == listed | OTHERS, ADVICE


def test_the_key_for_clients_that_hang_up_is_still_there() -> None:
    assert repr(CLIENT_DISCONNECTED)[1:-1] in inspect.getsource(WSGITask.get_environment), ADVICE


def described(owner: Owner, name: str) -> str:
    found = getattr(owner, name, None)
    if inspect.isfunction(found):
        return str(inspect.signature(found))
    is_there = hasattr(owner, name) or any(
        name in set(members(tree_of(each))) for each in bases(owner)
    )
    return ATTRIBUTE if is_there else "missing"


def names_of_the_code() -> set[str]:
    folder = Path(facilitator.server.__file__).parent
    trees = [ast.parse(each.read_text(encoding="utf-8")) for each in folder.rglob("*.py")]
    return {name for tree in trees if imports_waitress(tree) for name in names_in(tree)}


def imports_waitress(tree: ast.Module) -> bool:
    imports = (each for each in tree.body if isinstance(each, ast.Import | ast.ImportFrom))
    return any("waitress" in ast.unparse(each) for each in imports)


def names_in(tree: ast.Module) -> Iterator[str]:
    """Names of attributes and of keyword arguments, and what classes define."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.keyword) and node.arg:
            yield node.arg
        elif isinstance(node, ast.ClassDef):
            yield from members(node)


def names_of_waitress() -> set[str]:
    classes = {each for owner in NAMES for each in bases(owner)}
    return {name for each in classes for name in members(tree_of(each))} | set(NAMES[wasyncore])


def bases(owner: Owner) -> list[type]:
    ancestors = owner.__mro__ if isinstance(owner, type) else ()
    return [each for each in ancestors if each.__module__.startswith("waitress.")]


def tree_of(owner: type) -> ast.ClassDef:
    [tree] = ast.parse(inspect.getsource(owner)).body
    assert isinstance(tree, ast.ClassDef)
    return tree


def members(tree: ast.ClassDef) -> Iterator[str]:
    """Methods, attributes of the class, and attributes that methods set."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id
        elif isinstance(node, ast.Assign):
            yield from (each.id for each in node.targets if isinstance(each, ast.Name))
    for inner in ast.walk(tree):
        match inner:
            case ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Store()):
                yield name
