#!/usr/bin/env bash
# Chromium and the node modules of tests/browser. Usage: tools/setup-browser.sh
. "$(dirname "$0")/common.sh"

packages=$(need_command chromium chromium; need_command node nodejs; need_command npm npm)
# shellcheck disable=SC2086
[ -z "$packages" ] || install_packages $packages
hash=$(content_hash tools/setup-browser.sh tests/browser/package.json)
if [ -d tests/browser/node_modules/puppeteer-core ] && is_stamped browser "$hash"; then exit 0; fi
say "installing puppeteer-core from npm"
( cd tests/browser && npm install --silent --no-audit --no-fund --no-package-lock ) || die "npm install failed in tests/browser"
stamp browser "$hash"
