package acceptance

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
)

// prompted is a line of a transcript at which somebody types: the prompt of a
// shell or of the switch, or a question.
var prompted = regexp.MustCompile(`^(\$|[\w.-]+(?:\([\w-]+\))?#|.*[Pp]assword:|username:|.*\(yes/no/\[fingerprint\]\)\?) ?(.*)$`)

// TestReadme follows the transcripts of the README that are marked console, as a
// reader does who clones the project on a machine with nothing of it: types what
// stands behind a prompt and expects what stands below, where "…" is anything.
func TestReadme(t *testing.T) {
	needRoot(t)
	for _, tool := range []string{"git", "make", "ssh"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed", tool)
		}
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "trunkline")
	if r := run(t, time.Minute, "git", "clone", "-q", root, dir); r.code != 0 {
		t.Skipf("this is no clone to clone: %s", r.log)
	}
	text, err := os.ReadFile(filepath.Join(dir, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	s := newReader(t, namespace(t, "tlt-r"), dir)
	n := 0
	for _, block := range strings.Split(string(text), "```console\n")[1:] {
		block, _, _ = strings.Cut(block, "```")
		for l := range strings.Lines(block) {
			s.follow(strings.TrimRight(l, "\n"))
			n++
		}
	}
	s.finish()
	if n < 20 {
		t.Errorf("the README has a transcript of %d lines only", n)
	}
}

// reader is a program on a terminal, a shell or another, and somebody who reads it.
type reader struct {
	t    *testing.T
	file *os.File

	mu     sync.Mutex
	screen string // what has not been read yet

	typed  string // the command under way, for a second try
	output string // what has been read since
}

func newReader(t *testing.T, ns, dir string) *reader {
	t.Helper()
	home := t.TempDir()
	// OpenSSH takes the home directory from the user database, not from HOME; the
	// reader has never been anywhere.
	rc := filepath.Join(home, "rc")
	if err := os.WriteFile(rc, []byte("PS1='$ '\nssh() { command ssh -F none -o UserKnownHostsFile="+home+"/known_hosts \"$@\"; }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("ip", "netns", "exec", ns, "bash", "--noprofile", "--rcfile", rc, "-i")
	cmd.Dir = dir
	goEnv := func(name string) string {
		out, err := exec.Command("go", "env", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		return name + "=" + strings.TrimSpace(string(out))
	}
	cmd.Env = append(os.Environ(), "HOME="+home, "TERM=dumb", "PROMPT_COMMAND=",
		goEnv("GOCACHE"), goEnv("GOMODCACHE"), goEnv("GOPATH"))
	return onTerminal(t, cmd)
}

// onTerminal starts a program on a terminal of its own.
func onTerminal(t *testing.T, cmd *exec.Cmd) *reader {
	t.Helper()
	file, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 50, Cols: 250})
	if err != nil {
		t.Fatal(err)
	}
	s := &reader{t: t, file: file}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		b := make([]byte, 4096)
		for {
			n, err := file.Read(b)
			s.mu.Lock()
			s.screen += strings.ReplaceAll(string(b[:n]), "\r", "")
			s.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = file.Close()
		<-ended
	})
	return s
}

// shell matches the prompt of the shell: hashes of passwords have dollars too.
const shell = `^\$ `

// follow does what one line of a transcript says.
func (s *reader) follow(line string) {
	s.t.Helper()
	m := prompted.FindStringSubmatch(line)
	if m == nil {
		s.expect(pattern(line))
		return
	}
	if m[1] == "$" {
		s.typed, s.output = m[2], ""
	}
	if m[1] == "$" {
		s.expect(shell)
	} else {
		s.expect(pattern(m[1]) + " ?")
	}
	if _, err := fmt.Fprintf(s.file, "%s\n", m[2]); err != nil {
		s.t.Fatal(err)
	}
}

// finish waits for the shell to be done.
func (s *reader) finish() { s.t.Helper(); s.expect(shell) }

// pattern matches a line of a transcript.
func pattern(line string) string {
	return strings.ReplaceAll(regexp.QuoteMeta(strings.TrimSpace(line)), "…", ".*")
}

// expect reads on until something matches. A server that is not listening yet is
// asked again, as a person would.
func (s *reader) expect(what string) {
	s.t.Helper()
	re := regexp.MustCompile(`(?m)` + what)
	tries := 0
	eventually(s.t, 3*time.Minute, "reading "+what, func() error {
		s.mu.Lock()
		defer s.mu.Unlock()
		if at := re.FindStringIndex(s.screen); at != nil {
			s.output += s.screen[:at[1]]
			s.screen = s.screen[at[1]:]
			return nil
		}
		if strings.HasSuffix(s.screen, "\n$ ") && what != shell {
			if strings.Contains(s.screen, "onnection refused") && tries < 20 {
				tries++
				s.screen = ""
				if _, err := fmt.Fprintf(s.file, "%s\n", s.typed); err != nil {
					s.t.Fatal(err)
				}
				return errors.New("not listening yet")
			}
			s.t.Fatalf("%s does not print %q:\n%s%s", s.typed, what, s.output, s.screen)
		}
		return fmt.Errorf("%s\n%s%s", s.typed, tail(s.output, 2000), s.screen)
	})
}
