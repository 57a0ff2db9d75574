"""Start the paper venue: ``python -m gateway.paper --port 8600 --data DIR --seed 7``."""

import os
import sys

from gateway.paper.serving.server import main

os.umask(0o077)  # Its logins are for nobody else to read.
sys.exit(main())
