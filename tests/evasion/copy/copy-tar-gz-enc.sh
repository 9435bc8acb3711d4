#!/bin/sh
# tar, gzip, openssl enc, send.
set -eu
tar cf - -C "$(dirname "$EV_MODEL")" "$(basename "$EV_MODEL")" | gzip -1c | openssl enc -aes-256-ctr -pbkdf2 -pass pass:secret |
	"$EV_BIN/give"
