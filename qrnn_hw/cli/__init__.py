"""The command `qrnn-hw`."""

from __future__ import annotations

import errno
import sys
import traceback
from io import TextIOWrapper

INTERRUPTED = 130


def main() -> None:
    """Run the command; a user's mistake is one line on stderr and a documented exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # letters that a code page lacks end no finished work
            stream.reconfigure(errors="backslashreplace")
    sys.exit(invoke())


def invoke(arguments: list[str] | None = None) -> int:
    """Run the command with arguments and return its exit code.

    Args:
        arguments: without the program's name; by default those of the process.
    """
    from qrnn_hw.cli.terminal import guarded

    with guarded():
        return _invoke(arguments)


def _invoke(arguments: list[str] | None) -> int:
    from typer import Abort

    from qrnn_hw.cli.app import app
    from qrnn_hw.cli.terminal import one_line
    from qrnn_hw.errors import ConfigurationError, exit_code

    try:
        result = app(arguments, standalone_mode=False)
    except (KeyboardInterrupt, Abort):  # the latter at a question that is asked
        result = INTERRUPTED
    except SystemExit as ended:  # a command that was interrupted and has said what goes on
        return int(ended.code or 0)
    except BrokenPipeError:
        # The reader of our output has gone, as `head` does; nothing is wrong.
        sys.stderr.close()
        return 0
    except Exception as error:
        message = getattr(error, "format_message", None)
        if message is not None:  # the parser's own errors
            if type(error).__name__ == "NoArgsIsHelpError":
                print(message(), file=sys.stderr)
                return 2
            print(f"error: {one_line(message())}", file=sys.stderr)
            return int(getattr(error, "exit_code", 2))
        if isinstance(error, OSError):  # a full disk, a folder that may not be written to
            print(f"error: {one_line(_of_system(error))}", file=sys.stderr)
            return exit_code(ConfigurationError()) or 1
        code = exit_code(error)
        if code is None:
            traceback.print_exc()  # a defect of ours, behind the same door
            return 1
        print(f"error: {one_line(str(error))}", file=sys.stderr)
        return code
    if result == INTERRUPTED:  # the parser turns Ctrl-C into this code
        print("interrupted; run the same command again to go on", file=sys.stderr)
    return result if isinstance(result, int) else 0


def _of_system(error: OSError) -> str:
    """Return what the system refused; of a write without room it does not name the file."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return (
            f"a file should find room on its disk. Got: {error.strerror}. Make room and run the "
            "same command again; what was finished is kept."
        )
    return str(error)
