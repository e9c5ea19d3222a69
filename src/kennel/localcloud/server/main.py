"""The service's entry point: ``python -m kennel.localcloud.server.main --directory D --port P``."""

from __future__ import annotations

import argparse
import errno
import gc
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING
from wsgiref.types import WSGIApplication

from kennel.localcloud import DEFAULT_PORT, LocalCloudError, service_record
from kennel.localcloud.dispatch.cloud import Cloud

if TYPE_CHECKING:
    from kennel.localcloud.persistence.keeper import StateKeeper

log = logging.getLogger("kennel.localcloud")
# moto's objects live as long as the service: to go through them every few hundred allocations took a
# seventh of its start and a tenth of its calls.
COLLECT_AFTER = (10_000, 20, 50)


def main(argv: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT.

    Returns
    -------
    Exit status: 0 after an orderly shutdown, 1 when the port is taken, `service_record.REFUSED` when what the
    folder holds cannot be read.
    """
    parser = argparse.ArgumentParser(description="A local AWS on 127.0.0.1.")
    parser.add_argument(
        "--directory", type=Path, required=True, help="where it keeps its record, log and work"
    )
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="0 takes a free one")
    parser.add_argument("--forget", action="store_true", help="what it holds ends with it: save nothing")
    parser.add_argument("--speed", type=float, help="of its clock; by default the kept one, or else 1")
    parser.add_argument("--starter", type=int, help="descriptor of the pipe of who starts it: see lifecycle")
    options = parser.parse_args(argv)
    gc.set_threshold(*COLLECT_AFTER)
    if options.starter is not None:
        threading.Thread(target=_end_with_starter, args=(options.starter,), daemon=True).start()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    directory: Path = options.directory.resolve()
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o700)  # whoever reads what is in it can act as the operator
    return serve(directory, options.port, keep=not options.forget, speed=options.speed)


def _end_with_starter(descriptor: int) -> None:
    """End this process if whoever starts it ends before it has seen the service ready."""
    with open(descriptor, "rb") as pipe:
        if not pipe.read(1):
            os.kill(os.getpid(), signal.SIGTERM)


def application(cloud: Cloud, speed: float | None = None) -> tuple[WSGIApplication, StateKeeper]:
    """Return the gateway in front of a patched moto, and what keeps its state, which is restored.

    Parameters
    ----------
    cloud
        The cloud.
    speed
        Of its clock; by default the restored one.

    Raises
    ------
    LocalCloudError
        What was kept cannot be read.
    """
    from kennel.localcloud.moto_adapter import service_descriptions

    service_descriptions.read_once()
    # Imported here: moto reads its settings when it is imported, and the cloud sets them when it is created.
    from kennel.localcloud import services
    from kennel.localcloud.moto_adapter import moto_clock, object_contents, patches
    from kennel.localcloud.moto_adapter.applications import MotoApplications
    from kennel.localcloud.persistence.keeper import OBJECTS, StateKeeper
    from kennel.localcloud.persistence.snapshot_file import folder
    from kennel.localcloud.server.gateway import Gateway

    patches.apply_all()
    moto_clock.follow(cloud.clock)
    services.register()
    keeper = StateKeeper(cloud, object_contents.use_folder(folder(cloud.directory) / OBJECTS))
    keeper.restore()
    if speed is not None:
        cloud.clock.set_speed(speed)
    services.prepare(cloud)
    return Gateway(cloud, MotoApplications()), keeper


def serve(directory: Path, port: int, *, keep: bool = True, speed: float | None = None) -> int:
    """Run the server in this process until SIGTERM or SIGINT; with ``keep``, save what it holds.

    ``speed`` is that of its clock; by default the one that it had before.
    """
    try:
        listener = service_record.listen(port)
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        log.error("port %d cannot be used: %s", port, error.strerror)
        return 1
    port = listener.getsockname()[1]
    os.environ["MOTO_PORT"] = str(port)
    cloud = Cloud(directory, port)
    try:
        served, keeper = application(cloud, speed)
    except LocalCloudError as error:
        log.error("%s", error)  # the last line of the log: whoever started the service shows it
        return service_record.REFUSED
    from kennel.localcloud.server.http_server import Server  # moto, as above

    server = Server(listener, served)
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # the audit log has the requests

    stopping = threading.Event()

    def stop(number: int, frame: object) -> None:
        if not stopping.is_set():
            stopping.set()
            threading.Thread(target=server.shutdown, daemon=True).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    cloud.resume()  # what calls the service meanwhile waits in the listener's queue
    if keep:
        keeper.start()
    service_record.write(directory, cloud.status())
    log.info("ready on %s", cloud.endpoint_url)
    try:
        server.serve_forever()
    finally:
        if keep:
            keeper.close()  # before what runs is ended: after a restart it was interrupted, it did not fail
        cloud.shutdown()
        service_record.remove(directory)
        log.info("stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
