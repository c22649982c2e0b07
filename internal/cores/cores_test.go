package cores

import (
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		in     string
		want   []int
		format string
	}{
		{"0", []int{0}, "0"},
		{"1,4-7", []int{1, 4, 5, 6, 7}, "1,4-7"},
		{"7,1,2,3", []int{7, 1, 2, 3}, "7,1-3"},
		{"1023", []int{1023}, "1023"},
		{"3-3", []int{3}, "3"},
		{in: ""}, {in: ","}, {in: "1,"}, {in: "-1"}, {in: "1-"}, {in: "4-2"}, {in: "1024"}, {in: "1,1"}, {in: "1-3,2"},
		{in: "0-64"}, {in: "a"}, {in: "+1"}, {in: " 1"}, {in: "1--2"}, {in: "99999999999"},
	} {
		got, err := Parse(c.in)
		if (err != nil) != (c.want == nil) || !slices.Equal(got, c.want) || err == nil && Format(got) != c.format {
			t.Errorf("Parse(%q) = %v, %v; want %v; formatted %q", c.in, got, err, c.want, Format(got))
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("1,4-7")
	f.Fuzz(func(t *testing.T, s string) {
		list, err := Parse(s)
		if err != nil {
			return
		}
		again, err := Parse(Format(list))
		if err != nil || !slices.Equal(list, again) {
			t.Fatalf("%q: %v, then %v, %v", s, list, again, err)
		}
	})
}

func TestDefault(t *testing.T) {
	for n, want := range map[int]int{1: 1, 2: 1, 8: 1, 16: 2, 64: 8, 256: 8} {
		if got := Default(n); got != want {
			t.Errorf("Default(%d) = %d, want %d", n, got, want)
		}
	}
}

// TestIsolate runs itself again, because what it does cannot be undone.
func TestIsolate(t *testing.T) {
	if os.Getenv("TEST_ISOLATE") == "" {
		cmd := exec.Command(os.Args[0], "-test.run=TestIsolate", "-test.v")
		cmd.Env = append(os.Environ(), "TEST_ISOLATE=1")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if i := strings.Index(string(out), "--- SKIP"); i >= 0 {
			t.Skip(string(out[:i]))
		}
		return
	}
	all, err := Allowed()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 2 {
		t.Skip("one core")
	}
	if _, err := Isolate([]int{Max - 1}); err == nil {
		t.Error("a core that is not there: no error")
	}
	worker := all[len(all)-1]
	others, err := Isolate([]int{worker})
	if err != nil || slices.Contains(others, worker) || len(others) != len(all)-1 {
		t.Fatalf("others %v of %v, %v", others, all, err)
	}
	if n := runtime.GOMAXPROCS(0); n != len(all)+2 {
		t.Errorf("GOMAXPROCS %d with %d cores", n, len(all))
	}
	// Threads made from now on are off the core, too, also when a pinned one
	// has asked for them.
	pinned, release := make(chan struct{}), make(chan struct{})
	go func() {
		runtime.LockOSThread()
		var set unix.CPUSet
		set.Set(worker)
		if err := unix.SchedSetaffinity(0, &set); err != nil {
			t.Error(err)
		}
		for range 8 {
			started := make(chan struct{})
			go func() {
				runtime.LockOSThread()
				close(started)
				<-release
			}()
			<-started
		}
		close(pinned)
		<-release
	}()
	<-pinned
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	on := 0
	for _, task := range tasks {
		id, _ := strconv.Atoi(task.Name())
		var set unix.CPUSet
		if unix.SchedGetaffinity(id, &set) == nil && set.IsSet(worker) {
			on++
		}
	}
	close(release)
	if on != 1 || len(tasks) < 9 {
		t.Errorf("%d of %d threads may run on the worker's core, want the worker", on, len(tasks))
	}
}
