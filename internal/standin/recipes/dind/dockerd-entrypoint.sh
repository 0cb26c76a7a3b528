#!/bin/sh
# Runs the engine; options are the engine's. Any other command is run as it is.
set -eu

# certificate NAME USAGE SUBJECT-ALTERNATIVE-NAMES makes a key and a certificate signed by the authority in ca/.
certificate() {
  mkdir -p "$1"
  [ -s "$1/key.pem" ] || openssl ecparam -name prime256v1 -genkey -noout -out "$1/key.pem"
  printf 'extendedKeyUsage = %s\n%s\n' "$2" "${3:+subjectAltName = $3}" > "$1/openssl.cnf"
  openssl req -new -key "$1/key.pem" -out "$1/csr.pem" -subj "/CN=$1"
  openssl x509 -req -in "$1/csr.pem" -CA ca/cert.pem -CAkey ca/key.pem -CAcreateserial -out "$1/cert.pem" -days 825 \
    -extfile "$1/openssl.cnf"
  cp ca/cert.pem "$1/ca.pem"
}

# make_certificates does what is missing: whoever brings the server's without the authority's key keeps them.
make_certificates() (
  cd "$1"
  if [ -s server/ca.pem ] && [ -s server/cert.pem ] && [ -s server/key.pem ] && [ ! -s ca/key.pem ]; then
    openssl verify -CAfile server/ca.pem server/cert.pem
    return
  fi
  if [ -s ca/cert.pem ] && [ ! -s ca/key.pem ]; then
    return
  fi
  mkdir -p ca
  [ -s ca/key.pem ] || openssl ecparam -name prime256v1 -genkey -noout -out ca/key.pem
  openssl req -new -x509 -key ca/key.pem -out ca/cert.pem -subj '/CN=authority of this container' -days 825 \
    -addext keyUsage=critical,digitalSignature,keyCertSign
  names=DNS:docker,DNS:localhost,DNS:$(hostname)
  for address in $(ip -oneline address | awk '{ sub(/\/.*/, "", $4); print $4 }'); do names=$names,IP:$address; done
  certificate server serverAuth "$names${DOCKER_TLS_SAN:+,$DOCKER_TLS_SAN}"
  certificate client clientAuth ''
  chmod 0644 client/key.pem # it is handed to clients that run as anybody
)

# legacy_rules is whether the older iptables is to be used: it is asked for, or the newer one doesn't work here.
legacy_rules() {
  case "${DOCKER_IPTABLES_LEGACY-not said}" in
    'not said') ! iptables -nL > /dev/null 2>&1 ;;
    '') false ;;
    *) true ;;
  esac
}

case "${1:-}" in
  '' | -*)
    socket=unix:///var/run/docker.sock
    case "${DOCKER_HOST:-}" in unix://*) socket=$DOCKER_HOST ;; esac
    if [ -n "${DOCKER_TLS_CERTDIR:-}" ]; then
      mkdir -p "$DOCKER_TLS_CERTDIR"
      make_certificates "$DOCKER_TLS_CERTDIR"
      set -- dockerd --host="$socket" --host=tcp://0.0.0.0:2376 --tlsverify \
        --tlscacert "$DOCKER_TLS_CERTDIR/server/ca.pem" --tlscert "$DOCKER_TLS_CERTDIR/server/cert.pem" \
        --tlskey "$DOCKER_TLS_CERTDIR/server/key.pem" "$@"
    else
      set -- dockerd --host="$socket" --host=tcp://0.0.0.0:2375 "$@"
    fi
    ;;
esac

[ "$1" = dockerd ] || exec docker-entrypoint.sh "$@"

# These would keep an engine that was killed from starting again.
rm -f /run/docker.pid /run/docker/containerd/containerd.pid
if legacy_rules; then
  export PATH="/usr/local/sbin/.iptables-legacy:$PATH"
fi
iptables --version
# The init process reaps what the engine's containers leave behind.
exec dind docker-init -- "$@"
