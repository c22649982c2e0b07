package acceptance

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestFirstBoot has a new appliance on a terminal: it asks for its first
// configuration and runs with it, also when it boots again, and then asks nothing. Who
// gives it a configuration, or has no terminal, is not asked.
func TestFirstBoot(t *testing.T) {
	needRoot(t)
	ns, dir := namespace(t, "tlt-s"), t.TempDir()
	socket := filepath.Join(dir, "vsm.sock")
	command := func(state string, args ...string) *exec.Cmd {
		return exec.Command("ip", append([]string{"netns", "exec", ns, filepath.Join(bin, "trunkline"), "run",
			"--state-dir", filepath.Join(dir, state), "--socket", socket}, args...)...)
	}
	const begin, secret = `basic configuration dialogue \(yes/no\) \[n\]:`, "Cirrus-5 x"
	cmd := command("asked")
	screen := onTerminal(t, cmd)
	for _, step := range []struct{ asked, answer string }{
		{begin, "yes"},
		{`Enter the password for "admin":`, "weak"}, {`Confirm the password for "admin":`, "weak"},
		{`The password is weak`, ""},
		{`Enter the password for "admin":`, secret}, {`Confirm the password for "admin":`, secret},
		{`Enter the switch name:`, "sw1"},
		{`SSH service\? \(yes/no\) \[y\]:`, "no"},
		{`Domain id <1-4095>:`, "7"},
		{`edit the configuration\? \(yes/no\) \[n\]:`, "no"},
		{`save it\? \(yes/no\) \[y\]:`, ""},
		{`sw1# ?`, ""},
	} {
		screen.expect(step.asked)
		if step.answer != "" || strings.Contains(step.asked, "save it") {
			if _, err := fmt.Fprint(screen.file, step.answer+"\r"); err != nil {
				t.Fatal(err)
			}
		}
	}
	if strings.Contains(screen.output, secret) {
		t.Errorf("the password was shown:\n%s", screen.output)
	}
	if r := vsh(t, socket, "show startup-config"); r.code != 0 || contains(r.out,
		"hostname sw1", "no feature ssh", "  domain id 7") != nil {
		t.Errorf("exit %d\n%s\n%s", r.code, r.out, r.log)
	}
	if r := vsh(t, socket, "setup"); r.code != 1 || contains(r.out+r.log, "ERROR: There is nobody to be asked") != nil {
		t.Errorf("without a terminal: exit %d\n%s\n%s", r.code, r.out, r.log)
	}
	stop := func(cmd *exec.Cmd) {
		t.Helper()
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		if _, err := cmd.Process.Wait(); err != nil {
			t.Fatal(err)
		}
	}
	stop(cmd)

	startup := filepath.Join(dir, "startup")
	if err := os.WriteFile(startup, []byte("hostname given\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		state, prompt string
		args          []string
	}{
		{"asked", "sw1# ?", nil},
		{"given", "given# ?", []string{"--startup-config", startup}},
	} {
		cmd := command(c.state, c.args...)
		screen := onTerminal(t, cmd)
		screen.expect(c.prompt)
		if strings.Contains(screen.output, "Dialogue") {
			t.Errorf("%s: it asks\n%s", c.state, screen.output)
		}
		stop(cmd)
	}
}
