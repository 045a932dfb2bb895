"""A plugin in one file, for development."""

import sys
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

from facilitator.errors import PluginError, one_line

_PREFIX = "facilitator_plugin_file_"
"""The start of the module's name, so that a file hides no other module."""


@dataclass(frozen=True)
class PluginFile:
    """The file, with the part of an entry point's interface that discovery uses."""

    name: str
    path: Path
    dist: None = None

    @property
    def value(self) -> str:
        """The text that names it."""
        return str(self.path)

    @property
    def module(self) -> str:
        """The name of its module."""
        return _PREFIX + self.name

    def load(self) -> object:
        """Import the file; return its object ``plugin`` if it has one, else the module.

        Raises :class:`PluginError` if it cannot be read or its code is wrong.
        """
        if not self.path.is_file():
            raise PluginError(f"plugin '{self.name}': there is no file {self.path}")
        loader = SourceFileLoader(self.module, str(self.path))
        module = ModuleType(self.module)
        module.__file__ = str(self.path)
        sys.modules[self.module] = module
        try:
            loader.exec_module(module)
        except ModuleNotFoundError:
            raise
        except Exception as error:
            place = f", line {error.lineno}" if isinstance(error, SyntaxError) else ""
            raise PluginError(
                f"plugin '{self.name}' cannot be imported from {self.path}{place}:"
                f" {one_line(error)}"
            ) from error
        return getattr(module, "plugin", module)
