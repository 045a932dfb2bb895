"""API keys of the settings: whose they are, and when one is needed."""

from pathlib import Path

import pytest

from facilitator.errors import ConfigInvalidError
from facilitator.settings import AuthSettings, load_settings


def auth(folder: Path, **variables: str) -> AuthSettings:
    environ = {f"FACILITATOR_AUTH__{name}": value for name, value in variables.items()}
    return load_settings(environ=environ, cwd=folder).auth


def test_a_name_is_that_of_one_key(tmp_path: Path) -> None:
    keys = {"API_KEYS__ME": "one", "API_KEYS__SHOP": "two", "OPERATOR_KEYS__ME": "three"}
    with pytest.raises(ConfigInvalidError) as caught:
        auth(tmp_path, **keys)
    assert str(caught.value) == "auth.operator_keys.me: auth.api_keys has this name: take another"


def test_a_key_for_payments_or_the_setting_has_payments_need_one(tmp_path: Path) -> None:
    assert not auth(tmp_path).payments_need_key
    assert not auth(tmp_path, OPERATOR_KEYS__ME="a-long-key").payments_need_key
    assert auth(tmp_path, API_KEYS__SHOP="a-long-key").payments_need_key
    assert auth(tmp_path, REQUIRED="true").payments_need_key


def test_an_operators_key_may_be_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("a-long-key\n")
    found = auth(tmp_path, OPERATOR_KEYS__ME_FILE=str(tmp_path / "key"))
    assert found.operator_keys == {"me": "a-long-key"}
