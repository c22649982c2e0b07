package acceptance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

var bin string // directory of the binaries

func TestMain(m *testing.M) {
	code, err := prepare(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "acceptance:", err)
		code = 1
	}
	os.Exit(code)
}

func prepare(m *testing.M) (int, error) {
	if bin = os.Getenv("TRUNKLINE_BIN"); bin != "" {
		return m.Run(), nil
	}
	dir, err := os.MkdirTemp("", "trunkline-bin-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { // an ordinary user runs them too
		return 1, err
	}
	bin = dir
	cmd := exec.Command("go", "build", "-o", dir+"/", "./cmd/...")
	cmd.Dir = "../.."
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return 1, fmt.Errorf("build: %w\n%s", err, out)
	}
	return m.Run(), nil
}

// result is what a finished command left.
type result struct {
	out  string // standard output
	log  string // standard error
	code int
}

// run runs a command to its end, at most limit.
func run(t *testing.T, limit time.Duration, name string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	var out, log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &log
	cmd.Cancel = func() error { return stacks(cmd.Process.Pid) }
	cmd.WaitDelay = 3 * time.Second
	err := cmd.Run()
	r := result{out: out.String(), log: log.String()}
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		r.code = exit.ExitCode()
	case err != nil:
		t.Fatalf("%s %v: %v", name, args, err)
	}
	if ctx.Err() != nil {
		t.Fatalf("%s %v: not finished after %v\n%s\n%s", name, args, limit, r.out, tail(r.log, 20000))
	}
	return r
}

// stacks has a process and its children print what they are doing and end.
func stacks(pid int) error {
	all := []int{pid}
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	for _, f := range strings.Fields(string(b)) {
		child, err := strconv.Atoi(f)
		if err == nil {
			all = append(all, child)
		}
	}
	var errs []error
	for _, p := range all[min(1, len(all)-1):] {
		errs = append(errs, syscall.Kill(p, syscall.SIGQUIT))
	}
	return errors.Join(errs...)
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: makes network namespaces by name")
	}
}

func mustIP(t *testing.T, line string) {
	t.Helper()
	if r := run(t, 10*time.Second, "ip", strings.Fields(line)...); r.code != 0 {
		t.Fatalf("ip %s: %s", line, r.log)
	}
}

// namespace makes a network namespace that goes with the test.
func namespace(t *testing.T, name string) string {
	t.Helper()
	_ = exec.Command("ip", "netns", "del", name).Run()
	mustIP(t, "netns add "+name)
	t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", name).Run() })
	mustIP(t, "-n "+name+" link set lo up")
	return name
}

// process is a running binary, ended with the test.
type process struct {
	*exec.Cmd
	log  string
	done chan struct{}
}

func start(t *testing.T, name string, args ...string) *process {
	t.Helper()
	log, err := os.CreateTemp(t.TempDir(), filepath.Base(name)+"-*.log")
	if err != nil {
		t.Fatal(err)
	}
	p := &process{Cmd: exec.Command(name, args...), log: log.Name(), done: make(chan struct{})}
	p.Stdout, p.Stderr = log, log
	if err := p.Start(); err != nil {
		t.Fatalf("start %s: %v", name, err)
	}
	_ = log.Close()
	go func() { defer close(p.done); _ = p.Wait() }()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			b, _ := os.ReadFile(p.log)
			t.Logf("%s %v:\n%s", name, args, tail(string(b), 4000))
		}
	})
	return p
}

// kill ends the process as kill -9 does and waits for it.
func (p *process) kill() {
	_ = p.Process.Kill()
	<-p.done
}

func (p *process) running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

func tail(s string, n int) string {
	if len(s) > n {
		return "…" + s[len(s)-n:]
	}
	return s
}

// eventually tries until nil or the limit.
func eventually(t *testing.T, limit time.Duration, what string, try func() error) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: not after %v: %v", what, limit, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// vsh runs a line on a supervisor.
func vsh(t *testing.T, socket, line string) result {
	t.Helper()
	return run(t, 20*time.Second, filepath.Join(bin, "vsh"), "--socket", socket, "-c", line)
}

// answers waits until the supervisor behind a socket answers.
func answers(t *testing.T, socket string, limit time.Duration) {
	t.Helper()
	eventually(t, limit, "supervisor answers", func() error {
		if r := vsh(t, socket, "show clock"); r.code != 0 {
			return errors.New(r.out + r.log)
		}
		return nil
	})
}

// contains reports which of the wanted texts are missing.
func contains(out string, want ...string) error {
	for _, w := range want {
		if !strings.Contains(out, w) {
			return fmt.Errorf("no %q in:\n%s", w, out)
		}
	}
	return nil
}
