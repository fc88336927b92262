"""The command ``connector``: everything the SDK does, from a shell. A command's module is imported when it runs, not before."""

from __future__ import annotations

import click

from connector_sdk.cli.commands import Commands, shared_options

__all__ = ["main"]


def _version(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        click.echo(f"connector {version('connector-sdk')}")
        context.exit()


main = Commands(
    name="connector",
    help="Connectors to the systems nobody dares to touch: look, read, write, copy, prove, generate.",
    epilog="Every command has --help with an example.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    params=[
        click.Option(["--version"], is_flag=True, expose_value=False, is_eager=True, callback=_version, help="Show the version."),
        *shared_options(),
    ],
)
"""The root command; ``connector`` on the command line. Called, it runs ``sys.argv`` and exits."""
