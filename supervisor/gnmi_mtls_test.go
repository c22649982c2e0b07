package supervisor

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	pb "github.com/openconfig/gnmi/proto/gnmi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"trunkline/supervisor/listen"
)

// issue makes a certificate for a name; without a parent it is its own authority.
func issue(t *testing.T, name string, parent *tls.Certificate) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: parent == nil, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	above, signer := template, any(key)
	if parent != nil {
		above, signer = parent.Leaf, parent.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, template, above, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// TestGNMIClientCertificates has users come with certificates of an authority.
func TestGNMIClientCertificates(t *testing.T) {
	dir := t.TempDir()
	authority := issue(t, "authority", nil)
	file := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority.Certificate[0]}), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), Config{
		StateDir: filepath.Join(dir, "state"), GNMI: GNMI{Where: listen.At("127.0.0.1:0"), CA: file},
		Admin: Admin{Password: "Tr0ub4dor&3"}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	wait, stop := begin(t, s)
	other := issue(t, "other authority", nil)
	for _, c := range []struct {
		name     string
		cert     *tls.Certificate
		password string
		want     codes.Code
	}{
		{"none", nil, "Tr0ub4dor&3", codes.Unavailable},
		{"of a user", new(issue(t, "admin", &authority)), "", codes.OK},
		{"of nobody", new(issue(t, "nobody", &authority)), "", codes.Unauthenticated},
		{"of another authority", new(issue(t, "admin", &other)), "", codes.Unavailable},
		{"a wrong password beside it", new(issue(t, "admin", &authority)), "wrong", codes.Unauthenticated},
	} {
		config := &tls.Config{InsecureSkipVerify: true}
		if c.cert != nil {
			config.Certificates = []tls.Certificate{*c.cert}
		}
		conn, err := grpc.NewClient(s.GNMIAddress().String(), grpc.WithTransportCredentials(credentials.NewTLS(config)))
		if err != nil {
			t.Fatal(err)
		}
		ctx := t.Context()
		if c.password != "" {
			ctx = metadata.AppendToOutgoingContext(ctx, "username", "admin", "password", c.password)
		}
		if _, err := pb.NewGNMIClient(conn).Capabilities(ctx, &pb.CapabilityRequest{}); status.Code(err) != c.want {
			t.Errorf("certificate %s: %v, want %v", c.name, err, c.want)
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
	stop()
	if err := wait(); err != nil {
		t.Error(err)
	}
}
