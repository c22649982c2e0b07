package lab_test

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"trunkline/testbed/netns/nstest"
)

// traces is what a lab could leave behind, as seen from outside of it.
type traces struct {
	Processes, Mounts, Namespaces, Devices, Files []string
}

func look(t *testing.T, dir string) traces {
	t.Helper()
	names := func(path string) (all []string) {
		entries, err := os.ReadDir(path)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		for _, e := range entries {
			all = append(all, e.Name())
		}
		return all
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	tr := traces{Mounts: strings.Split(string(mounts), "\n"), Namespaces: names("/run/netns"), Files: append(names(dir), names("/run")...)}
	for _, p := range names("/proc") {
		if _, err := strconv.Atoi(p); err != nil {
			continue
		}
		// What has ended waits for process 1, here the test, to collect it.
		stat, err := os.ReadFile("/proc/" + p + "/stat")
		if err == nil && !strings.Contains(string(stat), ") Z ") {
			tr.Processes = append(tr.Processes, p)
		}
	}
	devices, err := os.ReadFile("/proc/net/dev")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range strings.Split(string(devices), "\n") {
		name, _, _ := strings.Cut(l, ":")
		tr.Devices = append(tr.Devices, name)
	}
	return tr
}

// children returns the children of a process.
func children(t *testing.T, pid int) (all []int) {
	t.Helper()
	tasks, err := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/children")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range tasks {
		text, err := os.ReadFile(f)
		if err != nil {
			continue // the thread ended
		}
		for _, w := range strings.Fields(string(text)) {
			n, err := strconv.Atoi(w)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, n)
		}
	}
	return all
}

// TestNothingLeft ends a lab in several ways, with a program and an orphan
// running in its hosts, and looks at what is left.
func TestNothingLeft(t *testing.T) {
	nstest.Require(t)
	parent := func(_ *testing.T, cmd *exec.Cmd) *os.Process { return cmd.Process }
	child := func(t *testing.T, cmd *exec.Cmd) *os.Process {
		pids := children(t, cmd.Process.Pid)
		if len(pids) != 1 {
			t.Fatalf("the lab has the children %v", pids)
		}
		p, err := os.FindProcess(pids[0])
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	for name, c := range map[string]struct {
		whom   func(*testing.T, *exec.Cmd) *os.Process
		signal os.Signal
	}{
		"kill the parent":      {parent, syscall.SIGKILL},
		"kill the child":       {child, syscall.SIGKILL},
		"terminate the parent": {parent, syscall.SIGTERM},
		"terminal goes away":   {parent, syscall.SIGHUP},
		"end of input":         {nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := command(t, "console")
			before := look(t, cmd.Dir)
			in, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(out)
			for lines.Scan() && !strings.HasPrefix(lines.Text(), "ready") {
			}
			took := time.Since(start)
			t.Logf("%s, %v with the start of both processes", lines.Text(), took)
			if took > time.Second {
				t.Errorf("the world took %v", took)
			}
			io.WriteString(in, "h1 sh -c sleep${IFS}1000&\nh2 echo going\n")
			if c.whom == nil {
				in.Close()
			} else {
				for lines.Scan() && lines.Text() != "going" {
				}
				io.WriteString(in, "h3 sleep 1000\n")
				if err := c.whom(t, cmd).Signal(c.signal); err != nil {
					t.Fatal(err)
				}
			}
			for lines.Scan() {
			}
			err = cmd.Wait()
			t.Logf("ended with %v", err)
			deadline := time.Now().Add(30 * time.Second)
			for {
				after := look(t, cmd.Dir)
				if reflect.DeepEqual(before, after) {
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("left behind:\nbefore %v\nafter  %v", before, after)
				}
			}
		})
	}
}

// TestTerminal is a person at a terminal: a program in a host has it for
// itself, Ctrl-C ends the program and not the lab, Ctrl-Z nothing.
func TestTerminal(t *testing.T) {
	nstest.Require(t)
	cmd := command(t, "console")
	cmd.Stderr = nil
	tty, err := pty.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	defer tty.Close()
	words := make(chan string)
	go func() {
		defer close(words)
		for s := bufio.NewScanner(tty); s.Scan(); {
			words <- s.Text()
		}
	}()
	await := func(parts ...string) {
		t.Helper()
		var seen []string
		timeout := time.After(10 * time.Second)
		for {
			select {
			case l, ok := <-words:
				if !ok {
					t.Fatalf("the lab ended before %q: %q", parts, seen)
				}
				seen = append(seen, l)
				if !slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(l, p) }) {
					return
				}
			case <-timeout:
				t.Fatalf("no %q in %q", parts, seen)
			}
		}
	}
	await("ready")
	for range 2 {
		io.WriteString(tty, "h1 ping -i 0.1 h4\n")
		await("bytes from 10.0.0.4")
		io.WriteString(tty, "\x1a")
		await("bytes from 10.0.0.4")
		io.WriteString(tty, "\x03")
		await("packets transmitted", "0% packet loss")
		await("exit 0")
	}
	io.WriteString(tty, "h2 sh -c kill${IFS}-INT${IFS}$$\n")
	await("exit 130")
	io.WriteString(tty, "h1 cat\n")
	io.WriteString(tty, "to the program\n\x04")
	await("to the program")
	await("exit 0")
	io.WriteString(tty, "\x04")
	for range words {
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("the lab ended with %v", err)
	}
}
