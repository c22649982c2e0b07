package supervisor

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"trunkline/config/configtest"
	"trunkline/feature"
	"trunkline/feature/aaa"
)

// scheduled runs a supervisor whose clock stands still, 30 s before ten, with users
// ann, who may do everything, and bob, whose role permits jobs and VLANs.
func scheduled(t *testing.T) (*Supervisor, *configtest.Clock) {
	t.Helper()
	clock := configtest.NewClock(time.Date(2026, 11, 22, 9, 59, 30, 0, time.UTC))
	s, err := Open(t.Context(), Config{StateDir: t.TempDir(), Clock: clock, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	wait, stop := begin(t, s)
	t.Cleanup(func() {
		stop()
		if err := wait(); err != nil {
			t.Error(err)
		}
	})
	configured(t, s, "username ann password Lantern-Quill-7 role network-admin\nrole name vlans\nrule 1 permit read-write feature vlan\nexit\n"+
		"username bob password Lantern-Quill-8 role vlans\nfeature scheduler")
	return s, clock
}

// ran moves the clock to the next ten o'clock and returns the log once the job has run.
func ran(t *testing.T, s *Supervisor, clock *configtest.Clock, times int) string {
	t.Helper()
	text := ""
	eventually(t, "the schedule was seen", func() bool { return s.jobs.Knows("s") })
	ten := clock.Now().Truncate(24 * time.Hour).Add(10 * time.Hour)
	if !ten.After(clock.Now()) {
		ten = ten.Add(24 * time.Hour)
	}
	clock.Advance(ten.Sub(clock.Now()))
	eventually(t, "the job ran", func() bool {
		r := s.jobs.Snapshot()["s"]
		text, _ = s.jobs.LogFile()
		return r.Count == times && r.Ended.Equal(clock.Now())
	})
	return text
}

// as commits lines as a user.
func as(t *testing.T, s *Supervisor, user, text string) {
	t.Helper()
	if out, ok := linesOf(t, s, feature.Session{User: user, From: "console0", Role: aaa.Role(s.config.Running().Tree, user)}, "configure terminal\n"+text); !ok {
		t.Fatal(out)
	}
}

const job = "scheduler job name j\nconfigure terminal ; vlan 77 ; name night\nend-job\n"
const daily = "scheduler schedule name s\njob name j\ntime daily 10:00\n"

// A job changes the configuration at its time, as who configured it, and is accounted
// for.
func TestJobRuns(t *testing.T) {
	s, clock := scheduled(t)
	as(t, s, "ann", job+daily)
	if out, _ := lines(t, s, "show vlan id 77"); strings.Contains(out, "night") {
		t.Fatalf("it ran before its time: %s", out)
	}
	log := ran(t, s, clock, 1)
	if out, _ := lines(t, s, "show vlan id 77"); !strings.Contains(out, "night") {
		t.Errorf("it did not run: %s\n%s", out, log)
	}
	for _, want := range []string{"Job Status: Success", "User Name : ann", "`configure terminal ; vlan 77 ; name night`", "Sun Nov 22 10:00:00 2026"} {
		if !strings.Contains(log, want) {
			t.Errorf("no %q in the log:\n%s", want, log)
		}
	}
	if out, _ := lines(t, s, "show accounting log"); !strings.Contains(out, "id=scheduler:user=ann:cmd=configure terminal ; vlan 77 ; name night (SUCCESS)") {
		t.Errorf("not accounted for: %s", out)
	}
	if out, _ := lines(t, s, "show scheduler schedule name s"); !strings.Contains(out, "Execution count     : 1") || !strings.Contains(out, "Success") {
		t.Error(out)
	}
	if out, ok := lines(t, s, "clear scheduler logfile ; show scheduler logfile"); !ok || out != "" {
		t.Errorf("not cleared: %q", out)
	}
}

// What the user may not do any more does not happen, and the log says so.
func TestJobWithoutRights(t *testing.T) {
	s, clock := scheduled(t)
	as(t, s, "ann", job+daily)
	configured(t, s, "username ann role vlans\nno username ann role network-admin\nrole name vlans\nno rule 1")
	if log := ran(t, s, clock, 1); !strings.Contains(log, "Permission denied") || !strings.Contains(log, "Job Status: Failed") {
		t.Errorf("without the role: %s", log)
	}
	configured(t, s, "no username ann")
	if log := ran(t, s, clock, 2); !strings.Contains(log, "user ann, who configured the schedule, is not a user of the switch") {
		t.Errorf("without the user: %s", log)
	}
	if out, _ := lines(t, s, "show vlan id 77"); strings.Contains(out, "night") {
		t.Errorf("it ran: %s", out)
	}
}

// Who changes a job of another's schedule answers for it.
func TestJobOfAnother(t *testing.T) {
	s, clock := scheduled(t)
	configured(t, s, "role name vlans\nrule 2 permit read-write feature scheduler")
	as(t, s, "ann", job+daily)
	as(t, s, "bob", "scheduler job name j\nconfigure terminal ; hostname stolen\nend-job")
	log := ran(t, s, clock, 1)
	if !strings.Contains(log, "User Name : bob") || !strings.Contains(log, "Permission denied") {
		t.Error(log)
	}
	if out, _ := lines(t, s, "show hostname"); strings.Contains(out, "stolen") {
		t.Error("bob's line ran with the role of ann")
	}
}
