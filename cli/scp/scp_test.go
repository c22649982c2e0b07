package scp

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"trunkline/cli/files"
	"trunkline/feature"
	"trunkline/internal/flash"
	"trunkline/internal/mutate"
)

// view is file systems in a new directory, and that directory.
func view(t testing.TB, role feature.Role) (*files.View, string, *[]string) {
	t.Helper()
	dir := t.TempDir()
	s, err := flash.Open(flash.Config{Dir: dir, Quota: 1 << 16})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	var accounts []string
	return &files.View{
		Store: s, Role: role, By: "scp", May: func(_ string, acts bool) error {
			if acts && !role.Admin() {
				return feature.ErrPermission
			}
			return nil
		},
		Config: func(name string) ([]byte, error) { return []byte("! " + name + "\n"), nil },
		Account: func(command string, err error) {
			result := " ok"
			if err != nil {
				result = " failed"
			}
			accounts = append(accounts, command+result)
		},
	}, dir, &accounts
}

func command(t *testing.T, line string) Command {
	t.Helper()
	c, ok := ParseCommand(line)
	if !ok {
		t.Fatalf("%q is no command", line)
	}
	return c
}

func TestParseCommand(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{"scp -t bootflash:x", "to bootflash:x"},
		{"scp -v -r -p -t -- '/a b'", "to recursive /a b"},
		{"scp -f x y\\ z \"q'\"", "from x|y z|q'"},
		{"scp -pf 'a'b", "from ab"},
		{"/usr/bin/scp -dt /", "to directory /"},
		{"scp x y", ""}, {"scp -t", ""}, {"scp -t a b", ""}, {"scp -t 'a", ""}, {"scp -tf a", ""}, {"scp -t -l 5 a", ""},
		{"show version", ""}, {"scpx -t a", ""}, {"", ""},
	} {
		got := ""
		if p, ok := ParseCommand(c.line); ok {
			got = map[bool]string{true: "to ", false: "from "}[p.To]
			if p.Recursive {
				got += "recursive "
			}
			if p.Directory {
				got += "directory "
			}
			got += strings.Join(p.Paths, "|")
		}
		if got != c.want {
			t.Errorf("%q: got %q, want %q", c.line, got, c.want)
		}
	}
}

// TestSink has clients send byte by byte what they may.
func TestSink(t *testing.T) {
	for _, c := range []struct {
		name, line, in, out string
		files               map[string]string
		accounts            string
		role                feature.Role
	}{
		{
			name: "a file", line: "scp -t bootflash:x", in: "C0644 3 y\nabc\x00", out: "\x00\x00\x00",
			files: map[string]string{"bootflash/x": "abc"}, accounts: "copy scp: bootflash:x ok",
		},
		{
			name: "times, and a directory", line: "scp -t volatile:", in: "T1 0 1 0\nC0644 1 y\na\x00", out: "\x00\x00\x00\x00",
			files: map[string]string{"volatile/y": "a"}, accounts: "copy scp: volatile:y ok",
		},
		{
			name: "recursive", line: "scp -r -t .", in: "D0755 0 d\nC0644 1 y\na\x00E\n", out: "\x00\x00\x00\x00\x00",
			files: map[string]string{"bootflash/d/y": "a"}, accounts: "mkdir bootflash:d ok|copy scp: bootflash:d/y ok",
		},
		{
			name: "half a file", line: "scp -t old", in: "C0644 10 y\nabc", out: "\x00\x00",
			files: map[string]string{"bootflash/old": "old"}, accounts: "copy scp: bootflash:old failed",
		},
		{
			name: "the sender gave up", line: "scp -t old", in: "C0644 3 y\nabc\x01scp: I/O error\n", out: "\x00\x00\x01scp: I/O error\n",
			files: map[string]string{"bootflash/old": "old"}, accounts: "copy scp: bootflash:old failed",
		},
		{
			name: "too large", line: "scp -t old", in: "C0644 99999 y\n", out: "\x00\x01scp: No space left on device: bootflash:old\n",
			files: map[string]string{"bootflash/old": "old"}, accounts: "copy scp: bootflash:old failed",
		},
		{
			name: "out", line: "scp -t ../../x", in: "C0644 1 ..\n", out: "\x00\x01scp: protocol error\n",
		},
		{
			name: "up is the root", line: "scp -t /../../x", in: "C0644 1 y\na\x00", out: "\x00\x00\x00",
			files: map[string]string{"bootflash/x": "a"}, accounts: "copy scp: bootflash:x ok",
		},
		{
			name: "a configuration", line: "scp -t running-config", in: "C0644 1 y\n", out: "\x00\x01scp: Permission denied: running-config\n",
			accounts: "copy scp: running-config failed",
		},
		{
			name: "no directory", line: "scp -d -t none", out: "\x01scp: Not a directory: none\n",
		},
		{
			name: "an operator", line: "scp -t x", in: "C0644 1 y\n", out: "\x00\x01scp: Permission denied for the role\n",
			role: feature.NetworkOperator, accounts: "copy scp: bootflash:x failed",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			role := c.role
			if role == "" {
				role = feature.NetworkAdmin
			}
			v, dir, accounts := view(t, role)
			if err := v.Store.Write("bootflash:old", []byte("old")); err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			ok, err := Serve(v, command(t, c.line), strings.NewReader(c.in), &out)
			if out.String() != c.out {
				t.Errorf("said %q, want %q (%v)", out.String(), c.out, err)
			}
			if whole := strings.Trim(c.out, "\x00") == "" && !strings.HasPrefix(c.name, "half"); (ok && err == nil) != whole {
				t.Errorf("ok %v, %v", ok, err)
			}
			for name, want := range c.files {
				if got, err := os.ReadFile(filepath.Join(dir, name)); string(got) != want {
					t.Errorf("%s: got %q, %v, want %q", name, got, err, want)
				}
			}
			if got := strings.Join(*accounts, "|"); got != c.accounts {
				t.Errorf("accounts %q, want %q", got, c.accounts)
			}
			if left, _ := filepath.Glob(filepath.Join(dir, "*", ".new-*")); len(left) > 0 {
				t.Errorf("left %v", left)
			}
		})
	}
}

func TestSource(t *testing.T) {
	const f = "copy bootflash:d/f scp: "
	for _, c := range []struct {
		line, in, out string
		role          feature.Role
		accounts      []string
	}{
		{"scp -f bootflash:d/f", "\x00\x00\x00", "C0600 3 f\nabc\x00", feature.NetworkAdmin, []string{f + "ok"}},
		{"scp -f running-config", "\x00\x00\x00", "C0600 17 running-config\n! running-config\n\x00", feature.NetworkOperator, nil},
		{"scp -r -f /d", "\x00\x00\x00\x00\x00", "D0700 0 d\nC0600 3 f\nabc\x00E\n", feature.NetworkAdmin, []string{f + "ok"}},
		{"scp -f d", "\x00", "\x01scp: Is a directory: d\n", feature.NetworkAdmin, nil},
		{"scp -f none d/f", "\x00\x00\x00", "\x01scp: No such file or directory: bootflash:none\nC0600 3 f\nabc\x00", feature.NetworkAdmin,
			[]string{"copy bootflash:none scp: failed", f + "ok"}},
		{"scp -f d/f", "\x00", "\x01scp: Permission denied for the role\n", feature.NetworkOperator, []string{f + "failed"}},
		{"scp -r -f d", "\x00", "\x01scp: Permission denied for the role\n", feature.NetworkOperator, nil},
	} {
		v, _, accounts := view(t, c.role)
		if err := errors.Join(v.Store.MakeDir("bootflash:d"), v.Store.Write("bootflash:d/f", []byte("abc"))); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		_, err := Serve(v, command(t, c.line), strings.NewReader(c.in), &out)
		if out.String() != c.out || err != nil || !slices.Equal(*accounts, c.accounts) {
			t.Errorf("%s: said %q, want %q; %v, accounts %q", c.line, out.String(), c.out, err, *accounts)
		}
	}
}

var recordSeeds = []string{"C0644 3 x", "D0755 0 d", "E", "T1 0 1 0", "C0644 99999999999999999999 x", "C0644 1 ../x", "C7777777 1 a b"}

// FuzzParse: a record that is understood is said the same way.
func FuzzParse(f *testing.F) {
	for _, line := range recordSeeds {
		f.Add(line)
	}
	f.Fuzz(records)
}

func records(t *testing.T, line string) {
	r, err := Parse(line)
	if err != nil || r.Kind == Times {
		return
	}
	if strings.Contains(r.Name, "/") || r.Name == ".." || r.Size < 0 {
		t.Fatalf("%q: %+v", line, r)
	}
	if again, err := Parse(r.String()); err != nil || again != r {
		t.Fatalf("%q: %+v, %v, want %+v", line, again, err, r)
	}
}

var talks = []string{
	"scp -r -t .\nD0755 0 d\nC0644 1 y\na\x00E\n", "scp -t /../../x\nC0644 3 y\nabc\x00", "scp -rf / running-config\n\x00\x00\x00\x00\x00",
	"scp -t volatile:\nC0644 70000 y\nabc", "scp -r -t bootflash:a\nD0755 0 ..\nC0644 3 ../../y\nabc\x00E\n", "scp -f bootflash:../../etc/passwd\n\x00\x00",
}

// FuzzServe: whatever a client says, nothing is written outside of the file
// systems, no file is half there, and the quota holds.
func FuzzServe(f *testing.F) {
	for _, talk := range talks {
		line, in, _ := strings.Cut(talk, "\n")
		f.Add(line, []byte(in))
	}
	f.Fuzz(func(t *testing.T, line string, in []byte) {
		if cmd, ok := ParseCommand(line); ok {
			v, dir, _ := view(t, feature.NetworkAdmin)
			serves(t, v, dir, cmd, line, in)
		}
	})
}

func serves(t *testing.T, v *files.View, dir string, cmd Command, line string, in []byte) {
	t.Helper()
	_, err := Serve(v, cmd, bytes.NewReader(in), io.Discard)
	if err != nil && errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatalf("%q %q: %v", line, in, err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Fatalf("%q %q: %v in the directory of the file systems, %v", line, in, entries, err)
	}
	for _, system := range flash.Systems() {
		if u, err := v.Store.Usage(system); err != nil || u.Used > 1<<16 {
			t.Fatalf("%q %q: %+v, %v", line, in, u, err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*", ".new-*")); len(left) > 0 {
		t.Fatalf("%q %q: left %v", line, in, left)
	}
}

// TestShare is the share of fuzzing of every run. File systems serve many clients,
// one after the other.
func TestShare(t *testing.T) {
	t.Run("records", func(t *testing.T) { mutate.Try(t, records, recordSeeds...) })
	t.Run("clients", func(t *testing.T) {
		var v *files.View
		var dir string
		served := 0
		mutate.Try(t, func(t *testing.T, talk string) {
			line, in, _ := strings.Cut(talk, "\n")
			cmd, ok := ParseCommand(line)
			if !ok {
				return
			}
			if served%1000 == 0 {
				v, dir, _ = view(t, feature.NetworkAdmin)
			}
			served++
			serves(t, v, dir, cmd, line, []byte(in))
		}, talks...)
	})
}
