package scheduler

import (
	"context"
	"fmt"
	"strings"
	"time"

	"trunkline/config/schema"
	"trunkline/feature"
)

var words = schema.Words{
	"show scheduler": "Jobs that run by the clock", "show scheduler job name": "One job", "show scheduler schedule name": "One schedule",
	"clear scheduler": "Jobs that run by the clock",
}

var shows = []feature.Show{
	{Line: "show scheduler config", Words: words, Help: "Configuration", Run: showConfig},
	{Line: "show scheduler job [name <job>]", Types: map[string]schema.AnyType{"job": jobName}, Words: words, Help: "Jobs", Run: showJobs},
	{Line: "show scheduler schedule [name <schedule>]", Types: map[string]schema.AnyType{"schedule": scheduleName}, Words: words, Help: "Schedules", Run: showSchedules},
	{Line: "show scheduler logfile", Words: words, Help: "Output of jobs that have run", Run: showLog},
}

var clearLog = feature.Exec{
	Line: "clear scheduler logfile", Words: words, Help: "Empty the log file of jobs",
	Run: func(_ context.Context, _ feature.Query, host feature.Host, _ feature.Output) error {
		return host.ClearSchedulerLog()
	},
}

const line = "==============================================================================\n"

func showConfig(q feature.Query) (feature.Screen, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "config terminal\n  feature scheduler\n  scheduler logfile size %d\nend\n", LogSize(q.Running)>>10)
	for _, name := range sorted(q.Running, root.Child("job")) {
		j, _ := JobOf(q.Running, name)
		fmt.Fprintf(&b, "\nconfig terminal\n  scheduler job name %s\n", name)
		for _, l := range j.Lines {
			fmt.Fprintf(&b, "    %s\n", l)
		}
		b.WriteString("  end-job\nend\n")
	}
	for _, s := range Schedules(q.Running) {
		fmt.Fprintf(&b, "\nconfig terminal\n  scheduler schedule name %s\n", s.Name)
		for _, j := range s.Jobs {
			fmt.Fprintf(&b, "    job name %s\n", j)
		}
		if s.When.Kind != Never {
			fmt.Fprintf(&b, "    time %s\n", s.When)
		}
		b.WriteString("end\n")
	}
	return feature.Screen{{Heading: b.String(), Keys: []feature.Pair{
		{Key: "logfile_size", Value: LogSize(q.Running) >> 10}, {Key: "config", Value: b.String()},
	}}}, nil
}

func showJobs(q feature.Query) (feature.Screen, error) {
	names := sorted(q.Running, root.Child("job"))
	if name, ok := feature.Value[string](q.Args, "job"); ok {
		if _, there := JobOf(q.Running, name); !there {
			return nil, feature.Error("ERROR: Job does not exist: " + name)
		}
		names = []string{name}
	}
	return feature.Screen{{
		Name: "job",
		Rows: feature.Rows(names, func(name string) string {
			j, _ := JobOf(q.Running, name)
			head := "Job Name: " + name + "\n"
			text := head + strings.Repeat("-", len(head)-1) + "\n"
			for _, l := range j.Lines {
				text += l + "\n"
			}
			return text + line
		}, func(name string) []feature.Pair {
			j, _ := JobOf(q.Running, name)
			return []feature.Pair{{Key: "job_name", Value: name}, {Key: "commands", Value: strings.Join(j.Lines, "\n")}}
		}),
	}}, nil
}

// row is a schedule with how it goes.
type row struct {
	Schedule
	run  feature.ScheduleRun
	next string
}

func stamp(t time.Time, l *time.Location) string {
	if t.IsZero() {
		return "Yet to be executed"
	}
	return t.In(l).Format("Mon Jan _2 15:04:05 2006")
}

func showSchedules(q feature.Query) (feature.Screen, error) {
	one, given := feature.Value[string](q.Args, "schedule")
	var all []row
	for _, s := range Schedules(q.Running) {
		if given && s.Name != one {
			continue
		}
		r := row{Schedule: s, next: "-"}
		if q.State != nil {
			r.run = q.State.Schedules[s.Name]
		}
		if at, ok := s.When.Next(q.Now); ok {
			r.next = stamp(at, q.Now.Location())
		}
		all = append(all, r)
	}
	if given && all == nil {
		return nil, feature.Error("ERROR: Schedule does not exist: " + one)
	}
	zone := q.Now.Location()
	const rule = "-----------------------------------------------\n"
	return feature.Screen{{
		Name: "schedule",
		Rows: feature.Rows(all, func(r row) string {
			text := fmt.Sprintf("Schedule Name       : %s\n------------------------------\nUser Name           : %s\nSchedule Type       : %s\n"+
				"Next Execution Time : %s\nLast Execution Time : %s\nLast Completion Time: %s\nExecution count     : %d\n",
				r.Name, orNone(r.Owner), orNone(r.When.String()), r.next, stamp(r.run.Started, zone), stamp(r.run.Ended, zone), r.run.Count)
			text += rule + "     Job Name            Last Execution Status\n" + rule
			for _, j := range r.Jobs {
				text += fmt.Sprintf("%-31s %s\n", j, r.status(j))
			}
			return text + line
		}, func(r row) []feature.Pair {
			var jobs []string
			for _, j := range r.Jobs {
				jobs = append(jobs, j+": "+r.status(j))
			}
			return []feature.Pair{
				{Key: "schedule_name", Value: r.Name}, {Key: "user_name", Value: orNone(r.Owner)}, {Key: "schedule_type", Value: orNone(r.When.String())},
				{Key: "next_execution_time", Value: r.next}, {Key: "last_execution_time", Value: stamp(r.run.Started, zone)},
				{Key: "last_completion_time", Value: stamp(r.run.Ended, zone)}, {Key: "execution_count", Value: r.run.Count},
				{Key: "jobs", Value: strings.Join(jobs, "\n")},
			}
		}),
	}}, nil
}

func orNone(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func (r row) status(job string) string {
	if s := r.run.Jobs[job]; s != "" {
		return s
	}
	return "-NA-"
}

func showLog(q feature.Query) (feature.Screen, error) {
	if !q.Session.Role.ReadsSecrets() {
		return nil, feature.ErrPermission // it has what others were shown
	}
	text := ""
	if q.SchedulerLog != nil {
		var err error
		if text, err = q.SchedulerLog(); err != nil {
			return nil, err
		}
	}
	return feature.Screen{{Heading: text, Keys: []feature.Pair{{Key: "logfile", Value: text}}}}, nil
}
