# Sourced by the set-up scripts: messages, stamps, packages. bash.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
STAMPS=.venv/stamps

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# content_hash FILE...: one hash of the contents of those that exist, and of the arguments.
content_hash() { { printf '%s\n' "$@"; for file in "$@"; do [ ! -f "$file" ] || cat "$file"; done; } | sha256sum | cut -c1-16; }

# is_stamped NAME HASH: that step was done with exactly these inputs.
is_stamped() { [ "$(cat "$STAMPS/$1" 2>/dev/null)" = "$2" ]; }
stamp() { mkdir -p "$STAMPS"; printf '%s\n' "$2" > "$STAMPS/$1"; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then sudo "$@"
  else return 77
  fi
}

# install_packages PACKAGE...: Debian packages, or a message saying exactly what to install.
install_packages() {
  command -v apt-get >/dev/null || die "this is no Debian: install the equivalents of: $*"
  say "installing Debian packages: $*"
  as_root true || die "installing needs root; run this, then try again:
    apt-get update && apt-get install --no-install-recommends $*"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq update \
    || say "apt-get update failed; trying with the package lists that are there"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$@" >&2 \
    || die "could not install: $*"
}

# need_command COMMAND PACKAGE: print PACKAGE when COMMAND is missing.
need_command() { command -v "$1" >/dev/null || printf '%s\n' "$2"; }

python_is_new() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
