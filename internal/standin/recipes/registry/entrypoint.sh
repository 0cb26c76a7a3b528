#!/bin/sh
# A configuration is served; a subcommand or an option is the registry's; anything else is a command.
set -e
case "$1" in
  *.yml | *.yaml) set -- registry serve "$@" ;;
  serve | garbage-collect | help | -*) set -- registry "$@" ;;
esac
exec "$@"
