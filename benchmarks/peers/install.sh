#!/usr/bin/env bash
# install.sh FOLDER: an environment of its own for the systems that Fluxion is compared with. Each that cannot be installed is named, and
# left out of the comparison. bytewax has no wheels for Python 3.13, so a Python before that is used (PYTHON=...).
set -euo pipefail
cd "$(dirname "$0")/../.."
folder=$1
"${PYTHON:-python3.12}" -m venv "$folder"
while read -r requirement; do
  "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --prefer-binary "$requirement" ||
    echo "$requirement could not be installed; it is left out"
done <benchmarks/peers/requirements.txt
if command -v npm >/dev/null; then
  npm install --silent --no-audit --no-fund --prefix "$folder/node" mingo@7 || echo "mingo could not be installed; it is left out"
else
  echo "npm is missing: mingo is left out"
fi
