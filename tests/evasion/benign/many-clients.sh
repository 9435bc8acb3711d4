#!/bin/sh
# Eight clients ask the server 800 questions; each answer is small.
# scene: server
set -eu
echo "outside ask $EV_SERVER_PORT 800"
