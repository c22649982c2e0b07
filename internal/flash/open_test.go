package flash

import (
	"io"
	"math"
	"path/filepath"
	"strings"
	"testing"
)

// TestWriteAt writes the parts of a file in another order than they have in it.
func TestWriteAt(t *testing.T) {
	s := open(t, Config{Dir: t.TempDir(), Quota: 1000})
	w, err := s.Writer("bootflash:a", false)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	for _, part := range []struct {
		text string
		at   int64
	}{{"world", 6}, {"hello ", 0}, {"!", 11}} {
		if _, err := w.WriteAt([]byte(part.text), part.at); err != nil {
			t.Fatal(err)
		}
	}
	_, err = w.WriteAt([]byte("x"), 1000)
	refused(t, err, "ERROR: No space left on device: bootflash:a")
	for _, at := range []int64{-1, math.MaxInt64} {
		_, err = w.WriteAt([]byte("x"), at)
		refused(t, err, "ERROR: Permission denied: bootflash:a")
	}
	refused(t, w.Truncate(1001), "ERROR: No space left on device: bootflash:a")
	if err := w.Truncate(11); err != nil {
		t.Fatal(err)
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	if got := read(t, s, "bootflash:a"); got != "hello world" {
		t.Errorf("got %q", got)
	}
	f, e, err := s.Open("bootflash:a")
	if err != nil || e.Size != 11 || e.Name != "a" || e.Dir {
		t.Fatalf("%+v, %v", e, err)
	}
	defer f.Close()
	b := make([]byte, 5)
	if _, err := f.ReadAt(b, 6); err != nil || string(b) != "world" {
		t.Errorf("%q, %v", b, err)
	}
}

func TestRename(t *testing.T) {
	s := open(t, Config{Dir: t.TempDir()})
	write(t, s, "bootflash:a", "a")
	write(t, s, "bootflash:b", "b")
	refused(t, s.Rename("bootflash:a", "bootflash:b"), "ERROR: File exists: bootflash:b")
	refused(t, s.Rename("bootflash:none", "bootflash:c"), "ERROR: No such file or directory: bootflash:none")
	if err := s.Rename("bootflash:a", "volatile:c"); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(s.Names(9), " "); got != "bootflash:b volatile:c" {
		t.Errorf("names: %s", got)
	}
}

// TestSpool: a spool is read back, counts while it is there, and leaves nothing.
func TestSpool(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Config{Dir: dir, Quota: 1000})
	p, err := s.Spool()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Write(make([]byte, 600)); err != nil {
		t.Fatal(err)
	}
	refused(t, s.Write("volatile:a", make([]byte, 500)), "ERROR: No space left on device: volatile:a")
	_, err = p.Write(make([]byte, 500))
	refused(t, err, "ERROR: No space left on device: volatile:")
	r, size := p.Read()
	if got, err := io.ReadAll(r); err != nil || size != 600 || len(got) != 600 {
		t.Errorf("%d of %d bytes, %v", len(got), size, err)
	}
	p.Close()
	if left, _ := filepath.Glob(filepath.Join(dir, "*", ".new*")); len(left) > 0 {
		t.Errorf("left %v", left)
	}
	write(t, s, "volatile:a", strings.Repeat("x", 1000))
}
