package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// scalePorts is the number of ports of the contract's show bound.
const scalePorts = 10_000

// The MAC table that is shown has scalePerPort addresses on each of scaleTAPs,
// which are in VLANs of their own.
const (
	scaleTAPs    = 25
	scalePerPort = 4_000
)

func scaleTAP(i int) string { return fmt.Sprintf("tlbm%d", i) }

// scale prints the contract's numbers of a supervisor and a line card as
// processes of their own: the first output of a show on 10,000 ports and on
// 100,000 addresses, the memory of a card, and how long a configuration takes that
// is pasted or replaced.
func scale(ctx context.Context, w *world, out io.Writer) error {
	w.removeHosts() // of a run that was cut off
	if err := w.makeHosts(ctx); err != nil {
		return err
	}
	defer w.removeHosts()
	var text bytes.Buffer
	fmt.Fprintln(&text, "version 1.0(1)\nvlan 10-99\nmac address-table limit 200000")
	for i := range scalePorts {
		fmt.Fprintf(&text, "interface Vethernet%d\n  description port %d\n  switchport access vlan 10\n", i+1, i+1)
	}
	for i := range scaleTAPs {
		fmt.Fprintf(&text, "interface Vethernet%d\n  switchport access vlan %d\n  owner tap %s module 3\n", scalePorts+1+i, 10+i, scaleTAP(i))
	}
	state := filepath.Join(w.dir, "scale")
	sock, cards := filepath.Join(state, "vsm.sock"), "unix:"+filepath.Join(state, "cards.sock")
	vsh := filepath.Join(w.bin, "vsh")
	vsm, err := w.supervisor(ctx, state, text.Bytes())
	if err != nil {
		return err
	}
	defer vsm.stop()
	ports, err := typical(ctx, vsh, sock, "show interface brief")
	if err != nil {
		return err
	}
	program := filepath.Join(w.bin, "vem")
	vem, err := w.start("vem.log", nil, "ip", in(hostB, program, "--vsm", cards, "--config", "", "--slot", "3",
		"--host-uuid", "00000000-0000-4000-8000-000000000003", "--state-dir", filepath.Join(state, "vem"), "--vem-socket", filepath.Join(state, "vem.sock"))[1:]...)
	if err != nil {
		return err
	}
	defer vem.stop()
	if err := waitFor(ctx, 10*time.Second, func() error {
		s, err := sh(ctx, vsh, "--socket", sock, "-c", "show module vem mapping | include connected")
		if err == nil && s == "" {
			err = fmt.Errorf("the card is not connected")
		}
		return err
	}); err != nil {
		return err
	}
	memory := rssMB(vem.cmd.Process.Pid)
	if err := w.learn(ctx, vsh, sock); err != nil {
		return err
	}
	addresses, err := typical(ctx, vsh, sock, "show mac address-table")
	if err != nil {
		return err
	}
	vem.stop()
	pasted, _, err := bulk(ctx, vsh, sock)
	if err != nil {
		return err
	}
	vsm.stop()
	state = filepath.Join(w.dir, "bulk")
	empty, err := w.supervisor(ctx, state, []byte("version 1.0(1)\n"))
	if err != nil {
		return err
	}
	defer empty.stop()
	alone, replaced, err := bulk(ctx, vsh, filepath.Join(state, "vsm.sock"))
	if err != nil {
		return err
	}
	for _, l := range []struct {
		what  string
		took  time.Duration
		bound string
	}{
		{"show interface brief, 10,000 ports: first output", ports, "<= 50 ms"},
		{"show mac address-table, 100,000: first output", addresses, "<= 50 ms"},
		{"5,000 lines pasted over SSH", alone, "<= 5 s"},
		{"the same beside 10,000 ports", pasted, "<= 5 s"},
		{"5,000 lines by configure replace", replaced, "<= 2 s"},
	} {
		fmt.Fprintf(out, "%-48s %7d ms %10s\n", l.what, l.took.Milliseconds(), l.bound)
	}
	fmt.Fprintf(out, "%-48s %7d MB %10s\n", "resident memory of a line card", memory, "<= 40 MB")
	return nil
}

// supervisor starts one with a startup configuration and waits until it answers.
func (w *world) supervisor(ctx context.Context, state string, config []byte) (*daemon, error) {
	if err := os.MkdirAll(state, 0o700); err != nil {
		return nil, err
	}
	file, secret, sock := filepath.Join(state, "startup.cfg"), filepath.Join(state, "password"), filepath.Join(state, "vsm.sock")
	for name, b := range map[string][]byte{file: config, secret: []byte(scalePassword + "\n")} {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			return nil, err
		}
	}
	vsm, err := w.start("vsm.log", nil, filepath.Join(w.bin, "vsm"), "--state-dir", filepath.Join(state, "vsm"), "--socket", sock,
		"--cards", "unix:"+filepath.Join(state, "cards.sock"), "--startup-config", file, "--ssh", scaleSSH, "--admin-password-file", secret)
	if err != nil {
		return nil, err
	}
	if err := waitFor(ctx, 30*time.Second, func() error {
		_, err := sh(ctx, filepath.Join(w.bin, "vsh"), "--socket", sock, "-c", "show clock")
		return err
	}); err != nil {
		vsm.stop()
		return nil, fmt.Errorf("supervisor does not answer: %w", err)
	}
	return vsm, nil
}

// typical returns the median time to the first output of a command.
func typical(ctx context.Context, vsh, sock, command string) (time.Duration, error) {
	var first []time.Duration
	for range 9 {
		d, err := firstByte(ctx, vsh, "--socket", sock, "-c", command)
		if err != nil {
			return 0, err
		}
		first = append(first, d)
	}
	slices.Sort(first)
	return first[len(first)/2], nil
}

// learn has the card learn the addresses: frames from all of them come in at its
// TAPs until its table has them.
func (w *world) learn(ctx context.Context, vsh, sock string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return waitFor(ctx, time.Minute, func() error {
		for i := range scaleTAPs {
			flood := in(hostB, self, "-flood", scaleTAP(i), "-flows", fmt.Sprint(scalePerPort), "-rate", "100000", "-for", "0.2s")
			if _, err := sh(ctx, "ip", "-n", hostB, "link", "set", scaleTAP(i), "up"); err != nil {
				return err
			}
			if _, err := sh(ctx, "ip", flood[1:]...); err != nil {
				return err
			}
		}
		s, err := sh(ctx, vsh, "--socket", sock, "-c", "show mac address-table count")
		if err != nil {
			return err
		}
		_, s, _ = strings.Cut(s, "Dynamic Address Count:")
		var n int
		if _, err := fmt.Sscan(s, &n); err != nil || n < scaleTAPs*scalePerPort {
			return fmt.Errorf("addresses are missing: %d", n)
		}
		return nil
	})
}

// firstByte returns the time from the start of a command to its first output.
func firstByte(ctx context.Context, name string, args ...string) (time.Duration, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	if _, err := pipe.Read(make([]byte, 1)); err != nil {
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	took := time.Since(began)
	if _, err := io.Copy(io.Discard, pipe); err != nil {
		return 0, err
	}
	return took, cmd.Wait()
}
