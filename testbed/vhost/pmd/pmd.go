// Package pmd runs dpdk-testpmd, the peer that proves vhost-user on either
// side: with net_vhost devices it is a back end, with virtio_user devices it is
// the front end of an application. It needs no hugepages and no device.
package pmd

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"
)

// ErrMissing means that dpdk-testpmd is not installed.
var ErrMissing = errors.New("dpdk-testpmd is not installed")

// Options of a process.
type Options struct {
	Cores string   // --lcores; "" runs both threads where the kernel wants
	Vdevs []string // as after --vdev
	Args  []string // after --: --forward-mode=io
}

// Process is a running testpmd with its command line.
type Process struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	ended chan struct{} // closed when it has ended

	mu  sync.Mutex
	out bytes.Buffer
}

// Write keeps what the process prints.
func (p *Process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.Write(b)
}

// Output returns what it has printed so far.
func (p *Process) Output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.String()
}

// Start starts testpmd and waits for its prompt.
func Start(o Options) (*Process, error) {
	binary, err := exec.LookPath("dpdk-testpmd")
	if err != nil {
		return nil, ErrMissing
	}
	if o.Cores == "" {
		all := fmt.Sprintf("(0-%d)", runtime.NumCPU()-1)
		o.Cores = "0@" + all + ",1@" + all
	}
	args := []string{"--lcores", o.Cores, "--no-huge", "-m", "256", "--no-pci", "--no-shconf", "--no-telemetry"}
	for _, v := range o.Vdevs {
		args = append(args, "--vdev", v)
	}
	args = append(append(args, "--", "-i", "--no-mlockall", "--total-num-mbufs=4096"), o.Args...)
	// Its output would else come in pieces of 4 KiB, long after the prompt.
	args = append([]string{"-oL", binary}, args...)
	p := &Process{cmd: exec.Command("stdbuf", args...), ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p, p
	if p.stdin, err = p.cmd.StdinPipe(); err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("start dpdk-testpmd: %w", err)
	}
	go func() {
		_ = p.cmd.Wait() // what it says is in the output
		close(p.ended)
	}()
	if err := p.Expect("testpmd> ", 20*time.Second); err != nil {
		return nil, errors.Join(err, p.Stop())
	}
	return p, nil
}

// Expect waits until it has printed a text.
func (p *Process) Expect(text string, within time.Duration) error {
	for deadline := time.Now().Add(within); !strings.Contains(p.Output(), text); {
		select {
		case <-p.ended:
			return fmt.Errorf("dpdk-testpmd has ended without %q:\n%s", text, p.Output())
		case <-time.After(2 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("dpdk-testpmd does not print %q within %v:\n%s", text, within, p.Output())
		}
	}
	return nil
}

// Do types a command and returns what is printed up to the next prompt.
func (p *Process) Do(command string) (string, error) {
	before := len(p.Output())
	if _, err := io.WriteString(p.stdin, command+"\n"); err != nil {
		return "", fmt.Errorf("command %q: %w:\n%s", command, err, p.Output())
	}
	for deadline := time.Now().Add(10 * time.Second); ; {
		// The prompt is printed before the echo and after the output.
		if out := p.Output()[before:]; strings.Contains(out, "testpmd> ") {
			return out, nil
		}
		select {
		case <-p.ended:
			return "", fmt.Errorf("dpdk-testpmd has ended at %q:\n%s", command, p.Output())
		case <-time.After(2 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return "", fmt.Errorf("dpdk-testpmd does not answer %q:\n%s", command, p.Output())
		}
	}
}

// Stats are the counters of one port, from testpmd's point of view.
type Stats struct{ RxFrames, TxFrames uint64 }

var statLine = regexp.MustCompile(`(RX|TX)-packets: *(\d+)`)

// Stats reads the counters of a port.
func (p *Process) Stats(port int) (s Stats, err error) {
	out, err := p.Do(fmt.Sprintf("show port stats %d", port))
	if err != nil {
		return s, err
	}
	list := statLine.FindAllStringSubmatch(out, -1)
	if len(list) != 2 {
		return s, fmt.Errorf("no counters of port %d in:\n%s", port, out)
	}
	for i, x := range []*uint64{&s.RxFrames, &s.TxFrames} {
		if *x, err = strconv.ParseUint(list[i][2], 10, 64); err != nil {
			return s, err
		}
	}
	return s, nil
}

// Stop ends the process, gently first.
func (p *Process) Stop() error {
	_, _ = io.WriteString(p.stdin, "quit\n")
	_ = p.stdin.Close()
	select {
	case <-p.ended:
		return nil
	case <-time.After(10 * time.Second):
	}
	_ = p.cmd.Process.Kill()
	<-p.ended
	return errors.New("dpdk-testpmd had to be killed")
}
