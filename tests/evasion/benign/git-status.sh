#!/bin/sh
# A repository with a model in it, which git knows as ignored.
set -eu
command -v git >/dev/null || exit 77
cd "$EV_MODELS"
export HOME="$EV_WORK"
git init -q .
git config user.email user@example.org
git config user.name user
echo '*.safetensors' >.gitignore
echo 'A model.' >README.md
git add .gitignore README.md
git commit -qm 'Model card'
echo 'More.' >>README.md
git status
git diff
