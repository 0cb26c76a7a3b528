#!/bin/sh
# A subcommand or an option of docker is meant for docker; anything else is a command. Without an engine here, docker
# looks for one on a host named docker.
set -eu

case "${1:-}" in
  '') set -- sh ;;
  -*) set -- docker "$@" ;;
  *) if docker help "$1" > /dev/null 2>&1; then set -- docker "$@"; fi ;;
esac

certificates=${DOCKER_TLS_CERTDIR:+$DOCKER_TLS_CERTDIR/client}
for file in ca.pem cert.pem key.pem; do
  [ -s "$certificates/$file" ] || certificates=
done

if [ -z "${DOCKER_HOST:-}" ]; then
  if [ -S /var/run/docker.sock ]; then
    export DOCKER_HOST=unix:///var/run/docker.sock
  elif [ -n "$certificates" ] || [ -n "${DOCKER_TLS_VERIFY:-}" ]; then
    export DOCKER_HOST=tcp://docker:2376
  else
    export DOCKER_HOST=tcp://docker:2375
  fi
fi
case "$DOCKER_HOST" in
  tcp:*)
    if [ -n "$certificates" ] && [ -z "${DOCKER_TLS_VERIFY:-}" ] && [ -z "${DOCKER_CERT_PATH:-}" ]; then
      export DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH="$certificates"
    fi
    ;;
esac

exec "$@"
