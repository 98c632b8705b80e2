"""`python -m polaris`: Flask's command line, whose `--version` names Polaris too.

Flask's own `--version` ends the process before the app is imported, so an app has no way to extend it. Hence
`scripts/flask`, which `make` installs in place of Flask's script.
"""

from __future__ import annotations

import click
from flask.cli import FlaskGroup, get_version

from polaris.version import VERSION


def _show_version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        click.echo(f"Polaris {VERSION}")
        get_version(ctx, param, value)


version_option = click.Option(
    ["--version"],
    help="Show the versions of Polaris and Flask.",
    expose_value=False,
    callback=_show_version,
    is_flag=True,
    is_eager=True,
)
cli = FlaskGroup(name="flask", add_version_option=False, params=[version_option])

if __name__ == "__main__":
    cli.main(prog_name="flask")
