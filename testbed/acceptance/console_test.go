package acceptance

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// TestConsoleMessages has the appliance on a terminal: messages come between the
// prompt and what is typed there, which is kept, and to a terminal where nobody
// is logged in; the level is the configured one.
func TestConsoleMessages(t *testing.T) {
	needRoot(t)
	ns, socket := namespace(t, "tlt-c"), filepath.Join(t.TempDir(), "vsm.sock")
	screen := onTerminal(t, exec.Command("ip", "netns", "exec", ns, filepath.Join(bin, "trunkline"), "run",
		"--state-dir", filepath.Join(t.TempDir(), "state"), "--socket", socket))
	change := func(line string) {
		t.Helper()
		if r := vsh(t, socket, "configure terminal ; "+line); r.code != 0 {
			t.Fatalf("%s: exit %d\n%s\n%s", line, r.code, r.out, r.log)
		}
	}
	press := func(keys string) {
		t.Helper()
		if _, err := fmt.Fprint(screen.file, keys); err != nil {
			t.Fatal(err)
		}
	}
	const configured = "%VSHD-5-VSHD_SYSLOG_CONFIG_I: Configured from console0 by admin"
	message := regexp.QuoteMeta(configured)
	screen.expect(`basic configuration dialogue \(yes/no\) \[n\]:`)
	press("\r")
	screen.expect(`%VEM_MGR-2-MOD_ONLINE: Module 3 is online`) // the default is critical
	screen.expect(`^switch# ?`)
	change("logging console 5 ; vlan 20")
	screen.expect(message)
	screen.expect(`switch# ?`)
	press("show cl")
	screen.expect(`show cl`)
	change("vlan 30")
	screen.expect(message)
	screen.expect(`switch# show cl`) // drawn again
	press("ock\r")
	screen.expect(`^\d\d:\d\d:\d\d`)
	press("exit\r")
	screen.expect(`^Logged out`)
	change("vlan 40")
	screen.expect(message)
	press("\r")
	screen.expect(`switch# ?`)
	screen.output = ""
	change("logging console 2 ; vlan 50") // no longer shown
	press("show clock\r")
	screen.expect(`^\d\d:\d\d:\d\d`)
	if err := contains(screen.output, configured); err == nil {
		t.Errorf("a message below the level is shown:\n%s", screen.output)
	}
}
