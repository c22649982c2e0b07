package sftpd

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pkg/sftp"
	"trunkline/cli/files"
	"trunkline/feature"
	"trunkline/internal/flash"
	"trunkline/internal/mutate"
)

const quota = 1 << 20

// served is file systems with a client.
type served struct {
	dir   string
	store *flash.Store

	mu       sync.Mutex
	accounts []string
}

func (s *served) view(role feature.Role) *files.View {
	return &files.View{
		Store: s.store, Role: role, By: "sftp", May: func(_ string, acts bool) error {
			if acts && !role.Admin() {
				return feature.ErrPermission
			}
			return nil
		},
		Config: func(name string) ([]byte, error) { return []byte("! " + name + "\n"), nil },
		Account: func(command string, err error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			result := " ok"
			if err != nil {
				result = " failed"
			}
			s.accounts = append(s.accounts, command+result)
		},
	}
}

func serve(t testing.TB) *served {
	t.Helper()
	s := &served{dir: t.TempDir()}
	var err error
	if s.store, err = flash.Open(flash.Config{Dir: s.dir, Quota: quota}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.store.Close() })
	return s
}

// client connects a client; hang ends the connection as a crash does, and waits
// for the server.
func (s *served) client(t testing.TB, role feature.Role) (c *sftp.Client, hang func()) {
	t.Helper()
	near, far := net.Pipe()
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := Serve(context.Background(), s.view(role), far, far, far.Close); err != nil && !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("served: %v", err)
		}
	})
	hang = func() {
		near.Close()
		serving.Wait()
	}
	t.Cleanup(hang)
	c, err := sftp.NewClientPipe(near, near)
	if err != nil {
		t.Fatal(err)
	}
	return c, hang
}

func TestFiles(t *testing.T) {
	s := serve(t)
	c, _ := s.client(t, feature.NetworkAdmin)
	put := func(name, text string) error {
		f, err := c.Create(name)
		if err != nil {
			return err
		}
		_, err = io.WriteString(f, text)
		return errors.Join(err, f.Close())
	}
	get := func(name string) string {
		f, err := c.Open(name)
		if err != nil {
			return err.Error()
		}
		defer f.Close()
		b, err := io.ReadAll(f)
		if err != nil {
			return err.Error()
		}
		return string(b)
	}
	if err := errors.Join(put("/a", "one"), put("bootflash:b", "two"), c.Mkdir("volatile:d"), put("/volatile:/d/c", "three")); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"a": "one", "/bootflash:/b": "two", "volatile:d/c": "three", "running-config": "! running-config\n",
		"none": "file does not exist", "/volatile:/d/../../a": "one",
	} {
		if got := get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if at, err := c.RealPath("/d/volatile:x"); err != nil || at != "/volatile:/x" {
		t.Errorf("real path %s, %v", at, err)
	}
	list, err := c.ReadDir("/")
	if err != nil || len(list) != 2 || list[0].Name() != "a" || list[0].Size() != 3 || list[0].IsDir() {
		t.Errorf("list: %v, %v", list, err)
	}
	if i, err := c.Stat("volatile:d"); err != nil || !i.IsDir() {
		t.Errorf("directory: %v, %v", i, err)
	}
	if err := c.Rename("a", "b"); err == nil {
		t.Error("a file was replaced")
	}
	if err := errors.Join(c.PosixRename("a", "b"), c.Remove("volatile:d/c"), c.RemoveDirectory("volatile:d"), c.Chmod("b", 0o400)); err != nil {
		t.Error(err)
	}
	if got := get("b"); got != "one" {
		t.Errorf("renamed: %q", got)
	}
	for what, err := range map[string]error{
		"write a configuration": put("running-config", "x"), "remove a configuration": c.Remove("startup-config"),
		"link": c.Symlink("/etc/passwd", "link"), "a bad name": put("/.new-7", "x"), "write beyond the quota": put("big", strings.Repeat("x", quota)),
	} {
		if err == nil {
			t.Errorf("may %s", what)
		}
	}
	if v, err := c.StatVFS("/"); err != nil || v.TotalSpace() < v.FreeSpace() || v.TotalSpace() > quota {
		t.Errorf("space: %+v, %v", v, err)
	}
	if len(s.store.Names(10)) != 1 {
		t.Errorf("left %v", s.store.Names(10))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, want := range []string{
		"copy sftp: bootflash:a ok", "mkdir volatile:d ok", "move bootflash:a bootflash:b failed", "move bootflash:a bootflash:b ok",
		"delete volatile:d/c ok", "rmdir volatile:d ok", "copy sftp: running-config failed", "copy sftp: bootflash:big failed",
	} {
		if !slices.Contains(s.accounts, want) {
			t.Errorf("no account %q of %q", want, s.accounts)
		}
	}
}

// TestCrash: a client that goes leaves the file as it was.
func TestCrash(t *testing.T) {
	s := serve(t)
	if err := s.store.Write("bootflash:a", []byte("old")); err != nil {
		t.Fatal(err)
	}
	c, hang := s.client(t, feature.NetworkAdmin)
	f, err := c.Create("a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(f, "new"); err != nil {
		t.Fatal(err)
	}
	hang()
	if b, err := s.store.Read("bootflash:a", 10); err != nil || string(b) != "old" {
		t.Errorf("%q, %v", b, err)
	}
	if left, _ := filepath.Glob(filepath.Join(s.dir, "*", ".new-*")); len(left) > 0 {
		t.Errorf("left %v", left)
	}
	if want := []string{"copy sftp: bootflash:a failed"}; !slices.Equal(s.accounts, want) {
		t.Errorf("accounts %q", s.accounts)
	}
}

// TestWriteOver has a file written over without emptying it first, as scp of
// OpenSSH 9 does: its size is set at the end.
func TestWriteOver(t *testing.T) {
	s := serve(t)
	if err := s.store.Write("bootflash:a", []byte("0123456789")); err != nil {
		t.Fatal(err)
	}
	c, _ := s.client(t, feature.NetworkAdmin)
	f, err := c.OpenFile("a", os.O_WRONLY|os.O_CREATE)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.WriteString(f, "abc")
	if err := errors.Join(err, f.Truncate(5), f.Close()); err != nil {
		t.Fatal(err)
	}
	if b, err := s.store.Read("bootflash:a", 20); err != nil || string(b) != "abc34" {
		t.Errorf("%q, %v", b, err)
	}
}

func TestOperator(t *testing.T) {
	s := serve(t)
	if err := s.store.Write("bootflash:a", []byte("x")); err != nil {
		t.Fatal(err)
	}
	c, _ := s.client(t, feature.NetworkOperator)
	if list, err := c.ReadDir("/"); err != nil || len(list) != 1 {
		t.Errorf("list %v, %v", list, err)
	}
	if f, err := c.Open("running-config"); err != nil {
		t.Errorf("the configuration: %v", err)
	} else if err := f.Close(); err != nil {
		t.Error(err)
	}
	_, read := c.Open("a")
	_, write := c.Create("b")
	for what, err := range map[string]error{
		"read": read, "write": write, "remove": c.Remove("a"), "make a directory": c.Mkdir("d"), "rename": c.PosixRename("a", "b"), "chmod": c.Chmod("a", 0),
	} {
		if !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestTooMany: what a client has open is bounded, and given back.
func TestTooMany(t *testing.T) {
	s := serve(t)
	if err := s.store.Write("bootflash:a", []byte("x")); err != nil {
		t.Fatal(err)
	}
	c, _ := s.client(t, feature.NetworkAdmin)
	for round, most := range []int{maxOpen, maxTexts, maxOpen} {
		name := []string{"a", "running-config"}[round%2]
		var open []*sftp.File
		for {
			f, err := c.Open(name)
			if err != nil {
				break
			}
			if open = append(open, f); len(open) > maxOpen {
				t.Fatal("no bound")
			}
		}
		if len(open) != most {
			t.Errorf("%s: %d open files", name, len(open))
		}
		if most == maxOpen {
			if _, err := c.Create("b"); err == nil {
				t.Error("one more")
			}
		}
		for _, f := range open {
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// FuzzServe: whatever bytes a client sends, nothing is written outside of the file
// systems, and nothing is left open.
func FuzzServe(f *testing.F) {
	for _, s := range packets() {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) { serve(t).bytes(t, in) })
}

// bytes serves a client that says so.
func (s *served) bytes(t *testing.T, in []byte) {
	t.Helper()
	_ = Serve(t.Context(), s.view(feature.NetworkAdmin), bytes.NewReader(in), io.Discard, func() error { return nil })
	entries, err := os.ReadDir(s.dir)
	if err != nil || len(entries) != 2 {
		t.Fatalf("%q: %v in the directory of the file systems, %v", in, entries, err)
	}
	if left, _ := filepath.Glob(filepath.Join(s.dir, "*", ".new-*")); len(left) > 0 {
		t.Fatalf("%q: left %v", in, left)
	}
	if u, err := s.store.Usage(flash.Boot); err != nil || u.Used > quota {
		t.Fatalf("%q: %+v, %v", in, u, err)
	}
}

// packets are what clients say that want out.
func packets() []string {
	packet := func(parts ...string) string {
		body := strings.Join(parts, "")
		return string([]byte{0, 0, byte(len(body) >> 8), byte(len(body))}) + body
	}
	text := func(s string) string { return string([]byte{0, 0, byte(len(s) >> 8), byte(len(s))}) + s }
	const id, none = "\x00\x00\x00\x07", "\x00\x00\x00\x00"
	start := packet("\x01", "\x00\x00\x00\x03")
	open := packet("\x03", id, text("../../x"), "\x00\x00\x00\x1a", none)
	return []string{
		start + open + packet("\x0a", id, text("1"), "\x00\x00\x00\x01", "\x7f"), // a size that is cut off
		start + open + packet("\x06", id, text("1"), none, none, text("abc")) + packet("\x04", id, text("1")),
		start + packet("\x0b", id, text("/")) + packet("\x0c", id, text("1")),
		start + open + packet("\x0a", id, text("1"), "\x00\x00\x00\x01", "\x7f\xff\xff\xff\xff\xff\xff\xff"),
		start + packet("\x09", id, text("x"), "\xff\xff\xff\xff"),
		start + packet("\xc8", id, text("posix-rename@openssh.com"), text("a"), text("../b")),
	}
}

// TestShare is the share of fuzzing of every run. File systems serve many clients,
// one after the other.
func TestShare(t *testing.T) {
	var s *served
	n := 0
	mutate.Try(t, func(t *testing.T, in string) {
		if n%1000 == 0 {
			s = serve(t)
		}
		n++
		s.bytes(t, []byte(in))
	}, packets()...)
}
