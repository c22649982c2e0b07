package module_test

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"trunkline/feature"
	"trunkline/internal/ether"
	"trunkline/supervisor/module"
	"trunkline/supervisor/pki"
)

func wait(t *testing.T, c *chassis, generation uint64) {
	t.Helper()
	if !c.manager.WaitApplied(t.Context(), generation, patience) {
		t.Fatalf("generation %d is not applied", generation)
	}
}

func TestAttach(t *testing.T) {
	for _, network := range []string{"unix", "tcp"} {
		t.Run(network, func(t *testing.T) {
			c := newChassis(t, network)
			k := newCard(t, hostA, c.address).start()
			c.waitOK(3)
			wait(t, c, 1)
			if got := k.programs(); len(got) != 1 || got[0]["vlan"] != "1" {
				t.Errorf("programs %v", got)
			}
			m := c.module(3)
			if m.UUID != hostA || m.Host != "kvm-0" || m.Version != "1.0(1)" || m.OS != "Linux 6.12" || !m.EverSeen ||
				m.Desired != 1 || m.Applied != 1 || m.NodeRequestsIn != 1 || m.InsertedOut != 1 || m.InsertedIn != 1 ||
				m.Insertions != 1 || m.Removals != 0 || m.SendErrors != 0 || m.MAC != (ether.MAC{2, 0, 12, 0, 3, 0}) {
				t.Errorf("module %+v", m)
			}
			if want := map[string]string{"unix": "", "tcp": "127.0.0.1"}[network]; m.Address != want {
				t.Errorf("address %q, want %q", m.Address, want)
			}
			s := k.agent.Status()
			if s.Headless || s.Slot != 3 || s.Generation != 1 || s.Term != 1 || s.Chassis != c.ca.Chassis() || s.Supervisor != c.address {
				t.Errorf("status %+v", s)
			}

			c.publish(2, map[string]string{"vlan": "1,2"})
			wait(t, c, 2)
			if got := k.programs(); len(got) != 2 || got[1]["vlan"] != "1,2" {
				t.Errorf("programs %v", got)
			}
			if !c.manager.WaitApplied(t.Context(), 2, 0) {
				t.Error("WaitApplied without time says no though all have answered")
			}
			c.kill()
			for _, text := range []string{"%VEM_MGR-2-VEM_MGR_DETECTED: Host kvm-0 detected as module 3",
				"%VEM_MGR-2-MOD_ONLINE: Module 3 is online", "%VEM_MGR-2-MOD_OFFLINE: Module 3 is offline"} {
				if !c.said(text) {
					t.Errorf("no event %q", text)
				}
			}
		})
	}
}

// TestUnsupported attaches cards of several ages: each gets the sections that it
// knows in the version they are in.
func TestUnsupported(t *testing.T) {
	for name, w := range map[string]struct {
		features map[string]uint32
		sections []string
		lacks    []string
	}{
		"all":     {map[string]uint32{"acl": 1, "qos": 2}, []string{"acl", "qos", "vlan"}, nil},
		"newer":   {map[string]uint32{"acl": 7, "qos": 3, "nat": 1}, []string{"acl", "qos", "vlan"}, nil},
		"older":   {map[string]uint32{"acl": 1, "qos": 1}, []string{"acl", "vlan"}, []string{"qos"}},
		"without": {map[string]uint32{"vlan": 1}, []string{"vlan"}, []string{"acl", "qos"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := newChassis(t, "unix")
			c.publish(2, map[string]string{"vlan": "1", "acl": "a", "qos": "q"})
			k := newCard(t, hostA, c.address)
			k.cfg.Features = w.features
			k.start()
			c.waitOK(3)
			wait(t, c, 2)
			got := k.programs()
			if last := slices.Sorted(maps.Keys(got[len(got)-1])); !slices.Equal(last, w.sections) {
				t.Errorf("sections %q, want %q", last, w.sections)
			}
			if m := c.module(3); !slices.Equal(m.Unsupported, w.lacks) {
				t.Errorf("unsupported %q, want %q", m.Unsupported, w.lacks)
			}
			if text := "Not supported on module 3: " + strings.Join(w.lacks, ", "); c.said(text) != (w.lacks != nil) {
				t.Errorf("said %q: %v", text, w.lacks == nil)
			}
		})
	}
}

func TestUnchangedProgramIsNotSent(t *testing.T) {
	c := newChassis(t, "unix")
	k := newCard(t, hostA, c.address).start()
	c.waitOK(3)
	c.mu.Lock()
	c.program.Config = 9 // a commit that changes nothing for the card
	c.mu.Unlock()
	c.manager.Converge()
	wait(t, c, 9)
	if got := k.programs(); len(got) != 1 {
		t.Errorf("programs %v", got)
	}
}

func TestReportsAndQueries(t *testing.T) {
	c := newChassis(t, "unix")
	k := newCard(t, hostA, c.address).start()
	c.waitOK(3)
	reported := func(want string) func() bool {
		return func() bool {
			c.mu.Lock()
			defer c.mu.Unlock()
			return c.reports["3 ports"] == want
		}
	}
	eventually(t, "first report", reported("up"))
	k.mu.Lock()
	k.report["ports"] = []byte("down")
	k.mu.Unlock()
	k.agent.Changed()
	eventually(t, "report of change", reported("down"))

	ask := func(slot int, feature, request string) (string, error) {
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		r, err := c.manager.Query(ctx, slot, feature, []byte(request))
		return string(r), err
	}
	if r, err := ask(3, "echo", "hello"); err != nil || r != "re: hello" {
		t.Errorf("echo: %q, %v", r, err)
	}
	for _, tc := range []struct {
		slot          int
		feature, want string
	}{
		{3, "nothing", "no feature nothing"},
		{3, "panic", "panic: bug"},
		{3, "wait", "does not answer: context deadline exceeded"},
		{4, "echo", "not attached"},
	} {
		if _, err := ask(tc.slot, tc.feature, ""); err == nil || err.Error() != tc.want {
			t.Errorf("query %s of module %d: %v, want %q", tc.feature, tc.slot, err, tc.want)
		}
	}
	failed := make(chan error, 1)
	go func() {
		_, err := c.manager.Query(context.Background(), 3, "wait", nil)
		failed <- err
	}()
	if err := c.manager.Reset(3); err != nil {
		t.Fatal(err)
	}
	if err := <-failed; err == nil {
		t.Error("a query outlives the session")
	}
	c.waitOK(3)
	if c.manager.Reset(9) == nil {
		t.Error("Reset of an empty slot")
	}
}

func TestHeadless(t *testing.T) {
	c := newChassis(t, "unix")
	k := newCard(t, hostA, c.address).start()
	c.waitOK(3)
	c.kill()
	eventually(t, "headless", func() bool { return k.agent.Status().Headless })
	if m := c.module(3); m.Status != feature.ModuleAbsent || m.Removals != 1 || len(c.lost) != 1 {
		t.Errorf("module %+v, lost %v", m, c.lost)
	}

	// The card restarts with nobody to talk to.
	k.kill()
	k.start()
	eventually(t, "program in force again", func() bool { return len(k.programs()) == 2 })
	if s := k.agent.Status(); !s.Headless || s.Generation != 1 {
		t.Errorf("status %+v", s)
	}

	// The supervisor comes back with the same configuration: nothing is touched.
	c.start(2)
	c.waitOK(3)
	wait(t, c, 1)
	if got := k.programs(); len(got) != 2 || got[1]["vlan"] != "1" {
		t.Errorf("programs %v", got)
	}

	// And with another.
	c.kill()
	c.publish(5, map[string]string{"vlan": "5"})
	c.start(3)
	c.waitOK(3)
	wait(t, c, 5)
	if got := k.programs(); len(got) != 3 || got[2]["vlan"] != "5" {
		t.Errorf("programs %v", got)
	}
}

func TestOldTermIsRefused(t *testing.T) {
	c := newChassis(t, "unix")
	k := newCard(t, hostA, c.address).start()
	c.waitOK(3)
	c.kill()
	c.start(7)
	c.waitOK(3)
	c.kill()
	c.publish(6, map[string]string{"vlan": "6"})
	c.start(2)
	k.waitError("the supervisor is of term 2, and 7 was seen")
	k.kill()
	k.start() // the term is kept
	k.waitError("the supervisor is of term 2, and 7 was seen")
	for _, p := range k.programs() {
		if p["vlan"] == "6" {
			t.Errorf("program of the old supervisor applied: %v", p)
		}
	}
}

func TestKillMidProgram(t *testing.T) {
	c := newChassis(t, "unix")
	k := newCard(t, hostA, c.address)
	k.hold = make(chan struct{})
	k.start()
	eventually(t, "program sent", func() bool { return c.module(3).Desired == 1 })
	c.kill()
	c.publish(2, map[string]string{"vlan": "2"})
	c.start(1)
	if c.manager.WaitApplied(t.Context(), 2, 20*time.Millisecond) && c.module(3).Status == feature.ModuleOK {
		t.Error("applied while the card works on the program before")
	}
	close(k.hold)
	c.waitOK(3)
	wait(t, c, 2)
	if got := k.programs(); got[len(got)-1]["vlan"] != "2" {
		t.Errorf("programs %v", got)
	}
}

func TestSlowCardDelaysNobody(t *testing.T) {
	c := newChassis(t, "unix")
	slow, fast := newCard(t, hostA, c.address), newCard(t, hostB, c.address)
	slow.start()
	fast.start()
	c.waitOK(3)
	c.waitOK(4)
	hold := make(chan struct{})
	slow.mu.Lock()
	slow.hold = hold
	slow.mu.Unlock()
	for g := uint64(2); g < 100; g++ {
		c.publish(g, map[string]string{"vlan": strings.Repeat("x", int(g))})
	}
	fastSlot := c.Slot(hostB)
	eventually(t, "fast card has the last program", func() bool { return c.module(fastSlot).Applied == 99 })
	if c.manager.WaitApplied(t.Context(), 99, time.Millisecond) {
		t.Error("WaitApplied did not notice the slow card")
	}
	close(hold)
	wait(t, c, 99)
	if n := len(slow.programs()); n > 5 {
		t.Errorf("the slow card worked through %d programs", n)
	}
}

func TestRefusedProgram(t *testing.T) {
	c := newChassis(t, "unix")
	k := newCard(t, hostA, c.address)
	k.refuse = errors.New("no such thing")
	k.start()
	eventually(t, "complaint", func() bool {
		return c.said("%VEM_MGR-2-VEM_MGR_PROGRAM_REFUSED: Module 3 refuses its program: no such thing")
	})
	wait(t, c, 1) // an answer is an answer
	if m := c.module(3); m.Status != feature.ModulePoweredUp || m.Applied != 0 {
		t.Errorf("module %+v", m)
	}
	k.mu.Lock()
	k.refuse = nil
	k.mu.Unlock()
	c.publish(2, map[string]string{"vlan": "2"})
	c.waitOK(3)
}

func TestAdmission(t *testing.T) {
	for _, tc := range []struct {
		name    string
		chassis func(c *chassis)
		card    func(k *card)
		want    string // what the card is told
		event   string
	}{
		{"wrong domain", nil, func(k *card) { k.cfg.Domain = 5 },
			"wrong domain: the card is of domain 5, this chassis of domain 100", "refused: wrong domain"},
		{"no domain", func(c *chassis) { c.settings.Domain = 0 }, nil,
			"wrong domain: the card is of domain 100, this chassis has none", "refused: wrong domain"},
		{"auto-slot off", func(c *chassis) { c.settings.AutoSlot = false }, nil,
			"host " + hostA + " is bound to no slot (vem N, host id " + hostA + ") and vem auto-slot is off", "auto-slot is off"},
		{"slot taken", func(c *chassis) { c.bound[4] = hostB }, func(k *card) { k.cfg.Slot = 4 },
			"slot 4 is taken by host " + hostB, "slot 4 is taken"},
		{"slot of a supervisor", nil, func(k *card) { k.cfg.Slot = 2 }, "slot 2 is none of a line card", "slot 2 is none"},
		{"token wanted", func(c *chassis) { c.settings.Admission = pki.AdmitCertificate }, nil,
			"this chassis enrols by token only", "by token only"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := newChassis(t, "unix")
			k := newCard(t, hostA, c.address)
			if tc.chassis != nil {
				c.mu.Lock()
				tc.chassis(c)
				c.mu.Unlock()
			}
			if tc.card != nil {
				tc.card(k)
			}
			k.start()
			k.waitError(tc.want)
			eventually(t, "event", func() bool { return c.said(tc.event) })
			if m := c.manager.Snapshot(); len(m) != 0 {
				t.Errorf("modules %+v", m)
			}
		})
	}
}

func TestSlots(t *testing.T) {
	c := newChassis(t, "unix")
	c.bound[3], c.bound[5] = "7f0f7c0e-3b7a-4a55-9d55-2d6f0c1b9a10", hostB
	newCard(t, hostB, c.address).start() // bound before
	c.waitOK(5)
	k := newCard(t, hostA, c.address)
	k.cfg.Slot = 9
	k.start()
	c.waitOK(9)
	k.kill()
	k.cfg.Slot = 0
	k.start() // keeps its slot
	eventually(t, "attached again", func() bool { return c.module(9).Insertions == 2 })

	// Configuration binds the slot to another host.
	c.mu.Lock()
	c.bound[9] = ""
	c.bound[12] = hostA
	c.mu.Unlock()
	c.manager.Converge()
	c.waitOK(12)
	if !c.said("slot 9 is not bound to this host any more") || c.module(9).Status != feature.ModuleAbsent {
		t.Errorf("module 9 %+v", c.module(9))
	}
}

func TestDuplicateHost(t *testing.T) {
	c := newChassis(t, "tcp")
	c.settings.Admission = pki.AdmitOpen
	first := newCard(t, hostA, c.address).start()
	c.waitOK(3)
	second := newCard(t, hostA, c.address).start()
	second.waitError("host " + hostA + " is attached already, as module 3 from 127.0.0.1")
	eventually(t, "event", func() bool { return c.said("%VEM_MGR-2-VEM_MGR_REMOVE_STATE_CONFLICT: Host " + hostA) })
	if first.agent.Status().Headless {
		t.Error("the first card lost its session")
	}
	first.kill()
	eventually(t, "second card attached", func() bool { return !second.agent.Status().Headless })
}

func TestTrustOnFirstUse(t *testing.T) {
	c := newChassis(t, "unix")
	k := newCard(t, hostA, c.address).start()
	c.waitOK(3)
	k.kill()
	// The host comes back reinstalled, or somebody else says it is it.
	again := newCard(t, hostA, c.address).start()
	again.waitError("host " + hostA + " is enrolled with another key")
	again.kill()
	// The operator knows that it was reinstalled.
	token, err := c.ca.NewToken(time.Hour, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	again.cfg.Token = token.String()
	again.start()
	eventually(t, "attached with a token", func() bool { return !again.agent.Status().Headless })
	again.kill()
	// What the old one has is worth nothing now.
	k.start().waitError("this certificate was replaced")
	k.kill()
	// The used token may stay where it is.
	again.start()
	eventually(t, "attached again", func() bool { return !again.agent.Status().Headless })
}

func TestToken(t *testing.T) {
	c := newChassis(t, "tcp")
	c.settings.Admission = pki.AdmitCertificate
	token, err := c.ca.NewToken(time.Hour, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	k := newCard(t, hostA, c.address)
	k.cfg.Token = token.String()
	k.start()
	c.waitOK(3)
	other := newCard(t, hostB, c.address)
	other.cfg.Token = token.String()
	other.start().waitError("the token was used by another card")
}

func TestOtherChassis(t *testing.T) {
	one, two := newChassis(t, "tcp"), newChassis(t, "tcp")
	k := newCard(t, hostA, one.address).start()
	one.waitOK(3)
	k.kill()

	// The card is led to another supervisor.
	k.cfg.Supervisors = []string{two.address}
	k.start()
	k.waitError("certificate is of another chassis, " + two.ca.Chassis() + "; this is chassis " + one.ca.Chassis() + ", with which the card is enrolled")
	eventually(t, "event", func() bool {
		return two.said("Host unknown at 127.0.0.1 refused: it does not accept this supervisor, chassis " + two.ca.Chassis())
	})
	if len(k.programs()) != 2 {
		t.Errorf("the card does not run its last program: %v", k.programs())
	}
	k.kill()

	// A token of the other chassis moves it, though that counts terms anew.
	token, err := two.ca.NewToken(time.Hour, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	one.kill()
	k.cfg.Token = token.String()
	k.start()
	two.waitOK(3)
	k.kill()

	// A token of the first leads it back, and not to the second.
	if token, err = one.ca.NewToken(time.Hour, time.Now()); err != nil {
		t.Fatal(err)
	}
	k.cfg.Token = token.String()
	k.start().waitError("the supervisor is of chassis " + two.ca.Chassis() + ", the token of another")
}

func TestDamagedState(t *testing.T) {
	c := newChassis(t, "unix")
	k := newCard(t, hostA, c.address).start()
	c.waitOK(3)
	c.publish(2, map[string]string{"vlan": "2"})
	wait(t, c, 2)
	c.kill()
	k.kill()
	damage := func(name string) {
		t.Helper()
		path := filepath.Join(k.cfg.StateDir, name)
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		data[len(data)/2] ^= 0x40
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	damage("program")
	k.start()
	eventually(t, "the program before is in force", func() bool { return k.agent.Status().Generation == 1 })
	if f := k.agent.Status().Faults; len(f) != 1 || f[0] != "read program: checksum is wrong" {
		t.Errorf("faults %q", f)
	}
	c.start(1)
	c.waitOK(3)
	k.kill()

	damage("identity.pem")
	k.start().waitError("identity.pem is damaged: give the card a token")
	if s := k.agent.Status(); len(s.Faults) != 1 || s.Generation != 2 {
		t.Errorf("status %+v", s)
	}
}

func TestTimers(t *testing.T) {
	c := newChassis(t, "unix")
	k := newCard(t, hostA, c.address).start()
	c.waitOK(3)
	c.set(func(s *module.Settings) { s.Interval, s.Loss = 2*time.Millisecond, 1000 })
	eventually(t, "heartbeats both ways at the new interval", func() bool {
		m := c.module(3)
		return m.HeartbeatsIn > 50 && m.HeartbeatsOut > 50
	})
	c.set(func(s *module.Settings) { s.Domain = 7 })
	k.waitError("wrong domain")
}
