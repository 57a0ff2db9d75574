"""Run several scripts in one process: each line of the input is a script with its arguments."""

import runpy
import sys
from pathlib import Path

for line in sys.stdin:
    script, *words = line.split()
    sys.argv = [script, *words]
    runpy.run_path(str(Path(__file__).parent / script), run_name="__main__")
    print("done", script, flush=True)
