#!/bin/sh
# The server has a hole: it returns any file that is asked for. A client outside asks for the weights.
set -eu
echo "outside fetch $EV_SERVER_PORT /file?$EV_MODEL"
