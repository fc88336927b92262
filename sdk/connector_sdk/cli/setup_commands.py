"""Commands for the start: which connectors there are, what their configuration holds, a file to fill in, completion."""

from __future__ import annotations

import inspect
import json
from typing import Any

import click

from connector_sdk.cli import options
from connector_sdk.cli.options import example

__all__ = ["completion", "init", "list_command", "spec"]


@click.command("list", epilog=example("connector list", "connector list --json"))
@options.as_json
def list_command(as_json: bool) -> None:
    """Which connectors are installed."""
    from connector_sdk import plugins
    from connector_sdk.cli.tables import show_table
    from connector_sdk.contract import Caller, Sink, Source

    found = plugins.installed()
    entries: list[dict[str, Any]] = []
    for plugin in found:
        has = {what: _has(plugin.connector, kind) for what, kind in (("read", Source), ("write", Sink), ("call", Caller))}
        entries.append(
            {
                "name": plugin.name,
                "package": plugin.distribution,
                "version": plugin.version,
                "can": [what for what, there in has.items() if there],
                "about": _about(plugin.connector),
                "problem": plugin.problem,
            }
        )
    if as_json:
        click.echo(json.dumps(entries, indent=2, ensure_ascii=False))
    elif entries:
        show_table(
            ("NAME", "PACKAGE", "VERSION", "CAN", "ABOUT"),
            [
                (
                    e["name"],
                    e["package"],
                    e["version"],
                    ", ".join(e["can"]),
                    f"does not load: {e['problem']}" if e["problem"] else e["about"],
                )
                for e in entries
            ],
        )
    else:
        click.echo("No connector is installed: pip install connector-sftp, or connector new NAME --from SOURCE", err=True)


def _has(connector: Any, protocol: Any) -> bool:
    return isinstance(connector, type) and issubclass(connector, protocol)


def _about(connector: Any) -> str:
    return (inspect.getdoc(connector) or "").partition("\n")[0] if connector is not None else ""


@click.command(epilog=example("connector spec sftp", "connector spec sftp --markdown"))
@options.name
@click.option("--markdown", is_flag=True, help="A table for people instead of a JSON Schema.")
def spec(name: str, markdown: bool) -> None:
    """What a connector's configuration can hold, as a JSON Schema."""
    from connector_sdk.cli.opening import find
    from connector_sdk.cli.settings import as_markdown, settings_of
    from connector_sdk.config import config_model

    model = config_model(find(name))
    if markdown:
        click.echo(as_markdown(settings_of(model)))
    else:
        click.echo(json.dumps(model.model_json_schema(), indent=2, ensure_ascii=False))


@click.command(epilog=example("connector init sftp > sftp.yaml", "connector check sftp -c sftp.yaml"))
@options.name
def init(name: str) -> None:
    """A commented configuration to fill in, as YAML on stdout. Secrets are references: env:NAME or file:PATH."""
    from connector_sdk.cli.opening import find
    from connector_sdk.cli.settings import as_yaml, settings_of
    from connector_sdk.config import config_model

    found = find(name)
    click.echo(as_yaml(settings_of(config_model(found)), name, _about(found)), nl=False)


@click.command(
    epilog=example('eval "$(connector completion bash)"', "connector completion fish > ~/.config/fish/completions/connector.fish")
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """A script that completes commands, options and connector names."""
    from click.shell_completion import get_completion_class

    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(context.find_root().command, {}, "connector", "_CONNECTOR_COMPLETE").source())
