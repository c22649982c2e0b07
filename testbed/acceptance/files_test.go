package acceptance

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// managed is an appliance whose mgmt0 is joined to a station.
type managed struct {
	switchNS, station string
	dir               string // of the station
}

// Addresses of mgmt0 and of the station.
const (
	switchAddress  = "192.0.2.5"
	stationAddress = "192.0.2.1"
)

func runManaged(t *testing.T, name string) *managed {
	t.Helper()
	m := &managed{switchNS: namespace(t, name), station: namespace(t, name+"-h"), dir: t.TempDir()}
	mustIP(t, fmt.Sprintf("-n %s link add eth0 type veth peer name eth0 netns %s", m.switchNS, m.station))
	for ns, address := range map[string]string{m.switchNS: switchAddress, m.station: stationAddress} {
		mustIP(t, "-n "+ns+" link set eth0 up")
		mustIP(t, "-n "+ns+" addr add "+address+"/24 dev eth0")
	}
	mustIP(t, "-n "+m.switchNS+" link add eth1 type veth peer name eth2")
	socket := filepath.Join(t.TempDir(), "vsm.sock")
	start(t, "ip", "netns", "exec", m.switchNS, filepath.Join(bin, "trunkline"), "run", "--lab",
		"--state-dir", filepath.Join(t.TempDir(), "state"), "--socket", socket)
	answers(t, socket, 10*time.Second)
	// Both ports are in the configuration before anything is compared with it.
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		r := run(t, 5*time.Second, filepath.Join(bin, "vsh"), "--socket", socket, "-c", "show running-config interface ethernet 1/2")
		if strings.Contains(r.out, "interface Ethernet1/2") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("Ethernet1/2 is not there: %s", r.out)
		}
	}
	ask := filepath.Join(m.dir, "ask")
	if err := os.WriteFile(ask, []byte("#!/bin/sh\necho admin\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return m
}

// needs skips without a program.
func needs(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("no %s", p)
		}
	}
}

// at runs a program on the station.
func (m *managed) at(t *testing.T, name string, args ...string) result {
	t.Helper()
	return run(t, 2*time.Minute, "ip", append([]string{"netns", "exec", m.station, name}, args...)...)
}

// ssh runs a program of OpenSSH, with its options, for admin of the switch.
func (m *managed) ssh(t *testing.T, name string, args ...string) result {
	t.Helper()
	options := []string{"SSH_ASKPASS=" + filepath.Join(m.dir, "ask"), "SSH_ASKPASS_REQUIRE=force", name, "-F", "none", "-o", "UserKnownHostsFile=" + filepath.Join(m.dir, "known"), "-o", "StrictHostKeyChecking=no",
		"-o", "PubkeyAuthentication=no", "-o", "LogLevel=ERROR"}
	return m.at(t, "env", append(options, args...)...)
}

// TestCopyInAndOut is a script of plain ssh, scp and sftp: a file in, merged,
// saved, another out, and back to what was.
func TestCopyInAndOut(t *testing.T) {
	needRoot(t)
	needs(t, "ssh", "scp", "sftp")
	m := runManaged(t, "tlt-fi")
	in, out := filepath.Join(m.dir, "in.cfg"), filepath.Join(m.dir, "out.cfg")
	if err := os.WriteFile(in, []byte("vlan 432\n  name copied\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const admin = "admin@" + switchAddress
	did := func(r result) string {
		t.Helper()
		if r.code != 0 {
			t.Fatalf("status %d\n%s\n%s", r.code, r.out, r.log)
		}
		return r.out
	}
	for i, protocol := range [][]string{{"-O"}, {"-s"}} {
		name := fmt.Sprintf("in%d.cfg", i)
		did(m.ssh(t, "scp", append(protocol, in, admin+":bootflash:"+name)...))
		did(m.ssh(t, "ssh", admin, "checkpoint before"))
		if text := did(m.ssh(t, "ssh", admin, "copy bootflash:"+name+" running-config ; copy running-config startup-config")); !strings.Contains(text, "Copy complete.") {
			t.Errorf("copied: %s", text)
		}
		did(m.ssh(t, "scp", append(protocol, admin+":startup-config", out)...))
		if text, err := os.ReadFile(out); err != nil || !strings.Contains(string(text), "\nvlan 432\n  name copied\n") {
			t.Errorf("out: %v\n%s", err, text)
		}
		if text := did(m.ssh(t, "ssh", admin, "rollback running-config checkpoint before")); !strings.Contains(text, "Rollback completed successfully.") {
			t.Errorf("rolled back: %s", text)
		}
		if text := did(m.ssh(t, "ssh", admin, "no checkpoint before ; show running-config vlan")); strings.Contains(text, "copied") {
			t.Errorf("after: %s", text)
		}
	}
	batch := filepath.Join(m.dir, "batch")
	lines := strings.Join([]string{"mkdir d", "put " + in + " d/x", "get d/x " + out, "rm d/x", "rmdir d", "cd volatile:", "put " + in, "ls"}, "\n")
	if err := os.WriteFile(batch, []byte(lines+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if text := did(m.ssh(t, "sftp", "-o", "BatchMode=no", "-b", batch, admin)); !strings.Contains(text, "in.cfg") {
		t.Errorf("batch: %s", text)
	}
	a, err1 := os.ReadFile(in)
	b, err2 := os.ReadFile(out)
	if err := errors.Join(err1, err2); err != nil || string(a) != string(b) {
		t.Errorf("%v: %q, want %q", err, b, a)
	}
}

// TestOperatorsScript is a script of expect, with another machine that has a real
// SSH server: dropbear with OpenSSH's scp and SFTP server.
func TestOperatorsScript(t *testing.T) {
	needRoot(t)
	needs(t, "ssh", "expect", "dropbear", "dropbearkey", "unshare", "scp", "/usr/lib/sftp-server")
	m := runManaged(t, "tlt-ex")
	m.serveSSH(t)
	for _, scheme := range []string{"scp", "sftp"} {
		dir := filepath.Join(m.dir, scheme)
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		r := m.at(t, "expect", "testdata/operator.exp", switchAddress, filepath.Join(m.dir, "known"),
			fmt.Sprintf("%s://peer@%s%s", scheme, stationAddress, dir), peerPassword)
		if r.code != 0 {
			t.Fatalf("%s: status %d\n%s\n%s", scheme, r.code, tail(r.out, 4000), r.log)
		}
		for name, want := range map[string]string{"saved.cfg": "\nvlan 321\n  name expected\n", "vlans.txt": "expected"} {
			if text, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !strings.Contains(string(text), want) {
				t.Errorf("%s: %s: %v\n%s", scheme, name, err, text)
			}
		}
		if r := m.ssh(t, "ssh", "admin@"+switchAddress, "no checkpoint before ; clear ssh hosts"); r.code != 0 {
			t.Fatalf("%s\n%s", r.out, r.log)
		}
	}
}

// peerPassword is that of the user peer on the station, and peerHash how the
// station keeps it.
const (
	peerPassword = "Cirrus-5"
	peerHash     = "$6$trunkline$CTRUjn2Xer3I.Lqj1ipXOJ0c4CZONwb1Gx7GrjJXxhk7rex8Hk/1hMm14NVeGzHHlVrv/X/skguJ0j8bv6Hy10"
)

// serveSSH runs an SSH server on the station, which has one user: peer. Users are
// the machine's, so the server sees files of its own in their place.
func (m *managed) serveSSH(t *testing.T) {
	t.Helper()
	path := func(name string) string { return filepath.Join(m.dir, name) }
	err := errors.Join(
		os.WriteFile(path("passwd"), []byte("peer:x:0:0::"+m.dir+":/bin/sh\n"), 0o644),
		os.WriteFile(path("shadow"), []byte("peer:"+peerHash+":20000:0:99999:7:::\n"), 0o600),
	)
	if err != nil {
		t.Fatal(err)
	}
	if r := run(t, 20*time.Second, "dropbearkey", "-t", "ed25519", "-f", path("hostkey")); r.code != 0 {
		t.Fatalf("host key: %s", r.log)
	}
	script := fmt.Sprintf("mount --bind %s /etc/passwd && mount --bind %s /etc/shadow && exec dropbear -F -E -P '' -r %s -p %s:22",
		path("passwd"), path("shadow"), path("hostkey"), stationAddress)
	start(t, "ip", "netns", "exec", m.station, "unshare", "--mount", "--propagation", "private", "sh", "-c", script)
	eventually(t, 10*time.Second, "the SSH server of the station", func() error {
		if r := m.at(t, "ss", "-Hltn", "sport = :22"); r.out == "" {
			return errors.New("does not listen")
		}
		return nil
	})
}

// TestAutomationLibrary runs a script of netmiko, for which the switch is a
// cisco_nxos.
func TestAutomationLibrary(t *testing.T) {
	needRoot(t)
	// Debian's Python has Debian's netmiko; another may come first in the path.
	pythons := []string{"python3", "/usr/bin/python3"}
	i := slices.IndexFunc(pythons, func(name string) bool {
		_, err := exec.LookPath(name)
		return err == nil && run(t, time.Minute, name, "-c", "import netmiko").code == 0
	})
	if i < 0 {
		t.Skip("no Python with netmiko: install python3-netmiko")
	}
	m := runManaged(t, "tlt-nm")
	if r := m.at(t, pythons[i], "testdata/automation.py", switchAddress, m.dir); r.code != 0 {
		t.Errorf("status %d\n%s\n%s", r.code, r.out, r.log)
	}
}
