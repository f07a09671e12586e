"""This machine: keys, paths and names, from the environment or a `.env` file. Never from a policy."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from orchestrator.errors import SetupError
from orchestrator.policy import first_problem


class Settings(BaseSettings):
    """Environment variables; each is named by its alias, else AUTORESEARCH_<NAME>."""

    model_config = SettingsConfigDict(
        env_prefix="AUTORESEARCH_",
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,  # `OPENAI_BASE_URL=` means that there is none
        extra="ignore",
        frozen=True,
        populate_by_name=True,
    )

    image: str = "autoresearch-sandbox:latest"
    runs: Path = Path("runs")
    data: Path = Path("data")
    gpu: str = ""
    report: bool = True
    docker_host: str = Field(default="", validation_alias="DOCKER_HOST")
    model: str = "gpt-5"
    reasoning_effort: str = Field(default="", pattern=r"^[a-z]{0,16}$")
    temperature: float | None = Field(default=None, ge=0, le=2, allow_inf_nan=False)
    keep_alive: str = Field(default="auto", pattern=r"^(auto|off|-?\d{1,9}(ms|s|m|h)?)$")
    model_keys: SecretStr | None = None
    model_seconds: float = Field(default=300.0, gt=0, le=86_400)
    api_key: SecretStr | None = Field(default=None, validation_alias="OPENAI_API_KEY")
    base_url: str = Field(default="https://api.openai.com/v1", validation_alias="OPENAI_BASE_URL")
    webhook: SecretStr | None = None

    @field_validator("webhook")
    @classmethod
    def _is_web_address(cls, webhook: SecretStr | None) -> SecretStr | None:
        """Raises SetupError, since a ValueError would be told with the address, which is a secret."""
        if webhook and not _WEB_ADDRESS.fullmatch(webhook.get_secret_value()):
            message = "settings: AUTORESEARCH_WEBHOOK is not an address on the web"
            raise SetupError(message, remedy="see README, Settings")
        return webhook

    @property
    def has_model(self) -> bool:
        """Whether there is a model to ask: a key, or an endpoint of one's own, which may need none."""
        own_endpoint = "base_url" in self.model_fields_set or any(model.base_url for model in self.models)
        return own_endpoint or bool(self.api_key and self.api_key.get_secret_value())

    @property
    def models(self) -> tuple[Model, ...]:
        """The models that take turns, in order: `name` or `name@http://host/v1`, separated by commas.

        Raises SetupError.
        """
        return tuple(_model(entry) for entry in self.model.split(","))

    def key_of(self, base_url: str) -> str:
        """The key for an address: that of its host, or the main one at the main endpoint's host; else empty.

        Raises SetupError, which repeats no key.
        """
        host = urlsplit(base_url).netloc.rpartition("@")[2]
        keys = self.model_keys.get_secret_value().split(",") if self.model_keys else []
        pairs = [entry.strip().partition("=") for entry in keys]
        if not all(name and key for name, _, key in pairs):
            raise SetupError("settings: model_keys: is not a list of HOST=KEY", remedy="see README, Settings")
        main = urlsplit(self.base_url).netloc.rpartition("@")[2]
        known = {main: self.api_key.get_secret_value() if self.api_key else ""}
        return {**known, **{name: key for name, _, key in pairs}}.get(host, "")


@dataclass(frozen=True, slots=True)
class Model:
    """A model by its name, and the address where it is asked; empty for the main endpoint."""

    name: str
    base_url: str = field(default="", repr=False)


def _model(entry: str) -> Model:
    name, at, place = entry.strip().partition("@http")
    if not name or not name.isprintable() or " " in name:
        message = "settings: model: is not a list of NAME or NAME@http://HOST/v1, separated by commas"
        raise SetupError(message, remedy="see README, Settings")
    return Model(name, f"http{place}" if at else "")


_WEB_ADDRESS = re.compile(r"https?://[!-~]+")


def load_settings() -> Settings:
    """Raises SetupError that names the variable and the reason."""
    try:
        return Settings()
    except ValidationError as error:
        raise SetupError(f"settings: {first_problem(error)}", remedy="see README, Settings") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f".env cannot be read: {error}", remedy="make it a UTF-8 text file") from None
