package acceptance

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// alone starts a supervisor without line cards on a state directory, which
// needs no privilege. It returns when the supervisor answers or has ended.
func alone(t *testing.T, dir string, args ...string) (p *process, socket string) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "vsm.sock")
	p = start(t, filepath.Join(bin, "vsm"), append([]string{"--state-dir", dir, "--socket", socket, "--cards", ""}, args...)...)
	eventually(t, 10*time.Second, "the supervisor answers or ends", func() error {
		if !p.running() {
			return nil
		}
		if r := run(t, 20*time.Second, filepath.Join(bin, "vsh"), "--socket", socket, "-c", "show clock"); r.code != 0 {
			return fmt.Errorf("%s %s", r.out, r.log)
		}
		return nil
	})
	return p, socket
}

// said returns what a process wrote to its standard error.
func said(t *testing.T, p *process) string {
	t.Helper()
	b, err := os.ReadFile(p.log)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// panicked tells the trace of a crash from a message.
func panicked(log string) bool {
	return strings.Contains(log, "goroutine ") || strings.Contains(log, "panic:") || strings.Contains(log, "fatal error")
}

const startupFile = `version 1.0(1)
hostname leaf7
vlan 1,10,20
vlan 10
  name blue
port-profile type ethernet UP
  switchport mode trunk
  switchport trunk allowed vlan 10,20
  no shutdown
  state enabled
interface Ethernet3/1
  inherit port-profile UP
  description to rack 4
interface Vethernet1
  owner netns h1 ifname eth0 module 3
mac address-table aging-time 600
`

// TestBadStartupFile boots from startup-config files that are not what they
// should be: the good lines are in force and each bad one is named.
func TestBadStartupFile(t *testing.T) {
	for name, c := range map[string]struct{ text, good, log string }{
		"cut in a line":     {startupFile[:strings.Index(startupFile, "cription to")], "hostname leaf7", "line 13: Syntax error while parsing 'des'"},
		"cut after a line":  {startupFile[:strings.Index(startupFile, "  state")], "switchport trunk allowed vlan 10,20", ""},
		"empty":             {"", "vlan 1", ""},
		"binary":            {startupFile + "\x00\xff\xfe\x01 \x7f\n\x89PNG\r\n" + startupFile[15:30], "hostname leaf7", `line 17: Syntax error`},
		"not configuration": {strings.Repeat("#!/bin/sh\necho hello\n", 5000), "vlan 1", "4980 more lines cannot be used"},
		"missing object":    {"interface vethernet 1\n  inherit port-profile NONE\nhostname x\n", "hostname x", "ERROR: Port-profile NONE does not exist."},
		"wrong mode":        {"switchport access vlan 5\nhostname x\n", "hostname x", "line 1: Syntax error while parsing 'switchport access vlan 5'"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "startup.cfg")
			if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			p, socket := alone(t, t.TempDir(), "--startup-config", file)
			if !p.running() {
				t.Fatal("the supervisor has ended")
			}
			if err := contains(vsh(t, socket, "show running-config").out, c.good); err != nil {
				t.Error(err)
			}
			log := said(t, p)
			if !strings.Contains(log, c.log) || panicked(log) || len(log) > 20_000 || c.log == "" && strings.Contains(log, "level=ERROR") {
				t.Errorf("log, want %q:\n%s", c.log, tail(log, 3000))
			}
			if now, err := os.ReadFile(file); err != nil || string(now) != c.text {
				t.Errorf("the file has changed: %v", err)
			}
		})
	}
	for name, file := range map[string]string{"absent": filepath.Join(t.TempDir(), "none"), "a directory": t.TempDir()} {
		p, _ := alone(t, t.TempDir(), "--startup-config", file)
		if log := said(t, p); p.running() || p.ProcessState.ExitCode() != 1 || !strings.Contains(log, file) || panicked(log) {
			t.Errorf("a file that is %s: running %v: %s", name, p.running(), tail(log, 2000))
		}
	}
}

// digest returns checksums of the files below a directory, without the lock.
func digest(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "lock" {
			return err
		}
		b, err := os.ReadFile(path)
		all[path] = fmt.Sprintf("%x %d", sha256.Sum256(b), len(b))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestCorruptState starts a supervisor on a state directory in which a file is
// damaged. It says which and ends, leaving everything as it was; or the damage
// was where nothing is, and the configuration is whole.
func TestCorruptState(t *testing.T) {
	good := t.TempDir()
	p, socket := alone(t, good)
	for vlan := 11; vlan <= 14; vlan++ {
		if r := vsh(t, socket, fmt.Sprintf("configure terminal ; vlan %d ; name N%d", vlan, vlan)); r.code != 0 {
			t.Fatal(r.out, r.log)
		}
	}
	p.kill()
	flip := func(offset, n int) func([]byte) []byte {
		return func(b []byte) []byte {
			for i := offset; i < min(offset+n, len(b)); i++ {
				b[i] ^= 0xff
			}
			return b
		}
	}
	cut := func(n int) func([]byte) []byte {
		return func(b []byte) []byte { return b[:min(n, len(b))] }
	}
	const db, wal = "store/etcd/member/snap/db", "store/etcd/member/wal/*.wal"
	for _, c := range []struct {
		name, file string
		damage     func([]byte) []byte // nil: the file is gone
		ends       bool                // there is no way on
	}{
		{"empty database", db, cut(0), true},
		{"database of 1 page", db, cut(4096), true},
		{"database cut in a page", db, cut(17000), true},
		{"no database", db, nil, true},
		{"flipped page header", db, flip(12288, 64), false},
		{"flipped page", db, flip(12350, 700), false},
		{"flipped page 4", db, flip(16384, 64), false},
		{"first header of two", db, flip(16, 16), false},
		{"both headers", db, flip(0, 8192), true},
		{"empty log", wal, cut(0), true},
		{"log cut at an old entry", wal, cut(500), true},
		{"flipped log", wal, flip(600, 4), true},
		{"no log", wal, nil, true},
		{"key cut", "pki/ca.key", cut(100), true},
		{"certificate garbled", "pki/ca.crt", flip(200, 20), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(good)); err != nil {
				t.Fatal(err)
			}
			files, err := filepath.Glob(filepath.Join(dir, c.file))
			if err != nil || len(files) == 0 {
				t.Fatalf("no %s: %v", c.file, err)
			}
			for _, f := range files {
				b, err := os.ReadFile(f)
				if err == nil && c.damage == nil {
					err = os.Remove(f)
				} else if err == nil {
					err = os.WriteFile(f, c.damage(b), 0o600)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			before := digest(t, dir)
			p, socket := alone(t, dir)
			log := said(t, p)
			switch {
			case p.running() && c.ends:
				t.Errorf("the supervisor runs: %s", tail(log, 2000))
			case p.running():
				if err := contains(vsh(t, socket, "show running-config vlan").out, "N11", "N12", "N13", "N14"); err != nil {
					t.Error(err)
				}
			case p.ProcessState.ExitCode() != 1 || panicked(log):
				t.Errorf("exit %d: %s", p.ProcessState.ExitCode(), tail(log, 2000))
			default:
				last := log[strings.LastIndexByte(strings.TrimSpace(log), '\n')+1:]
				if !strings.HasPrefix(last, "vsm: ") || !strings.Contains(last, dir) {
					t.Errorf("it does not say what is wrong: %s", last)
				}
				after := digest(t, dir)
				maps.DeleteFunc(after, func(f, sum string) bool { return before[f] == sum })
				if strings.HasPrefix(c.file, "store/") && len(after) > 0 {
					t.Errorf("changed: %v", slices.Collect(maps.Keys(after)))
				}
			}
		})
	}
}
