package pki

import (
	"os"
	"path/filepath"
	"testing"
)

func TestService(t *testing.T) {
	file := filepath.Join(t.TempDir(), "services", "gnmi.pem")
	first, err := Service(file, "switch")
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("file %v, %v, want mode 0600", info, err)
	}
	again, err := Service(file, "switch")
	if err != nil || string(again.Certificate[0]) != string(first.Certificate[0]) {
		t.Errorf("the certificate is not kept: %v", err)
	}
	if err := first.Leaf.VerifyHostname("127.0.0.1"); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(file, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Service(file, "switch"); err == nil {
		t.Error("a file that holds no certificate is used")
	}
}
