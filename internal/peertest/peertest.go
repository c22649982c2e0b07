// Package peertest runs the real programs that tests talk to.
package peertest

import (
	"bytes"
	"os/exec"
	"sync"
	"syscall"
	"testing"
)

// Start runs a program until the test ends. What it prints is in the test's log
// if that fails. Without the program the test is skipped.
func Start(t testing.TB, name string, args ...string) *Peer {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("no %s: %v", name, err)
	}
	p := &Peer{ended: make(chan struct{})}
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = p, p
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.err = cmd.Wait(); close(p.ended) }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		<-p.ended
		if t.Failed() {
			t.Logf("%s: %s", name, p)
		}
	})
	return p
}

// Peer is a program that runs.
type Peer struct {
	ended chan struct{}
	err   error // once it has ended

	mu  sync.Mutex
	out bytes.Buffer
}

// Alive fails the test if the program has ended.
func (p *Peer) Alive(t testing.TB) {
	t.Helper()
	select {
	case <-p.ended:
		t.Fatalf("the peer has ended: %v", p.err)
	default:
	}
}

// Write implements io.Writer for what the program prints.
func (p *Peer) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.Write(b)
}

// String is what it has printed.
func (p *Peer) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.String()
}
