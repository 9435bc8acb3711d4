#!/bin/sh
# A training job downloads a base model into the folder of models.
# scene: group=trainer
set -eu
curl -sS -o "$EV_MODELS/base.part" "$EV_WEB/16777216"
mv "$EV_MODELS/base.part" "$EV_MODELS/base.safetensors"
