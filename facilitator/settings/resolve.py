"""Resolution of layers and declarations to checked values, with the origin of each."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from facilitator.errors import Problem, did_you_mean
from facilitator.settings.layers import ENVIRONMENTS, NETWORK_TABLES, Layer
from facilitator.settings.schema import Field, entries_of, fields_of
from facilitator.settings.secret_files import (
    KEPT_QUOTES,
    SUFFIX,
    is_wrapped_in_quotes,
    read_secret,
)


class Key(NamedTuple):
    """The place of a value."""

    section: str
    field: str
    entry: str | None = None
    """The operator's own name, in a field that is a table of such names."""

    def __str__(self) -> str:
        """Return the dotted name."""
        return ".".join(part for part in self if part)


class Found(NamedTuple):
    """A value as it was written in the highest layer that has it."""

    value: Any
    layer: Layer
    file: bool = False
    """True if the value names a file with the secret."""

    @property
    def origin(self) -> str:
        """The place of the value, in words."""
        return f"file by {self.layer.name}" if self.file else self.layer.name

    def read(self) -> Any:
        """Return the value, from its file if it has one.

        Raises :class:`ValueError` with a sentence that is fit to be shown.
        """
        value = read_secret(self.value) if self.file else self.value
        if (self.file or self.layer.is_text) and is_wrapped_in_quotes(value):
            raise ValueError(KEPT_QUOTES)
        return value

    def contradicts(self, other: "Found") -> bool:
        """Return True if one is a secret, the other a file with it, and neither is above."""
        if "" in (self.value, other.value):
            return False
        beside = all(at.layer.is_text and not at.layer.is_store for at in (self, other))
        return self.file != other.file and (beside or self.layer is other.layer)


@dataclass(frozen=True)
class Effective:
    """The value in force of one setting."""

    key: str
    value: Any
    origin: str
    field: Field


class Resolver:
    """Reads layers by the declared sections, and collects :attr:`problems`."""

    def __init__(self, sections: Mapping[str, type], unread: Collection[str]) -> None:
        """Read the declarations, by table name. ``unread`` names tables of disabled plugins."""
        self._sections = sections
        self._fields = {name: fields_of(section) for name, section in sections.items()}
        self._unread = unread
        self.problems: list[Problem] = []
        self.effective: list[Effective] = []

    def resolve(self, layers: Sequence[Layer]) -> dict[str, Any]:
        """Return the section objects by table name, without those that have a problem."""
        found: dict[Key, Found] = {}
        for layer in layers:
            for key, value in self._flatten(layer):
                place, at = self._place(layer, key, value)
                is_secret = self._fields[place.section][place.field].secret
                if layer.is_store and (at.file or not is_secret):
                    self._complain(layer, str(key), "is not a secret: a loader gives secrets alone")
                    continue
                if at.file and value == "":  # as compose files pass on what is not set
                    continue
                if place in found and found[place].contradicts(at):
                    sentence = f"is given both itself and as {SUFFIX.upper()}: leave out one"
                    self._complain(layer, str(place), sentence)
                found[place] = at
        built = {}
        for name in self._sections:
            values = self._values(name, found)
            if values is not None:
                built[name] = self._build(name, values)
        return built

    def value(self, key: str) -> Any:
        """Return the resolved value of the dotted key; ``None`` for none, and for a problem."""
        return next((found.value for found in self.effective if found.key == key), None)

    def entries(self, key: str) -> dict[str, Any]:
        """Return the resolved entries by name of the dotted key, which holds a table of names."""
        start = f"{key}."
        return {
            found.key.removeprefix(start): found.value
            for found in self.effective
            if found.key.startswith(start)
        }

    def _place(self, layer: Layer, key: Key, value: Any) -> tuple[Key, Found]:
        """Return the place that the value is for, which may be that of a secret in a file."""
        if key.entry is None:
            if key.field in self._fields[key.section]:
                return key, Found(value, layer)
            return key._replace(field=key.field.removesuffix(SUFFIX)), Found(value, layer, True)
        secret = self._fields[key.section][key.field].secret
        name = key.entry.lower()
        if secret and name.endswith(SUFFIX) and name != SUFFIX:
            return key._replace(entry=key.entry[: -len(SUFFIX)]), Found(value, layer, True)
        return key, Found(value, layer)

    def _flatten(self, layer: Layer) -> Iterator[tuple[Key, Any]]:
        """Yield every value of the layer with its key; tables end where a field begins."""
        for written, value in layer.values.items():
            name = written.lower()
            if name in self._fields.get("", {}):
                yield Key("", name), value
            elif name == NETWORK_TABLES and not layer.may_be_link:
                yield from self._flatten_networks(layer, entries_of(value))
            elif name in self._fields and name and isinstance(value, Mapping):
                yield from self._flatten_table(layer, name, value)
            elif name in self._fields and name:
                self._complain(layer, name, "is a table: set its keys one by one")
            elif name not in self._unread:
                self._unknown(layer, name, value)

    def _flatten_networks(self, layer: Layer, tables: object) -> Iterator[tuple[Key, Any]]:
        if not isinstance(tables, Mapping):
            self._complain(layer, NETWORK_TABLES, "must be a table with a table for each network")
            return
        for name, table in tables.items():
            section, values = f"{NETWORK_TABLES}.{name}", entries_of(table)
            if section not in self._fields:
                continue  # as while no more than the plugins' names is asked for
            if isinstance(values, Mapping):
                yield from self._flatten_table(layer, section, values)
            else:
                self._complain(layer, section, "must be a table, such as { magic = 4 }")

    def _flatten_table(
        self, layer: Layer, section: str, table: Mapping[str, Any]
    ) -> Iterator[tuple[Key, Any]]:
        for written, value in table.items():
            name = written.lower()
            field = self._fields[section].get(name)
            if field is None:
                if self._is_secret_file(section, name):
                    yield Key(section, name), value
                else:
                    self._unknown(layer, f"{section}.{name}", value)
            elif field.is_mapping and not layer.may_be_link:
                entries = entries_of(value)
                yield from self._flatten_entries(layer, Key(section, name), field, entries)
            elif not field.is_mapping:
                yield Key(section, name), value

    def _is_secret_file(self, section: str, name: str) -> bool:
        field = self._fields[section].get(name.removesuffix(SUFFIX))
        if field is None or not name.endswith(SUFFIX):
            return False
        return field.secret and not field.is_mapping

    def _flatten_entries(
        self, layer: Layer, key: Key, field: Field, entries: object
    ) -> Iterator[tuple[Key, Any]]:
        if not isinstance(entries, Mapping):
            try:
                field.convert(None, text=False)
            except ValueError as error:
                self._complain(layer, str(key), str(error))
            return
        for entry, value in entries.items():
            yield Key(key.section, key.field, entry), value

    def _unknown(self, layer: Layer, name: str, value: object) -> None:
        if layer.may_be_link:
            return
        table = "table" if isinstance(value, Mapping) else "setting"
        known = [
            str(Key(section, field)) for section, fields in self._fields.items() for field in fields
        ]
        same_end = [key for key in known if key.rpartition(".")[2] == name]
        hint = f", did you mean {same_end[0]}?" if same_end else ""
        if layer.is_text:
            hint = _misunderstood_variable(name) or self._no_file(name) or hint
        candidates = [*self._sections, *self._unread] if table == "table" else known
        self._complain(layer, name, f"unknown {table}{hint or did_you_mean(name, candidates)}")

    def _no_file(self, name: str) -> str:
        """Return why the setting is not read from a file, if that is what the name asks for."""
        section, _, key = name.rpartition(".")
        field = self._fields.get(section, {}).get(key.removesuffix(SUFFIX))
        if field is None or not key.endswith(SUFFIX):
            return ""
        if field.secret:
            return f": each of its entries may have a file of its own, as <name>{SUFFIX}"
        return f": only secrets are read from files, set {name.removesuffix(SUFFIX)}"

    def _complain(self, layer: Layer, name: str, sentence: str) -> None:
        self.problems.append(Problem(name, f"{sentence} ({layer.name})"))

    def _values(self, section: str, found: Mapping[Key, Found]) -> dict[str, Any] | None:
        """Return the section's values by field; ``None`` when one of them has a problem."""
        values = {}
        before = len(self.problems)
        for field in self._fields[section].values():
            key = Key(section, field.name)
            if field.is_mapping:
                values[field.name] = self._entries(key, field, found)
            else:
                values[field.name] = self._value(key, field, found.get(key))
        return values if len(self.problems) == before else None

    def _value(self, key: Key, field: Field, found: Found | None) -> Any:
        if found is None:
            if field.required:
                self.problems.append(Problem(str(key), field.required))
            self._note(str(key), field.default, "default", field)
            return field.default
        try:
            value = field.convert(found.read(), text=found.layer.is_text)
        except ValueError as error:
            sentence = str(error)
            if sentence != field.required:
                sentence += f" ({found.layer.name})"
            self.problems.append(Problem(str(key), sentence))
            return None
        self._note(str(key), value, found.origin, field)
        return value

    def _entries(self, key: Key, field: Field, found: Mapping[Key, Found]) -> Any:
        own = {
            place.entry or "": at
            for place, at in found.items()
            if (place.section, place.field) == (key.section, key.field)
        }
        read: dict[str, Any] = {}
        if problems := [*_read_entries(key, field, own, read)]:
            self.problems += problems
            return None
        try:
            values = field.convert(read, text=False)
        except ValueError as error:
            self.problems.append(Problem(str(key), str(error)))
            return None
        for name, at in own.items():
            self._note(f"{key}.{name}", values[name], at.origin, field)
        if not own:
            self._note(str(key), values, "default", field)
        return values

    def _note(self, key: str, value: Any, origin: str, field: Field) -> None:
        self.effective.append(Effective(key, value, origin, field))

    def _build(self, name: str, values: Mapping[str, Any]) -> Any:
        try:
            return self._sections[name](**values)
        except ValueError as error:
            self.problems.append(Problem(name, str(error)))
            return None


def _read_entries(
    key: Key, field: Field, own: Mapping[str, Found], read: dict[str, Any]
) -> Iterator[Problem]:
    """Put the entries into ``read``, and yield the problems of those that are wrong."""
    for name, at in own.items():
        try:
            read[name] = field.convert_entry(at.read(), text=at.layer.is_text)
        except ValueError as error:
            yield Problem(f"{key}.{name}", f"{error} ({at.layer.name})")


def _misunderstood_variable(name: str) -> str:
    """Return the probable meaning of an environment variable that is no setting, if known."""
    if name == "environment":
        return ", did you mean FACILITATOR_ENV?"
    if name in ENVIRONMENTS:
        return f": variables hold for any environment, leave out {name.upper()}__"
    return ""
