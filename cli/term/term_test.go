package term

import (
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"

	"trunkline/cli/remote"
	"trunkline/cli/session/sessiontest"
	"trunkline/config"
	"trunkline/feature"
)

// operator sits at a pseudo-terminal.
type operator struct {
	t     *testing.T
	pt    *os.File
	store *config.Store

	mu    sync.Mutex
	seen  strings.Builder
	blind bool // the reader is to stop at the next output
	ended chan error

	reading *sync.WaitGroup
}

func sit(t *testing.T, rows uint16) *operator {
	t.Helper()
	pt, tty, err := pty.Open()
	if err != nil {
		t.Skipf("no pseudo-terminal: %v", err)
	}
	if err := pty.Setsize(pt, &pty.Winsize{Rows: rows, Cols: 80}); err != nil {
		t.Fatal(err)
	}
	cli, store := sessiontest.CLI(t)
	s := &remote.Server{CLI: cli, Log: slog.New(slog.DiscardHandler)}
	client, first, wait, err := s.Local(t.Context(), feature.Session{User: "admin", Role: feature.NetworkAdmin}, Hello(tty, tty))
	if err != nil {
		t.Fatal(err)
	}
	o := &operator{t: t, pt: pt, store: store, ended: make(chan error, 1)}
	go func() {
		err := Run(t.Context(), tty, tty, client, first)
		client.Close()
		wait()
		tty.Close()
		o.ended <- err
	}()
	var reading sync.WaitGroup
	reading.Go(func() {
		var b [4096]byte
		for {
			n, err := pt.Read(b[:])
			o.mu.Lock()
			o.seen.Write(b[:n])
			blind := o.blind
			o.mu.Unlock()
			if err != nil || blind {
				return
			}
		}
	})
	o.reading = &reading
	t.Cleanup(func() {
		pt.Close()
		reading.Wait()
	})
	o.expect("switch# ")
	return o
}

func (o *operator) screen() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.seen.String()
}

// expect waits until text is on the screen and forgets what came before.
func (o *operator) expect(text string) (before string) {
	o.t.Helper()
	return o.within(10*time.Second, text)
}

// within is expect with a limit of its own.
func (o *operator) within(limit time.Duration, text string) (before string) {
	o.t.Helper()
	deadline := time.Now().Add(limit)
	for time.Now().Before(deadline) {
		o.mu.Lock()
		s := o.seen.String()
		if i := strings.Index(s, text); i >= 0 {
			o.seen.Reset()
			o.seen.WriteString(s[i+len(text):])
			o.mu.Unlock()
			return s[:i]
		}
		o.mu.Unlock()
		time.Sleep(time.Millisecond) // a poll of the condition
	}
	o.t.Fatalf("no %q on the screen: %q", text, o.screen())
	return ""
}

func (o *operator) press(keys string) {
	o.t.Helper()
	if _, err := io.WriteString(o.pt, keys); err != nil {
		o.t.Fatal(err)
	}
}

func (o *operator) leave() {
	o.t.Helper()
	select {
	case err := <-o.ended:
		if err != nil {
			o.t.Errorf("session: %v", err)
		}
	case <-time.After(10 * time.Second):
		o.t.Fatalf("session goes on: %q", o.screen())
	}
}

func TestHelpKey(t *testing.T) {
	o := sit(t, 24)
	o.press("show v?")
	o.expect("  version  Software version\r\n  vlan     VLAN information\r\n")
	o.expect("switch# show v")
	o.press("l\r")
	o.expect("switch# ")
	if s := o.screen(); strings.Contains(s, "Invalid") {
		t.Errorf("? was left on the line: %q", s)
	}
	o.press("exit\r")
	o.leave()
}

func TestLiteralQuestionMark(t *testing.T) {
	o := sit(t, 24)
	o.press("conf t\rinterface veth 1\r")
	o.expect("(config-if)# ")
	o.press("description why\x16?\r")
	o.expect("why?")
	o.press("show running-config interface veth 1\r")
	o.expect("  description why?\r\n")
	o.press("\x1a")
	o.expect("switch# ")
	o.press("exit\r")
	o.leave()
}

func TestTab(t *testing.T) {
	o := sit(t, 24)
	o.press("sh\tvl\t\r")
	o.expect("VLAN\r\n")
	o.expect("switch# ")
	o.press("show v\t")
	o.expect("\nversion  vlan\r\n")
	o.expect("switch# show v")
	o.press("l\t\r")
	o.expect("VLAN\r\n")
	o.expect("switch# ")
	o.press("\x04") // on an empty line: exit
	o.leave()
}

func TestCtrlZ(t *testing.T) {
	o := sit(t, 24)
	o.press("conf t\r")
	o.expect("(config)# ")
	o.press("hostname h1\x1a")
	o.expect("h1# ")
	o.press("show version\r")
	o.expect("version 1.0(1)")
	o.expect("h1# ")
	o.press("exit\r")
	o.leave()
}

func TestCtrlC(t *testing.T) {
	o := sit(t, 24)
	o.press("show vers\x03")
	o.expect("^C")
	o.expect("switch# ")
	o.press("wait 4711\r")
	o.expect("waiting")
	o.press("\x03")
	o.expect("^C")
	o.expect("switch# ")
	o.press("exit\r")
	o.leave()
}

func TestHistoryPerMode(t *testing.T) {
	o := sit(t, 24)
	o.press("show version\r")
	o.expect("1.0(1)")
	o.expect("switch# ")
	o.press("conf t\r")
	o.expect("(config)# ")
	o.press("vlan 7\r")
	o.expect("(config-vlan)# ")
	o.press("end\r")
	o.expect("switch# ")
	o.press("\x10\x10\r") // conf t, then show version
	o.expect("version 1.0(1)")
	o.expect("switch# ")
	o.press("exit\r")
	o.leave()
}

func TestKeys(t *testing.T) {
	o := sit(t, 24)
	for _, c := range []struct{ name, keys string }{
		{"Ctrl-X deletes to the start", "garbage\x18show version"},
		{"Ctrl-U then Ctrl-Y", "show version\x15\x19"},
		{"Ctrl-A and Ctrl-K", "show version rubbish\x01\x1bf\x1bf\x0b"},
		{"Ctrl-W", "show version rubbish\x17"},
		{"Ctrl-T", "show versino\x14"},
		{"Ctrl-B Ctrl-D", "show versionx\x02\x04"},
		{"Ctrl-R redraws", "show ver\x12sion"},
		{"Ctrl-L redraws", "show ver\x0csion"},
		{"Ctrl-H", "show versionx\x08"},
		{"arrows", "show versionx\x1b[D\x1b[C\x7f"},
	} {
		o.press(c.keys + "\r")
		before := o.expect("switch# ")
		for !strings.Contains(before, "\nversion 1.0(1)") {
			if strings.Contains(before, "marker") {
				t.Errorf("%s: %q", c.name, before)
				break
			}
			before = o.expect("switch# ")
		}
	}
	o.press("exit\r")
	o.leave()
}

func TestPager(t *testing.T) {
	o := sit(t, 10)
	page := func(from, to int) {
		t.Helper()
		before := o.expect("--More--")
		if n := strings.Count(before, "line "); n != to-from+1 {
			t.Errorf("%d lines, want %d to %d: %q", n, from, to, before)
		}
	}
	o.press("show numbers 100\r")
	page(1, 9)
	o.press(" ")
	page(10, 18)
	o.press("\r")
	page(19, 19)
	o.press("h")
	o.expect("search forward")
	o.expect("--More--")
	o.press("/line 5.\r")
	o.expect("...skipping\r\nline 50\r\n")
	o.expect("--More--")
	o.press("q")
	o.expect("switch# ")
	if s := o.screen(); strings.Contains(s, "line") {
		t.Errorf("output after q: %q", s)
	}
	o.press("show numbers 100 | no-more\r")
	if before := o.expect("line 100\r\n"); strings.Contains(before, "More") {
		t.Error("no-more pages")
	}
	o.press("terminal length 0\rshow numbers 50\r")
	if before := o.expect("line 50\r\n"); strings.Contains(before, "More") {
		t.Error("length 0 pages")
	}
	if err := pty.Setsize(o.pt, &pty.Winsize{Rows: 30, Cols: 100}); err != nil {
		t.Fatal(err)
	}
	o.press("exit\r")
	o.leave()
}

func TestQuestion(t *testing.T) {
	o := sit(t, 24)
	o.press("clear counters\r")
	o.expect("Clear all? (y/n)?  [n] ")
	o.press("y\r")
	o.expect("cleared")
	o.expect("switch# ")
	o.press("clear counters\r")
	o.expect("Clear all? (y/n)?  [n] ")
	o.press("\r")
	if before := o.expect("switch# "); strings.Contains(before, "cleared") {
		t.Error("the default is yes")
	}
	o.press("exit\r")
	o.leave()
}

// A terminal that goes away ends the session.
func TestHangup(t *testing.T) {
	o := sit(t, 24)
	o.mu.Lock()
	o.blind = true
	o.mu.Unlock()
	o.press("x") // closing a file waits for who reads it
	o.reading.Wait()
	o.pt.Close()
	select {
	case <-o.ended:
	case <-time.After(10 * time.Second):
		t.Fatal("the session outlives its terminal")
	}
}

// TestSetWidth: with terminal width, a line longer than the window is echoed as
// it is typed, for programs to read.
func TestSetWidth(t *testing.T) {
	o := sit(t, 24)
	o.press("terminal width 511\r")
	o.expect("switch# ")
	long := "! " + strings.Repeat("x", 200)
	o.press(long + "\r")
	if got := o.expect("switch# "); !strings.Contains(got, long) || strings.Contains(got, "\x1b[A") {
		t.Errorf("echo %q", got)
	}
	o.press("exit\r")
	o.leave()
}
