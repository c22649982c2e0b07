// Package scheduler runs the jobs of schedules at their time (feature/scheduler,
// docs/adr/0029).
//
// One goroutine looks at the clock once a minute at least, when a schedule is due
// and after every commit; each run has one of its own. A schedule that still runs
// is not started again, few run at once, and a run has a bounded time. What came
// due while nobody looked, as the switch was down or its clock was set, is not
// made up.
package scheduler

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"trunkline/config"
	"trunkline/config/tree"
	"trunkline/feature"
	feat "trunkline/feature/scheduler"
)

// Bounds of runs.
const (
	MaxTime   = 10 * time.Minute // of one run
	maxOutput = 64 << 10         // bytes of one run in the log file
	maxRuns   = 4                // at once
	late      = time.Minute      // after its time a run is not started any more
	look      = time.Minute      // between looks at the clock, which may be set
)

// Config is what a Service needs.
type Config struct {
	Running   func() tree.Tree
	Subscribe func() (wake <-chan struct{}, cancel func()) // to commits
	// Open begins a session of a user, without a terminal.
	Open func(who feature.Session) Session
	// Clock is that of the supervisor, nil for the machine's.
	Clock config.Clock
	// File is the log file.
	File   string
	Events interface{ Log(feature.Event) }
	Log    *slog.Logger
}

// Service runs jobs. Its methods may be called from any goroutine.
type Service struct {
	cfg Config

	fired map[string]time.Time // of the goroutine of Run: the time that was due last

	mu    sync.Mutex
	known map[string]feat.When // what was seen last
	runs  map[string]feature.ScheduleRun
	busy  map[string]bool

	file sync.Mutex // of the log file
}

// New returns a service that does nothing until Run.
func New(c Config) *Service {
	if c.Clock == nil {
		c.Clock = machine{}
	}
	return &Service{cfg: c, known: map[string]feat.When{}, fired: map[string]time.Time{}, runs: map[string]feature.ScheduleRun{}, busy: map[string]bool{}}
}

// machine is the clock of the machine.
type machine struct{}

func (machine) Now() time.Time { return time.Now() }

func (machine) Timer(at time.Time) (<-chan time.Time, func()) {
	t := time.NewTimer(time.Until(at))
	return t.C, func() { t.Stop() }
}

// now is the time in the zone of the switch, by the wall clock alone: it may be set.
func (s *Service) now() time.Time {
	return s.cfg.Clock.Now().Round(0).In(feature.Location(s.cfg.Running()))
}

// Run runs jobs until ctx is done and all that run have ended.
func (s *Service) Run(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	wake, cancel := s.cfg.Subscribe()
	defer cancel()
	last := s.now()
	for {
		now := s.now()
		due, next := s.due(last, now)
		for _, d := range due {
			if s.take(d.Name, now) {
				running.Go(func() { s.run(ctx, d) })
			} else {
				s.skipped(d, now)
			}
		}
		last = now
		ring, stop := s.cfg.Clock.Timer(next)
		select {
		case <-wake:
		case <-ring:
		case <-ctx.Done():
			stop()
			return
		}
		stop()
	}
}

// due returns the schedules that came due after a moment and until now, and when to
// look again. One that is new or has another time is due after now.
func (s *Service) due(last, now time.Time) (due []feat.Schedule, next time.Time) {
	t := s.cfg.Running()
	next = now.Add(look)
	seen := map[string]feat.When{}
	if feat.Enabled(t) {
		for _, d := range feat.Schedules(t) {
			seen[d.Name] = d.When
			if was, ok := s.known[d.Name]; ok && was == d.When {
				at, ok := d.When.Next(last)
				if ok && !at.After(now) && now.Sub(at) <= late && !at.Equal(s.fired[d.Name]) {
					due = append(due, d)
					s.fired[d.Name] = at
				}
			}
			if at, ok := d.When.Next(now); ok && at.Before(next) {
				next = at
			}
		}
	}
	maps.DeleteFunc(s.fired, func(name string, _ time.Time) bool { _, ok := seen[name]; return !ok })
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known = seen
	maps.DeleteFunc(s.runs, func(name string, _ feature.ScheduleRun) bool { _, ok := seen[name]; return !ok && !s.busy[name] })
	return due, next
}

// take notes that a schedule runs, unless it does already or too many do.
func (s *Service) take(name string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy[name] || len(s.busy) >= maxRuns {
		return false
	}
	s.busy[name] = true
	r := s.runs[name]
	r.Started, r.Ended, r.Jobs, r.Count = now, time.Time{}, map[string]string{}, r.Count+1
	s.runs[name] = r
	return true
}

// status notes how a job of a schedule goes.
func (s *Service) status(schedule, job, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runs[schedule].Jobs[job] = text
}

func (s *Service) release(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.busy, name)
	r := s.runs[name]
	r.Ended = s.now()
	s.runs[name] = r
}

// Snapshot returns how it goes with the schedules that have run.
func (s *Service) Snapshot() map[string]feature.ScheduleRun {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make(map[string]feature.ScheduleRun, len(s.runs))
	for name, r := range s.runs {
		r.Jobs = maps.Clone(r.Jobs)
		all[name] = r
	}
	return all
}

// skipped logs that a schedule was not started.
func (s *Service) skipped(d feat.Schedule, now time.Time) {
	why := "not started: too many schedules run"
	s.mu.Lock()
	if s.busy[d.Name] {
		why = "not started: it still runs"
	}
	s.mu.Unlock()
	s.record(entry{schedule: d, job: orNone(slices.Clip(d.Jobs)), status: "Failed", output: why + "\n"}, now)
}

func orNone(jobs []string) string {
	if len(jobs) == 0 {
		return "-"
	}
	return jobs[0]
}

// Knows reports whether a schedule of this name was there when the clock was looked
// at last.
func (s *Service) Knows(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.known[name]
	return ok
}
