package archive

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"trunkline/internal/flash"
)

const quota = 1 << 18

func store(t testing.TB) (*flash.Store, string) {
	t.Helper()
	dir := t.TempDir()
	s, err := flash.Open(flash.Config{Dir: dir, Quota: quota})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, dir
}

func write(t testing.TB, s *flash.Store, name, text string) {
	t.Helper()
	if err := s.Write(name, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

func names(s *flash.Store) string { return strings.Join(s.Names(100), " ") }

func TestGzip(t *testing.T) {
	s, _ := store(t)
	text := strings.Repeat("vlan 5\n", 1000)
	write(t, s, "bootflash:f", text)
	if err := Gzip(t.Context(), s, "bootflash:f"); err != nil || names(s) != "bootflash:f.gz" {
		t.Fatalf("%v, %s", err, names(s))
	}
	packed, err := s.Read("bootflash:f.gz", quota)
	if err != nil || len(packed) > 200 {
		t.Fatalf("%d bytes, %v", len(packed), err)
	}
	if err := Gunzip(t.Context(), s, "bootflash:f.gz"); err != nil || names(s) != "bootflash:f" {
		t.Fatalf("%v, %s", err, names(s))
	}
	if got, err := s.Read("bootflash:f", quota); err != nil || string(got) != text {
		t.Errorf("%q, %v", got, err)
	}
	write(t, s, "bootflash:bad.gz", "x")
	write(t, s, "bootflash:f.gz", string(packed))
	write(t, s, "bootflash:half.gz", string(packed[:len(packed)-9]))
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	for range 4096 {
		if _, err := z.Write(make([]byte, 1<<12)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, s, "bootflash:bomb.gz", bomb.String())
	before := names(s)
	done, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		err  error
		want string
	}{
		{Gzip(t.Context(), s, "bootflash:f.gz"), "ERROR: File already has the suffix .gz: bootflash:f.gz"},
		{Gzip(t.Context(), s, "bootflash:f"), "ERROR: File exists: bootflash:f.gz"},
		{Gunzip(t.Context(), s, "bootflash:f"), "ERROR: File has no suffix .gz: bootflash:f"},
		{Gunzip(t.Context(), s, "bootflash:f.gz"), "ERROR: File exists: bootflash:f"},
		{Gunzip(t.Context(), s, "bootflash:none.gz"), "ERROR: No such file or directory: bootflash:none.gz"},
		{Gunzip(t.Context(), s, "bootflash:bad.gz"), "ERROR: File is damaged or no archive: bootflash:bad.gz"},
		{Gunzip(t.Context(), s, "bootflash:half.gz"), "ERROR: File is damaged or no archive: bootflash:half.gz"},
		{Gunzip(t.Context(), s, "bootflash:bomb.gz"), "ERROR: No space left on device: bootflash:bomb"},
		{Gzip(done, s, "bootflash:bomb"), "ERROR: No such file or directory: bootflash:bomb"},
	} {
		if c.err == nil || c.err.Error() != c.want {
			t.Errorf("got %v, want %s", c.err, c.want)
		}
	}
	if err := errors.Join(s.Remove("bootflash:f.gz")); err != nil {
		t.Fatal(err)
	}
	if err := Gzip(done, s, "bootflash:f"); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	if got := names(s); got != strings.Replace(before, "bootflash:f.gz ", "", 1) {
		t.Errorf("left %s of %s", got, before)
	}
}

func TestTar(t *testing.T) {
	for _, packed := range []bool{true, false} {
		s, _ := store(t)
		for _, d := range []string{"bootflash:d", "bootflash:d/e", "volatile:to"} {
			if err := s.MakeDir(d); err != nil {
				t.Fatal(err)
			}
		}
		write(t, s, "bootflash:a", "a")
		write(t, s, "bootflash:d/b", "b")
		write(t, s, "bootflash:c", "c")
		var told []string
		x := Tar{Store: s, Told: func(name string) error { told = append(told, name); return nil }}
		err := errors.Join(
			x.Create(t.Context(), "bootflash:x.tar", packed, []string{"bootflash:a", "bootflash:d"}),
			x.Append(t.Context(), "bootflash:x.tar", []string{"bootflash:c"}),
		)
		if err != nil || strings.Join(told, " ") != "a d/ d/b d/e/ c" {
			t.Fatalf("%v %v", told, err)
		}
		told = nil
		if err := x.List(t.Context(), "bootflash:x.tar"); err != nil || strings.Join(told, " ") != "a d/ d/b d/e/ c" {
			t.Errorf("list: %v %v", told, err)
		}
		write(t, s, "volatile:to/a", "old")
		if err := x.Extract(t.Context(), "bootflash:x.tar", "volatile:to", true); err != nil {
			t.Fatal(err)
		}
		if got := names(s); !strings.HasSuffix(got, "volatile:to/ volatile:to/a volatile:to/c volatile:to/d/ volatile:to/d/b volatile:to/d/e/") {
			t.Errorf("extracted: %s", got)
		}
		for _, want := range []string{"old", "a"} {
			if got, err := s.Read("volatile:to/a", 10); err != nil || string(got) != want {
				t.Errorf("%q, %v, want %q", got, err, want)
			}
			if err := x.Extract(t.Context(), "bootflash:x.tar", "volatile:to", false); err != nil {
				t.Fatal(err)
			}
		}
		if err := x.Create(t.Context(), "bootflash:y.tar", packed, []string{"bootflash:a", "bootflash:none"}); err == nil {
			t.Error("a file that is not there")
		}
		if _, err := s.Stat("bootflash:y.tar"); err == nil {
			t.Error("half an archive")
		}
	}
}

// TestHostile: an archive with anything that does not belong is not unpacked at
// all, and none leads out.
func TestHostile(t *testing.T) {
	for _, h := range []tar.Header{
		{Typeflag: tar.TypeReg, Name: "../x"}, {Typeflag: tar.TypeReg, Name: "/x"}, {Typeflag: tar.TypeReg, Name: "a/../../x"},
		{Typeflag: tar.TypeReg, Name: "bootflash:x"}, {Typeflag: tar.TypeReg, Name: "a b"}, {Typeflag: tar.TypeReg, Name: ".new-1"},
		{Typeflag: tar.TypeSymlink, Name: "l", Linkname: "/etc"}, {Typeflag: tar.TypeLink, Name: "l", Linkname: "a"},
		{Typeflag: tar.TypeFifo, Name: "f"}, {Typeflag: tar.TypeChar, Name: "c"}, {Typeflag: tar.TypeDir, Name: "1/2/3/4/5/6/7/8/9"},
	} {
		s, dir := store(t)
		if err := s.MakeDir("volatile:to"); err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		if err := errors.Join(w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "first"}), w.WriteHeader(&h), w.Close()); err != nil {
			t.Fatal(err)
		}
		write(t, s, "bootflash:x.tar", b.String())
		if err := (Tar{Store: s}).Extract(t.Context(), "bootflash:x.tar", "volatile:to", false); err == nil {
			t.Errorf("%+v: unpacked", h)
		}
		if got := names(s); got != "bootflash:x.tar volatile:to/" {
			t.Errorf("%+v: %s", h, got)
		}
		if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
			t.Errorf("%+v: %v, %v", h, entries, err)
		}
	}
}

// FuzzExtract: whatever an archive holds, nothing is written outside of the
// directory, and the quota holds.
func FuzzExtract(f *testing.F) {
	for _, packed := range []bool{true, false} {
		s, _ := store(f)
		write(f, s, "bootflash:a", "text")
		if err := (Tar{Store: s}).Create(context.Background(), "bootflash:x", packed, []string{"bootflash:a"}); err != nil {
			f.Fatal(err)
		}
		b, err := s.Read("bootflash:x", quota)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > quota/2 {
			return
		}
		s, dir := store(t)
		write(t, s, "bootflash:x.tar.gz", string(b))
		if err := s.MakeDir("volatile:to"); err != nil {
			t.Fatal(err)
		}
		x := Tar{Store: s}
		_ = x.Extract(t.Context(), "bootflash:x.tar.gz", "volatile:to", false)
		_ = x.Append(t.Context(), "bootflash:x.tar.gz", []string{"volatile:to"})
		_ = Gunzip(t.Context(), s, "bootflash:x.tar.gz")
		for _, name := range s.Names(100) {
			if !strings.HasPrefix(name, "bootflash:x.tar") && !strings.HasPrefix(name, "volatile:to/") {
				t.Fatalf("%q: %s", b, name)
			}
		}
		if left, _ := filepath.Glob(filepath.Join(dir, "*", ".new*")); len(left) > 0 {
			t.Fatalf("%q: left %v", b, left)
		}
		for _, system := range flash.Systems() {
			if u, err := s.Usage(system); err != nil || u.Used > quota {
				t.Fatalf("%q: %+v, %v", b, u, err)
			}
		}
	})
}
