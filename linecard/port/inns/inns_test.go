package inns_test

import (
	"errors"
	"io/fs"
	"os"
	"testing"

	"trunkline/linecard/port/inns"
	"trunkline/linecard/port/inns/innstest"
)

func here(t *testing.T) string {
	t.Helper()
	s, err := os.Readlink("/proc/thread-self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestDo(t *testing.T) {
	ns := innstest.New(t)
	want, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	boom := errors.New("boom")
	for range 20 {
		var inside string
		if err := inns.Do(ns, func() error { inside = here(t); return boom }); !errors.Is(err, boom) {
			t.Fatalf("Do = %v, want the error of the function", err)
		}
		if inside == want {
			t.Fatal("Do did not enter the namespace")
		}
		if now := here(t); now != want {
			t.Fatalf("after Do in %s, want %s", now, want)
		}
	}
	if err := inns.Do("", func() error {
		if now := here(t); now != want {
			t.Errorf("the empty name is %s, want %s", now, want)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}

func TestDoNowhere(t *testing.T) {
	called := func() error { t.Error("the function was called"); return nil }
	if err := inns.Do("no-such-namespace", called); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Do = %v, want not exist", err)
	}
	if err := inns.Do("/dev/null", called); err == nil {
		t.Error("Do entered /dev/null")
	}
}

func TestPath(t *testing.T) {
	for in, want := range map[string]string{"blue": "/run/netns/blue", "/proc/1/ns/net": "/proc/1/ns/net"} {
		if got := inns.Path(in); got != want {
			t.Errorf("Path(%q) = %q, want %q", in, got, want)
		}
	}
}
