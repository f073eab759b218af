#!/usr/bin/env bash
# A folder with a release of Debian for building packages: its Python, and compilers for amd64 and arm64. As root.
# Usage: packaging/build-root.sh SUITE FOLDER
set -euo pipefail
suite=$1 folder=$2
mirror=${LKEDGE_DEBIAN_MIRROR:-http://deb.debian.org/debian}
# Compiled for arm64 by a cross compiler: ten times faster than an emulated one, and nothing foreign is ever run.
packages=python3,gcc,libc6-dev,libpython3-dev,libasound2-dev
packages+=,gcc-aarch64-linux-gnu,libc6-dev-arm64-cross,libpython3-dev:arm64,libasound2-dev:arm64
mmdebstrap --quiet --mode=root --variant=minbase --architectures=amd64,arm64 --include="$packages" \
  --aptopt='Acquire::Retries "3"' --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' "$suite" "$folder" "$mirror"
