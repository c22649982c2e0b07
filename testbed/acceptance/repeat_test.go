package acceptance

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"trunkline/cli/remote"
)

// size is what a process takes.
type size struct{ rss, fds, threads int }

func sizeOf(t *testing.T, p *process) size {
	t.Helper()
	dir := fmt.Sprintf("/proc/%d", p.Process.Pid)
	b, err := os.ReadFile(dir + "/status")
	if err != nil {
		t.Fatal(err)
	}
	number := func(key string) int {
		m := regexp.MustCompile(key + `:\s+(\d+)`).FindSubmatch(b)
		if m == nil {
			t.Fatalf("no %s in %s", key, b)
		}
		n, _ := strconv.Atoi(string(m[1])) // digits
		return n
	}
	fds, err := os.ReadDir(dir + "/fd")
	if err != nil {
		t.Fatal(err)
	}
	return size{number("VmRSS"), len(fds), number("Threads")}
}

// goroutines ends a process and counts those of its trace.
func goroutines(t *testing.T, p *process) int {
	t.Helper()
	if err := p.Process.Signal(syscall.SIGQUIT); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.done:
	case <-time.After(10 * time.Second):
		t.Fatal("the process does not end")
	}
	b, err := os.ReadFile(p.log)
	if err != nil {
		t.Fatal(err)
	}
	return len(regexp.MustCompile(`(?m)^goroutine \d+ `).FindAll(b, -1))
}

// TestRepeats runs each of some commands a thousand times and connects a
// thousand times, in good manners and bad: the supervisor is no larger after it.
func TestRepeats(t *testing.T) {
	fresh, socket := alone(t, t.TempDir())
	vsh(t, socket, "show version")
	base := goroutines(t, fresh)

	p, socket := alone(t, t.TempDir())
	lines := strings.Join([]string{
		"show version", "show module", "show interface", "show running-config | json", "show vlan | include a | count",
		"show nonsense", "show interface vethernet 77", "show vlan id 5000", "show",
	}, "\n") + "\n"
	session := func(text string) {
		t.Helper()
		c, _, err := remote.Dial(t.Context(), socket, remote.Hello{})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		var out bytes.Buffer
		if _, err := c.Script(strings.NewReader(text), &out); err != nil || out.Len() == 0 {
			t.Fatalf("%d bytes: %v", out.Len(), err)
		}
	}
	rude := func(i int) {
		t.Helper()
		conn, err := net.Dial("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		switch i % 3 {
		case 1:
			_, _ = conn.Write([]byte("GET / HTTP/1.1\r\n\r\n"))
		case 2:
			_, _ = conn.Write([]byte{'h', 0, 0})
		}
		conn.Close()
	}
	round := func(times int) size {
		session(strings.Repeat(lines, times))
		for i := range times {
			session("show clock\n")
			rude(i)
		}
		var s size
		eventually(t, 5*time.Second, "the connections are gone", func() error {
			if s = sizeOf(t, p); s.fds > 60 {
				return fmt.Errorf("%+v", s)
			}
			return nil
		})
		return s
	}
	before := round(300)
	after := round(1000)
	eventually(t, 30*time.Second, "as many descriptors as before", func() error { // connections may be about to go
		if after = sizeOf(t, p); after.fds > before.fds+2 {
			return fmt.Errorf("%+v, before %+v", after, before)
		}
		return nil
	})
	t.Logf("%+v, then %+v; %d goroutines at first", before, after, base)
	if after.rss > before.rss+12<<10 || after.threads > before.threads+4 || after.fds > before.fds+2 {
		t.Errorf("the supervisor has grown from %+v to %+v", before, after)
	}
	for range 20 { // and the real terminal
		if r := vsh(t, socket, "show clock"); r.code != 0 {
			t.Fatal(r.out, r.log)
		}
	}
	if n := goroutines(t, p); n > base+5 {
		t.Errorf("%d goroutines, %d in a new supervisor", n, base)
	}
}

// TestRepeatedCommits changes the configuration back and forth: neither the
// memory nor the files of the supervisor grow with it.
func TestRepeatedCommits(t *testing.T) {
	dir := t.TempDir()
	p, socket := alone(t, dir)
	c, _, err := remote.Dial(t.Context(), socket, remote.Hello{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	round := func(times int) (s size, disk int64) {
		var out bytes.Buffer
		for range times {
			if ok, err := c.Script(strings.NewReader("configure terminal ; vlan 10 ; name A ; no name ; no vlan 10 ; end"), &out); err != nil || !ok {
				t.Fatalf("%v: %s", err, tail(out.String(), 500))
			}
		}
		err := filepath.Walk(dir, func(_ string, i os.FileInfo, err error) error {
			if err == nil && !i.IsDir() {
				disk += i.Sys().(*syscall.Stat_t).Blocks * 512
			}
			return err
		})
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		return sizeOf(t, p), disk
	}
	before, disk := round(50)
	after, later := round(150)
	t.Logf("%+v and %d kB, then %+v and %d kB", before, disk>>10, after, later>>10)
	if after.rss > before.rss+12<<10 || after.fds > before.fds+2 || later > disk+40<<20 {
		t.Errorf("the supervisor has grown from %+v, %d to %+v, %d", before, disk, after, later)
	}
}
