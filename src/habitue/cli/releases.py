"""release list|rollback and model list|promote|rollback."""

from __future__ import annotations

from typing import Annotated

import typer

from habitue.cli.options import ending, globals_of, print_data
from habitue.cli.show import print_table
from habitue.contracts.decision import RELEASE

release_app = typer.Typer(no_args_is_help=True, help="Releases: what readers see.")
model_app = typer.Typer(no_args_is_help=True, help="Models: champions and challengers.")

ModelName = Annotated[str, typer.Argument(metavar="NAME", help="churn or clv.")]
ModelVersion = Annotated[
    int, typer.Argument(metavar="VERSION", help="Number of the version, as `model list` shows it.")
]


def add_release_commands(app: typer.Typer) -> None:
    """Add the groups `release` and `model`."""
    app.add_typer(release_app, name="release")
    app.add_typer(model_app, name="model")


@release_app.command("list")
def release_list(context: typer.Context) -> None:
    """The releases that are kept, newest first."""
    from habitue.lake.release import releases
    from habitue.pipeline.execute import opened

    options = globals_of(context)
    with ending(options), opened(options.request()) as run:
        found = releases(run.lake.read(RELEASE), run.settings.lake.keep_releases)
        if options.as_json:
            print_data([vars(release) for release in found])
        else:
            rows = [
                (
                    r.release_id,
                    r.as_of_date,
                    f"{r.published_at:%Y-%m-%d %H:%M}",
                    len(r.versions),
                    len(r.export_digests),
                    r.rolled_back_to,
                )
                for r in found
            ]
            print_table(("release", "as of", "published (UTC)", "tables", "exports", "rolled back to"), rows)


@release_app.command("rollback")
def release_rollback(
    context: typer.Context, release_id: Annotated[str, typer.Argument(help="Release to go back to.")]
) -> None:
    """Bring back the tables of an earlier release, as a new release; its exports come with the next run."""
    from habitue.commands.rollback import roll_back_to

    options = globals_of(context)
    with ending(options):
        done = roll_back_to(options.request(), release_id)
        if options.as_json:
            print_data({"release": done.release_id, "as_in": release_id, "tables": len(done.versions)})
        else:
            typer.echo(f"{done.release_id}: {len(done.versions)} tables as in {release_id}")


@model_app.command("list")
def model_list(context: typer.Context) -> None:
    """Every registered version, with its alias and main measure."""
    from habitue.pipeline.execute import opened

    options = globals_of(context)
    with ending(options), opened(options.request()) as run:
        found = run.registry.versions()
        if options.as_json:
            print_data([vars(version) for version in found])
        else:
            rows = [(v.name, v.version, ", ".join(v.aliases), v.kind, v.data_until, v.measure) for v in found]
            print_table(("model", "version", "alias", "kind", "trained until", "judged"), rows)


@model_app.command("promote")
def model_promote(context: typer.Context, name: ModelName, version: ModelVersion) -> None:
    """Make a version the champion by hand; the next run scores with it."""
    from habitue.pipeline.execute import opened

    options = globals_of(context)
    with ending(options), opened(options.request()) as run:
        run.registry.promote(name, version)
        _tell_champion(name, str(version), options.as_json, "is champion")


@model_app.command("rollback")
def model_rollback(context: typer.Context, name: ModelName) -> None:
    """Make the newest older version champion that the gate had let through."""
    from habitue.pipeline.execute import opened

    options = globals_of(context)
    with ending(options), opened(options.request()) as run:
        _tell_champion(name, run.registry.rollback(name), options.as_json, "is champion again")


def _tell_champion(name: str, version: str, as_json: bool, sentence: str) -> None:
    print_data({"model": name, "champion": version}) if as_json else typer.echo(
        f"{name} {version} {sentence}"
    )
