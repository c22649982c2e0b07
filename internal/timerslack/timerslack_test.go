package timerslack

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// child is set in the environment of a test binary that is to restart itself
// and print the slack of each of its threads.
const child = "TRUNKLINE_TEST_SLACK"

func TestMain(m *testing.M) {
	if os.Getenv(child) == "" {
		os.Exit(m.Run())
	}
	Restart(Idle)
	fmt.Println(os.Getpid(), strings.Join(os.Args[1:], ","))
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		fmt.Println(err)
	}
	for _, id := range threads {
		b, err := os.ReadFile("/proc/" + id.Name() + "/timerslack_ns")
		if os.IsPermission(err) { // another thread's, without CAP_SYS_NICE
			continue
		}
		fmt.Println(strings.TrimSpace(string(b)), err)
	}
}

// TestRestart starts a program that restarts itself: same process, same
// arguments, and the slack in every thread.
func TestRestart(t *testing.T) {
	if _, err := os.ReadFile("/proc/self/timerslack_ns"); err != nil {
		t.Skip("the kernel does not show timer slack: ", err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(self, "one", "two words")
	c.Env = append(os.Environ(), child+"=1")
	var out strings.Builder
	c.Stdout, c.Stderr = &out, &out
	if err := c.Run(); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if want := strconv.Itoa(c.Process.Pid) + " one,two words"; lines[0] != want {
		t.Errorf("restarted as %q, want %q", lines[0], want)
	}
	if len(lines) < 2 {
		t.Fatal("no thread told its slack")
	}
	for _, l := range lines[1:] {
		if want := strconv.Itoa(int(Idle)) + " <nil>"; l != want {
			t.Errorf("slack of a thread %q, want %q", l, want)
		}
	}
}
