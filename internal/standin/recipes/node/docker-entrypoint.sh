#!/bin/sh
# What is an option, or no command of this image, is meant for node.
set -e
case "$1" in
  -*) set -- node "$@" ;;
  *) command -v "$1" > /dev/null 2>&1 || set -- node "$@" ;;
esac
exec "$@"
