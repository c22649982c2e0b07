package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"trunkline/linecard/api"
)

const (
	hostA = "0f1d9a66-91fc-4d0b-8a0e-5c7d1e2f3a4b"
	hostB = "55b1c3d0-7a4e-4a0f-9a67-1c0de51f7e21"
)

var now = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func open(t *testing.T, dir string) *Authority {
	t.Helper()
	a, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func request(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		t.Fatal(err)
	}
	return csr
}

func parse(t *testing.T, der []byte) *x509.Certificate {
	t.Helper()
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func wantError(t *testing.T, err error, text string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), text) {
		t.Fatalf("error %v, want one with %q", err, text)
	}
}

func TestKept(t *testing.T) {
	dir := t.TempDir()
	a := open(t, dir)
	b := open(t, dir)
	if a.Chassis() != b.Chassis() || a.Fingerprint() != b.Fingerprint() {
		t.Errorf("second start has chassis %s %s, first %s %s", b.Chassis(), b.Fingerprint(), a.Chassis(), a.Fingerprint())
	}
	if !api.ValidUUID(a.Chassis()) {
		t.Errorf("chassis %q is no GUID", a.Chassis())
	}
	for _, name := range []string{caKeyFile, caFile} {
		fi, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if fi.Mode().Perm() != 0o600 {
			t.Errorf("mode of %s is %v", name, fi.Mode())
		}
	}
	server := parse(t, a.TLS().Certificates[0].Certificate[0])
	if _, err := api.Verify(server, b.Certificate(), api.RoleSupervisor); err != nil {
		t.Errorf("certificate of supervisor: %v", err)
	}
	if _, err := api.Verify(server, b.Certificate(), api.RoleCard); err == nil {
		t.Error("the supervisor's certificate passes for a card's")
	}
}

func TestHalfAnAuthority(t *testing.T) {
	for _, tc := range []struct {
		name string
		harm func(dir string) error
		want string
	}{
		{"no key", func(d string) error { return os.Remove(filepath.Join(d, caKeyFile)) }, "without its key"},
		{"truncated", func(d string) error { return os.Truncate(filepath.Join(d, caFile), 40) }, "no CERTIFICATE"},
		{"records", func(d string) error { return os.WriteFile(filepath.Join(d, cardsFile), []byte("{"), 0o600) }, "cards.json"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			open(t, dir)
			if err := tc.harm(dir); err != nil {
				t.Fatal(err)
			}
			_, err := Open(dir)
			wantError(t, err, tc.want)
		})
	}
}

func TestAdmission(t *testing.T) {
	for _, tc := range []struct {
		by            Admission
		first, second string // errors of enrolling a host with a first and another key
	}{
		{AdmitOpen, "", ""},
		{AdmitTOFU, "", "another key"},
		{AdmitCertificate, "by token only", "by token only"},
	} {
		t.Run(string(tc.by), func(t *testing.T) {
			a := open(t, t.TempDir())
			first := request(t)
			der, err := a.Enrol(hostA, first, "", tc.by, now)
			if tc.first != "" {
				wantError(t, err, tc.first)
			} else {
				if err != nil {
					t.Fatal(err)
				}
				if host, err := a.Admit(parse(t, der), tc.by, now); err != nil || host != hostA {
					t.Errorf("Admit = %q, %v", host, err)
				}
				if _, err := a.Enrol(hostA, first, "", tc.by, now); err != nil {
					t.Errorf("the same key again: %v", err)
				}
			}
			if _, err = a.Enrol(hostA, request(t), "", tc.by, now); tc.second != "" {
				wantError(t, err, tc.second)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestToken(t *testing.T) {
	dir := t.TempDir()
	a := open(t, dir)
	old, err := a.Enrol(hostA, request(t), "", AdmitTOFU, now)
	if err != nil {
		t.Fatal(err)
	}
	token, err := a.NewToken(time.Hour, now)
	if err != nil {
		t.Fatal(err)
	}
	a = open(t, dir) // tokens survive a restart
	fresh := request(t)
	if _, err := a.Enrol(hostA, fresh, token.String(), AdmitCertificate, now.Add(2*time.Hour)); err == nil {
		t.Error("an expired token was taken")
	}
	der, err := a.Enrol(hostA, fresh, token.String(), AdmitCertificate, now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Enrol(hostA, fresh, token.String(), AdmitCertificate, now); err != nil {
		t.Errorf("the same request again, as after a lost reply: %v", err)
	}
	_, err = a.Enrol(hostB, request(t), token.String(), AdmitOpen, now)
	wantError(t, err, "used by another card")
	if _, err := a.Admit(parse(t, der), AdmitCertificate, now); err != nil {
		t.Errorf("Admit after token: %v", err)
	}
	_, err = a.Admit(parse(t, old), AdmitTOFU, now)
	wantError(t, err, "replaced")
	_, err = a.Enrol(hostB, request(t), "trunkline-x", AdmitOpen, now)
	wantError(t, err, "no enrolment token")
	other, err := open(t, t.TempDir()).NewToken(time.Hour, now)
	if err != nil {
		t.Fatal(err)
	}
	_, err = a.Enrol(hostB, request(t), other.String(), AdmitOpen, now)
	wantError(t, err, "another chassis")
}

func TestTokenOfAnotherProcess(t *testing.T) {
	dir := t.TempDir()
	running, command := open(t, dir), open(t, dir)
	for _, host := range []string{hostA, hostB} {
		token, err := command.NewToken(time.Hour, now)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := running.Enrol(host, request(t), token.String(), AdmitCertificate, now); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
}

func TestForget(t *testing.T) {
	dir := t.TempDir()
	a := open(t, dir)
	first, second := request(t), request(t)
	enrol := func(csr []byte, token string) ([]byte, error) { return a.Enrol(hostA, csr, token, AdmitTOFU, now) }
	old, err := enrol(first, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Forget(hostA); err != nil {
		t.Fatal(err)
	}
	if got := a.Cards(); len(got) != 0 {
		t.Errorf("Cards() = %v", got)
	}
	wantError(t, a.Forget(hostA), "not known")
	refused := func() {
		t.Helper()
		for _, by := range []Admission{AdmitOpen, AdmitTOFU, AdmitCertificate} {
			_, err := a.Admit(parse(t, old), by, now)
			wantError(t, err, "was cleared")
		}
		_, err := enrol(first, "")
		wantError(t, err, "was cleared")
	}
	refused()
	der, err := enrol(second, "")
	if err != nil {
		t.Fatalf("enrol with a new key: %v", err)
	}
	if _, err := a.Admit(parse(t, der), AdmitTOFU, now); err != nil {
		t.Errorf("Admit with the new key: %v", err)
	}
	a = open(t, dir) // a restart changes nothing
	refused()
	wantError(t, a.Forget(hostB), "not known")
	if got := a.Cards(); len(got) != 1 || got[0].Host != hostA {
		t.Errorf("Cards() = %v", got)
	}
	// A token is the operator's word.
	token, err := a.NewToken(time.Hour, now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := enrol(first, token.String()); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Admit(parse(t, old), AdmitTOFU, now); err != nil {
		t.Errorf("Admit of the old key after its token: %v", err)
	}
	if err := a.Forget(hostA); err != nil {
		t.Fatal(err)
	}
	_, err = enrol(first, token.String()) // a token is good once
	wantError(t, err, "not known, or was used")
	refused()
}

// TestForgetReplaced has a key come back that had been replaced when the one
// after it was forgotten.
func TestForgetReplaced(t *testing.T) {
	a := open(t, t.TempDir())
	old, err := a.Enrol(hostA, request(t), "", AdmitTOFU, now)
	if err != nil {
		t.Fatal(err)
	}
	token, err := a.NewToken(time.Hour, now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Enrol(hostA, request(t), token.String(), AdmitTOFU, now); err != nil {
		t.Fatal(err)
	}
	if err := a.Forget(hostA); err != nil {
		t.Fatal(err)
	}
	_, err = a.Admit(parse(t, old), AdmitTOFU, now)
	wantError(t, err, "has to enrol again")
}

func TestOtherChassis(t *testing.T) {
	a, b := open(t, t.TempDir()), open(t, t.TempDir())
	der, err := b.Enrol(hostA, request(t), "", AdmitTOFU, now)
	if err != nil {
		t.Fatal(err)
	}
	_, err = a.Admit(parse(t, der), AdmitOpen, now)
	wantError(t, err, "certificate is of another chassis, "+b.Chassis())

	// The same name, signed by another key.
	forged := &Authority{dir: t.TempDir(), chassis: a.chassis, cert: b.cert, key: b.key,
		cards: map[string]record{}, tokens: map[string]grant{}}
	der, err = forged.Enrol(hostA, request(t), "", AdmitTOFU, now)
	if err != nil {
		t.Fatal(err)
	}
	_, err = a.Admit(parse(t, der), AdmitOpen, now)
	wantError(t, err, "another authority signed it")
}

func FuzzEnrol(f *testing.F) {
	a, err := Open(f.TempDir())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(hostA, []byte{0x30, 0x03}, "")
	f.Add(hostA, []byte{}, "trunkline-0-0")
	f.Fuzz(func(t *testing.T, host string, csr []byte, token string) {
		der, err := a.Enrol(host, csr, token, AdmitTOFU, now)
		if err == nil {
			if got, err := a.Admit(parse(t, der), AdmitTOFU, now); err != nil || got != host {
				t.Errorf("Enrol(%q) issued a certificate for %q, %v", host, got, err)
			}
		}
	})
}
