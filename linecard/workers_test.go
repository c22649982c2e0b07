package linecard

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"trunkline/linecard/pipeline"
)

func TestLoads(t *testing.T) {
	var l loads
	at := time.Unix(100, 0)
	reading := func(n uint64) []pipeline.WorkerStats {
		return []pipeline.WorkerStats{{ID: 0, BusyNs: n, ElapsedNs: 10 * n, Frames: 2 * n}}
	}
	check := func(n, want uint64) {
		t.Helper()
		if busy, elapsed, frames := l.since(reading(n)[0]); busy != want || elapsed != 10*want || frames != 2*want {
			t.Errorf("since: %d, %d, %d, want %d of each", busy, elapsed, frames, want)
		}
	}
	check(7, 7)
	for i := range uint64(20) { // seconds
		l.sample(at.Add(time.Duration(i)*time.Second), reading(i))
	}
	check(20, 10) // since second 10: those that count are 0, 5, 10 and 15
}

func TestShowWorkers(t *testing.T) {
	c := &Card{cfg: Config{StateDir: t.TempDir()}, path: Datapath{Cores: []int{1}}}
	c.engine = pipeline.New(pipeline.Config{Workers: 2, CPUs: []int{1}, Spin: pipeline.SpinForever})
	var out bytes.Buffer
	c.showDatapath(&out)
	for _, want := range []string{
		`(?m)^Datapath: auto cores 1$`, `(?m)^When the line card is started again: auto$`,
		`(?m)^0      1         0 ppoll `, `(?m)^1      --        0 ppoll `, `(?m)^Batch +1 +2-3 `,
	} {
		if !regexp.MustCompile(want).Match(out.Bytes()) {
			t.Errorf("%s is not in\n%s", want, out.Bytes())
		}
	}
}

func TestClock(t *testing.T) {
	for _, c := range []struct {
		text string
		want float64
	}{
		{"processor\t: 0\ncpu MHz\t\t: 2095.997\n\nprocessor\t: 1\ncpu MHz\t\t: 1\n", 2095.997},
		{"processor\t: 0\n", 0}, {"cpu MHz : x\n", 0}, {"cpu MHz : -1\n", 0}, {"cpu MHz : NaN\n", 0}, {"", 0},
	} {
		file := filepath.Join(t.TempDir(), "cpuinfo")
		if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := clockMHz(file); got != c.want {
			t.Errorf("%q: %v MHz, want %v", c.text, got, c.want)
		}
	}
	if got := clockMHz(filepath.Join(t.TempDir(), "none")); got != 0 {
		t.Errorf("no file: %v MHz", got)
	}
}
