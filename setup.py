"""Packaging: the core, one importable package per built-in plugin, and their extras."""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
VERSION = re.findall(r'__version__ = "(.+)"', (ROOT / "facilitator/__init__.py").read_text())[0]

CORE = find_packages(include=["facilitator", "facilitator.*"])
PLUGINS = find_packages("plugins")
TOP = [name for name in PLUGINS if "." not in name]

EXTRAS = {
    "blockfrost": ["blockfrost-python>=0.7,<0.8"],
    "koios": ["urllib3>=2.2,<3"],
    "masumi": ["lzstring>=1.0.4,<2", "rfc8785>=0.1.4,<0.2"],
    "ogmios": ["websockets>=15,<18"],
    "plutus": ["uplc>=1.3.3,<2"],  # runs Plutus scripts where the provider does not
    "postgres": ["psycopg[binary,pool]>=3.2,<4"],
    "prometheus": ["prometheus-client>=0.22,<1"],
    "redis": ["redis>=6,<9"],
    "sentry": ["sentry-sdk>=2.75,<3"],
}

setup(
    name="x402-cardano-facilitator",
    version=VERSION,
    description="A plugin-based x402 payment facilitator for Cardano",
    long_description=(ROOT / "README.md").read_text(),
    long_description_content_type="text/markdown",
    license_expression="Apache-2.0",
    python_requires=">=3.11",
    classifiers=[
        "Environment :: Web Environment",
        "Intended Audience :: Developers",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Typing :: Typed",
    ],
    packages=CORE + PLUGINS,
    package_dir={name: f"plugins/{name}" for name in TOP},
    package_data={
        "facilitator": [
            "py.typed",
            "default_settings.toml",
            "api/docs/page.*",
            "cli/templates/*.txt",
            "cli/templates/*/*.txt",
        ],
        **{name: ["py.typed", "migrations/*.sql", "static/*", "validator/*.hex"] for name in TOP},
    },
    install_requires=[
        "cbor2>=5.8,<6",  # pycardano 0.19 does not import with cbor2 6
        "dynaconf>=3.3,<4",
        "falcon>=4.1,<5",
        "limits>=5,<6",
        "orjson>=3.10,<4",
        "pluggy>=1.6,<2",
        "pycardano>=0.19.2,<0.20",
        "pynacl>=1.5,<2",
        "shtab>=1.13,<2",
        "waitress>=3.0.2,<3.1",  # facilitator.server relies on undocumented names
    ],
    extras_require={
        **EXTRAS,
        "all": sorted({each for extra in EXTRAS.values() for each in extra}),
        "testing": ["hypothesis>=6.100,<7", "pytest>=8.3,<10"],  # for the tests of other plugins
    },
    entry_points={
        "console_scripts": ["facilitator = facilitator.__main__:run"],
        "facilitator.plugins": [
            *(f"{name.removeprefix('facilitator_')} = {name}" for name in TOP),
            "blockfrost_backup = facilitator_blockfrost:backup",
            "channels_watcher = facilitator_channels.hosting:plugin",
        ],
    },
)
