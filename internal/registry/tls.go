package registry

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"docker-proven/internal/course"
)

// TLS makes a registry serve with a certificate for the host name given, signed by a certificate authority that is
// made for the lesson and that nobody else knows. Whoever is to trust the registry needs the authority's own
// certificate, which is in the file authority.
func TLS(t *testing.T, host string) (serve course.Option, authority string) {
	t.Helper()
	directory := course.HostDirectory(t)
	now := time.Now()
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority of this lesson"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	server := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "registry of this lesson"},
		NotBefore: ca.NotBefore, NotAfter: ca.NotAfter, DNSNames: []string{host},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	caKey, serverKey := newKey(t), newKey(t)
	write := func(name, kind string, bytes []byte, err error) string {
		require.NoError(t, err)
		path := filepath.Join(directory, name)
		content := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: bytes})
		require.NoError(t, os.WriteFile(path, content, 0o644))
		return path
	}
	signed, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	authority = write("ca.crt", "CERTIFICATE", signed, err)
	signed, err = x509.CreateCertificate(rand.Reader, server, ca, serverKey.Public(), caKey)
	write("registry.crt", "CERTIFICATE", signed, err)
	key, err := x509.MarshalPKCS8PrivateKey(serverKey)
	write("registry.key", "PRIVATE KEY", key, err)
	course.Say(t, "In %s: the certificate of an authority (ca.crt), and what it has certified: that whoever has "+
		"registry.key is %s (registry.crt).", directory, host)
	return course.Options(
		course.Volume(directory, "/certificates", "ro"),
		course.Env("REGISTRY_HTTP_TLS_CERTIFICATE", "/certificates/registry.crt"),
		course.Env("REGISTRY_HTTP_TLS_KEY", "/certificates/registry.key")), authority
}

func newKey(t *testing.T) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return key
}
