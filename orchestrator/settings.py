"""This machine: keys, paths and names, from the environment or a `.env` file. Never from a policy."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr, ValidationError
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
    docker_host: str = Field(default="", validation_alias="DOCKER_HOST")
    model: str = "gpt-5"
    model_seconds: float = Field(default=300.0, gt=0, le=86_400)
    api_key: SecretStr | None = Field(default=None, validation_alias="OPENAI_API_KEY")
    base_url: str = Field(default="https://api.openai.com/v1", validation_alias="OPENAI_BASE_URL")

    @property
    def has_model(self) -> bool:
        """Whether there is a model to ask: a key, or an endpoint of one's own, which may need none."""
        return bool(self.api_key and self.api_key.get_secret_value()) or "base_url" in self.model_fields_set


def load_settings() -> Settings:
    """Raises SetupError that names the variable and the reason."""
    try:
        return Settings()
    except ValidationError as error:
        raise SetupError(f"settings: {first_problem(error)}", remedy="see README, Settings") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f".env cannot be read: {error}", remedy="make it a UTF-8 text file") from None
