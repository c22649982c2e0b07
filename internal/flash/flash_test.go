package flash

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"trunkline/internal/mutate"
)

func open(t *testing.T, c Config) *Store {
	t.Helper()
	s, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func write(t *testing.T, s *Store, name, text string) {
	t.Helper()
	if err := s.Write(name, []byte(text)); err != nil {
		t.Fatalf("write %s: %v", name, err)
	}
}

func read(t *testing.T, s *Store, name string) string {
	t.Helper()
	data, err := s.Read(name, 1<<20)
	if err != nil {
		t.Fatalf("read %s: %v", name, err)
	}
	return string(data)
}

func refused(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestResolve(t *testing.T) {
	long := strings.Repeat("x", 101)
	for _, c := range []struct{ dir, text, want string }{
		{"bootflash:", "run.cfg", "bootflash:run.cfg"},
		{"bootflash:a/b", "run.cfg", "bootflash:a/b/run.cfg"},
		{"bootflash:a/b", "../run.cfg", "bootflash:a/run.cfg"},
		{"bootflash:a/b", "/run.cfg", "bootflash:run.cfg"},
		{"bootflash:a/b", "volatile:run.cfg", "volatile:run.cfg"},
		{"volatile:", "BootFlash:///x/./y//z", "bootflash:x/y/z"},
		{"bootflash:", "../../../etc/passwd", "bootflash:etc/passwd"},
		{"bootflash:", "bootflash:../../etc/passwd", "bootflash:etc/passwd"},
		{"bootflash:a", "..", "bootflash:"},
		{"bootflash:", "tftp:x", "ERROR: Invalid file system: tftp:"},
		{"bootflash:", "a b", "ERROR: Invalid file name: a b"},
		{"bootflash:", "x\x00y", "ERROR: Invalid file name: x\x00y"},
		{"bootflash:", ".new-1", "ERROR: Invalid file name: .new-1"},
		{"bootflash:", "a:b:c", "ERROR: Invalid file system: a:"},
		{"bootflash:", long, "ERROR: Invalid file name: " + long},
		{"bootflash:", strings.Repeat("x/", 200), "ERROR: File name exceeds 255 characters"},
		{"bootflash:", "1/2/3/4/5/6/7/8/9", "ERROR: Directory is too deep: 1/2/3/4/5/6/7/8/9"},
		{"", "x", "ERROR: Invalid file name: x"},
	} {
		dir := Name{}
		if c.dir != "" {
			var err error
			if dir, err = Parse(c.dir); err != nil {
				t.Fatal(err)
			}
		}
		n, err := Resolve(dir, c.text)
		got := n.String()
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%q in %s: got %s, want %s", c.text, c.dir, got, c.want)
		}
	}
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Config{Dir: dir})
	write(t, s, "bootflash:a", "one\n")
	write(t, s, "bootflash:a", "two\n")
	w, err := s.Writer("bootflash:a", true)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("three\n")); err != nil {
		t.Fatal(err)
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	if got := read(t, s, "bootflash:a"); got != "two\nthree\n" {
		t.Errorf("got %q", got)
	}
	if err := s.MakeDir("bootflash:d"); err != nil {
		t.Fatal(err)
	}
	if err := s.Copy("bootflash:a", "bootflash:d"); err != nil {
		t.Fatal(err)
	}
	if err := s.Move("bootflash:a", "volatile:b"); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(s.Names(10), " "); got != "bootflash:d/ bootflash:d/a volatile:b" {
		t.Errorf("names: %s", got)
	}
	list, err := s.List("bootflash:")
	if err != nil || len(list) != 1 || !list[0].Dir || list[0].Name != "d" {
		t.Errorf("list: %v, %v", list, err)
	}
	if u, err := s.Usage("volatile:"); err != nil || u.Used != 10 || u.Total != u.Used+u.Free {
		t.Errorf("usage: %+v, %v", u, err)
	}
	_, err = s.Read("volatile:b", 3)
	refused(t, err, "ERROR: File exceeds 3 bytes: volatile:b")
	_, err = s.Read("bootflash:none", 3)
	refused(t, err, "ERROR: No such file or directory: bootflash:none")
	_, err = s.Read("bootflash:d", 3)
	refused(t, err, "ERROR: Is a directory: bootflash:d")
	refused(t, s.Write("bootflash:d", nil), "ERROR: Is a directory: bootflash:d")
	refused(t, s.Write("bootflash:no/x", nil), "ERROR: No such file or directory: bootflash:no/x")
	refused(t, s.MakeDir("bootflash:d"), "ERROR: File exists: bootflash:d")
	refused(t, s.Remove("bootflash:d"), "ERROR: Is a directory: bootflash:d")
	refused(t, s.RemoveDir("bootflash:d"), "ERROR: Directory not empty: bootflash:d")
	refused(t, s.RemoveDir("bootflash:"), "ERROR: Permission denied: bootflash:")
	if err := s.Remove("bootflash:d/a"); err != nil {
		t.Error(err)
	}
	if err := s.RemoveDir("bootflash:d"); err != nil {
		t.Error(err)
	}

	write(t, s, "bootflash:kept", "x")
	again := open(t, Config{Dir: dir})
	if got := strings.Join(again.Names(10), " "); got != "bootflash:kept" {
		t.Errorf("after a start: %s", got)
	}
}

// TestAbort: a file keeps its contents until its replacement is complete, and
// nothing of an interrupted one is left.
func TestAbort(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Config{Dir: dir})
	write(t, s, "bootflash:a", "old")
	for _, end := range []func(*Writer){(*Writer).Abort, func(*Writer) { s = open(t, Config{Dir: dir}) }} {
		w, err := s.Writer("bootflash:a", false)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte("new")); err != nil {
			t.Fatal(err)
		}
		end(w)
		if got := read(t, s, "bootflash:a"); got != "old" {
			t.Errorf("got %q", got)
		}
		if found, _ := os.ReadDir(filepath.Join(dir, "bootflash")); len(found) != 1 {
			t.Errorf("left: %v", found)
		}
	}
}

func TestQuota(t *testing.T) {
	s := open(t, Config{Dir: t.TempDir(), Quota: 1000})
	write(t, s, "bootflash:a", strings.Repeat("x", 600))
	refused(t, s.Write("bootflash:b", make([]byte, 401)), "ERROR: No space left on device: bootflash:b")
	write(t, s, "volatile:b", strings.Repeat("x", 600)) // has its own
	write(t, s, "bootflash:b", strings.Repeat("x", 400))
	w, err := s.Writer("bootflash:a", true)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	_, err = w.Write([]byte("x"))
	refused(t, err, "ERROR: No space left on device: bootflash:a")
	if err := s.Remove("bootflash:b"); err != nil {
		t.Fatal(err)
	}
	write(t, s, "bootflash:c", strings.Repeat("x", 400))
}

// TestConfined: neither links out of a file system nor anything but regular
// files can be opened.
func TestConfined(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Config{Dir: dir})
	boot := filepath.Join(dir, "bootflash")
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"abs": secret, "rel": "../secret", "up": "..", "dev": "/dev/null"} {
		if err := os.Symlink(target, filepath.Join(boot, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(boot, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"abs", "rel", "up/secret", "dev", "fifo"} {
		name = "bootflash:" + name
		if _, err := s.Read(name, 100); err == nil {
			t.Errorf("read %s", name)
		}
		if w, err := s.Writer(name, true); err == nil {
			w.Abort()
			t.Errorf("appended to %s", name)
		}
	}
	if err := s.Write("bootflash:rel", []byte("mine")); err != nil { // replaces the link
		t.Fatal(err)
	}
	if data, err := os.ReadFile(secret); err != nil || string(data) != "secret" {
		t.Errorf("outside: %q, %v", data, err)
	}
}

func TestWritersAtOnce(t *testing.T) {
	s := open(t, Config{Dir: t.TempDir()})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 20 {
				if err := s.Write("bootflash:a", []byte(strings.Repeat(string(rune('a'+i)), 1000))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	got := read(t, s, "bootflash:a")
	if len(got) != 1000 || strings.Trim(got, got[:1]) != "" {
		t.Errorf("mixed: %d bytes", len(got))
	}
	if len(s.Names(10)) != 1 {
		t.Errorf("left: %v", s.Names(10))
	}
}

// FuzzResolve: whatever is typed names something inside a file system, and its
// full name means the same.
func FuzzResolve(f *testing.F) {
	f.Add("bootflash:a/b", "../x")
	f.Add("volatile:", "bootflash:/..//../x")
	f.Fuzz(resolves)
}

func resolves(t *testing.T, dir, text string) {
	d, err := Parse(dir)
	if err != nil {
		return
	}
	n, err := Resolve(d, text)
	if err != nil {
		return
	}
	if n.Path != "" && !filepath.IsLocal(n.Path) {
		t.Fatalf("%q in %q: %q leads out", text, dir, n.Path)
	}
	if again, err := Parse(n.String()); err != nil || again != n {
		t.Fatalf("%q: %v, %v", n.String(), again, err)
	}
}

// TestShare is the share of fuzzing of every run.
func TestShare(t *testing.T) {
	mutate.Try(t, func(t *testing.T, text string) { resolves(t, "bootflash:a/b", text) },
		"../x", "bootflash:/..//../x", "volatile:a/./b/../../c", "/etc/passwd", "a/b/c/d", "bootflash:///x", "..")
}
