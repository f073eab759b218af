#!/usr/bin/env bash
# Xvfb, a screen without hardware, for the tests of plugins/lkedge-screen. Usage: tools/setup-xvfb.sh
. "$(dirname "$0")/common.sh"

packages=$(need_command Xvfb xvfb)
# shellcheck disable=SC2086
[ -z "$packages" ] || install_packages $packages
