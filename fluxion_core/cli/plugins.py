"""``fluxion plugins``: every plugin that was found, what it provides, and why it is not in use if it is not."""

from __future__ import annotations

import click

from fluxion_core.errors import did_you_mean

__all__ = ["command"]


@click.command(name="plugins")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", help="How to write the list.")
def command(form: str) -> None:
    """List the plugins that were found: distribution, version, load time, what each provides, and the reason if one failed."""
    from fluxion_core.plugins import load_plugins

    registry = load_plugins()
    reports = registry.reports
    for name in registry.not_installed:
        near = did_you_mean(name, [report.provenance.distribution for report in reports])
        click.echo(f"note: FLUXION_PLUGINS_ALLOW/BLOCK: no plugin '{name}' is installed{'; ' + near if near else ''}", err=True)
    if form == "json":
        import json

        rows = [
            {
                "distribution": report.provenance.distribution,
                "version": report.provenance.version,
                "plugin": report.provenance.plugin,
                "module": report.module,
                "provides": list(report.provides),
                "collisions": list(report.collisions),
                "load_seconds": round(report.load_seconds, 6),
                "reason": report.reason or None,
            }
            for report in reports
        ]
        click.echo(json.dumps(rows, indent=2))
        return
    for report in reports:
        provenance = report.provenance
        state = "ok" if report.ok else "NOT IN USE"
        click.echo(
            f"{provenance.distribution} {provenance.version}  {provenance.plugin}  {state}  {report.load_seconds * 1000:.0f} ms"
        )
        if report.reason:
            click.echo(f"    reason: {report.reason}")
        for collision in report.collisions:
            click.echo(f"    collision: {collision}")
        if report.provides:
            click.echo(f"    {', '.join(report.provides)}")
