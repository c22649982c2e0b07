// Package scheduler is the feature of jobs that run by the clock (cli.md §9.1):
// jobs, which are lines of commands, and schedules, which say when jobs run.
// supervisor/scheduler runs them, each as the user who last changed the schedule
// or one of its jobs: that user is written by the product when it is committed
// (Stamp), and nobody can configure another (docs/adr/0029).
package scheduler

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"trunkline/config/schema"
	"trunkline/config/tree"
	"trunkline/feature"
)

// Limits, and the bounds of the log file in KB.
const (
	maxName      = 31
	maxJobs      = 64
	maxSchedules = 64
	maxEach      = 16 // jobs of a schedule
	minLog       = 16
	maxLog       = 1024
	DefaultLog   = minLog
)

// section of show running-config (cli.md §8).
const section = 30

const (
	jobList      = "scheduler/job"
	scheduleList = "scheduler/schedule"
)

// Config is what an operator sets for the switch, JobConfig of a job,
// ScheduleConfig of a schedule; Owner is set by the product.
type (
	Config         struct{ LogSize uint32 }
	JobConfig      struct{ Commands string }
	ScheduleConfig struct {
		Time  When
		Owner string
	}
)

// jobName and scheduleName are the types of names.
func named(what, list string) schema.Type[string] {
	t := schema.Name("scheduler-"+what, "Name of the "+what, maxName)
	t.Syntax.Objects = list
	return t
}

var (
	jobName      = named("job", jobList)
	scheduleName = named("schedule", scheduleList)
	logSize      = schema.Uint("scheduler-log", "Size in KB", minLog, maxLog)
	owner        = schema.Line("scheduler-owner", "User who configured it", 255)
)

// Feature is the feature.
var Feature = feature.Gate("scheduler", feature.Feature{
	Name: "scheduler",
	Schema: schema.Group{
		Blocks: []schema.Block{{
			Path: jobList, Keys: []schema.Key{{Name: "name", Type: jobName}}, Line: "scheduler job name <name>", Mode: "config-job", End: "end-job",
			Section: section, Order: 1, Help: "Name of the job",
		}, {
			Path: scheduleList, Keys: []schema.Key{{Name: "name", Type: scheduleName}}, Line: "scheduler schedule name <name>", Mode: "config-schedule",
			Section: section, Order: 2, Help: "Name of the schedule",
		}, {
			Path: scheduleList + "/job", Keys: []schema.Key{{Name: "job", Type: jobName}}, Line: "job name <job>", Parent: scheduleList,
			Order: 1, Help: "Job that runs, those of a schedule in the order of their names",
		}},
		Leaves: slices.Concat([]schema.Leaf{
			schema.Bind("scheduler/logfile-size", logSize, func(c *Config) *uint32 { return &c.LogSize },
				"scheduler logfile size <size>", "Set the size of the log file").
				With(func(l *schema.Leaf) { l.Section, l.Default = section, uint32(DefaultLog) }),
		}, schema.Augment([]string{jobList},
			schema.Bind("commands", commands, func(c *JobConfig) *string { return &c.Commands }, "<command>", "Command").
				With(func(l *schema.Leaf) { l.Join, l.Part, l.Lines = join, part, printed }),
		), schema.Augment([]string{scheduleList},
			schema.Bind("time", when, func(c *ScheduleConfig) *When { return &c.Time }, "time <when>", "When the jobs run").
				With(func(l *schema.Leaf) { l.Order = 2 }),
			schema.Bind("owner", owner, func(c *ScheduleConfig) *string { return &c.Owner }, "", "User who configured it").
				With(func(l *schema.Leaf) { l.Hidden = true }),
		)),
		Words: schema.Words{
			"scheduler": "Jobs that run by the clock", "scheduler job": "Define a job", "scheduler job name": "Define a job",
			"scheduler schedule": "Define a schedule", "scheduler schedule name": "Define a schedule",
			"scheduler logfile": "Log file of jobs", "scheduler logfile size": "Set the size of the log file",
			"job": "Job that runs", "job name": "Job that runs", "time": "When the jobs run",
		},
	},
	Check: check,
	Show:  shows,
	Exec:  []feature.Exec{clearLog},
})

var root = tree.Path{{Name: "scheduler"}}

func jobPath(name string) tree.Path      { return root.Entry("job", name) }
func schedulePath(name string) tree.Path { return root.Entry("schedule", name) }

// Schedule is a schedule as it is configured.
type Schedule struct {
	Name  string
	Owner string // "" for nobody
	When  When
	Jobs  []string // in order
}

// Job is a job as it is configured.
type Job struct {
	Name  string
	Lines []string
}

// Enabled reports whether the feature is on.
func Enabled(t tree.Tree) bool { return Feature.Enabled(t) }

// LogSize is the size of the log file in bytes.
func LogSize(t tree.Tree) int {
	return int(feature.Read(t, root.Child("logfile-size"), uint32(DefaultLog))) << 10
}

// Schedules returns the schedules of a configuration by name.
func Schedules(t tree.Tree) []Schedule {
	var all []Schedule
	for _, name := range sorted(t, root.Child("schedule")) {
		at := schedulePath(name)
		all = append(all, Schedule{
			Name: name, Owner: feature.Read(t, at.Child("owner"), ""), When: feature.Read(t, at.Child("time"), When{}), Jobs: sorted(t, at.Child("job")),
		})
	}
	return all
}

// JobOf returns a job, and whether there is one.
func JobOf(t tree.Tree, name string) (Job, bool) {
	j := Job{Name: name}
	if text := feature.Read(t, jobPath(name).Child("commands"), ""); text != "" {
		j.Lines = strings.Split(text, "\n")
	}
	return j, t.Exists(jobPath(name))
}

func sorted(t tree.Tree, list tree.Path) []string {
	all := slices.Collect(t.Keys(list))
	slices.SortFunc(all, tree.Compare)
	return all
}

// Stamp returns a configuration with what the product writes into it when a user
// commits it: that he answers for the schedules that it changes, by themselves or
// by their jobs, and the moment that a time from now is. What others answer for
// stays theirs; what the candidate says of users counts for nothing. The zone
// of now is that of the switch.
func Stamp(old, new tree.Tree, user string, now time.Time) tree.Tree {
	for _, s := range Schedules(new) {
		at := schedulePath(s.Name)
		answers := at.Child("owner")
		next := new.Delete(answers)
		owner := feature.Read(old, answers, "")
		if !old.Exists(at) || !old.Delete(answers).Sub(at).Equal(next.Sub(at)) || slices.ContainsFunc(s.Jobs, func(j string) bool {
			return !old.Sub(jobPath(j)).Equal(new.Sub(jobPath(j)))
		}) {
			owner = user
		}
		if owner != "" {
			next = next.Set(answers, owner)
		}
		if s.When.Kind == Start && s.When.From != 0 {
			next = next.Set(at.Child("time"), s.When.resolve(now))
		}
		new = next
	}
	return new
}

// check holds the limits.
func check(c feature.Candidate) []schema.Problem {
	if !c.Changed(root) {
		return nil
	}
	var all []schema.Problem
	limit := func(at tree.Path, what string, limit int) {
		if now := len(sorted(c.New, at)); now > limit && now > len(sorted(c.Old, at)) {
			all = append(all, schema.Problem{Path: at, Rule: "scale", Text: fmt.Sprintf("ERROR: Maximum number of %s (%d) reached.", what, limit)})
		}
	}
	limit(root.Child("job"), "jobs", maxJobs)
	limit(root.Child("schedule"), "schedules", maxSchedules)
	for _, s := range Schedules(c.New) {
		limit(schedulePath(s.Name).Child("job"), "jobs of schedule "+s.Name, maxEach)
	}
	for name := range c.New.Keys(root.Child("job")) {
		if j, _ := JobOf(c.New, name); len(j.Lines) > maxLines {
			all = append(all, schema.Problem{Path: jobPath(name), Rule: "scale", Text: fmt.Sprintf("ERROR: Job %s has more than %d lines.", name, maxLines)})
		}
	}
	return all
}
