package radius_test

import (
	"errors"
	"strings"
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

// Freeradius takes records of sessions and commands, which stand in its file then.
func TestFreeradiusAccounting(t *testing.T) {
	p := radiustest.Run(t, "testing123", "")
	long := "accountinginfo=" + strings.Repeat("é", 200)
	for _, r := range []radius.Record{
		{Status: radius.Start}, {Status: radius.Update, Pairs: []string{"accountinginfo=vlan 7 (SUCCESS)", long}}, {Status: radius.Stop, Took: 90 * time.Second},
	} {
		r.User, r.Session, r.NAS, r.Port, r.From, r.At = "bob", "s-1", "vsm1", "pts/1", "192.0.2.1", time.Unix(1700000000, 0)
		request, err := r.Request(p.Secret)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := p.Accounting.Exchange(t.Context(), request)
		if err != nil || answer.Code != radius.AccountingResponse {
			t.Fatalf("%+v: %v, %v", r, answer, err)
		}
	}
	got := p.Records(t)
	for text, n := range map[string]int{
		"Acct-Status-Type = Start": 1, "Acct-Status-Type = Interim-Update": 1, "Acct-Status-Type = Stop": 1, `User-Name = "bob"`: 3,
		`Acct-Session-Id = "s-1"`: 3, `NAS-Identifier = "vsm1"`: 3, `NAS-Port-Id = "pts/1"`: 3, `Calling-Station-Id = "192.0.2.1"`: 3,
		"Acct-Session-Time = 90": 1, `Cisco-AVPair = "accountinginfo=vlan 7 (SUCCESS)"`: 1, "Cisco-AVPair": 3,
	} {
		if strings.Count(got, text) != n {
			t.Errorf("%s: %d times in\n%s", text, strings.Count(got, text), got)
		}
	}
	other := p.Accounting
	other.Secret, other.Retransmit, other.Timeout = "another", 0, 100*time.Millisecond
	request, err := radius.Record{Status: radius.Start, User: "bob", Session: "s-2"}.Request(other.Secret)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Exchange(t.Context(), request); !errors.Is(err, radius.ErrSilent) {
		t.Errorf("with another secret: %v", err)
	}
}
