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
	"time"
)

// scalePorts is the number of ports of the contract's show bound.
const scalePorts = 10_000

// scale prints the contract's numbers of a supervisor and a line card as
// processes of their own: the first page of a show on 10,000 ports, and the
// memory of a card.
func scale(ctx context.Context, w *world, out io.Writer) error {
	state := filepath.Join(w.dir, "scale")
	if err := os.MkdirAll(state, 0o700); err != nil {
		return err
	}
	var text bytes.Buffer
	fmt.Fprintln(&text, "version 1.0(1)\nvlan 10")
	for i := range scalePorts {
		fmt.Fprintf(&text, "interface Vethernet%d\n  description port %d\n  switchport access vlan 10\n", i+1, i+1)
	}
	file, sock := filepath.Join(state, "startup.cfg"), filepath.Join(state, "vsm.sock")
	if err := os.WriteFile(file, text.Bytes(), 0o600); err != nil {
		return err
	}
	cards := "unix:" + filepath.Join(state, "cards.sock")
	vsm, err := w.start("vsm.log", nil, filepath.Join(w.bin, "vsm"), "--state-dir", filepath.Join(state, "vsm"),
		"--socket", sock, "--cards", cards, "--startup-config", file)
	if err != nil {
		return err
	}
	defer vsm.stop()
	vsh := filepath.Join(w.bin, "vsh")
	if err := waitFor(ctx, 30*time.Second, func() error { _, err := sh(ctx, vsh, "--socket", sock, "-c", "show clock"); return err }); err != nil {
		return fmt.Errorf("supervisor does not answer: %w", err)
	}
	var first []time.Duration
	for range 9 {
		d, err := firstByte(ctx, vsh, "--socket", sock, "-c", "show interface brief")
		if err != nil {
			return err
		}
		first = append(first, d)
	}
	slices.Sort(first)
	vem, err := w.start("vem.log", nil, filepath.Join(w.bin, "vem"), "--vsm", cards, "--config", "", "--slot", "3",
		"--host-uuid", "00000000-0000-4000-8000-000000000003",
		"--state-dir", filepath.Join(state, "vem"), "--vem-socket", filepath.Join(state, "vem.sock"))
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
	fmt.Fprintf(out, "%-46s %7d ms %10s\n", "show interface brief, 10,000 ports: first output", first[len(first)/2].Milliseconds(), "<= 50 ms")
	fmt.Fprintf(out, "%-46s %7d MB %10s\n", "resident memory of a line card", rssMB(vem.cmd.Process.Pid), "<= 40 MB")
	return nil
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
