package sshd

import (
	"bytes"
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"trunkline/cli/location"
	operator "trunkline/cli/session"
	"trunkline/cli/transfer"
	"trunkline/feature"
)

// say runs a line at the prompt of admin and returns what it prints.
func (v *served) say(t *testing.T, line string) string {
	t.Helper()
	s := v.sessions.CLI.Session(operator.Options{Who: feature.Session{User: "admin", Role: feature.NetworkAdmin, From: "console0"}})
	var c console
	s.Run(t.Context(), line, &c)
	return c.String()
}

type console struct{ bytes.Buffer }

func (*console) Page(int)                                    {}
func (*console) Ask(context.Context, string) (string, error) { return "", errors.New("nobody") }

// TestOpenSSHCopies copies files in and out with the programs of OpenSSH, in both
// protocols, however a name is written.
func TestOpenSSHCopies(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
	}{{"sftp", nil}, {"scp", []string{"-O"}}} {
		t.Run(c.name, func(t *testing.T) {
			v := serve(t, nil)
			dir := t.TempDir()
			local := func(name string) string { return filepath.Join(dir, name) }
			big := strings.Repeat("0123456789abcde\n", 20000)
			for name, text := range map[string]string{"f": "vlan 5\n", "g": "vlan 6\n", "big": big} {
				if err := os.WriteFile(local(name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			scp := func(args ...string) ([]byte, error) {
				return v.client(t, "scp", password, "", append(c.args, args...)...).CombinedOutput()
			}
			for _, at := range []string{"f1", "/f2", "bootflash:f3", "bootflash:///f4", "volatile:f5"} {
				if out, err := scp(local("f"), "127.0.0.1:"+at); err != nil {
					t.Fatalf("to %s: %v %s", at, err, out)
				}
				if out, err := scp("127.0.0.1:"+at, local("back")); err != nil {
					t.Fatalf("from %s: %v %s", at, err, out)
				}
				if got, err := os.ReadFile(local("back")); err != nil || string(got) != "vlan 5\n" {
					t.Fatalf("%s: %q, %v", at, got, err)
				}
			}
			if out := v.say(t, "dir | include f[0-9]"); strings.Count(out, "          7    ") != 4 {
				t.Errorf("in bootflash:\n%s", out)
			}
			if out := v.say(t, "show file volatile:f5"); out != "vlan 5\n" {
				t.Errorf("in volatile: %q", out)
			}
			// Over a longer one, into a directory, several, and with times.
			if out, err := scp(local("big"), "127.0.0.1:bootflash:big"); err != nil {
				t.Fatalf("%v %s", err, out)
			}
			if out := v.say(t, "show file big md5sum"); !strings.HasPrefix(out, md5of(big)) {
				t.Errorf("big: %s", out)
			}
			if out, err := scp("-p", local("f"), "127.0.0.1:bootflash:big"); err != nil {
				t.Fatalf("%v %s", err, out)
			}
			if out := v.say(t, "show file big"); out != "vlan 5\n" {
				t.Errorf("over a longer one: %q", out[:min(len(out), 100)])
			}
			v.say(t, "mkdir d")
			if out, err := scp(local("f"), local("g"), "127.0.0.1:bootflash:d/"); err != nil {
				t.Fatalf("%v %s", err, out)
			}
			if out := v.say(t, "show file d/g"); out != "vlan 6\n" {
				t.Errorf("in a directory: %q", out)
			}
			if out, err := scp("-r", "127.0.0.1:bootflash:/d", local("")); err != nil {
				t.Fatalf("%v %s", err, out)
			}
			if got, err := os.ReadFile(local("d/g")); err != nil || string(got) != "vlan 6\n" {
				t.Errorf("a directory: %q, %v", got, err)
			}
			// Configurations.
			v.say(t, "configure terminal ; vlan 77")
			if out, err := scp("127.0.0.1:running-config", local("run")); err != nil {
				t.Fatalf("%v %s", err, out)
			}
			if got, err := os.ReadFile(local("run")); err != nil || !strings.Contains(string(got), "\nvlan 1,77\n") {
				t.Errorf("running-config: %q, %v", got, err)
			}
			for what, args := range map[string][]string{
				"outside": {"127.0.0.1:../../../../etc/hostname", local("x")}, "missing": {"127.0.0.1:none", local("x")},
				"over a configuration": {local("f"), "127.0.0.1:running-config"}, "a bad name": {local("f"), "127.0.0.1:.new-1"},
			} {
				if out, err := scp(args...); err == nil {
					t.Errorf("%s: %s", what, out)
				}
			}
			huge := local("huge")
			if err := os.WriteFile(huge, make([]byte, 2<<20), 0o600); err != nil {
				t.Fatal(err)
			}
			if out, err := scp(huge, "127.0.0.1:bootflash:big"); err == nil {
				t.Errorf("beyond the quota: %s", out)
			}
			if out := v.say(t, "show file big"); out != "vlan 5\n" {
				t.Errorf("a file that did not fit has replaced one: %q", out[:min(len(out), 100)])
			}
			if out := v.say(t, "show accounting log"); !strings.Contains(out, "id=127.0.0.1@"+c.name+":user=admin:cmd=copy "+c.name+": bootflash:f1 (SUCCESS)") {
				t.Errorf("accounts:\n%s", out)
			}
			v.users.become("admin", feature.NetworkOperator)
			if out, err := scp(local("f"), "127.0.0.1:f9"); err == nil {
				t.Errorf("an operator writes: %s", out)
			}
			if out, err := scp("127.0.0.1:f1", local("x")); err == nil {
				t.Errorf("an operator reads files: %s", out)
			}
			if out, err := scp("127.0.0.1:running-config", local("run")); err != nil {
				t.Errorf("an operator and the configuration: %v %s", err, out)
			}
		})
	}
}

// TestOpenSSHBatch is a batch of the program sftp.
func TestOpenSSHBatch(t *testing.T) {
	v := serve(t, nil)
	dir := t.TempDir()
	file := filepath.Join(dir, "f")
	if err := os.WriteFile(file, []byte("vlan 5\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := v.client(t, "sftp", password, "", "-oBatchMode=no", "-b", "-", "127.0.0.1")
	cmd.Stdin = strings.NewReader(strings.Join([]string{
		"pwd", "mkdir d", "cd d", "put " + file, "rename f g", "ls -l", "get g " + file + "2", "cd volatile:", "pwd", "put " + file + " v",
		"-rm none", "-ls /../..", "df", "rm v", "cd /", "rm d/g", "rmdir d", "ls",
	}, "\n"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"Remote working directory: /\n", "Remote working directory: /volatile:\n", " 7 ", " g\n"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q:\n%s", want, out)
		}
	}
	if got, err := os.ReadFile(file + "2"); err != nil || string(got) != "vlan 5\n" {
		t.Errorf("%q, %v", got, err)
	}
	if left := v.say(t, "dir | include g"); strings.Contains(left, " d/") {
		t.Errorf("left: %s", left)
	}
}

// TestTransfer has copy's client as a client of this server, in both protocols.
func TestTransfer(t *testing.T) {
	v := serve(t, nil)
	v.say(t, "show vlan > one ; mkdir d")
	known := filepath.Join(t.TempDir(), "keys", "known_hosts")
	client := transfer.New(transfer.Config{KnownHosts: known, Dial: func(ctx context.Context, network, address, vrf string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}})
	var asked []string
	answers := map[string]string{}
	who := location.Operator{User: "admin", Ask: func(_ context.Context, question string, hidden bool) (string, error) {
		asked = append(asked, question)
		for begin, a := range answers {
			if strings.Contains(question, begin) {
				return a, nil
			}
		}
		return "", errors.New("no answer to " + question)
	}}
	at := func(scheme, user, path string) location.URL {
		u, err := location.Parse(scheme + "://" + user + v.addr + path)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	const sure = "Are you sure you want to continue connecting (yes/no)? "
	var b bytes.Buffer
	if err := client.Get(t.Context(), at("scp", "admin@", "/one"), "", who, &b); err == nil {
		t.Error("a key that nobody agreed to")
	}
	answers[sure] = "no"
	if err := client.Get(t.Context(), at("scp", "admin@", "/one"), "", who, &b); err == nil || err.Error() != "ERROR: Host key verification failed." {
		t.Errorf("refused key: %v", err)
	}
	answers[sure], answers["password: "], answers["username: "] = "yes", password, ""
	asked = nil
	for i, scheme := range []string{"scp", "sftp"} {
		b.Reset()
		if err := client.Get(t.Context(), at(scheme, "admin@", "/bootflash:/one"), "", who, &b); err != nil || b.String() != "VLAN\n" {
			t.Fatalf("%s: %q, %v", scheme, b.String(), err)
		}
		if err := client.Put(t.Context(), at(scheme, "", "/d/"+scheme), "", who, strings.NewReader("new\n"), 4); err != nil {
			t.Fatalf("%s: %v", scheme, err)
		}
		if out := v.say(t, "show file d/"+scheme); out != "new\n" {
			t.Errorf("%s: %q", scheme, out)
		}
		if err := client.Get(t.Context(), at(scheme, "admin@", "/none"), "", who, &b); err == nil || !strings.HasPrefix(err.Error(), "ERROR: 127.0.0.1: ") {
			t.Errorf("%s: missing: %v", scheme, err)
		}
		if err := client.Get(t.Context(), at(scheme, "admin@", "/one"), "", who, full{}); !errors.Is(err, errFull) {
			t.Errorf("%s: a full disk: %v", scheme, err)
		}
		if i == 0 {
			want := "The authenticity of host '127.0.0.1 (127.0.0.1)' can't be established.\nED25519 key fingerprint is " +
				ssh.FingerprintSHA256(v.host) + ".\n" + sure
			if asked[0] != want || asked[1] != "admin@127.0.0.1's password: " || strings.Count(strings.Join(asked, ""), sure) != 1 {
				t.Errorf("asked %q", asked)
			}
		}
	}
	answers["password: "] = "wrong"
	if err := client.Get(t.Context(), at("scp", "admin@", "/one"), "", who, &b); err == nil || err.Error() != "ERROR: 127.0.0.1: Permission denied for admin." {
		t.Errorf("a wrong password: %v", err)
	}
	nobody := location.Operator{User: "admin"}
	if err := client.Get(t.Context(), at("scp", "", "/one"), "", nobody, &b); err == nil || !strings.Contains(err.Error(), "cannot be asked for") {
		t.Errorf("nobody there: %v", err)
	}
	// Another server at that address.
	text, err := os.ReadFile(known)
	if err != nil {
		t.Fatal(err)
	}
	other := serve(t, nil)
	_, port, _ := net.SplitHostPort(v.addr)
	_, now, _ := net.SplitHostPort(other.addr)
	if err := os.WriteFile(known, bytes.ReplaceAll(text, []byte(port), []byte(now)), 0o600); err != nil {
		t.Fatal(err)
	}
	v = other
	asked = nil
	if err := client.Get(t.Context(), at("scp", "admin@", "/one"), "", who, &b); err == nil || !strings.Contains(err.Error(), "has changed") || len(asked) > 0 {
		t.Errorf("a changed key: %v, asked %q", err, asked)
	}
	if err := client.Forget(); err != nil {
		t.Error(err)
	}
	answers["password: "] = password
	if err := client.Get(t.Context(), at("scp", "admin@", "/running-config"), "", who, io.Discard); err != nil {
		t.Errorf("after clear ssh hosts: %v", err)
	}
}

var errFull = errors.New("ERROR: No space left on device: x")

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

func md5of(text string) string { return fmt.Sprintf("%x", md5.Sum([]byte(text))) }

// TestOpenSSHSecret: a password that copy asks for is not shown, on a terminal, and
// Ctrl-C gives the copy up.
func TestOpenSSHSecret(t *testing.T) {
	v := serve(t, nil)
	p, _ := sit(t, v)
	p.expect("switch# ")
	p.press("copy running-config scp://there/x\r")
	p.expect("admin@there's password: ")
	p.press("Wrong\x15Cirrus-55\x7f\r")
	if before := p.expect("switch# "); strings.Contains(before, "Cirrus") || !strings.Contains(before, "Copy complete.") {
		t.Errorf("screen %q", before)
	}
	p.press("copy scp://there/x y\r")
	p.expect("admin@there's password: ")
	p.press("Cirr\x03")
	if before := p.expect("switch# "); strings.Contains(before, "Cirr") || strings.Contains(before, "Copy complete.") {
		t.Errorf("screen %q", before)
	}
	p.press("show cli history unformatted\r")
	if before := p.expect("switch# "); strings.Contains(before, "Cirr") {
		t.Errorf("history %q", before)
	}
	if out := v.say(t, "dir | include y$"); out != "" {
		t.Errorf("copied: %s", out)
	}
}
