package sshd

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/crypto/ssh"
)

// openssh makes a command of a real OpenSSH client that answers a password, or
// uses the key in a file.
func (v *served) openssh(t *testing.T, secret, key string, args ...string) *exec.Cmd {
	t.Helper()
	return v.client(t, "ssh", secret, key, append([]string{"127.0.0.1"}, args...)...)
}

// client is openssh for any program of the client, with all of its arguments.
func (v *served) client(t *testing.T, name, secret, key string, args ...string) *exec.Cmd {
	t.Helper()
	program, err := exec.LookPath(name)
	if err != nil {
		t.Skip("no OpenSSH client")
	}
	dir := t.TempDir()
	ask, hosts := filepath.Join(dir, "ask"), filepath.Join(dir, "hosts")
	_, port, _ := net.SplitHostPort(v.addr)
	line := fmt.Sprintf("[127.0.0.1]:%s %s", port, ssh.MarshalAuthorizedKey(v.host))
	if err := errors.Join(os.WriteFile(hosts, []byte(line), 0o600), os.WriteFile(ask, []byte("#!/bin/sh\necho '"+secret+"'\n"), 0o700)); err != nil {
		t.Fatal(err)
	}
	options := []string{"-F", "none", "-o", "Port=" + port, "-o", "User=admin", "-o", "UserKnownHostsFile=" + hosts, "-o", "StrictHostKeyChecking=yes",
		"-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none"}
	if name == "ssh" {
		options = append(options, "-o", "EscapeChar=none")
	}
	if key != "" {
		options = append(options, "-i", key, "-o", "BatchMode=yes")
	} else {
		options = append(options, "-o", "PubkeyAuthentication=no")
	}
	cmd := exec.CommandContext(t.Context(), program, append(options, args...)...)
	cmd.Env = append(os.Environ(), "SSH_ASKPASS="+ask, "SSH_ASKPASS_REQUIRE=force", "TERM=xterm")
	return cmd
}

func TestOpenSSHExec(t *testing.T) {
	v := serve(t, nil)
	for _, c := range []struct {
		line, want string
		status     int
	}{
		{"show version ; show vlan", "version 1.0(1)\nVLAN\n", 0},
		{"show cox", "       ^\n% Invalid command at '^' marker.\n", 1},
	} {
		cmd := v.openssh(t, password, "", c.line)
		out, _ := cmd.Output()
		if string(out) != c.want || cmd.ProcessState.ExitCode() != c.status {
			t.Errorf("%q: got %q, status %d, want %q, %d", c.line, out, cmd.ProcessState.ExitCode(), c.want, c.status)
		}
	}
	cmd := v.openssh(t, password, "")
	cmd.Stdin = strings.NewReader("show version\nshow cox\n")
	if out, _ := cmd.Output(); !strings.HasPrefix(string(out), "version 1.0(1)\n") || cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("lines: got %q, status %d", out, cmd.ProcessState.ExitCode())
	}
}

func TestOpenSSHWrongPassword(t *testing.T) {
	v := serve(t, nil)
	cmd := v.openssh(t, "wrong", "", "-o", "NumberOfPasswordPrompts=5", "show version")
	// Options may not follow the host: they are part of the command there.
	cmd.Args = append(append(cmd.Args[:1:1], "-o", "NumberOfPasswordPrompts=5"), cmd.Args[1:]...)
	out, _ := cmd.CombinedOutput()
	v.users.mu.Lock()
	defer v.users.mu.Unlock()
	if cmd.ProcessState.ExitCode() != 255 || v.users.asked != 3 || strings.Contains(string(out), "version") {
		t.Errorf("status %d after %d passwords: %s", cmd.ProcessState.ExitCode(), v.users.asked, out)
	}
}

func TestOpenSSHKey(t *testing.T) {
	v := serve(t, nil)
	keygen, err := exec.LookPath("ssh-keygen")
	if err != nil {
		t.Skip("no ssh-keygen")
	}
	for _, kind := range []string{"ed25519", "ecdsa", "rsa"} {
		file := filepath.Join(t.TempDir(), "key")
		if out, err := exec.Command(keygen, "-q", "-t", kind, "-N", "", "-f", file).CombinedOutput(); err != nil {
			t.Fatalf("%v %s", err, out)
		}
		if v.openssh(t, "", file, "show version").Run() == nil {
			t.Errorf("an unknown %s key logs in", kind)
		}
		text, err := os.ReadFile(file + ".pub")
		if err != nil {
			t.Fatal(err)
		}
		key, _, _, _, err := ssh.ParseAuthorizedKey(text)
		if err != nil {
			t.Fatal(err)
		}
		v.users.keys["admin"] = string(key.Marshal())
		if out, err := v.openssh(t, "", file, "show version").Output(); err != nil || string(out) != "version 1.0(1)\n" {
			t.Errorf("%s: %q %v", kind, out, err)
		}
	}
}

// person is somebody at a terminal whose ssh is connected to the server.
type person struct {
	t  *testing.T
	pt *os.File

	mu   sync.Mutex
	seen strings.Builder
}

func sit(t *testing.T, v *served) (*person, *exec.Cmd) {
	t.Helper()
	cmd := v.openssh(t, password, "")
	pt, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: 80})
	if err != nil {
		t.Skipf("no pseudo-terminal: %v", err)
	}
	p := &person{t: t, pt: pt}
	var reading sync.WaitGroup
	reading.Go(func() { io.Copy(p, pt) })
	t.Cleanup(func() {
		cmd.Process.Kill()
		pt.Close()
		reading.Wait()
	})
	return p, cmd
}

func (p *person) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen.Write(b)
}

func (p *person) expect(text string) (before string) {
	p.t.Helper()
	return p.within(20*time.Second, text)
}

// within is expect with a limit of its own.
func (p *person) within(limit time.Duration, text string) (before string) {
	p.t.Helper()
	deadline := time.Now().Add(limit)
	for {
		p.mu.Lock()
		all := p.seen.String()
		before, after, ok := strings.Cut(all, text)
		if ok {
			p.seen.Reset()
			p.seen.WriteString(after)
		}
		p.mu.Unlock()
		if ok {
			return before
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("no %q on the screen: %q", text, all[max(0, len(all)-2000):])
		}
		time.Sleep(2 * time.Millisecond) // a poll of the condition
	}
}

func (p *person) press(keys string) {
	p.t.Helper()
	if _, err := io.WriteString(p.pt, keys); err != nil {
		p.t.Fatal(err)
	}
}

func TestOpenSSHInteractive(t *testing.T) {
	v := serve(t, nil)
	p, cmd := sit(t, v)
	p.expect("Keep out.\r\nThis means you.\r\nTrunkline\r\n\r\n")
	p.expect("switch# ")
	p.press("show cor?")
	p.expect("  cores  Cores\r\n")
	p.press("\x15sh\tvl\t\r")
	p.expect("VLAN\r\n")
	p.expect("switch# ")
	p.press("wait 4711\r")
	p.expect("waiting")
	p.press("\x03")
	p.expect("^C")
	p.expect("switch# ")
	p.press("show numbers 100\r")
	if before := p.expect("--More--"); strings.Count(before, "line ") != 23 {
		t.Errorf("first page: %q", before)
	}
	p.press("q")
	p.expect("switch# ")
	if err := pty.Setsize(p.pt, &pty.Winsize{Rows: 11, Cols: 100}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the window keeps its size", func() bool {
		p.press("show terminal\r")
		return strings.Contains(p.expect("Session Timeout"), "Length: 11 lines, Width: 100 columns")
	})
	p.press("show numbers 100\r")
	if before := p.expect("--More--"); strings.Count(before, "line ") != 10 {
		t.Errorf("page of a small window: %q", before)
	}
	p.press("q")
	p.press("conf t\rvlan 7\r\x1a")
	p.expect("(config-vlan)# ")
	p.expect("switch# ")
	p.press("exit\r")
	if err := cmd.Wait(); err != nil {
		t.Errorf("logging out: %v", err)
	}
}

// What automation does (cli.md §16 item 11): no paging, wide lines, and the
// prompt as the end of an answer.
func TestOpenSSHAutomation(t *testing.T) {
	v := serve(t, nil)
	p, _ := sit(t, v)
	prompt := regexp.MustCompile(`[\r\n][\w.\-]{1,63}(\(config[^)]*\))?# ?$`)
	eventually(t, "no prompt at the end of the screen", func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return prompt.MatchString(p.seen.String())
	})
	p.expect("switch# ")
	p.press("show version\r") // and the echo is what was typed
	if before := p.expect("\r\nversion 1.0(1)\r\n"); before != "show version" {
		t.Errorf("echo %q", before)
	}
	p.expect("\rswitch# ")
	for _, line := range []string{"terminal length 0", "terminal width 511", "terminal dont-ask"} {
		p.press(line + "\r")
		p.expect(line)
		p.expect("switch# ")
	}
	p.press("show numbers 3000\r")
	if before := p.expect("\rswitch# "); strings.Count(before, "\nline ") != 3000 || strings.Contains(before, "More") {
		t.Errorf("%d lines", strings.Count(before, "\nline "))
	}
	p.press("clear counters\r")
	if before := p.expect("\rswitch# "); !strings.Contains(before, "cleared") || strings.Contains(before, "y/n") {
		t.Errorf("asks: %q", before)
	}
}

// A session is one of those that are logged in, and can be ended from outside.
func TestOpenSSHDisconnect(t *testing.T) {
	v := serve(t, nil)
	p, cmd := sit(t, v)
	p.expect("switch# ")
	p.press("show vers") // half a line is no command
	all := v.sessions.Logins()
	if len(all) != 1 || all[0].User != "admin" || all[0].Line != "pts/1" || all[0].Address != "127.0.0.1" {
		t.Fatalf("logged in: %+v", all)
	}
	if !v.sessions.Disconnect(all[0].ID) {
		t.Error("not there")
	}
	if err := cmd.Wait(); err != nil {
		t.Logf("client: %v", err)
	}
	eventually(t, "still logged in", func() bool { return len(v.sessions.Logins()) == 0 })
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.seen.String(); strings.Contains(s, "1.0(1)") {
		t.Errorf("half a line ran: %q", s)
	}
}
