package acceptance

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestEnrolment has a chassis that admits by certificate only: a card without a
// token is refused and says so to the operator, one with a token is admitted,
// the token is good once, and a host that was installed anew needs another one,
// or, where first use is trusted, that its old key is forgotten.
func TestEnrolment(t *testing.T) {
	needRoot(t)
	c := &chassis{t: t, ns: namespace(t, "tlt-e"), dir: t.TempDir()}
	c.socket = filepath.Join(c.dir, "vsm.sock")
	vsm := filepath.Join(bin, "vsm")
	state := filepath.Join(c.dir, "vsm")
	if r := run(t, 10*time.Second, vsm, "token", "--state-dir", state); r.code != 1 || !strings.Contains(r.log, "start the supervisor once") {
		t.Errorf("a token without a chassis: exit %d, %q %q", r.code, r.out, r.log)
	}
	c.startVSM()
	answers(t, c.socket, 10*time.Second)
	configure := func(lines string) {
		t.Helper()
		if r := vsh(t, c.socket, "configure terminal ; "+lines); r.code != 0 {
			t.Fatalf("%s: %s %s", lines, r.out, r.log)
		}
	}
	token := func(name string) string {
		t.Helper()
		r := run(t, 10*time.Second, vsm, "token", "--state-dir", state, "--lifetime", "10m")
		if r.code != 0 {
			t.Fatalf("vsm token: %s", r.log)
		}
		file := filepath.Join(c.dir, name)
		if err := os.WriteFile(file, []byte(r.out), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	card := func(slot int, args ...string) *process {
		n := strconv.Itoa(slot)
		return start(t, "ip", append([]string{"netns", "exec", c.ns, filepath.Join(bin, "vem"), "--vsm", cardsAddr, "--slot", n,
			"--state-dir", filepath.Join(c.dir, "vem"+n), "--vem-socket", "", "--config", "", "--host-uuid", hostUUID(slot)}, args...)...)
	}
	certificate := func(what string, want ...string) {
		t.Helper()
		eventually(t, 10*time.Second, what, func() error {
			return contains(vsh(t, c.socket, "show module vem certificate").out, want...)
		})
	}
	host := func(slot int) string { return fmt.Sprintf("%-4d %s  ", slot, hostUUID(slot)) }

	configure("svs-domain ; vem admission certificate")
	p := card(3)
	certificate("a card without a token is refused", "-    "+hostUUID(3)+"  refused", "Refused: this chassis enrols by token only")
	p.kill()

	first := token("first")
	p = card(3, "--token-file", first)
	certificate("a card with a token is admitted", host(3)+"admitted", "     SHA256 ")
	other := card(4, "--token-file", first)
	certificate("the token is used", "Refused: the token was used by another card")
	other.kill()
	p.kill()
	eventually(t, 20*time.Second, "the card is gone", func() error {
		return contains(vsh(t, c.socket, "show module vem certificate").out, host(3)+"enrolled")
	})
	p = card(3) // it has its certificate
	certificate("the card comes back without the token", host(3)+"admitted")
	p.kill()

	if err := os.RemoveAll(filepath.Join(c.dir, "vem3")); err != nil {
		t.Fatal(err)
	}
	configure("svs-domain ; vem admission tofu")
	p = card(3)
	certificate("a new key is refused", host(3)+"refused", "Refused: host "+hostUUID(3)+" is enrolled with another key")
	if r := vsh(t, c.socket, "clear module 3 certificate"); r.code != 0 {
		t.Fatalf("clear module 3 certificate: %s %s", r.out, r.log)
	}
	certificate("once the old key is forgotten it is admitted", host(3)+"admitted")
	if !p.running() {
		t.Error("the card has given up")
	}
	if r := vsh(t, c.socket, "clear module 9 certificate"); r.code == 0 || !strings.Contains(r.out, "ERROR: Module does not exist: 9") {
		t.Errorf("a module that is not there: exit %d, %q", r.code, r.out)
	}
}

func hostUUID(slot int) string { return fmt.Sprintf("00000000-0000-4000-8000-00000000000%d", slot) }
