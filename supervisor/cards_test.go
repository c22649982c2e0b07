package supervisor

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"trunkline/cli/session"
	"trunkline/feature"
	"trunkline/linecard/agent"
)

// running is a supervisor with an operator.
type running struct {
	*Supervisor
	t        *testing.T
	operator *session.Session
	cards    string // where cards reach it
}

func run(t *testing.T) *running { return runLogging(t, slog.New(slog.DiscardHandler)) }

func runLogging(t *testing.T, log *slog.Logger) *running {
	t.Helper()
	r := &running{t: t, cards: "unix:" + filepath.Join(t.TempDir(), "cards")}
	s, err := Open(t.Context(), Config{StateDir: t.TempDir(), Cards: []string{r.cards}, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	r.Supervisor = s
	r.operator = s.CLI().Session(session.Options{Who: feature.Session{User: "admin", Role: feature.NetworkAdmin}})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return r
}

// console is the terminal of the operator, who agrees to everything.
type console struct{ *bytes.Buffer }

func (console) Page(int)                                    {}
func (console) Ask(context.Context, string) (string, error) { return "y", nil }

// types types lines separated by " ; " and returns what they print.
func (r *running) types(lines string) string {
	r.t.Helper()
	var out bytes.Buffer
	for _, l := range strings.Split("end ; "+lines, " ; ") {
		if r.operator.Run(r.t.Context(), l, console{&out}).Failed && l != "end" {
			r.t.Fatalf("%s: %s", l, &out)
		}
	}
	return out.String()
}

func (r *running) eventually(what string, cond func() bool) {
	r.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(10 * time.Second); !cond(); <-tick.C {
		if time.Now().After(end) {
			r.t.Fatalf("never: %s\n%s", what, r.types("show running-config"))
		}
	}
}

// owns waits until a vEthernet has an owner, "" for none, and a profile.
func (r *running) owns(port, owner, profile string) {
	r.t.Helper()
	r.eventually(port+" is owned by "+owner, func() bool {
		t := r.config.Running().Tree
		got := ""
		if b := feature.BindingOf(t, port); b != nil {
			got = b.Adapter()
		}
		return t.Exists(feature.InterfacePath(port)) && got == owner && feature.ProfileOf(t, port) == profile
	})
}

// TestHostPorts has the inventory follow the host vnic lines.
func TestHostPorts(t *testing.T) {
	r := run(t)
	r.types("configure terminal ; port-profile type vethernet A ; state enabled ; port-profile type vethernet B ; state enabled")
	r.types("configure terminal ; interface vethernet 1 ; vem 3 ; host vnic x profile A ; host vnic y profile NONE")
	r.owns("Vethernet2", "x", "A")
	r.owns("Vethernet3", "y", "")
	r.types("configure terminal ; no interface vethernet 1 ; vem 3 ; host vnic x profile B")
	r.owns("Vethernet2", "x", "B") // the number stays
	r.types("configure terminal ; vem 4 ; host vnic x profile A")
	r.owns("Vethernet1", "x", "A") // the same name on another host; the lowest free number
	if slot := r.slotOf("Vethernet1"); slot != 4 {
		t.Errorf("Vethernet1 is on module %d", slot)
	}
	// An operator's line keeps the interface, nothing else does.
	r.types("configure terminal ; interface vethernet 2 ; description mine ; vem 3 ; no host vnic x ; no host vnic y")
	r.owns("Vethernet2", "", "B")
	r.eventually("Vethernet3 goes", func() bool { return !r.config.Running().Tree.Exists(feature.InterfacePath("Vethernet3")) })
	// A whole module goes with its host ports.
	r.types("configure terminal ; vem 3 ; host vnic z profile A")
	r.owns("Vethernet3", "z", "A")
	r.types("configure terminal ; no vem 4")
	r.eventually("Vethernet1 goes", func() bool { return !r.config.Running().Tree.Exists(feature.InterfacePath("Vethernet1")) })
}

// old is a line card of an earlier release.
type old struct{ sections chan []string }

func (o old) Apply(_ uint64, sections map[string][]byte) (map[string]string, error) {
	var names []string
	for n := range sections {
		names = append(names, n)
	}
	slices.Sort(names)
	select {
	case <-o.sections:
	default:
	}
	o.sections <- names
	return nil, nil
}

func (old) Reports() map[string][]byte { return nil }

func (old) Query(context.Context, string, []byte) ([]byte, error) {
	return nil, errors.New("no queries")
}

// TestOldCard attaches a card that knows two features only: it gets their
// sections, and the operator hears what it cannot do.
func TestOldCard(t *testing.T) {
	r := run(t)
	card := old{make(chan []string, 1)}
	a, err := agent.New(agent.Config{
		StateDir: t.TempDir(), Supervisors: []string{r.cards}, UUID: "7f0f7c0e-3b7a-4a55-9d55-2d6f0c1b9a10", Host: "old",
		Version: "0.1", Features: map[string]uint32{"vlan": 1, "vethernet": 1}, Card: card, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("card: %v", err)
		}
	})
	r.eventually("the card is in service", func() bool { return r.Ready(1, 0) })
	if got := <-card.sections; !slices.Equal(got, []string{"vethernet", "vlan"}) {
		t.Errorf("sections %q", got)
	}
	out := r.types("show module 3")
	for _, want := range []string{"ethernet", "mactable", "switchport"} {
		if !strings.Contains(out, "Not supported on module 3: "+want+"\n") {
			t.Errorf("%s is not named:\n%s", want, out)
		}
	}
	for line, want := range map[string]bool{"vlan 7": false, "mac address-table aging-time 600": true} {
		const warning = "Warning: Feature mactable is not supported on module 3.\n"
		if out := r.types("configure terminal ; " + line); (strings.Contains(out, warning)) != want {
			t.Errorf("%s: %q", line, out)
		}
	}
}
