package lab_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"trunkline/testbed/lab"
	"trunkline/testbed/netns"
	"trunkline/testbed/netns/nstest"
)

// The test binary is also a small lab of its own, so that tests can kill it:
// its hosts h1 and h4 are joined by a wire in the place of a chassis.
const mode = "TRUNKLINE_LAB_TEST"

func TestMain(m *testing.M) {
	if os.Getenv(mode) == "" {
		nstest.Main(m)
		return
	}
	inside, exit, err := lab.Enter(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "lab:", err)
		os.Exit(1)
	}
	if inside {
		if exit, err = main2(); err != nil {
			fmt.Fprintln(os.Stderr, "lab:", err)
		}
	}
	os.Exit(exit)
}

func main2() (int, error) {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	start := time.Now()
	w, err := lab.Build(ctx, lab.Default())
	if err != nil {
		return 1, err
	}
	if err := join(); err != nil {
		return 1, err
	}
	go w.Keep(ctx)
	for _, h := range []string{"h1", "h4"} {
		if err := w.Configure(ctx, h); err != nil {
			return 1, err
		}
	}
	if os.Getenv(mode) == "run" {
		return w.Run(ctx, os.Args[1], os.Args[2:], lab.Stdio{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
	}
	if err := os.WriteFile(w.Dir()+"/file", nil, 0o600); err != nil {
		return 1, err
	}
	fmt.Println("ready", time.Since(start).Milliseconds())
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		argv := strings.Fields(lines.Text())
		exit, err := w.Run(ctx, argv[0], argv[1:], lab.Stdio{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
		fmt.Println("exit", exit, err)
	}
	return 0, nil
}

func join() error {
	return netns.Wire(netns.End{NS: netns.Named("h1"), Device: "eth0"}, netns.End{NS: netns.Named("h4"), Device: "eth0"})
}

// command is the small lab as a process.
func command(t *testing.T, what string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), mode+"="+what)
	cmd.Dir = t.TempDir()
	cmd.Stderr = t.Output()
	return cmd
}

func TestExitStatus(t *testing.T) {
	nstest.Require(t)
	for name, c := range map[string]struct {
		argv []string
		want int
		out  string
	}{
		"true":       {[]string{"h1", "true"}, 0, ""},
		"status":     {[]string{"h2", "sh", "-c", "exit 7"}, 7, ""},
		"signal":     {[]string{"H3", "sh", "-c", "kill -TERM $$"}, 128 + 15, ""},
		"address":    {[]string{"h1", "echo", "H4", "h4x", "h4"}, 0, "10.0.0.4 h4x 10.0.0.4\n"},
		"names":      {[]string{"h1", "sh", "-c", "getent hosts h2"}, 0, "10.0.0.2 "},
		"interface":  {[]string{"H1", "cat", "/proc/net/dev"}, 0, "eth0:"},
		"no host":    {[]string{"h9", "true"}, 127, ""},
		"no program": {[]string{"h1", "trunkline-is-no-program"}, 127, ""},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := command(t, "run", c.argv...).Output()
			if got := exitCode(err); got != c.want {
				t.Errorf("exit %d, want %d", got, c.want)
			}
			if !strings.Contains(string(out), c.out) {
				t.Errorf("got %q, want %q in it", out, c.out)
			}
		})
	}
}

func exitCode(err error) int {
	if err == nil {
		return 0
	}
	if e, ok := err.(*exec.ExitError); ok {
		return e.ExitCode()
	}
	return -1
}

func TestPing(t *testing.T) {
	nstest.Require(t)
	out, err := command(t, "run", "h1", "ping", "-c", "3", "-i", "0.1", "H4").Output()
	if err != nil || !strings.Contains(string(out), "3 received, 0% packet loss") {
		t.Errorf("%v: %s", err, out)
	}
}

// TestOrdinaryUser is a lab of somebody who is not root.
func TestOrdinaryUser(t *testing.T) {
	nstest.Require(t)
	cmd := command(t, "run", "h1", "ping", "-c", "1", "h4")
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.Output()
	if errors.Is(err, syscall.EPERM) {
		t.Skip("tests run as an ordinary user already: there is no other one")
	}
	if err != nil || !strings.Contains(string(out), " 0% packet loss") {
		t.Errorf("%v: %s", err, out)
	}
}

// inside builds a world in the process of the tests, once per test.
func inside(t *testing.T) *lab.World {
	t.Helper()
	nstest.Require(t)
	s := lab.Default()
	s.Dir = t.TempDir()
	w, err := lab.Build(t.Context(), s)
	t.Cleanup(func() {
		if err := unix.Unmount("/etc/hosts", unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
		for _, h := range s.Hosts {
			if err := netns.Named(h.Name).Delete(); err != nil {
				t.Error(err)
			}
		}
		if err := netns.Named("").Remove(s.Uplinks[0]); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// TestKeep takes a host's interface away and brings it back.
func TestKeep(t *testing.T) {
	w := inside(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- w.Keep(ctx) }()
	for range 3 {
		if err := join(); err != nil {
			t.Fatal(err)
		}
		deadline := time.Now().Add(30 * time.Second)
		for {
			out, err := netns.Named("h4").Output(ctx, "ip", "-4", "-o", "address", "show", "dev", "eth0", "up")
			if err == nil && strings.Contains(out, "10.0.0.4/24") {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("the address did not come back: %s, %v", out, err)
			}
		}
		if err := netns.Named("h4").Remove("eth0"); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// TestConfigure waits for an interface that comes late.
func TestConfigure(t *testing.T) {
	w := inside(t)
	result := make(chan error)
	go func() { result <- w.Configure(t.Context(), "H1") }()
	select {
	case err := <-result:
		t.Fatalf("did not wait: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	if err := join(); err != nil {
		t.Fatal(err)
	}
	if err := <-result; err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := w.Configure(ctx, "h2"); err == nil || !strings.Contains(err.Error(), "eth0 of host h2 did not come up") {
		t.Errorf("got %v", err)
	}
	if err := w.Configure(ctx, "h5"); err == nil || !strings.Contains(err.Error(), "there are h1, h2, h3, h4") {
		t.Errorf("got %v", err)
	}
}

// TestCancel ends a program, and what it started, with its context.
func TestCancel(t *testing.T) {
	w := inside(t)
	ctx, cancel := context.WithCancel(t.Context())
	out := &signalWriter{seen: make(chan struct{})}
	go func() {
		<-out.seen
		cancel()
	}()
	exit, err := w.Run(ctx, "h1", []string{"sh", "-c", "trap '' INT; sleep 1000 & echo started; wait"}, lab.Stdio{Out: out})
	if exit != 128+9 || err != nil {
		t.Errorf("exit %d, %v", exit, err)
	}
}

// signalWriter tells when something was written.
type signalWriter struct{ seen chan struct{} }

func (w *signalWriter) Write(b []byte) (int, error) {
	close(w.seen)
	return len(b), nil
}

func TestResolve(t *testing.T) {
	w := inside(t)
	for name, want := range map[string]string{"h1": "10.0.0.1", "H4": "10.0.0.4", "h5": "", "": ""} {
		a, ok := w.Resolve(name)
		if ok != (want != "") || ok && a.String() != want {
			t.Errorf("%q: %v, %v", name, a, ok)
		}
	}
}
