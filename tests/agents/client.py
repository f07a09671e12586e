"""The SDK's own client, talking to a server that it starts as a process."""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import anyio
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp_types import Implementation, TextContent

Talk = Callable[[Client], Awaitable[None]]


def converse(  # noqa: PLR0913 - a process and how it is talked to
    command: Sequence[str],
    talk: Talk,
    log: Path,
    *,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    name: str = "claude-code",
) -> None:
    """Start the server, say hello, talk, and go away; its standard error goes to `log`."""

    async def session() -> None:
        server = StdioServerParameters(
            command=command[0], args=list(command[1:]), env=dict(environment or {}), cwd=folder
        )
        with log.open("a", encoding="utf-8") as errors:
            introduced = Implementation(name=name, version="1.0")
            async with Client(stdio_client(server, errors), client_info=introduced) as client:
                await talk(client)

    anyio.run(session)


async def call(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """What a tool answers. Fails when it answers with an error."""
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    assert isinstance(result.structured_content, dict)
    return result.structured_content


async def refusal(client: Client, tool: str, **arguments: Any) -> str:
    """The sentence of a tool's error. Fails when it answers without one."""
    result = await client.call_tool(tool, arguments)
    assert result.is_error, result.structured_content
    assert isinstance(result.content[0], TextContent)
    return result.content[0].text


def linger(log: Path, folder: Path, command: Sequence[str]) -> None:
    """Say hello and stay, until somebody kills this process; the environment is the server's too."""

    async def talk(client: Client) -> None:
        await call(client, "state")
        await anyio.sleep_forever()

    converse(command, talk, log, environment=os.environ, folder=folder)


if __name__ == "__main__":
    linger(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
