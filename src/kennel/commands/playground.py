"""The playground: a local page for photos."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from kennel.commands.data import DATA
from kennel.commands.task import REHEARSAL, kennel_task
from kennel.commands.values import Choice, Port

PORT = 4580


@kennel_task(cloud=True, via="what is asked", port="port to listen on; 0: any free port")
def playground(
    workspace: Any,
    as_json: bool,
    via: Annotated[str, Choice("function", "endpoint", "model")] = "function",
    port: Annotated[int, Port()] = PORT,
) -> None:
    """Serve a local page on which photos are dropped and answers shown, until Ctrl-C."""
    from kennel import terminal
    from kennel.playground import samples
    from kennel.playground.answers import DeployedClassifier
    from kennel.playground.server import PlaygroundServer

    classify = DeployedClassifier(workspace, via)
    photos = samples.gallery(_data_folders(workspace), workspace.build / "playground")
    about = {"environment": workspace.environment, "via": via}
    with PlaygroundServer(classify, about, photos, port) as server:
        if as_json:
            terminal.print_json({"url": server.url, **about})
        terminal.print_line(f"{server.url} (Ctrl-C ends it)")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            terminal.print_line("stopped")


def _data_folders(workspace: Any) -> list[Path]:
    """Return the data folders at hand; first those that the workspace's model was probably trained on."""
    own = sorted(DATA.glob("*"))
    rehearsed = [*sorted((REHEARSAL / "splits").glob("*")), *sorted(REHEARSAL.glob("photos-*"))]
    return [*rehearsed, *own] if workspace.build.is_relative_to(REHEARSAL) else [*own, *rehearsed]
