package acceptance

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// atPrompt is how clients know that an answer has ended (cli.md §2.2).
var atPrompt = regexp.MustCompile(`[\r\n][\w.\-]{1,63}(\(config[^)]*\))?# ?$`)

// automaton is a program that drives a terminal over SSH: it types a line and
// reads up to the prompt.
type automaton struct {
	t   *testing.T
	ssh *ssh.Client
	in  io.Writer

	mu   sync.Mutex
	seen strings.Builder
}

// automaton logs in to the switch as soon as that lets it.
func (m *managed) automaton(t *testing.T) *automaton {
	t.Helper()
	a := &automaton{t: t}
	eventually(t, time.Minute, "log in", func() (err error) {
		if a.ssh, err = sshClient(t.Context(), m.station, switchAddress+":22", "admin", "admin"); err != nil {
			return err
		}
		s, err := a.ssh.NewSession()
		if err != nil {
			return errors.Join(err, a.ssh.Close())
		}
		if err := s.RequestPty("vt100", 24, 80, ssh.TerminalModes{}); err != nil {
			return errors.Join(err, a.ssh.Close())
		}
		a.in, err = s.StdinPipe()
		s.Stdout = a
		return errors.Join(err, s.Shell())
	})
	t.Cleanup(func() { _ = a.ssh.Close() })
	a.until("", func(text string) bool { return atPrompt.MatchString(text) })
	for _, line := range []string{"terminal length 0", "terminal width 511", "terminal dont-ask"} {
		a.silent(line)
	}
	return a
}

func (a *automaton) Write(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.seen.Write(p)
}

// until waits for what was printed to be enough and returns it.
func (a *automaton) until(what string, enough func(text string) bool) string {
	a.t.Helper()
	var text string
	eventually(a.t, time.Minute, "an answer to "+what, func() error {
		a.mu.Lock()
		defer a.mu.Unlock()
		if text = a.seen.String(); !enough(text) {
			return fmt.Errorf("%q", tail(text, 500))
		}
		a.seen.Reset()
		return nil
	})
	return text
}

// say types a line and returns the answer, without echo and prompt.
func (a *automaton) say(line string) string {
	a.t.Helper()
	if _, err := io.WriteString(a.in, line+"\r"); err != nil {
		a.t.Fatalf("%s: %v", line, err)
	}
	text := a.until(line, func(text string) bool {
		_, after, ok := strings.Cut(text, "\n")
		return ok && atPrompt.MatchString("\n"+after)
	})
	_, text, _ = strings.Cut(text, "\n")
	text = strings.ReplaceAll(text, "\r", "")
	return text[:strings.LastIndexByte("\n"+text, '\n')]
}

// well is say of a line that must be taken.
func (a *automaton) well(line string) string {
	a.t.Helper()
	out := a.say(line)
	if regexp.MustCompile(`(?m)^(% |ERROR|.*\(y/n\))`).MatchString(out) {
		a.t.Errorf("%s: %s", line, out)
	}
	return out
}

// silent is say of a line that prints nothing.
func (a *automaton) silent(line string) {
	a.t.Helper()
	if out := a.say(line); out != "" {
		a.t.Errorf("%s: %q", line, out)
	}
}

// paste sends a text at once, as a terminal program does, and returns what was
// printed.
func (a *automaton) paste(text string) string {
	a.t.Helper()
	if _, err := io.WriteString(a.in, strings.ReplaceAll(text, "\n", "\r")+"\rend\rshow hostname\r"); err != nil {
		a.t.Fatal(err)
	}
	return a.until("the paste", func(text string) bool {
		_, after, ok := strings.Cut(text, "show hostname")
		return ok && strings.Count(after, "\n") > 1 && atPrompt.MatchString(after)
	})
}

// configuration is what show running-config prints, without its header.
func (a *automaton) configuration() string {
	a.t.Helper()
	_, text, ok := strings.Cut(a.well("show running-config"), "\nversion ")
	if !ok {
		a.t.Fatal("no version line")
	}
	return "version " + text
}

// reload ends the session; the next one is with the switch as it comes up.
func (m *managed) reload(t *testing.T, a *automaton) *automaton {
	t.Helper()
	if _, err := io.WriteString(a.in, "reload\r"); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- a.ssh.Wait() }()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("the session outlives the reload")
	}
	return m.automaton(t)
}

// TestChecklist goes through items 1, 6 and 11 of cli.md §16 as a program that
// drives a terminal over SSH, on a switch with something of every feature.
func TestChecklist(t *testing.T) {
	needRoot(t)
	m := runManaged(t, "tlt-ck")
	a := m.automaton(t)
	empty := a.configuration()
	full, err := os.ReadFile("testdata/full.cfg")
	if err != nil {
		t.Fatal(err)
	}
	faults := regexp.MustCompile(`(?m)^.*[\r\n]*^ *\^[\r\n]*^% .*$|^ERROR.*$`)
	pasted := func(text string) {
		t.Helper()
		a.say("configure terminal")
		if bad := faults.FindAllString(a.paste(text), -1); bad != nil {
			t.Errorf("pasted: %q", bad)
		}
	}

	// 11: to a file and back, two ways, without a question.
	a.well("checkpoint file bootflash:before.cfg")
	pasted(string(full))
	want := a.configuration()
	if want == empty {
		t.Fatal("the paste changed nothing")
	}
	if out := a.well("show diff rollback-patch file bootflash:before.cfg running-config"); !strings.Contains(out, "\nhostname full-1\n") {
		t.Errorf("patch: %s", out)
	}
	a.well("checkpoint file bootflash:full.cfg")
	if out := a.well("rollback running-config file bootflash:before.cfg"); !strings.Contains(out, "Rollback completed successfully.") {
		t.Errorf("rollback: %s", out)
	}
	if got := a.configuration(); got != empty {
		t.Errorf("rolled back: %s", differs(empty, got))
	}
	if out := a.well("show diff rollback-patch file bootflash:before.cfg running-config"); strings.Contains(out, "hostname") {
		t.Errorf("patch of equals: %s", out)
	}
	if out := a.well("configure replace bootflash:full.cfg"); !strings.Contains(out, "\nConfigure replace completed successfully.") {
		t.Errorf("replace: %s", out)
	}
	if got := a.configuration(); got != want {
		t.Errorf("replaced: %s", differs(want, got))
	}

	// A binding of a workload is no operator's to roll back.
	pasted("interface vethernet 1\nowner netns full-h1 ifname eth0 module 4\n")
	want = a.configuration()

	// 6: what is saved comes back.
	if out := a.well("copy running-config startup-config"); !strings.HasSuffix(out, "\nCopy complete.\n") {
		t.Errorf("save: %q", out)
	}
	a = m.reload(t, a)
	a.silent("show running-config diff")
	if got := a.configuration(); got != want {
		t.Errorf("reloaded: %s", differs(want, got))
	}

	// 1: what it prints makes an empty one the same.
	a.well("write erase")
	a = m.reload(t, a)
	eventually(t, time.Minute, "the line card is there", func() error {
		if got := a.configuration(); got != empty {
			return errors.New(differs(empty, got))
		}
		return nil
	})
	pasted(want)
	if got := a.configuration(); got != want {
		t.Errorf("pasted: %s", differs(want, got))
	}
}

// differs tells the first line that differs.
func differs(want, got string) string {
	a, b := strings.Split(want+"\n(end)", "\n"), strings.Split(got+"\n(end)", "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("line %d is %q, want %q after %q", i+1, b[i], a[i], a[max(0, i-1)])
		}
	}
	return "nothing"
}
