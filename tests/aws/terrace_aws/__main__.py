"""`python -m terrace_aws --port 0`: serves until its standard input closes or it is told to terminate."""

import argparse
import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys

# Moto reads these when it is imported. https://docs.getmoto.org/en/latest/docs/configuration/environment_variables.html
os.environ.setdefault("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
os.environ.setdefault("MOTO_EC2_LOAD_DEFAULT_AMIS", "true")
os.environ.setdefault("MOTO_ENABLE_AMI_VALIDATION", "true")
os.environ.setdefault("MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION", "true")
os.environ.setdefault("MOTO_ACM_VALIDATION_WAIT", "3")
# No call may leave the machine, and botocore must not look for credentials.
os.environ.update(AWS_ACCESS_KEY_ID="none", AWS_SECRET_ACCESS_KEY="none", AWS_EC2_METADATA_DISABLED="true")


def main() -> None:
    """Parses the command line and serves."""
    arguments = argparse.ArgumentParser(prog="terrace_aws", description=__doc__)
    arguments.add_argument("--port", type=int, default=0, help="loopback port; 0 takes a free one")
    arguments.add_argument("--stay", action="store_true", help="go on when standard input closes")
    arguments.add_argument("--profile", metavar="FILE", help="write a cProfile of the run")
    options = arguments.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")

    # Loading makes millions of objects that stay: collecting in between would only walk them.
    gc.disable()
    from . import loaders

    loaders.share()
    from . import patches, rules
    from .bridge import backend
    from .front import Front
    from .server import serve

    patches.apply()
    rules.load()
    front = Front()
    # The first account of a region costs a second (images, managed policies); the next ones milliseconds.
    for service in ("ec2", "iam", "rds"):
        backend(service, "000000000000", "us-east-1")
    # What is loaded now lives as long as the process: keep the collector from walking it over and over.
    gc.freeze()
    gc.enable()
    gc.set_threshold(50_000, 20, 50)

    async def run() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, stop.set)
        if not options.stay:
            _stop_when_input_closes(loop, stop)
        await serve(options.port, front, stop)

    if options.profile:
        import cProfile

        profile = cProfile.Profile()
        profile.runcall(asyncio.run, run())
        profile.dump_stats(options.profile)
    else:
        asyncio.run(run())
    # Taking down a million objects one by one would take seconds.
    os._exit(0)


def _stop_when_input_closes(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """A reader thread, because standard input may be a file or /dev/null, which an event loop cannot watch."""
    import threading

    def watch() -> None:
        try:
            while os.read(sys.stdin.fileno(), 4096):
                pass
        except (OSError, ValueError):
            pass
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(stop.set)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    main()
