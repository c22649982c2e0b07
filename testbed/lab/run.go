package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"trunkline/testbed/netns"
)

// grace is how long a program may take to end after an interrupt.
const grace = 2 * time.Second

// Stdio is where a program reads and writes. If In is a terminal, the program
// has it for itself while it runs: Ctrl-C reaches the program only.
type Stdio struct {
	In       *os.File // nil: nothing to read
	Out, Err io.Writer
}

// Run runs a program in a host and returns its exit status, 128 and the number
// of the signal that killed it, or 127 with an error when it cannot be started.
// Arguments that are the name of a host stand for its address. When ctx ends,
// the program and what it started are interrupted, and killed 2 s later.
func (w *World) Run(ctx context.Context, host string, argv []string, std Stdio) (exit int, err error) {
	h, err := w.lookup(host)
	if err != nil {
		return 127, err
	}
	if len(argv) == 0 {
		return 127, fmt.Errorf("no program to run in host %s", h.Name)
	}
	program, err := find(argv[0])
	if err != nil {
		return 127, missing(argv[0], err)
	}
	cmd := exec.Command(program, w.addresses(argv[1:])...)
	cmd.Stdout, cmd.Stderr = std.Out, std.Err
	if std.In != nil {
		cmd.Stdin = std.In
	}
	// What it leaves behind with its output open must not hold up the answer.
	cmd.WaitDelay = grace
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	restore := lend(cmd, std.In)
	defer restore()
	if err := netns.Named(h.Name).Start(cmd); err != nil {
		return 127, missing(argv[0], err)
	}
	ended, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		supervise(ctx, cmd.Process.Pid, ended)
	}()
	err = cmd.Wait()
	close(ended)
	<-stopped
	return status(cmd, err)
}

// supervise ends a process group when ctx ends.
func supervise(ctx context.Context, group int, ended <-chan struct{}) {
	select {
	case <-ended:
		return
	case <-ctx.Done():
	}
	_ = unix.Kill(-group, unix.SIGINT)
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-ended:
	case <-timer.C:
	}
	// The leader may have left others behind.
	_ = unix.Kill(-group, unix.SIGKILL)
}

func status(cmd *exec.Cmd, err error) (int, error) {
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && !errors.Is(err, exec.ErrWaitDelay) {
		return 127, fmt.Errorf("run %s: %w", cmd.Path, err)
	}
	if s, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && s.Signaled() {
		return 128 + int(s.Signal()), nil
	}
	return cmd.ProcessState.ExitCode(), nil
}

// lend gives the program the terminal, if in is one, and returns what takes it
// back. There is no job control beyond that: Ctrl-Z is ignored.
func lend(cmd *exec.Cmd, in *os.File) (restore func()) {
	if in == nil {
		return func() {}
	}
	tty := int(in.Fd())
	owner, err := unix.IoctlGetInt(tty, unix.TIOCGPGRP)
	if err != nil || owner != unix.Getpgrp() {
		return func() {}
	}
	modes, err := unix.IoctlGetTermios(tty, unix.TCGETS)
	if err != nil {
		return func() {}
	}
	cmd.SysProcAttr.Foreground, cmd.SysProcAttr.Ctty = true, tty
	signal.Ignore(unix.SIGTTOU, unix.SIGTSTP)
	return func() {
		_ = unix.IoctlSetPointerInt(tty, unix.TIOCSPGRP, owner) // the terminal may be gone
		_ = unix.IoctlSetTermios(tty, unix.TCSETSW, modes)
		signal.Reset(unix.SIGTTOU, unix.SIGTSTP)
	}
}

// addresses replaces names of hosts.
func (w *World) addresses(args []string) []string {
	out := make([]string, len(args))
	for i, a := range args {
		out[i] = a
		if addr, ok := w.Resolve(a); ok {
			out[i] = addr.String()
		}
	}
	return out
}

// find looks a program up; those for root are not on everybody's path.
func find(program string) (string, error) {
	path, err := exec.LookPath(program)
	if !errors.Is(err, exec.ErrNotFound) || strings.Contains(program, "/") {
		return path, err
	}
	for _, dir := range []string{"/usr/local/sbin", "/usr/sbin", "/sbin"} {
		if path, e := exec.LookPath(filepath.Join(dir, program)); e == nil {
			return path, nil
		}
	}
	return "", err
}

// missing says how to get a program that is not there.
func missing(program string, err error) error {
	if !errors.Is(err, exec.ErrNotFound) && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("run %s: %w", program, err)
	}
	packages := map[string]string{
		"ping": "iputils-ping", "arping": "iputils-arping", "tracepath": "iputils-tracepath", "ip": "iproute2", "ss": "iproute2",
		"iperf3": "iperf3", "tcpdump": "tcpdump", "ethtool": "ethtool", "traceroute": "traceroute", "nc": "netcat-openbsd", "curl": "curl",
	}
	if p, ok := packages[program]; ok {
		return fmt.Errorf("%s is not installed on this machine: apt-get install %s", program, p)
	}
	return fmt.Errorf("%s is not installed on this machine", program)
}
