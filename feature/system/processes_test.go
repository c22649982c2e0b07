package system

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"trunkline/feature"
	"trunkline/feature/featuretest"
)

// stat is the state of a process as the kernel writes it.
func stat(pid int, name string, user, kernel, started int) string {
	return fmt.Sprintf("%d (%s) S 1 1 1 34816 1 4194560 100 0 0 0 %d %d 0 0 20 0 1 0 %d 2052096 39 18446744073709551615 1 1 140 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0\n",
		pid, name, user, kernel, started)
}

func TestProcesses(t *testing.T) {
	dir := t.TempDir()
	proc(t, dir, map[string]string{"loadavg": "0 0 0 1/1 1\n", "meminfo": "MemTotal: 1 kB\n"})
	write := func(pid int, text, schedule string) {
		at := filepath.Join(dir, fmt.Sprint(pid))
		if err := os.MkdirAll(at, 0o700); err != nil {
			t.Fatal(err)
		}
		proc(t, at, map[string]string{"stat": text, "schedstat": schedule})
	}
	total := func(idle, interrupts int) {
		cpu := fmt.Sprintf("cpu  100 0 100 %d 0 %d 0 0 0 0\n", idle, interrupts)
		proc(t, dir, map[string]string{"stat": cpu + strings.Replace(cpu, "cpu ", "cpu0", 1)})
	}
	total(9800, 0)
	write(7, stat(7, "a b) (c", 10, 5, 50), "3000000 5 1000\n")
	write(3000, stat(3000, "vsmd", 500, 0, 60), "bad\n")
	if err := os.MkdirAll(filepath.Join(dir, "99"), 0o700); err != nil { // ended
		t.Fatal(err)
	}
	s := NewSampler(dir)
	r, err := s.Sample()
	if err != nil || len(r.Table) != 2 {
		t.Fatalf("%+v, %v", r.Table, err)
	}
	a := r.Table[0]
	if a.PID != 7 || a.Name != "a_b)_(c" || a.State != 'S' || !a.TTY || a.Runtime != 150*time.Millisecond || a.Invoked != 1000 ||
		a.Slice != 3*time.Microsecond || a.Virtual != 2052096 || a.Resident != 39*uint64(os.Getpagesize()) || a.Limit != math.MaxUint64 || a.StackBase != 140 {
		t.Errorf("%+v", a)
	}
	if r.Busy.FiveSeconds != 2 || r.Interrupts != 0 {
		t.Errorf("since the start: %+v", r)
	}
	// Five seconds on, of which one for interrupts and one for the process.
	total(10200, 100)
	write(7, stat(7, "a", 110, 5, 50), "")
	write(3000, stat(3000, "vsmd", 1, 0, 70), "") // another of that number
	if r, err = s.Sample(); err != nil || len(r.Table) != 2 {
		t.Fatal(err)
	}
	if a := r.Table[0].Share; a.FiveSeconds != 20 || a.Minute <= 0 || a.Minute >= a.FiveSeconds || a.FiveMinutes >= a.Minute {
		t.Errorf("shares of one that was there: %+v", a)
	}
	if b := r.Table[1].Share; math.Abs(b.FiveSeconds-0.2) > 1e-9 {
		t.Errorf("shares of one that is new: %+v", b)
	}
	if r.Interrupts != 20 || r.Busy.FiveSeconds != 20 {
		t.Errorf("all processors: %+v", r)
	}
}

// TestOwnProcess finds this process on this machine.
func TestOwnProcess(t *testing.T) {
	r, err := NewSampler("").Sample()
	if err != nil {
		t.Skipf("no proc file system: %v", err)
	}
	i := slices.IndexFunc(r.Table, func(p feature.Process) bool { return p.PID == os.Getpid() })
	if i < 0 {
		if len(r.Table) < feature.MaxProcesses {
			t.Fatal("this process is not in the table")
		}
		t.Skip("more processes than are told")
	}
	if p := r.Table[i]; p.Resident == 0 || p.Virtual < p.Resident || p.Runtime < 0 {
		t.Errorf("%+v", p)
	}
}

func FuzzProcess(f *testing.F) {
	f.Add([]byte(stat(1, "init", 1, 2, 3)))
	f.Add([]byte("1 (\xff) S"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, _, err := parseProcess(b)
		if err != nil {
			return
		}
		if p.Runtime < 0 || strings.ContainsAny(p.Name, " \n\t") || p.Name == "" {
			t.Errorf("%q: %+v", b, p)
		}
	})
}

// table has n processes, of which one is busy and one has everything.
func table(n int) feature.Query {
	q := query()
	r := &q.State.Supervisor.Resources
	r.Busy, r.Interrupts = feature.Shares{FiveSeconds: 3.2, Minute: 2.4, FiveMinutes: 1.6}, 0.6
	for i := range n {
		r.Table = append(r.Table, feature.Process{PID: 1 + i, Name: "init", State: 'S', Runtime: 6170 * time.Millisecond, Invoked: 1011, Slice: 6102 * time.Microsecond})
	}
	if n > 1 {
		r.Table[1] = feature.Process{
			PID: 4194304, Name: strings.Repeat("x", 32), State: 'R', TTY: true, Runtime: 1e6 * time.Hour, Invoked: 1 << 40, Slice: time.Hour,
			Share: feature.Shares{FiveSeconds: 100, Minute: 99.99, FiveMinutes: 0.1}, Resident: 1 << 40, Virtual: 1 << 47, Limit: math.MaxUint64,
			StackBase: 1 << 47, StackPointer: 1<<47 - 1,
		}
	}
	return q
}

var processLines = map[string][]string{
	"show processes": {
		``, `PID    State  PC        Start_cnt    TTY   Type  Process`, `[- ]+`, ` *(\d+) +([A-Z]) +(-|[\da-f]+) +(\d+) +(-|tty) +(\w) +(\S+)`,
	},
	"show processes cpu [sort]": {
		`CPU utilization for five seconds: (\d+)%/(\d+)%; one minute: (\d+)%; five minutes: (\d+)%`, ``,
		`PID    Runtime\(ms\)  Invoked   uSecs  5Sec    1Min    5Min    TTY  Process`, `[- ]+`,
		` *(\d+) +(\d+) +(\d+) +(\d+) +([\d.]+)% +([\d.]+)% +([\d.]+)% +(-|tty) +(\S+)`,
	},
	"show processes memory": {
		``, `PID    MemAlloc    MemLimit              MemUsed       StackBase/Ptr                      Process`, `[- ]+`,
		` *(\d+) +(\d+) +(\d+) +(\d+) +([\da-f]+)/([\da-f]+) +(\S+)`,
	},
	"show processes log": {`Process           PID     Normal-exit  Stack  Core   Log-create-time`, `[- ]+`},
}

func TestProcessScreens(t *testing.T) {
	for line, known := range processLines {
		for suffix, q := range map[string]feature.Query{"": table(3), "-none": table(0), "-one": table(1), "-many": table(feature.MaxProcesses)} {
			name := strings.Fields(strings.ReplaceAll(strings.TrimPrefix(line, "show "), "[sort]", ""))
			t.Run(strings.Join(name, "-")+suffix, func(t *testing.T) {
				s, err := featuretest.Show(t, Feature, q, line)
				if err != nil {
					t.Fatal(err)
				}
				if suffix == "" {
					featuretest.Golden(t, strings.Join(name, "-"), s)
				}
				for l := range strings.Lines(featuretest.Text(s)) {
					l = strings.TrimSuffix(l, "\n")
					if !slices.ContainsFunc(known, func(p string) bool { return regexp.MustCompile(`^(?:` + p + `)$`).MatchString(l) }) {
						t.Errorf("a scraper does not know %q", l)
					}
				}
			})
		}
	}
}

func TestProcessesSorted(t *testing.T) {
	q := table(3)
	q.Args = feature.Args{Words: []string{"show", "processes", "cpu", "sort"}}
	s, err := showProcessCPU(q)
	if err != nil {
		t.Fatal(err)
	}
	for r := range s[1].Rows {
		if !strings.Contains(r.Text, "xxx") {
			t.Errorf("the first of the sorted is %s", r.Text)
		}
		return
	}
	t.Error("no rows")
}
