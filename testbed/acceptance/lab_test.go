package acceptance

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

func lab(t *testing.T, line string) result {
	t.Helper()
	return run(t, 60*time.Second, filepath.Join(bin, "trunkline"), "lab", "--exec", line)
}

func TestLabPing(t *testing.T) {
	r := lab(t, "show module ; host h1 ping -c 3 -i 0.2 h4 ; show mac address-table")
	if r.code != 0 {
		t.Fatalf("exit %d\n%s\n%s", r.code, r.out, r.log)
	}
	if err := contains(r.out, " 0% packet loss", "Veth1", "Veth4", "* this terminal session"); err != nil {
		t.Fatal(err)
	}
	if n := len(regexp.MustCompile(`(?m)^[34] .* Virtual Ethernet Module .* ok$`).FindAllString(r.out, -1)); n != 2 {
		t.Errorf("%d line cards ok, want 2:\n%s", n, r.out)
	}
}

func TestLabVLANChangeCutsAndRestores(t *testing.T) {
	r := lab(t, "show running-config interface vethernet 4")
	profile := regexp.MustCompile(`inherit port-profile (\S+)`).FindStringSubmatch(r.out)
	if r.code != 0 || profile == nil {
		t.Fatalf("exit %d, no port-profile on h4's port:\n%s\n%s", r.code, r.out, r.log)
	}
	change := func(vlan string) string {
		return "configure terminal ; port-profile " + profile[1] + " ; switchport access vlan " + vlan + " ; end"
	}
	vlan := regexp.MustCompile(`switchport access vlan (\d+)`).FindStringSubmatch(
		lab(t, "show running-config port-profile "+profile[1]).out)
	if vlan == nil {
		vlan = []string{"", "1"}
	}
	r = lab(t, strings.Join([]string{"host h1 ping -c 1 h4", "configure terminal ; vlan 999 ; end", change("999"),
		"show vlan brief", "host h1 ping -c 2 -W 1 h4"}, " ; "))
	if r.code != 1 || !strings.Contains(r.out, "100% packet loss") {
		t.Errorf("the change did not cut the ping: exit %d\n%s\n%s", r.code, r.out, r.log)
	}
	r = lab(t, strings.Join([]string{"configure terminal ; vlan 999 ; end", change("999"), change(vlan[1]), "host h1 ping -c 2 -W 1 h4"}, " ; "))
	if r.code != 0 || !strings.Contains(r.out, " 0% packet loss") {
		t.Errorf("changing back did not restore the ping: exit %d\n%s\n%s", r.code, r.out, r.log)
	}
}

func TestLabExitCode(t *testing.T) {
	for line, want := range map[string]int{"show module": 0, "show modul x": 1, "host h1 false": 1, "host h1 true": 0} {
		if r := lab(t, line); r.code != want {
			t.Errorf("%q: exit %d, want %d\n%s\n%s", line, r.code, want, r.out, r.log)
		}
	}
}

// TestLabAsOrdinaryUser runs the lab without any privilege.
func TestLabAsOrdinaryUser(t *testing.T) {
	var user []string // what makes root an ordinary user
	if os.Geteuid() == 0 {
		if _, err := exec.LookPath("setpriv"); err != nil {
			t.Skip("needs setpriv to become an ordinary user")
		}
		user = []string{"setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--no-new-privs"}
	}
	as := func(argv ...string) result {
		argv = append(slices.Clone(user), argv...)
		return run(t, 60*time.Second, argv[0], argv[1:]...)
	}
	if r := as("unshare", "-Ur", "true"); r.code != 0 {
		t.Skip("this machine gives ordinary users no user namespaces: " + r.log)
	}
	r := as(filepath.Join(bin, "trunkline"), "lab", "--exec", "host h1 ping -c 2 h4 ; show module 3 datapath")
	if r.code != 0 || !strings.Contains(r.out, " 0% packet loss") {
		t.Fatalf("exit %d\n%s\n%s", r.code, r.out, r.log)
	}
}

// TestLabLeavesNothing kills the lab at its start and when it is up, and looks
// for what it left.
func TestLabLeavesNothing(t *testing.T) {
	for name, after := range map[string]func(p *process) error{
		"at once": func(*process) error { return nil },
		"when up": func(p *process) error {
			b, err := os.ReadFile(p.log)
			if err != nil {
				return err
			}
			return contains(string(b), "packets transmitted", "marker-of-the-end")
		},
	} {
		t.Run(name, func(t *testing.T) {
			before := leftovers(t)
			p := start(t, filepath.Join(bin, "trunkline"), "lab", "--exec",
				"host h1 ping -c 1 h4 ; host h1 echo marker-of-the-end ; host h1 sleep 3607")
			eventually(t, 30*time.Second, "lab is up", func() error { return after(p) })
			p.kill()
			eventually(t, 10*time.Second, "nothing is left", func() error {
				for _, l := range leftovers(t) {
					if !slices.Contains(before, l) {
						return contains("", l)
					}
				}
				return nil
			})
		})
	}
}

// leftovers lists processes of the lab, named namespaces, mounts and files in
// the temporary directory.
func leftovers(t *testing.T) []string {
	t.Helper()
	var all []string
	procs, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range procs {
		b, err := os.ReadFile(f)
		line := strings.ReplaceAll(string(b), "\x00", " ")
		if err == nil && (strings.Contains(line, "trunkline lab") || strings.Contains(line, "sleep 3607")) {
			all = append(all, filepath.Dir(f)+" "+line)
		}
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	for l := range strings.Lines(string(mounts)) {
		all = append(all, "mount "+l)
	}
	for _, dir := range []string{"/run/netns", os.TempDir()} {
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			if dir == "/run/netns" || strings.HasPrefix(e.Name(), "trunkline") {
				all = append(all, filepath.Join(dir, e.Name()))
			}
		}
	}
	return all
}
