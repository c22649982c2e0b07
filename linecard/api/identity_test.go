package api

import (
	"crypto/x509"
	"net/url"
	"strings"
	"testing"
)

const (
	chassis = "7f0f7c0e-3b7a-4a55-9d55-2d6f0c1b9a10"
	host    = "0f1d9a66-91fc-4d0b-8a0e-5c7d1e2f3a4b"
)

func TestIdentity(t *testing.T) {
	for _, tc := range []struct {
		name, uri string
		want      Identity
		err       string
	}{
		{"card", "trunkline://" + chassis + "/card/" + host, Identity{chassis, RoleCard, host}, ""},
		{"supervisor", "trunkline://" + chassis + "/supervisor", Identity{chassis, RoleSupervisor, ""}, ""},
		{"chassis", "trunkline://" + chassis + "/chassis", Identity{chassis, RoleChassis, ""}, ""},
		{"card without host", "trunkline://" + chassis + "/card", Identity{}, "names nobody"},
		{"supervisor with more", "trunkline://" + chassis + "/supervisor/x", Identity{}, "names nobody"},
		{"other role", "trunkline://" + chassis + "/root", Identity{}, "names nobody"},
		{"no chassis", "trunkline:///card/" + host, Identity{}, "names no chassis"},
		{"foreign", "spiffe://x/y", Identity{}, "of no chassis"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			u, err := url.Parse(tc.uri)
			if err != nil {
				t.Fatal(err)
			}
			got, err := IdentityOf(&x509.Certificate{URIs: []*url.URL{u}})
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Fatalf("IdentityOf(%q): error %v, want %q", tc.uri, err, tc.err)
				}
				return
			}
			if err != nil || got != tc.want {
				t.Fatalf("IdentityOf(%q) = %v, %v; want %v", tc.uri, got, err, tc.want)
			}
			if got.String() != tc.uri {
				t.Errorf("String() = %q, want %q", got, tc.uri)
			}
		})
	}
}

func FuzzParseToken(f *testing.F) {
	f.Add("trunkline-" + strings.Repeat("0a", 32) + "-" + strings.Repeat("ff", 32))
	f.Add("trunkline--")
	f.Fuzz(func(t *testing.T, s string) {
		tok, err := ParseToken(s)
		if err == nil && tok.String() != strings.TrimSpace(s) {
			t.Errorf("ParseToken(%q).String() = %q", s, tok)
		}
	})
}
