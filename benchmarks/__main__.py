"""Run the measurements named, or all: `python -m benchmarks [--quick] [NAME ...]`."""

from __future__ import annotations

import argparse
import os
import platform
import sys

import pytest

from benchmarks import (
    aged_store,
    big_file,
    container_datums,
    get_small_files,
    idle_streams,
    many_datums,
    one_datums_log,
    one_more_file,
    put_small_files,
)

MODULES = (
    put_small_files,
    get_small_files,
    many_datums,
    container_datums,
    one_more_file,
    big_file,
    idle_streams,
    one_datums_log,
    aged_store,
)
ALL = {module.__name__.split(".")[-1]: module for module in MODULES}


def main() -> None:
    """Print one report for each measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and smaller runs")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of: {', '.join(ALL)}")
    options = parser.parse_args()
    if unknown := set(options.names) - set(ALL):
        sys.exit(f"no measurement is called {', '.join(sorted(unknown))}; there are {', '.join(ALL)}")
    print(f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}\n")
    for name in options.names or ALL:
        try:
            report = ALL[name].measure(options.quick).report()
        except pytest.skip.Exception as missing:
            report = f"{name} is not measured: {missing}"
        print(report, end="\n\n", flush=True)


if __name__ == "__main__":
    main()
