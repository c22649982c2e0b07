package supervisor

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"trunkline/feature"
	"trunkline/feature/portprofile"
	"trunkline/linecard/agent"
	"trunkline/linecard/api"
)

const nicHost = "7f0f7c0e-3b7a-4a55-9d55-2d6f0c1b9a10"

// nicCard is a line card that has adopted devices.
type nicCard struct {
	*agent.Agent
	mu   sync.Mutex
	nics []api.NIC
}

func (c *nicCard) Apply(uint64, map[string][]byte) (map[string]string, error) { return nil, nil }

func (c *nicCard) Reports() map[string][]byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	data, err := json.Marshal(api.NICReport{NICs: c.nics})
	if err != nil {
		panic(err)
	}
	return map[string][]byte{api.ReportNICs: data}
}

func (c *nicCard) Query(context.Context, string, []byte) ([]byte, error) {
	return []byte("text \x1b]0;title\x07\tof a card\n"), nil
}

func (c *nicCard) has(nics ...api.NIC) {
	c.mu.Lock()
	c.nics = nics
	c.mu.Unlock()
	if c.Agent != nil {
		c.Changed()
	}
}

// attach starts a card with devices; it runs until the test ends.
func (r *running) attach(nics ...api.NIC) *nicCard {
	r.t.Helper()
	card := &nicCard{nics: nics}
	a, err := agent.New(agent.Config{
		StateDir: r.t.TempDir(), Supervisors: []string{r.cards}, UUID: nicHost, Host: "kvm-a",
		Version: "1.0", Card: card, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		r.t.Fatal(err)
	}
	card.Agent = a
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	r.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			r.t.Errorf("card: %v", err)
		}
	})
	r.eventually("the card is in service", func() bool { return r.Ready(1, 0) })
	return card
}

func nic(number int, device, profile string) api.NIC {
	return api.NIC{Number: number, Device: device, MAC: "0200.0000.0001", Profile: profile}
}

// inherits waits until an interface is there with a profile, "" for none.
func (r *running) inherits(port, profile string) {
	r.t.Helper()
	r.eventually(port+" inherits "+profile, func() bool {
		t := r.config.Running().Tree
		return t.Exists(feature.InterfacePath(port)) && feature.ProfileOf(t, port) == profile
	})
}

const profiles = "configure terminal ; port-profile type ethernet UP ; no shutdown ; state enabled ; " +
	"port-profile type ethernet OTHER ; no shutdown ; state enabled ; "

// TestUplinkLine has the interface of a device follow its host uplink line.
func TestUplinkLine(t *testing.T) {
	r := run(t)
	r.types(profiles + "interface ethernet 3/3 ; no shutdown ; vem 3 ; host uplink eth1 profile NOPE ; host uplink eth3 profile NOPE")
	card := r.attach(nic(1, "eth1", ""), nic(2, "eth2", ""), nic(3, "eth3", ""), nic(4, "eth4", "LATER"))
	// A profile that is not there leaves the device in quarantine.
	for _, port := range []string{"Ethernet3/1", "Ethernet3/3", "Ethernet3/4"} {
		r.inherits(port, portprofile.UnusedUplink)
	}
	r.inherits("Ethernet3/2", "") // named by nothing: an edge port
	r.types("configure terminal ; port-profile type ethernet LATER ; state enabled")
	r.inherits("Ethernet3/4", "LATER")

	r.types("configure terminal ; vem 3 ; host uplink eth1 profile UP ; host uplink eth2 profile UP")
	r.inherits("Ethernet3/1", "UP")
	r.inherits("Ethernet3/2", "UP")
	r.types("configure terminal ; vem 3 ; host uplink eth1 profile OTHER")
	r.inherits("Ethernet3/1", "OTHER")

	// The line goes, and with it the profile; one of the operator stays.
	r.types("configure terminal ; vem 3 ; no host uplink eth1")
	r.inherits("Ethernet3/1", "")
	card.has(nic(2, "eth2", ""), nic(3, "eth3", ""))
	r.types("configure terminal ; interface ethernet 3/1 ; inherit port-profile UP ; vem 3 ; no host uplink eth2")
	r.inherits("Ethernet3/2", "")
	r.inherits("Ethernet3/1", "UP")

	generation := r.config.Running().Generation
	for _, n := range []int{3, 5, 3, 5} { // a card that cannot make up its mind
		card.has(nic(2, "eth2", ""), nic(n, "eth9", ""))
		r.eventually("it is heard", func() bool {
			all := r.state.NICs(3)
			return len(all) == 2 && all[1].Number == n
		})
	}
	r.inherits("Ethernet3/5", "")
	if n := r.config.Running().Generation - generation; n > 2 { // Ethernet3/5, and what 3/3 had lost
		t.Errorf("%d commits for one new device", n)
	}
}

// TestRefusedDevice has one device that cannot be as it asks.
func TestRefusedDevice(t *testing.T) {
	log := &journal{}
	r := runLogging(t, slog.New(slog.NewTextHandler(log, nil)))
	r.types(profiles + "port-profile type ethernet UP ; max-ports 1 ; vem 3 ; host uplink eth1 profile UP ; host uplink eth2 profile UP")
	card := r.attach(nic(1, "eth1", ""), nic(2, "eth2", ""), nic(3, "eth3", ""))
	r.inherits("Ethernet3/3", "")
	r.inherits("Ethernet3/1", "UP")
	r.inherits("Ethernet3/2", portprofile.UnusedUplink)
	for range 3 { // more turns
		card.has(nic(1, "eth1", ""), nic(2, "eth2", ""))
		r.eventually("it is heard", func() bool { return len(r.state.NICs(3)) == 2 })
		card.has(nic(1, "eth1", ""), nic(2, "eth2", ""), nic(3, "eth3", ""))
		r.eventually("it is heard", func() bool { return len(r.state.NICs(3)) == 3 })
	}
	if n := log.count("interface=Ethernet3/2"); n != 1 {
		t.Errorf("said %d times:\n%s", n, log)
	}
	r.types("configure terminal ; port-profile type ethernet UP ; max-ports 2")
	r.inherits("Ethernet3/2", "UP")
}

// TestClearCertificate takes away the key of a card that is attached, and looks
// at what else a card may not do.
func TestClearCertificate(t *testing.T) {
	r := run(t)
	card := r.attach(nic(1, "eth1", ""))
	if out := r.types("module vem 3 execute show version"); out != "text .]0;title.\tof a card\n" {
		t.Errorf("what a card says is shown as %q", out)
	}
	var out bytes.Buffer
	r.types("configure terminal")
	if r.operator.Run(t.Context(), "no vem 3", console{&out}); !strings.Contains(out.String(), "ERROR: Module 3 is online") {
		t.Errorf("no vem: %q", &out)
	}
	if out := r.types("clear module 3 certificate"); out != "" {
		t.Errorf("clear: %q", out)
	}
	r.eventually("the session ends", func() bool { return card.Status().Headless && r.Modules()[0].Status == feature.ModuleAbsent })
	r.eventually("it is refused", func() bool {
		return strings.Contains(card.Status().Error, "was cleared") && strings.Contains(r.types("show module vem certificate"), "Refused: the key of host")
	})
	if m := r.Modules()[0]; m.Insertions != 1 {
		t.Errorf("it came back: %+v", m)
	}
}

// journal is a log.
type journal struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *journal) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *journal) count(what string) int { return strings.Count(l.String(), what) }

func (l *journal) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// TestTurnSurvivesPanic has a turn of the inventory fail by a bug.
func TestTurnSurvivesPanic(t *testing.T) {
	var none *Supervisor
	if err := none.takeInventory(t.Context(), &inventory{}); err == nil || !strings.Contains(err.Error(), "panic") {
		t.Errorf("got %v", err)
	}
}
