package system

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"trunkline/feature"
)

func proc(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSampler(t *testing.T) {
	dir := t.TempDir()
	s := NewSampler(dir)
	if _, err := s.Sample(); err == nil {
		t.Error("an empty directory gives a sample")
	}
	proc(t, dir, map[string]string{
		"loadavg": "0.57 0.41 0.37 2/95 16149\n",
		"meminfo": "MemTotal:        4018104 kB\nMemFree:          100 kB\nMemAvailable:    3000000 kB\n",
		"stat":    "cpu  100 0 50 850 0 0 0 0 0 0\ncpu0 100 0 50 850 0 0 0 0 0 0\nintr 1 2 3\n",
	})
	r, err := s.Sample()
	if err != nil {
		t.Fatal(err)
	}
	if r.Load != [3]float64{0.57, 0.41, 0.37} || r.Running != 2 || r.Processes != 95 || r.TotalKB != 4018104 || r.FreeKB != 3000000 {
		t.Errorf("sample: got %+v", r)
	}
	if want := (feature.CPUShare{User: 10, Kernel: 5, Idle: 85}); r.CPU != want || len(r.CPUs) != 1 || r.CPUs[0] != want {
		t.Errorf("shares since the start: got %v and %v, want %v", r.CPU, r.CPUs, want)
	}
	proc(t, dir, map[string]string{"stat": "cpu  150 0 50 900 0 0 0 0 0 0\ncpu0 150 0 50 900 0 0 0 0 0 0\n"})
	r, err = s.Sample()
	if want := (feature.CPUShare{User: 50, Idle: 50}); err != nil || r.CPU != want {
		t.Errorf("shares since the last sample: got %v, %v, want %v", r.CPU, err, want)
	}
	proc(t, dir, map[string]string{"meminfo": "MemTotal: many kB\n"})
	if _, err := s.Sample(); err == nil || !strings.Contains(err.Error(), "meminfo") {
		t.Errorf("a bad file: got %v, want an error that names it", err)
	}
}

func TestSampleOfThisMachine(t *testing.T) {
	r, err := NewSampler("").Sample()
	if err != nil {
		t.Skipf("no proc file system: %v", err)
	}
	if sum := r.CPU.User + r.CPU.Kernel + r.CPU.Idle; r.TotalKB == 0 || len(r.CPUs) == 0 || sum < 99 || sum > 101 {
		t.Errorf("sample: got %+v", r)
	}
}
