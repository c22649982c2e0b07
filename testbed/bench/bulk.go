package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// The SSH server of the supervisor that scale measures.
const (
	scaleSSH      = "127.0.0.1:47022"
	scalePassword = "Trunk-bench-1"
)

// bulkLines is a configuration of 5,000 lines: VLANs, port-profiles and ports.
func bulkLines() []string {
	lines := []string{"configure terminal"}
	for v := range 500 {
		lines = append(lines, fmt.Sprintf("vlan %d", v+100), fmt.Sprintf("  name NET%d", v+100))
	}
	const profiles = 200
	for p := range profiles {
		lines = append(lines, fmt.Sprintf("port-profile type vethernet P%d", p), "  switchport mode access",
			fmt.Sprintf("  switchport access vlan %d", p+100), "  no shutdown", "  state enabled")
	}
	for i := scalePorts + 10; len(lines) < 5000; i++ {
		lines = append(lines, fmt.Sprintf("interface vethernet %d", i), fmt.Sprintf("  inherit port-profile P%d", i%profiles),
			fmt.Sprintf("  description port %d", i))
	}
	return lines
}

// bulk returns how long the lines take that are pasted into a terminal over SSH,
// from the first key to the prompt after the last, and how long their result
// takes to replace what was there before.
func bulk(ctx context.Context, vsh, sock string) (pasted, replaced time.Duration, err error) {
	run := func(line string) error {
		_, err := sh(ctx, vsh, "--socket", sock, "-c", line)
		return err
	}
	if err := run("copy running-config bootflash:before"); err != nil {
		return 0, 0, err
	}
	if pasted, err = paste(bulkLines()); err != nil {
		return 0, 0, fmt.Errorf("paste: %w", err)
	}
	for _, line := range []string{"copy running-config bootflash:after", "configure replace bootflash:before non-interactive"} {
		if err := run(line); err != nil {
			return 0, 0, err
		}
	}
	began := time.Now()
	err = run("configure replace bootflash:after non-interactive")
	return pasted, time.Since(began), err
}

// paste logs in, with a terminal, and writes lines without regard to prompts.
func paste(lines []string) (time.Duration, error) {
	c, err := ssh.Dial("tcp", scaleSSH, &ssh.ClientConfig{
		User: "admin", Auth: []ssh.AuthMethod{ssh.Password(scalePassword)}, HostKeyCallback: ssh.InsecureIgnoreHostKey(),
		Timeout: 10 * time.Second,
	})
	if err != nil {
		return 0, err
	}
	defer c.Close()
	s, err := c.NewSession()
	if err != nil {
		return 0, err
	}
	in, err := s.StdinPipe()
	if err != nil {
		return 0, err
	}
	out, err := s.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := s.RequestPty("xterm", 24, 80, ssh.TerminalModes{}); err != nil {
		return 0, err
	}
	if err := s.Shell(); err != nil {
		return 0, err
	}
	screen := &screen{r: out}
	if err := screen.until("# "); err != nil {
		return 0, err
	}
	const last = "hostname pasted"
	text := strings.Join(append(lines, last, "end"), "\r") + "\r"
	began := time.Now()
	wrote := make(chan error, 1)
	go func() { _, err := io.WriteString(in, text); wrote <- err }()
	if err := screen.until("pasted# "); err != nil {
		return 0, err
	}
	return time.Since(began), <-wrote
}

// screen is what a terminal prints.
type screen struct {
	r   io.Reader
	buf []byte
}

// until reads up to a text.
func (s *screen) until(text string) error {
	p := make([]byte, 32<<10)
	for {
		if i := bytes.Index(s.buf, []byte(text)); i >= 0 {
			s.buf = s.buf[i+len(text):]
			return nil
		}
		s.buf = s.buf[max(0, len(s.buf)-len(text)):]
		n, err := s.r.Read(p)
		s.buf = append(s.buf, p[:n]...)
		if err != nil {
			return fmt.Errorf("wait for %q: %w", text, err)
		}
	}
}
