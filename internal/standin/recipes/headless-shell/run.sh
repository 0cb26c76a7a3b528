#!/bin/sh
# Serves Chromium's debugging protocol on port 9222 of every address; options are Chromium's.
socat TCP4-LISTEN:9222,fork,reuseaddr TCP4:127.0.0.1:9223 &
exec headless-shell --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
  --disable-component-update --disable-sync --remote-debugging-address=0.0.0.0 --remote-debugging-port=9223 "$@"
