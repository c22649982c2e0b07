package acceptance

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// reloads saves the configuration, changes it, reloads, and looks for what was
// saved without what came after; then kills the supervisor, which must forget
// nothing. Restart starts it again after the kill.
func reloads(t *testing.T, socket string, p func() *process, restart func()) {
	t.Helper()
	must := func(line string) string {
		t.Helper()
		r := vsh(t, socket, line)
		if r.code != 0 {
			t.Fatalf("%s: exit %d\n%s\n%s", line, r.code, r.out, r.log)
		}
		return r.out
	}
	running := func(want, not string) {
		t.Helper()
		eventually(t, 10*time.Second, "the configuration has "+want, func() error {
			r := vsh(t, socket, "show running-config")
			if r.code != 0 {
				return errors.New(r.out + r.log)
			}
			if err := contains(r.out, want); err != nil {
				return err
			}
			if strings.Contains(r.out, not) {
				return fmt.Errorf("%q is there:\n%s", not, r.out)
			}
			return nil
		})
	}
	must("configure terminal ; hostname saved ; vlan 100 ; name KEPT")
	must("copy running-config startup-config")
	must("configure terminal ; hostname changed ; vlan 200 ; name GONE ; no vlan 100")
	if r := vsh(t, socket, "terminal dont-ask ; reload"); r.code != 0 {
		t.Fatalf("reload: exit %d\n%s\n%s", r.code, r.out, r.log)
	}
	running("hostname saved", "hostname changed")
	running("name KEPT", "name GONE")
	if !p().running() {
		t.Fatal("the process has ended")
	}
	if err := contains(must("show version"), "Reset Requested by CLI command reload"); err != nil {
		t.Error(err)
	}
	must("configure terminal ; hostname unsaved")
	p().kill()
	restart()
	answers(t, socket, 10*time.Second)
	running("hostname unsaved", "hostname saved")
	if err := contains(must("show startup-config"), "hostname saved"); err != nil {
		t.Error(err)
	}
	must("terminal dont-ask ; write erase")
	if r := vsh(t, socket, "terminal dont-ask ; reload"); r.code != 0 {
		t.Fatalf("reload: exit %d\n%s\n%s", r.code, r.out, r.log)
	}
	running("vlan 1", "hostname unsaved")
}

// TestReloadAppliance reloads the appliance, whose cards are of its process.
func TestReloadAppliance(t *testing.T) {
	needRoot(t)
	a := runAppliance(t, "tlt-u", 2)
	eventually(t, 10*time.Second, "host 1 reaches host 2", func() error { return ping(t, a.hosts[0], "10.9.0.2") })
	reloads(t, a.socket, func() *process { return a.process }, func() { a.start(t) })
	eventually(t, 10*time.Second, "host 1 reaches host 2 again", func() error { return ping(t, a.hosts[0], "10.9.0.2") })
}

var insertions = regexp.MustCompile(`(?m)^ +4 +(\d+) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+) `)

// TestReload reloads the supervisor and then one card: frames go on.
func TestReload(t *testing.T) {
	needRoot(t)
	c := runChassis(t, "tlt-v")
	reachable := func(when string) {
		t.Helper()
		eventually(t, 15*time.Second, when+" both cards are in service", func() error {
			if out := vsh(t, c.socket, "show module").out; strings.Count(out, " ok\n") != 2 {
				return errors.New(out)
			}
			return ping(t, c.hosts[0], "10.9.0.2")
		})
	}
	inserted := func() string {
		m := insertions.FindStringSubmatch(vsh(t, c.socket, "show module vem counters").out)
		if m == nil {
			return ""
		}
		return m[6]
	}
	reachable("at first")
	before := inserted()
	echo := start(t, "ip", "netns", "exec", c.hosts[0], "ping", "-i", "0.01", "-c", "100", "-W", "2", "10.9.0.2")
	if r := vsh(t, c.socket, "terminal dont-ask ; reload module 4"); r.code != 0 {
		t.Fatalf("reload module 4: %s %s", r.out, r.log)
	}
	eventually(t, 10*time.Second, "the card attaches anew", func() error {
		if now := inserted(); now == before || now == "" {
			return fmt.Errorf("inserted %s times, as before", now)
		}
		return nil
	})
	reachable("after the reload of module 4")
	<-echo.done
	out, err := os.ReadFile(echo.log)
	if err != nil {
		t.Fatal(err)
	}
	if m := pingSummary.FindStringSubmatch(string(out)); m == nil || m[1] != m[2] {
		t.Errorf("ping across the reload of a module: %q", tail(string(out), 200))
	}
	if r := vsh(t, c.socket, "terminal dont-ask ; reload module 9"); r.code == 0 {
		t.Errorf("reload of a module that is not there: %s", r.out)
	}
	vsh(t, c.socket, "copy running-config startup-config")
	if r := vsh(t, c.socket, "configure terminal ; vlan 10 ; shutdown"); r.code != 0 {
		t.Fatalf("shutdown of VLAN 10: %s %s", r.out, r.log)
	}
	eventually(t, 5*time.Second, "VLAN 10 is cut", func() error {
		if ping(t, c.hosts[0], "10.9.0.2") == nil {
			return errors.New("host 2 answers")
		}
		return nil
	})
	if r := vsh(t, c.socket, "terminal dont-ask ; reload"); r.code != 0 {
		t.Fatalf("reload: %s %s", r.out, r.log)
	}
	reachable("after the reload")
	reloads(t, c.socket, func() *process { return c.vsm }, c.startVSM)
}
