package radius_test

import (
	"errors"
	"testing"
	"time"

	"trunkline/internal/radius"
	"trunkline/internal/radius/radiustest"
)

// Freeradius answers logins, and refuses a wrong password.
func TestFreeradius(t *testing.T) {
	s := radiustest.Start(t, "testing123", `bob Cleartext-Password := "sec ret1"
	Cisco-AVPair = "shell:roles=\"network-admin ops\""
`)
	for password, want := range map[string]radius.Code{"sec ret1": radius.AccessAccept, "wrong": radius.AccessReject} {
		request, err := radius.Login("bob", password, s.Secret, radius.Attribute{Type: radius.NASIdentifier, Value: []byte("vsm1")})
		if err != nil {
			t.Fatal(err)
		}
		answer, err := s.Exchange(t.Context(), request)
		if err != nil || answer.Code != want {
			t.Fatalf("password %q: %v, %v", password, answer, err)
		}
		if pairs := answer.AVPairs(); want == radius.AccessAccept && (len(pairs) != 1 || pairs[0] != `shell:roles="network-admin ops"`) {
			t.Errorf("pairs %q", pairs)
		}
	}
	other := s
	other.Secret, other.Retransmit, other.Timeout = "another", 0, 100*time.Millisecond
	request, err := radius.Login("bob", "sec ret1", other.Secret)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Exchange(t.Context(), request); !errors.Is(err, radius.ErrSilent) {
		t.Errorf("with another secret: %v", err)
	}
}
