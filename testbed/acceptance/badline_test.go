package acceptance

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestWrongLinesExit runs lines that are wrong through vsh: it prints one
// sentence, exits with status 1 and leaves the configuration as it was. The
// many lines of every command are in package feature; these go all the way, and
// are those that reach line cards.
func TestWrongLinesExit(t *testing.T) {
	p, socket := alone(t, t.TempDir())
	setup := "configure terminal ; vlan 10 ; interface vethernet 1 ; port-profile WEB"
	if r := vsh(t, socket, setup); r.code != 0 {
		t.Fatal(r.out, r.log)
	}
	config := func() string {
		return regexp.MustCompile(`(?m)^!Time.*$`).ReplaceAllString(vsh(t, socket, "show running-config all").out, "")
	}
	before := config()
	for line, want := range map[string]string{
		"show cox":                       "% Invalid command at '^' marker.",
		"show interface s":               "% Ambiguous command at '^' marker.",
		"show":                           "% Incomplete command at '^' marker.",
		"vlan 20":                        "% Invalid command at '^' marker.",
		"configure terminal ; vlan 4095": "% Invalid ",
		"configure terminal ; interface vethernet 0":                               "% Invalid number, range is (1:1048575) at '^' marker.",
		"configure terminal ; interface vethernet 1 ; inherit port-profile NO":     "ERROR: Port-profile NO does not exist.",
		"configure terminal ; interface ethernet 1/1":                              "ERROR: Interface does not exist: Ethernet1/1",
		"configure terminal ; hostname " + strings.Repeat("x", 64):                 "% String exceeded max length of (63) at '^' marker.",
		"configure terminal ; mac address-table static 0200 vlan 1 drop":           "% Invalid mac address at '^' marker.",
		"show running-config | jsom":                                               "% Invalid command at '^' marker.",
		"show running-config | json":                                               "ERROR: No structured output for this command; use text.",
		"show interface vethernet 99":                                              "ERROR: Interface does not exist: Vethernet99",
		"show module 99":                                                           "ERROR: ",
		"show module 99 datapath":                                                  "ERROR: ",
		"reload module 99":                                                         "ERROR: ",
		"module vem 99 execute vemcmd show port":                                   "ERROR: ",
		"clear counters interface vethernet 99":                                    "ERROR: Interface does not exist: Vethernet99",
		"clear mac address-table dynamic interface vethernet 99":                   "ERROR: Interface does not exist: Vethernet99",
		"attach vethernet 99 netns x ifname eth0 module 300":                       "% Invalid number, range is (3:258) at '^' marker.",
		"detach vethernet 99":                                                      "ERROR: ",
		"ping 300.1.1.1":                                                           "ERROR: Invalid host 300.1.1.1",
		"copy running-config":                                                      "% Incomplete command at '^' marker.",
		strings.Repeat("x", 3000):                                                  "% String exceeded max length of (2048) at '^' marker.",
		"\x01\xff":                                                                 "% Invalid command at '^' marker.",
		"show clock ; show cox ; configure terminal ; vlan 77":                     "% Invalid command at '^' marker.",
		"configure terminal ; interface vethernet 1 ; switchport access vlan 9999": "% Invalid number, range is (1:4094) at '^' marker.",
	} {
		r := run(t, 20*time.Second, filepath.Join(bin, "vsh"), "--socket", socket, "-c", line)
		last := r.out[strings.LastIndexByte(strings.TrimSuffix(r.out, "\n"), '\n')+1:]
		if r.code != 1 || !strings.HasPrefix(last, want) || r.log != "" {
			t.Errorf("%.80q: exit %d, %q, want %q; %s", line, r.code, last, want, r.log)
		}
	}
	if after := config(); after != before {
		t.Errorf("the configuration has changed:\n%s\nto\n%s", before, after)
	}
	if log := said(t, p); !p.running() || panicked(log) {
		t.Errorf("the supervisor: %s", tail(log, 3000))
	}
}

// TestWrongFlags starts the binaries wrongly: each says why in one line and
// exits.
func TestWrongFlags(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("\x00nonsense here\nswitch-domain many\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	none := filepath.Join(dir, "none")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"vsm", "--nonsense"}, "nonsense"},
		{[]string{"vsm", "--log-level", "LOUD"}, "LOUD"},
		{[]string{"vsm", "extra"}, "extra"},
		{[]string{"vsm", "--state-dir", file, "--socket", none, "--cards", ""}, file},
		{[]string{"vsm", "--state-dir", dir, "--socket", filepath.Join(file, "x.sock"), "--cards", ""}, file},
		{[]string{"vsm", "--state-dir", dir, "--socket", none, "--cards", "nonsense"}, "nonsense"},
		{[]string{"vem", "--slot", "many"}, "many"},
		{[]string{"vem", "--workers", "65"}, "65"},
		{[]string{"vem", "--state-dir", dir, "--host-uuid", "nonsense", "--config", ""}, "nonsense"},
		{[]string{"vem", "--state-dir", dir, "--config", file}, file},
		{[]string{"vem", "--state-dir", dir, "--config", "", "--token-file", none}, none},
		{[]string{"vem", "--state-dir", file, "--config", "", "--host-uuid", "00000000-0000-4000-8000-000000000009"}, file},
		{[]string{"vsh", "--socket", none, "-c", "show clock"}, none},
		{[]string{"vsh", "--socket", file, "-c", "show clock"}, file},
		{[]string{"vemcmd", "--vem-socket", none, "show", "port"}, none},
		{[]string{"trunkline"}, "run"},
		{[]string{"trunkline", "nonsense"}, "nonsense"},
		{[]string{"trunkline", "run", "--workers", "0"}, "workers"},
		{[]string{"trunkline", "lab", "--nonsense"}, "nonsense"},
	} {
		r := run(t, 20*time.Second, filepath.Join(bin, c.args[0]), c.args[1:]...)
		if r.code == 0 || !strings.Contains(r.log, c.want) || panicked(r.log) {
			t.Errorf("%q: exit %d, want %q in: %s", c.args, r.code, c.want, tail(r.log, 1500))
		}
	}
}
